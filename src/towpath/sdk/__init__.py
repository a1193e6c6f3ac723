"""The only door for plug-ins: everything that a connector may use.

A connector is a package with an entry point in the group ``towpath.connectors`` that names one
`Connector` value. Import from here, never from deeper rooms.
"""

from towpath.core.errors import (
    AuthError,
    BusyError,
    ConfigError,
    ConflictError,
    DataError,
    IntegrityError,
    InternalError,
    NotFoundError,
    ResourceError,
    SchemaError,
    TowpathError,
    UnreachableError,
)
from towpath.core.filters import AnyOf, Clause, Condition, Operator, comparisons
from towpath.core.model import (
    NATIVE_TYPE,
    Batch,
    Checkpoint,
    Plan,
    ReadMode,
    Receipt,
    Record,
    Rejected,
    Selection,
    Slice,
    State,
    Stream,
    Target,
    WriteMode,
)
from towpath.core.ports import Category, Connector, Destination, Source, Writer

__all__ = [
    "NATIVE_TYPE",
    "AnyOf",
    "AuthError",
    "Batch",
    "BusyError",
    "Category",
    "Checkpoint",
    "Clause",
    "Condition",
    "ConfigError",
    "ConflictError",
    "Connector",
    "DataError",
    "Destination",
    "IntegrityError",
    "InternalError",
    "NotFoundError",
    "Operator",
    "Plan",
    "ReadMode",
    "Receipt",
    "Record",
    "Rejected",
    "ResourceError",
    "SchemaError",
    "Selection",
    "Slice",
    "Source",
    "State",
    "Stream",
    "Target",
    "TowpathError",
    "UnreachableError",
    "WriteMode",
    "Writer",
    "comparisons",
]

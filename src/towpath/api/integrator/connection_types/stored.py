"""Types that are kept as they are, and with which nothing can be done here yet."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.connection_types.kind import ConnectionType, Reading, Settings
from towpath.api.integrator.errors import Fault, required

_NAMES = (
    "netsuite",
    "salesforce",
    "magento",
    "jdbc",
    "mongodb",
    "dynamodb",
    "as2",
    "van",
    "filesystem",
    "mcp",
)
_NEEDED: Mapping[str, tuple[str, ...]] = {"netsuite": ("account", "environment")}


def kept(name: str) -> Settings:
    """What the document of such a system means: nothing yet."""
    return Settings(name)


def _read(name: str) -> Reading:
    def read(document: Mapping[str, Any], faults: list[Fault]) -> Settings:
        part = document.get(name)
        needed = _NEEDED.get(name, ())
        if needed and isinstance(part, Mapping):
            faults += [required(f"{name}.{field}") for field in needed if not part.get(field)]
        elif needed:
            faults.append(required(name))
        return kept(name)

    return read


STORED = tuple(ConnectionType(name, _read(name), usable=False) for name in _NAMES)

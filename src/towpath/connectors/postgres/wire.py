"""How Arrow arrays are written in PostgreSQL's binary format: the vocabulary that `_encode` speaks."""

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """Arrow layout and wire form of one column; `_encode.pxd` has the same names and numbers.

    An integer is named by its Arrow type: PostgreSQL's is the next wider signed one, and ``numeric``
    for UINT64.
    """

    NULL = 0
    BOOL = 1
    INT8 = 2
    UINT8 = 3
    INT16 = 4
    UINT16 = 5
    INT32 = 6  # float4 too: the same four bytes
    UINT32 = 7
    INT64 = 8  # float8 too
    UINT64 = 9
    DECIMAL = 10
    DATE = 11
    TIME = 12
    TIMESTAMP = 13
    DURATION = 14
    INTERVAL = 15
    FIXED = 16
    BINARY = 17  # from here on with offsets
    TEXT = 18
    JSON = 19
    JSONB = 20
    NUMERIC = 21  # a number written as text
    LIST = 22


@dataclass(frozen=True)
class Wire:
    """How the values of one column are laid out in Arrow, and how they go over the wire."""

    kind: Kind
    width: int = 0
    """Bytes of one value in Arrow; 0 for bits and for what has offsets."""
    unit: int = 1
    """DECIMAL: the scale. Times and DURATION: microseconds per unit; below 0: units per microsecond."""
    wide: bool = False
    """Offsets are of 64 bits."""
    required: bool = False
    """A null is a problem: the column is part of the key of an upsert."""
    element: int = 0
    """LIST: OID of the elements' type."""
    item: "Wire | None" = None
    """LIST: the elements."""


#: What can be wrong with a value: (code, why), by the numbers that `_encode` uses.
PROBLEMS: dict[int, tuple[str, str]] = {
    1: ("value.unrepresentable", "it holds a NUL character, which PostgreSQL's text cannot"),
    2: ("value.unrepresentable", "it is not valid UTF-8"),
    3: ("value.unrepresentable", "it is out of the range of PostgreSQL's type"),
    4: ("value.unrepresentable", "it is finer than a microsecond"),
    5: ("value.unrepresentable", "it is not valid JSON"),
    6: ("value.unrepresentable", "it is not a number"),
    7: ("key.null", "a column of the primary key is null"),
    8: ("value.unrepresentable", "it is longer or deeper than PostgreSQL allows"),
}

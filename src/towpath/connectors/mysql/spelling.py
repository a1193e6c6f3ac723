"""Types as the server spells them: what they hold, and which of those that a source names may be used."""

import re

import pyarrow as pa

from towpath.connectors.mysql.dialect import Dialect
from towpath.connectors.mysql.types import GEOMETRIES, arrow_type, base_type, native_type, sizes

_WIDTH = re.compile(r"^(?!tinyint\(1\))((?:tiny|small|medium|big)?int|year)\(\d+\)")
_MEMBERS = r"'(?:[^'\\]|''|\\.)*'"
_LEGAL = re.compile(
    r"(?:(?:tinyint|smallint|mediumint|int|bigint|decimal|float|double|bit|date|datetime|timestamp|time|year"
    r"|char|varchar|tinytext|text|mediumtext|longtext|binary|varbinary|tinyblob|blob|mediumblob|longblob|json"
    r"|uuid|inet4|inet6|geometry|point|linestring|polygon|multipoint|multilinestring|multipolygon"
    r"|geometrycollection|geomcollection)(?:\(\d+(?:,\d+)?\))?(?: unsigned)?(?: zerofill)?"
    rf"|(?:enum|set)\({_MEMBERS}(?:,{_MEMBERS})*\))"
)
_SOME_SERVERS = frozenset({"uuid", "inet4", "inet6"})
#: Bytes that the types without a length of their own hold.
_ROOM = {
    **dict.fromkeys(("tinytext", "tinyblob"), 2**8 - 1),
    **dict.fromkeys(("text", "blob"), 2**16 - 1),
    **dict.fromkeys(("mediumtext", "mediumblob"), 2**24 - 1),
    **dict.fromkeys(("longtext", "longblob"), 2**32 - 1),
}
CHARACTERS = frozenset({"char", "varchar"})
TEXTS = CHARACTERS | {"tinytext", "text", "mediumtext", "longtext"}
BINARIES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
#: Types whose columns have a character set.
WORDS = TEXTS | {"enum", "set"}
_WIDE = 4


def canonical(type: str) -> str:
    """The type without what does not change its values.

    ``tinyint(1)`` stays: it is how truth values are declared.

    >>> canonical("int(11) unsigned"), canonical("bigint(20) zerofill"), canonical("varchar(20)")
    ('int unsigned', 'bigint', 'varchar(20)')
    """
    bare = type.partition(" /*")[0]
    lowered = bare if base_type(bare) in ("enum", "set") else bare.lower()
    return _WIDTH.sub(r"\1", lowered).replace(" zerofill", "")


def room(type: str) -> int:
    """Characters that a char or varchar holds; bytes that another text or binary holds."""
    return sizes(type)[0] if sizes(type) else _ROOM.get(base_type(type), 1)


def takes(type: str) -> int:
    """Characters of a text, or bytes of a binary, that surely find room."""
    wide = base_type(type) in TEXTS - CHARACTERS
    return room(type) // _WIDE if wide else room(type)


def row_bytes(type: str) -> int:
    """What a column of characters or bytes counts against the limit of a row."""
    base = base_type(type)
    if base in CHARACTERS:
        return _WIDE * room(type) + 2
    return room(type) + 2 if base in ("binary", "varbinary") else 12


def fraction(type: str) -> int:
    """Digits of a time's seconds behind the point."""
    return sizes(type)[0] if sizes(type) else 0


def is_geometry(type: str) -> bool:
    return base_type(type) in GEOMETRIES


def native(field: pa.Field, dialect: Dialect) -> str | None:
    """The type that the field had in its own MySQL, if this server has it too and it fits the values."""
    told = native_type(field)
    if not told or not _LEGAL.fullmatch(told):
        return None
    if base_type(told) in _SOME_SERVERS - dialect.native_types:
        return None
    return canonical(told) if arrow_type(told) == field.type else None

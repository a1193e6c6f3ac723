"""Which column of MySQL a field becomes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from towpath.connectors.mysql import spelling
from towpath.connectors.mysql.dialect import Dialect
from towpath.connectors.mysql.query import name as quoted
from towpath.connectors.mysql.types import base_type
from towpath.sdk import SchemaError, Target, WriteMode

_DIGITS, _SCALE = 65, 30
#: Bytes of an index over all its columns, and what one that is no text takes of them at most.
_INDEX, _PLAIN_KEY = 3072, 40
_LONGEST_KEY, _SHORTEST_KEY = 768, 16
_WIDE = 4
#: Bytes of a row without its texts, with room to spare for the rest.
_ROW = 60_000
_UTC = frozenset({"UTC", "Etc/UTC", "+00:00", "Z"})
_FINE = "values finer than a microsecond are rejected"


@dataclass(frozen=True)
class Column:
    """A column of the target, and of the staging on the way there."""

    name: str
    type: str
    """In the canonical spelling."""
    source: pa.DataType
    """What its values come as."""
    collation: str = ""
    """Empty for the usual one of the character set."""
    key: bool = False
    pads: bool = False
    """Trailing spaces would not count, or be lost."""
    note: str = ""
    """What users should be told: the value is kept in another form."""

    @property
    def declared(self) -> str:
        """As CREATE and ALTER TABLE take it."""
        parts = [quoted(self.name), self.type, self.words, "NOT NULL" if self.key else "NULL"]
        return " ".join(filter(None, parts))

    @property
    def words(self) -> str:
        """Character set and collation, where the type has any."""
        if base_type(self.type) not in spelling.WORDS:
            return ""
        return f"CHARACTER SET utf8mb4{self.collation and f' COLLATE {self.collation}'}"


def columns_of(target: Target, dialect: Dialect) -> tuple[Column, ...]:
    """The columns that a new table gets. Raises `SchemaError` ``schema.incompatible`` for impossible keys."""
    key = key_of(target)
    made = [_column(field, dialect, key=field.name in key) for field in target.schema]
    return tuple(_keyed(_fitting(made), dialect))


def key_of(target: Target) -> tuple[str, ...]:
    """The primary key that a new table gets: in an upsert always, in an overwrite where types allow it."""
    if target.mode is WriteMode.UPSERT:
        return target.primary_key
    fields = [target.schema.field(name) for name in target.primary_key]
    plain = all(any(fits(field.type) for fits in _PLAIN_KEYS) for field in fields)
    return target.primary_key if target.mode is WriteMode.OVERWRITE and plain else ()


def _column(field: pa.Field, dialect: Dialect, *, key: bool) -> Column:
    native = spelling.native(field, dialect)
    if native is not None:
        return Column(field.name, native, field.type, key=key)
    return replace(usual(field.type, dialect), name=field.name, source=field.type, key=key)


def usual(type: pa.DataType, dialect: Dialect) -> Column:
    """The column, still without a name, that values of the type become wherever they come from.

    >>> from towpath.connectors.mysql.dialect import Dialect
    >>> usual(pa.uint16(), Dialect(False, (8, 0), False, 1024, False)).type
    'smallint unsigned'
    """
    if pa.types.is_dictionary(type) or pa.types.is_run_end_encoded(type):
        return usual(type.value_type, dialect)
    if isinstance(type, pa.JsonType):
        return _plain("json")
    if isinstance(type, pa.UuidType):
        return _uuid(dialect)
    if isinstance(type, pa.BaseExtensionType):
        return usual(type.storage_type, dialect)
    made = next((make(type) for fits, make in _FAMILIES if fits(type)), None)
    return made or _plain("json", f"{type} is written as JSON")


def _plain(type: str, note: str = "") -> Column:
    return Column("", type, pa.null(), note=note)


def _uuid(dialect: Dialect) -> Column:
    if "uuid" in dialect.native_types:
        return _plain("uuid")
    return replace(_plain("char(36)", "a uuid is written as text"), collation=dialect.key_collation)


def _integer(type: pa.DataType) -> Column:
    name = {8: "tinyint", 16: "smallint", 32: "int", 64: "bigint"}[type.bit_width]
    return _plain(name if pa.types.is_signed_integer(type) else f"{name} unsigned")


def _decimal(type: pa.DataType) -> Column:
    scale = max(type.scale, 0)
    digits = max(type.precision, scale) if type.scale >= 0 else type.precision - type.scale
    if digits > _DIGITS or scale > _SCALE:
        return _plain(
            "longtext", f"{type} is written as text: DECIMAL has {_DIGITS} digits, {_SCALE} of a fraction"
        )
    return _plain(f"decimal({digits},{scale})")


def _moment(type: pa.DataType) -> Column:
    notes = [_FINE] if type.unit == "ns" else []
    if type.tz is not None:
        zone = "" if type.tz in _UTC else f", without the zone {type.tz}"
        notes.insert(0, f"instants are written as DATETIME in UTC{zone}")
    return _plain("datetime(6)", "; ".join(notes))


def _span(type: pa.DataType) -> Column:
    return _plain("time(6)", _FINE if type.unit == "ns" else "")


def is_text(type: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(type) or types.is_large_string(type) or types.is_string_view(type))


def is_binary(type: pa.DataType) -> bool:
    types = pa.types
    plain = types.is_binary(type) or types.is_large_binary(type) or types.is_binary_view(type)
    return bool(plain or types.is_fixed_size_binary(type))


_Test = Callable[[pa.DataType], bool]

_FAMILIES: tuple[tuple[_Test, Callable[[pa.DataType], Column]], ...] = (
    (pa.types.is_boolean, lambda _: _plain("tinyint(1)")),
    (pa.types.is_integer, _integer),
    (pa.types.is_float64, lambda _: _plain("double")),
    (pa.types.is_floating, lambda _: _plain("float")),
    (pa.types.is_decimal, _decimal),
    (is_text, lambda _: _plain("longtext")),
    (pa.types.is_null, lambda _: _plain("longtext")),
    (is_binary, lambda _: _plain("longblob")),
    (pa.types.is_date, lambda _: _plain("date")),
    (pa.types.is_timestamp, _moment),
    (pa.types.is_time, _span),
    (pa.types.is_duration, _span),
    (pa.types.is_interval, lambda _: _plain("longtext", "an interval is written as ISO 8601 text")),
)
#: Types that are keys as they are.
_PLAIN_KEYS: tuple[_Test, ...] = (
    pa.types.is_integer,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_decimal128,
    lambda kind: isinstance(kind, pa.UuidType),
)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def _keyed(columns: Sequence[Column], dialect: Dialect) -> list[Column]:
    """Key columns of text and binary get a length, all of them together what an index takes."""
    keys = [column for column in columns if column.key]
    long = sum(base_type(one.type) in spelling.TEXTS | spelling.BINARIES for one in keys)
    share = (_INDEX - _PLAIN_KEY * (len(keys) - long)) // max(long, 1)
    return [_key(column, share, dialect) if column.key else column for column in columns]


def _key(column: Column, share: int, dialect: Dialect) -> Column:
    base = base_type(column.type)
    characters = min(_LONGEST_KEY, share // _WIDE)
    if base == "json" or spelling.is_geometry(column.type) or min(characters, share) < _SHORTEST_KEY:
        raise SchemaError(
            "schema.incompatible",
            f"The key column {column.name!r} ({column.source}) does not fit into a primary key of MySQL.",
            hint="Name other key columns, or write in append or overwrite mode.",
            column=column.name,
        )
    if base in spelling.TEXTS:
        length = min(characters, spelling.room(column.type))
        collation = dialect.key_collation
        return replace(
            column, type=f"varchar({length})", collation=collation, pads=collation == "utf8mb4_bin"
        )
    if base in spelling.BINARIES:
        return replace(column, type=f"varbinary({min(share, spelling.room(column.type))})")
    return column


def _fitting(columns: Sequence[Column]) -> Sequence[Column]:
    """Texts with a length count against the size of a row: if they are too many, they get none."""
    if sum(spelling.row_bytes(column.type) for column in columns) <= _ROW:
        return columns
    return [_unbounded(column) for column in columns]


def _unbounded(column: Column) -> Column:
    base = base_type(column.type)
    if base in spelling.CHARACTERS:
        return replace(
            column, type="longtext", note=f"{column.type} is written as LONGTEXT: the row is too long"
        )
    if base in ("binary", "varbinary"):
        return replace(
            column, type="longblob", note=f"{column.type} is written as LONGBLOB: the row is too long"
        )
    return column

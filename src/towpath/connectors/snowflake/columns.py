"""Which Snowflake type a field becomes, and what its values travel as."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

_DIGITS, _SCALE = 38, 37
_MICRO = 1_000_000


@dataclass(frozen=True)
class Kind:
    """A type of Snowflake's, and how values get there.

    What Parquet and Snowflake agree upon without doubt travels as it is; all else as text that ``cast``
    turns into the type when it is published.
    """

    type: str
    """As a table declares it."""
    family: str
    """As the information schema calls it, without digits."""
    travels: pa.DataType
    load: str
    """Type of the staging column."""
    cast: str = "{}"
    """SQL that makes the value of the staging column ``{}``."""
    whole: int = 0
    """Digits before the decimal point that its values may have."""
    scale: int = 0
    note: str = ""
    """What users should be told: the value is kept in another form."""


@dataclass(frozen=True)
class Column:
    """A column of the target and the staging column that its values come from."""

    name: str
    staged: str
    kind: Kind

    @property
    def value(self) -> str:
        return self.kind.cast.format(f'"{self.staged}"')


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """The columns of the schema, in its order."""
    return tuple(Column(field.name, f"C{place}", kind_of(field.type)) for place, field in enumerate(schema))


def kind_of(type: pa.DataType) -> Kind:
    """How values of the type are kept.

    >>> print(kind_of(pa.int16()).type, kind_of(pa.decimal128(9, 2)).type, kind_of(pa.json_()).type)
    NUMBER(38,0) NUMBER(9,2) VARIANT
    """
    if pa.types.is_dictionary(type):
        return kind_of(type.value_type)
    if isinstance(type, pa.JsonType):
        return _VARIANT
    if isinstance(type, pa.UuidType):
        return _text("text")
    if isinstance(type, pa.BaseExtensionType):
        return kind_of(type.storage_type)
    return next((make(type) for fits, make in _FAMILIES if fits(type)), _NESTED)


def _number(whole: int, scale: int, travels: pa.DataType, note: str = "") -> Kind:
    declared = f"NUMBER({whole + scale},{scale})"
    return Kind(declared, "NUMBER", travels, declared, whole=whole, scale=scale, note=note)


def _integer(type: pa.DataType) -> Kind:
    if type == pa.uint64():
        return _number(20, 0, pa.decimal128(20, 0))
    digits = len(str(2 ** (type.bit_width - pa.types.is_signed_integer(type)) - 1))
    return Kind("NUMBER(38,0)", "NUMBER", pa.int64(), "NUMBER(38,0)", whole=digits)


def _decimal(type: pa.DataType) -> Kind:
    precision, scale = type.precision, type.scale
    if scale < 0:
        precision, scale = precision - scale, 0
    if precision > _DIGITS or scale > _SCALE:
        return _text("text")
    return _number(max(precision, scale) - scale, scale, pa.decimal128(max(precision, scale), scale))


def _text(note: str = "") -> Kind:
    return Kind("VARCHAR", "TEXT", pa.large_string(), "VARCHAR", note=note)


def _moment(type: pa.DataType) -> Kind:
    name = "TIMESTAMP_NTZ" if type.tz is None else "TIMESTAMP_TZ"
    return Kind(name, name, pa.large_string(), "VARCHAR", f"CAST({{}} AS {name})")


def _plain(type: str, family: str, travels: pa.DataType) -> Kind:
    return Kind(type, family, travels, type)


_VARIANT = Kind("VARIANT", "VARIANT", pa.large_string(), "VARCHAR", "PARSE_JSON({})")
_NESTED = Kind("VARIANT", "VARIANT", pa.large_string(), "VARCHAR", "PARSE_JSON({})", note="JSON")
_TIME = Kind("TIME", "TIME", pa.large_string(), "VARCHAR", "CAST({} AS TIME)")

_Test = Callable[[pa.DataType], bool]


def is_text(type: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(type) or types.is_large_string(type) or types.is_string_view(type))


def is_binary(type: pa.DataType) -> bool:
    types = pa.types
    plain = types.is_binary(type) or types.is_large_binary(type) or types.is_binary_view(type)
    return bool(plain or types.is_fixed_size_binary(type))


_FAMILIES: tuple[tuple[_Test, Callable[[pa.DataType], Kind]], ...] = (
    (pa.types.is_boolean, lambda _: _plain("BOOLEAN", "BOOLEAN", pa.bool_())),
    (pa.types.is_integer, _integer),
    (pa.types.is_floating, lambda _: _plain("FLOAT", "FLOAT", pa.float64())),
    (pa.types.is_decimal, _decimal),
    (is_text, lambda _: _text()),
    (pa.types.is_null, lambda _: _text()),
    (is_binary, lambda _: _plain("BINARY", "BINARY", pa.large_binary())),
    (pa.types.is_date, lambda _: _plain("DATE", "DATE", pa.date32())),
    (pa.types.is_time, lambda _: _TIME),
    (pa.types.is_timestamp, _moment),
    (pa.types.is_duration, lambda _: _number(29, 9, pa.decimal128(38, 9), "seconds")),
    (pa.types.is_interval, lambda _: _text("ISO 8601 text")),
)

"""Which BigQuery type a field becomes, and what its values travel as in Parquet."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from towpath.connectors.bigquery.names import column_id, quote

#: Digits before and after the decimal point.
NUMERIC, BIGNUMERIC = (29, 9), (38, 38)


@dataclass(frozen=True)
class Kind:
    """A type of BigQuery's, and how values get there."""

    type: str
    """As the API and SQL call it."""
    travels: pa.DataType
    load: str
    """Type of the staging column."""
    cast: str = "{}"
    """SQL that makes the value of the staging column ``{}``."""
    note: str = ""
    """What users should be told: the value is kept in another form."""


@dataclass(frozen=True)
class Column:
    """A column of the target and the staging column that its values come from."""

    name: str
    """As BigQuery takes it."""
    given: str
    """As the stream has it."""
    staged: str
    kind: Kind

    @property
    def value(self) -> str:
        return self.kind.cast.format(quote(self.staged))


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """The columns of the schema, in its order."""
    return tuple(
        Column(column_id(field.name), field.name, f"c{place}", kind_of(field.type))
        for place, field in enumerate(schema)
    )


def kind_of(type: pa.DataType) -> Kind:
    """How values of the type are kept.

    >>> print(kind_of(pa.int16()).type, kind_of(pa.decimal128(38, 10)).type, kind_of(pa.uuid()).type)
    INT64 BIGNUMERIC STRING
    """
    if pa.types.is_dictionary(type):
        return kind_of(type.value_type)
    if isinstance(type, pa.JsonType):
        return _JSON
    if isinstance(type, pa.UuidType):
        return _text("text")
    if isinstance(type, pa.BaseExtensionType):
        return kind_of(type.storage_type)
    return next((make(type) for fits, make in _FAMILIES if fits(type)), _NESTED)


def _plain(type: str, travels: pa.DataType, note: str = "") -> Kind:
    return Kind(type, travels, type, note=note)


def _integer(type: pa.DataType) -> Kind:
    return _plain("NUMERIC", pa.decimal128(20, 0)) if type == pa.uint64() else _plain("INT64", pa.int64())


def _decimal(type: pa.DataType) -> Kind:
    scale = max(type.scale, 0)
    whole = max(type.precision - type.scale, 0)
    for name, (most_whole, most_scale) in (("NUMERIC", NUMERIC), ("BIGNUMERIC", BIGNUMERIC)):
        if whole <= most_whole and scale <= most_scale:
            digits = max(whole + scale, 1)
            wide = digits > 38  # noqa: PLR2004 - what 128 bits hold
            return _plain(name, (pa.decimal256 if wide else pa.decimal128)(digits, scale))
    return _text("text")


def _text(note: str = "") -> Kind:
    return _plain("STRING", pa.large_string(), note)


def _moment(type: pa.DataType) -> Kind:
    if type.tz is None:
        return _plain("DATETIME", pa.timestamp("us"))
    return _plain("TIMESTAMP", pa.timestamp("us", "UTC"))


_PARSE = "PARSE_JSON({}, wide_number_mode => 'exact')"
_JSON = Kind("JSON", pa.large_string(), "STRING", _PARSE)
#: A table cannot tell a null array from an empty one, and an array holds no nulls: JSON keeps both.
_NESTED = Kind("JSON", pa.large_string(), "STRING", _PARSE, note="JSON")

_Test = Callable[[pa.DataType], bool]


def is_text(type: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(type) or types.is_large_string(type) or types.is_string_view(type))


def is_binary(type: pa.DataType) -> bool:
    types = pa.types
    plain = types.is_binary(type) or types.is_large_binary(type) or types.is_binary_view(type)
    return bool(plain or types.is_fixed_size_binary(type))


_FAMILIES: tuple[tuple[_Test, Callable[[pa.DataType], Kind]], ...] = (
    (pa.types.is_boolean, lambda _: _plain("BOOL", pa.bool_())),
    (pa.types.is_integer, _integer),
    (pa.types.is_floating, lambda _: _plain("FLOAT64", pa.float64())),
    (pa.types.is_decimal, _decimal),
    (is_text, lambda _: _text()),
    (pa.types.is_null, lambda _: _text()),
    (is_binary, lambda _: _plain("BYTES", pa.large_binary())),
    (pa.types.is_date, lambda _: _plain("DATE", pa.date32())),
    (pa.types.is_time, lambda _: _plain("TIME", pa.time64("us"))),
    (pa.types.is_timestamp, _moment),
    (pa.types.is_duration, lambda _: _plain("NUMERIC", pa.decimal128(38, 9), "seconds")),
    (pa.types.is_interval, lambda _: _text("ISO 8601 text")),
)

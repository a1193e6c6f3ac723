"""Which Arrow type a column has, and that a column which has changed is noticed."""

import pyarrow as pa
import pytest

from towpath.connectors.mysql.types import (
    Reading,
    Wire,
    arrow_field,
    arrow_type,
    native_type,
    reading,
    readings,
)
from towpath.sdk import SchemaError


@pytest.mark.parametrize(
    ("column_type", "type"),
    [
        ("tinyint(1)", pa.int8()),
        ("mediumint(8) unsigned", pa.uint32()),
        ("bigint unsigned", pa.uint64()),
        ("int(5) unsigned zerofill", pa.uint32()),
        ("decimal(10,2)", pa.decimal128(10, 2)),
        ("decimal(38,0) unsigned", pa.decimal128(38, 0)),
        ("decimal(39,0)", pa.string()),
        ("double(10,2) unsigned", pa.float64()),
        ("float", pa.float32()),
        ("bit(1)", pa.bool_()),
        ("bit(2)", pa.uint64()),
        ("enum('unsigned','bit(1)')", pa.string()),
        ("datetime(6)", pa.timestamp("us")),
        ("timestamp", pa.timestamp("us", "UTC")),
        ("time(3)", pa.duration("us")),
        ("year", pa.int16()),
        ("json", pa.json_()),
        ("uuid", pa.uuid()),
        ("inet6", pa.string()),
        ("varbinary(16)", pa.binary()),
        ("geomcollection", pa.binary()),
        ("vector(3)", pa.binary()),
        ("something new", pa.string()),
    ],
)
def test_arrow_types(column_type: str, type: pa.DataType) -> None:
    assert arrow_type(column_type) == type


def test_a_field_knows_its_native_type() -> None:
    field = arrow_field("at", "datetime /* mariadb-5.3 */", nullable=False)
    assert native_type(field) == "datetime"
    assert not field.nullable
    assert native_type(pa.field("x", pa.int8())) == ""


def wire(type: int, *, unsigned: bool = False, binary: bool = False, scale: int = 0) -> Wire:
    return Wire("c", type, unsigned, binary, scale)


@pytest.mark.parametrize(
    ("column", "type", "way"),
    [
        (wire(3), pa.int32(), Reading("fixed", 4)),
        (wire(9, unsigned=True), pa.uint32(), Reading("fixed", 4)),
        (wire(13, unsigned=True), pa.int16(), Reading("fixed", 2)),
        (wire(3, unsigned=True), pa.int32(), None),
        (wire(8), pa.int32(), None),
        (wire(4), pa.float32(), Reading("fixed", 4)),
        (wire(4), pa.float64(), None),
        (wire(246, scale=2), pa.decimal128(10, 2), Reading("decimal")),
        (wire(246, scale=3), pa.decimal128(10, 2), None),
        (wire(246, scale=3), pa.string(), Reading("text")),
        (wire(253), pa.string(), Reading("text")),
        (wire(253, binary=True), pa.string(), None),
        (wire(252, binary=True), pa.binary(), Reading("text")),
        (wire(252), pa.binary(), None),
        (wire(245, binary=True), pa.json_(), Reading("text")),
        (wire(12), pa.timestamp("us"), Reading("datetime")),
        (wire(7), pa.timestamp("us"), None),
        (wire(11), pa.duration("us"), Reading("time")),
        (wire(16), pa.bool_(), Reading("bool")),
        (wire(254), pa.uuid(), Reading("uuid")),
        (wire(255), pa.binary(), Reading("geometry")),
        (wire(99), pa.string(), None),
    ],
)
def test_a_column_is_read_exactly_or_not_at_all(column: Wire, type: pa.DataType, way: Reading | None) -> None:
    assert reading(column, type) == way


def test_what_has_changed_is_named() -> None:
    schema = pa.schema([arrow_field("c", "int(11)", nullable=True)])
    assert readings([wire(3)], schema) == [Reading("fixed", 4)]
    with pytest.raises(SchemaError, match="'c'") as caught:
        readings([wire(8)], schema)
    assert caught.value.code == "schema.changed"
    with pytest.raises(SchemaError):
        readings([wire(3), wire(3)], schema)

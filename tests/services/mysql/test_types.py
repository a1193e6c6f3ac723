"""Every type of MariaDB is read exactly, by both decoders."""

import datetime as dt
import uuid
from contextlib import closing
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from towpath.sdk import (
    NATIVE_TYPE,
    DataError,
    Selection,
)

pytestmark = pytest.mark.service("mysql")


#: Column type, Arrow type, and SQL literals with what is read for them.
TYPES: dict[str, tuple[pa.DataType, dict[str, Any]]] = {
    "TINYINT": (pa.int8(), {"-128": -128, "127": 127}),
    "TINYINT(1)": (pa.int8(), {"TRUE": 1, "7": 7}),
    "TINYINT UNSIGNED": (pa.uint8(), {"0": 0, "255": 255}),
    "SMALLINT": (pa.int16(), {"-32768": -32768, "32767": 32767}),
    "SMALLINT UNSIGNED": (pa.uint16(), {"65535": 65535}),
    "MEDIUMINT": (pa.int32(), {"-8388608": -8388608, "8388607": 8388607}),
    "MEDIUMINT UNSIGNED": (pa.uint32(), {"16777215": 16777215}),
    "INT": (pa.int32(), {"-2147483648": -(2**31), "2147483647": 2**31 - 1}),
    "INT UNSIGNED": (pa.uint32(), {"4294967295": 2**32 - 1}),
    "INT(5) ZEROFILL": (pa.uint32(), {"7": 7}),
    "BIGINT": (pa.int64(), {"-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1}),
    "BIGINT UNSIGNED": (pa.uint64(), {"18446744073709551615": 2**64 - 1}),
    "DECIMAL(10,2)": (pa.decimal128(10, 2), {"-99999999.99": Decimal("-99999999.99"), "0": Decimal("0.00")}),
    "DECIMAL(38,0)": (pa.decimal128(38, 0), {"9" * 38: Decimal("9" * 38)}),
    "DECIMAL(38,38)": (pa.decimal128(38, 38), {"-0." + "9" * 38: Decimal("-0." + "9" * 38)}),
    "DECIMAL(10,3) ZEROFILL": (pa.decimal128(10, 3), {"1.5": Decimal("1.500")}),
    "DECIMAL(65,30)": (pa.string(), {"-" + "9" * 35 + "." + "1" * 30: "-" + "9" * 35 + "." + "1" * 30}),
    "FLOAT": (
        pa.float32(),
        {"1.1": 1.100000023841858, "3.4028234e38": 3.4028234663852886e38, "1e-45": 1.401298464324817e-45},
    ),
    "DOUBLE": (
        pa.float64(),
        {"0.1": 0.1, "-1.7976931348623157e308": -1.7976931348623157e308, "5e-324": 5e-324},
    ),
    "BIT(1)": (pa.bool_(), {"b'1'": True, "b'0'": False}),
    "BIT(10)": (pa.uint64(), {"b'1000000001'": 513}),
    "BIT(64)": (pa.uint64(), {"~0": 2**64 - 1}),
    "YEAR": (pa.int16(), {"1901": 1901, "2155": 2155, "'0000'": 0}),
    "DATE": (
        pa.date32(),
        {
            "'1000-01-01'": dt.date(1000, 1, 1),
            "'9999-12-31'": dt.date(9999, 12, 31),
            "'0001-01-01'": dt.date(1, 1, 1),
        },
    ),
    "DATETIME": (
        pa.timestamp("us"),
        {
            "'2024-02-29'": dt.datetime.fromisoformat("2024-02-29"),
            "'2024-02-29 01:02:03'": dt.datetime.fromisoformat("2024-02-29 01:02:03"),
        },
    ),
    "DATETIME(6)": (
        pa.timestamp("us"),
        {"'9999-12-31 23:59:59.999999'": dt.datetime.fromisoformat("9999-12-31 23:59:59.999999")},
    ),
    "DATETIME(3)": (
        pa.timestamp("us"),
        {"'1969-12-31 23:59:59.001'": dt.datetime.fromisoformat("1969-12-31 23:59:59.001")},
    ),
    "TIMESTAMP(6) NULL": (
        pa.timestamp("us", "UTC"),
        {
            "'1970-01-01 00:00:01'": dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC),
            "'2038-01-19 03:14:07.999999'": dt.datetime(2038, 1, 19, 3, 14, 7, 999999, tzinfo=dt.UTC),
        },
    ),
    "TIME": (
        pa.duration("us"),
        {"'-838:59:59'": -dt.timedelta(hours=838, minutes=59, seconds=59), "'00:00:00'": dt.timedelta(0)},
    ),
    "TIME(6)": (
        pa.duration("us"),
        {
            "'-00:00:00.000001'": dt.timedelta(microseconds=-1),
            "'100:00:00.5'": dt.timedelta(hours=100, microseconds=500000),
        },
    ),
    "CHAR(5)": (pa.string(), {"'ab  '": "ab", "''": ""}),
    "VARCHAR(20)": (pa.string(), {"'ab  '": "ab  ", "'☃𝄞'": "☃𝄞", "'a\\0b\\\\'": "a\0b\\"}),
    "VARCHAR(20) CHARACTER SET latin1": (pa.string(), {"'é€'": "é€"}),
    "VARCHAR(20) CHARACTER SET utf8mb3": (pa.string(), {"'☃ü'": "☃ü"}),
    "VARCHAR(20) CHARACTER SET cp1251": (pa.string(), {"'жук'": "жук"}),
    "VARCHAR(20) CHARACTER SET sjis": (pa.string(), {"'日本'": "日本"}),
    "VARCHAR(20) CHARACTER SET utf16": (pa.string(), {"'x𝄞'": "x𝄞"}),
    "VARCHAR(20) CHARACTER SET binary": (pa.binary(), {"X'00ff'": b"\x00\xff"}),
    "TINYTEXT": (pa.string(), {"'x'": "x"}),
    "TEXT": (pa.string(), {"REPEAT('é', 30000)": "é" * 30000}),
    "MEDIUMTEXT CHARACTER SET latin1": (pa.string(), {"REPEAT('é', 300000)": "é" * 300000}),
    "BINARY(4)": (pa.binary(), {"'ab'": b"ab\0\0"}),
    "VARBINARY(4)": (pa.binary(), {"X'00FF'": b"\x00\xff", "''": b""}),
    "LONGBLOB": (pa.binary(), {"X'FFFE'": b"\xff\xfe"}),
    "ENUM('a','unsigned','é')": (pa.string(), {"'é'": "é", "2": "unsigned"}),
    "SET('x','y')": (pa.string(), {"'y,x'": "x,y", "''": ""}),
    "JSON": (pa.json_(), {"'{\"a\": [1, null]}'": '{"a": [1, null]}'}),
    "UUID": (
        pa.uuid(),
        {"'123e4567-e89b-12d3-a456-426614174000'": uuid.UUID("123e4567-e89b-12d3-a456-426614174000")},
    ),
    "INET6": (pa.string(), {"'::ffff:1.2.3.4'": "::ffff:1.2.3.4"}),
    "INET4": (pa.string(), {"'1.2.3.4'": "1.2.3.4"}),
    "POINT": (
        pa.binary(),
        {"ST_GeomFromText('POINT(1 2)')": bytes.fromhex("0101000000000000000000f03f0000000000000040")},
    ),
    "GEOMETRY": (
        pa.binary(),
        {
            "ST_GeomFromText('POINT(1 2)', 4326)": bytes.fromhex(
                "0101000020e6100000000000000000f03f0000000000000040"
            )
        },
    ),
}


@pytest.mark.parametrize("type", TYPES)
def test_types(place, compiled, type: str) -> None:
    """# Invariant 6"""
    arrow, values = TYPES[type]
    place.sql(f"CREATE TABLE t (id INT PRIMARY KEY, v {type})")
    literals = [*values, "NULL"]
    place.sql(*(f"INSERT INTO t VALUES ({number}, {text})" for number, text in enumerate(literals)))
    stream = place.stream()
    assert stream.schema.field("v").type == arrow
    assert (stream.schema.field("v").metadata or {})[NATIVE_TYPE].startswith(b"mysql:")
    found = place.read(place.source(compiled=compiled), Selection(stream, columns=("id", "v")))
    assert [record["v"] for record in found] == [*values.values(), None]


def test_the_values_are_the_drivers_own(place, compiled) -> None:
    """A second opinion, from a decoder that is not ours: random values of every type that it knows."""
    place.sql(
        "CREATE TABLE t (id INT PRIMARY KEY, i INT, u BIGINT UNSIGNED, d DECIMAL(20,6), f DOUBLE, s TEXT,"
        " b BLOB, day DATE, at DATETIME(6), span TIME(6))"
    )
    place.sql(
        "INSERT INTO t SELECT seq, RAND() * 4e9 - 2e9, FLOOR(RAND() * 1e18), (RAND() - 0.5) * 1e13,"
        " EXP(RAND() * 900 - 450),"
        " IF(seq % 7, CONVERT(UNHEX(CONCAT('C3', HEX(128 + seq % 64))) USING utf8mb4), NULL),"
        " UNHEX(SHA2(seq, 512)),"
        " '1000-01-01' + INTERVAL FLOOR(RAND() * 3287181) DAY,"
        " '1000-01-01' + INTERVAL FLOOR(RAND() * 2.8e17) MICROSECOND,"
        " SEC_TO_TIME((RAND() - 0.5) * 6e6) FROM seq_1_to_3000"
    )
    with closing(place.server.connect(place.config.database)) as other, other.cursor() as cursor:
        cursor.execute("SELECT * FROM t ORDER BY id")
        wanted = list(cursor.fetchall())
    found = place.read(place.source(compiled=compiled), Selection(place.stream()))
    assert [tuple(record.values()) for record in found] == wanted


@pytest.mark.parametrize("value", ["0000-00-00", "2024-00-10", "2024-02-00"])
@pytest.mark.parametrize("type", ["DATE", "DATETIME(6)", "TIMESTAMP(6) NULL"])
def test_zero_dates(place, compiled, type: str, value: str) -> None:
    if "TIMESTAMP" in type and value != "0000-00-00":
        pytest.skip("a timestamp is zero as a whole or not at all")
    place.sql(f"CREATE TABLE t (id INT PRIMARY KEY, v {type})", f"INSERT INTO t VALUES (1, '{value}')")
    selection = Selection(place.stream())
    with pytest.raises(DataError) as caught:
        place.read(place.source(compiled=compiled), selection)
    assert caught.value.code == "value.unrepresentable"
    assert "'v'" in str(caught.value)
    assert value in str(caught.value)
    assert "special_values" in caught.value.hint
    lenient = place.source(place.settings(special_values="null"), compiled=compiled)
    assert place.read(lenient, selection) == [{"id": 1, "v": None}]


def test_zero_dates_in_a_key_are_never_null(place, compiled) -> None:
    place.sql("CREATE TABLE t (v DATE PRIMARY KEY)", "INSERT INTO t VALUES ('0000-00-00')")
    with pytest.raises(DataError):
        place.read(
            place.source(place.settings(special_values="null"), compiled=compiled), Selection(place.stream())
        )


def test_rows_over_sixteen_megabytes(place, compiled) -> None:
    place.sql("CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB)")
    sizes = [2**24 - 20, 2**24, 40_000_000]
    place.sql(
        *(f"INSERT INTO t VALUES ({size}, REPEAT('x', {size}))" for size in sizes),
        "INSERT INTO t VALUES (1, '')",
    )
    found = place.read(place.source(compiled=compiled), Selection(place.stream()))
    assert {record["id"]: len(record["v"]) for record in found} == {1: 0} | {size: size for size in sizes}

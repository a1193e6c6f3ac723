"""How values travel to BigQuery and Snowflake: exactly, or rejected with a reason."""

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions
from hypothesis import given
from hypothesis import strategies as st
from snowflake.connector import errors as snow

from towpath.connectors.bigquery import columns as bigquery_columns
from towpath.connectors.bigquery import errors as bigquery_errors
from towpath.connectors.bigquery import names as bigquery_names
from towpath.connectors.bigquery import values as bigquery_values
from towpath.connectors.snowflake import columns as snowflake_columns
from towpath.connectors.snowflake import errors as snowflake_errors
from towpath.connectors.snowflake import values as snowflake_values

VALUES = {"bigquery": bigquery_values, "snowflake": snowflake_values}
COLUMNS = {"bigquery": bigquery_columns, "snowflake": snowflake_columns}
SYSTEMS = list(VALUES)


def faulty(system: str, array: pa.Array) -> list[int]:
    batch = pa.record_batch({"x": array})
    faults = [fault.at.to_pylist() for fault in VALUES[system].faults(batch)]
    return [place for place in range(len(array)) if any(at[place] for at in faults)]


@pytest.mark.parametrize(
    ("type", "bigquery", "snowflake"),
    [
        (pa.bool_(), "BOOL", "BOOLEAN"),
        (pa.uint32(), "INT64", "NUMBER(38,0)"),
        (pa.uint64(), "NUMERIC", "NUMBER(20,0)"),
        (pa.float16(), "FLOAT64", "FLOAT"),
        (pa.decimal128(38, 9), "NUMERIC", "NUMBER(38,9)"),
        (pa.decimal128(38, 0), "BIGNUMERIC", "NUMBER(38,0)"),
        (pa.decimal128(10, 10), "BIGNUMERIC", "NUMBER(10,10)"),
        (pa.decimal128(38, 38), "BIGNUMERIC", "VARCHAR"),
        (pa.decimal128(5, -2), "NUMERIC", "NUMBER(7,0)"),
        (pa.decimal256(76, 38), "BIGNUMERIC", "VARCHAR"),
        (pa.decimal256(76, 0), "STRING", "VARCHAR"),
        (pa.string_view(), "STRING", "VARCHAR"),
        (pa.binary(3), "BYTES", "BINARY"),
        (pa.date64(), "DATE", "DATE"),
        (pa.time32("s"), "TIME", "TIME"),
        (pa.timestamp("s"), "DATETIME", "TIMESTAMP_NTZ"),
        (pa.timestamp("ns", "Asia/Tokyo"), "TIMESTAMP", "TIMESTAMP_TZ"),
        (pa.duration("ms"), "NUMERIC", "NUMBER(38,9)"),
        (pa.month_day_nano_interval(), "STRING", "VARCHAR"),
        (pa.dictionary(pa.int8(), pa.string()), "STRING", "VARCHAR"),
        (pa.map_(pa.string(), pa.int64()), "JSON", "VARIANT"),
        (pa.list_(pa.int64(), 2), "JSON", "VARIANT"),
        (pa.null(), "STRING", "VARCHAR"),
    ],
)
def test_every_type_has_a_column(type: pa.DataType, bigquery: str, snowflake: str):
    assert bigquery_columns.kind_of(type).type == bigquery
    assert snowflake_columns.kind_of(type).type == snowflake
    for system in SYSTEMS:
        made = VALUES[system].travelling(pa.nulls(2, type), "x")
        assert made.type == COLUMNS[system].kind_of(type).travels
        assert made.to_pylist() == [None, None]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("array", "travels"),
    [
        (pa.array([90_061_000_001], pa.duration("us")), [Decimal("90061.000001000")]),
        (pa.array([-1], pa.duration("ns")), [Decimal("-0.000000001")]),
        (pa.array([pa.MonthDayNano([1, -2, 3])]), ["P1M-2DT0.000000003S"]),
        (pa.array([Decimal("1E+60")], pa.decimal256(76, 0)), ["1" + "0" * 60]),
        (pa.array([b"\xff"], pa.binary()), [b"\xff"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ['{"k":1}']),
        (pa.array([0.5], pa.float16()), [0.5]),
    ],
)
def test_odd_values_travel(system: str, array: pa.Array, travels: list[Any]):
    assert VALUES[system].travelling(array, "x").to_pylist() == travels


@pytest.mark.parametrize("system", SYSTEMS)
def test_years_beyond_the_calendar_are_rejected(system: str):
    days = pa.array([0, -719_163, 2_932_897, None], pa.int32()).view(pa.date32())
    assert faulty(system, days) == [1, 2]
    seconds = pa.array([0, -719_163 * 86_400, None], pa.timestamp("s"))
    assert faulty(system, seconds) == [1]


def test_nanoseconds_that_bigquery_cannot_hold_are_rejected():
    ticks = pa.array([1000, 1001, None], pa.int64())
    assert faulty("bigquery", ticks.view(pa.timestamp("ns"))) == [1]
    assert faulty("bigquery", ticks.view(pa.time64("ns"))) == [1]
    assert faulty("snowflake", ticks.view(pa.timestamp("ns"))) == []
    travelling = snowflake_values.travelling
    texts = travelling(ticks.view(pa.timestamp("ns", "UTC")), "x").to_pylist()
    assert texts == ["1970-01-01 00:00:00.000001000+00:00", "1970-01-01 00:00:00.000001001+00:00", None]


def test_what_is_too_long_for_snowflake_is_rejected(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(snowflake_values, "_TEXT", 3)
    monkeypatch.setattr(snowflake_values, "_BINARY", 2)
    assert faulty("snowflake", pa.array(["abc", "üü", None])) == [1]
    assert faulty("snowflake", pa.array([b"ab", b"abc"])) == [1]


# ── JSON numbers ─────────────────────────────────────────────────────────────────────────────────


def json_array(*texts: str | None) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))


@pytest.mark.parametrize(
    ("text", "systems"),
    [
        ('{"a": 18446744073709551615}', ["bigquery", "snowflake"]),
        ("18446744073709551616", ["snowflake"]),  # a double, but not one that is written so
        ("18446744073709551617", ["snowflake"]),
        ("[0.1, 1e308, -5e-324, 0.30000000000000004]", ["bigquery", "snowflake"]),
        ("0.1234567890123456789", ["snowflake"]),
        ("9" * 38, ["snowflake"]),
        ("9" * 39, []),
        ("1e400", []),
        ("1.2345678901234567891e3", []),
        ('"1234567890123456789012345678901234567890123"', ["bigquery", "snowflake"]),
    ],
)
def test_json_numbers_are_kept_or_rejected(text: str, systems: list[str]):
    kept = [system for system in SYSTEMS if not faulty(system, json_array("1", text, None))]
    assert kept == systems
    for system in set(SYSTEMS) - set(kept):
        assert faulty(system, json_array("1", text, None)) == [1]


EXACT = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.recursive(EXACT, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_what_the_systems_can_hold_is_never_rejected(value: Any):
    column = json_array(json.dumps(value))
    assert [faulty(system, column) for system in SYSTEMS] == [[], []]


# ── BigQuery's names ─────────────────────────────────────────────────────────────────────────────


@given(st.text(min_size=1, max_size=400))
def test_names_are_such_as_bigquery_takes(name: str):
    table, column = bigquery_names.table_id(name), bigquery_names.column_id(name)
    assert 0 < len(table.encode()) <= 1024
    assert 0 < len(column) <= 300
    assert not set(table + column) & set('`"\\!$()*,./;?@[]^{}~\n\0')
    assert not set(table) & set("&%=+:'<>#|")
    assert bigquery_names.column_id(column) == column


@given(st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=2, unique=True))
def test_no_two_tables_become_one(pair: list[str]):
    assert bigquery_names.table_id(pair[0]) != bigquery_names.table_id(pair[1])


@pytest.mark.parametrize("name", ["_PARTITIONTIME", "_table_x", "__ROOT__", "_file_name"])
def test_names_that_bigquery_keeps_for_itself(name: str):
    assert bigquery_names.column_id(name) == f"c{name}"


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (exceptions.Unauthorized("x"), "connection.auth_failed", False),
        (exceptions.Forbidden("x", errors=[{"reason": "accessDenied"}]), "permission.denied", False),
        (exceptions.Forbidden("x", errors=[{"reason": "quotaExceeded"}]), "connection.limit", True),
        (exceptions.ServiceUnavailable("x"), "connection.lost", True),
        (exceptions.NotFound("x"), "stream.not_found", False),
        (exceptions.BadRequest("x", errors=[{"reason": "invalidQuery"}]), "schema.incompatible", False),
        (
            exceptions.BadRequest("Transaction is aborted due to concurrent update against table"),
            "transaction.conflict",
            True,
        ),
        (exceptions.GoogleAPICallError("x"), "bigquery.failed", False),
    ],
)
def test_bigquerys_errors(error: exceptions.GoogleAPICallError, code: str, retryable: bool):
    made = bigquery_errors.translate(error)
    assert (made.code, made.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (snow.DatabaseError("Incorrect username or password was specified.", errno=250001),
         "connection.auth_failed", False),
        (snow.OperationalError("Could not connect", errno=250001), "connection.refused", True),
        (snow.ProgrammingError("JWT token is invalid.", errno=390144), "connection.auth_failed", False),
        (snow.ForbiddenError(), "connection.auth_failed", False),
        (snow.ServiceUnavailableError(), "connection.lost", True),
        (snow.ProgrammingError("x", errno=2003), "stream.not_found", False),
        (snow.ProgrammingError("x", errno=3001), "permission.denied", False),
        (snow.ProgrammingError("No active warehouse selected", errno=606), "config.invalid", False),
        (snow.ProgrammingError("x", errno=100_038), "value.unrepresentable", False),
        (snow.ProgrammingError("x", errno=625), "lock.timeout", True),
        (snow.ProgrammingError("x", errno=1003), "snowflake.failed", False),
    ],
)  # fmt: skip
def test_snowflakes_errors(error: snow.Error, code: str, retryable: bool):
    made = snowflake_errors.translate(error)
    assert (made.code, made.retryable) == (code, retryable)

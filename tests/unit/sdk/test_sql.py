"""The SQL texts are read back by real SQL engines, so that escaping is proved and not assumed."""

import doctest
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.sdk import (
    Condition,
    ConfigError,
    Operator,
    ReadMode,
    SchemaError,
    Selection,
    Stream,
    cursor,
    lookback,
    sql,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.mark.parametrize("module", [sql, cursor, lookback])
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@given(TEXTS)
def test_text_literal_survives_sqlite_and_duckdb(text):
    with closing(sqlite3.connect(":memory:")) as database:
        assert database.execute(f"SELECT {sql.literal(text)}").fetchone() == (text,)
    assert duckdb.execute(f"SELECT {sql.literal(text)}").fetchone() == (text,)


@given(TEXTS.filter(bool))
def test_quoted_name_survives_sqlite(name):
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE t ({sql.quote(name)} INTEGER)")
        assert database.execute("SELECT * FROM t").description[0][0] == name


@given(
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
)
def test_numbers_read_back(value):
    assert type(value)(sql.literal(value)) == value


def test_literals_of_times_and_uuids():
    assert sql.literal(date(2026, 1, 31)) == "'2026-01-31'"
    assert sql.literal(datetime(2026, 1, 31, 1, 2, 3, 4, UTC)) == "'2026-01-31 01:02:03.000004+00:00'"
    assert sql.literal(UUID(int=1)) == "'00000000-0000-0000-0000-000000000001'"
    assert sql.literal(Decimal("1E+3")) == "1000"


@pytest.mark.parametrize(
    "value", [{}, [1], object(), float("nan"), float("inf"), Decimal("NaN"), "a\0b", b"x"]
)
def test_what_has_no_literal_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        sql.literal(value)
    assert caught.value.code == "filter.invalid"


def test_mysql_spelling():
    text = sql.where([Condition("a`b", Operator.EQ, r"\'; --")], mark="`", backslashes=True)
    assert text == r"`a``b` = '\\''; --'"


ROWS = [{"n": 1, "s": "one"}, {"n": 2, "s": "two"}, {"n": None, "s": None}]


@pytest.mark.parametrize(
    ("operator", "value", "passes"),
    [
        (Operator.EQ, 1, [1]),
        (Operator.NE, 1, [2]),
        (Operator.LT, 2, [1]),
        (Operator.LE, 2, [1, 2]),
        (Operator.GT, 1, [2]),
        (Operator.GE, 1, [1, 2]),
        (Operator.IN, [2, 5], [2]),
        (Operator.IN, [], []),
        (Operator.IS_NULL, None, [None]),
        (Operator.NOT_NULL, None, [1, 2]),
        (Operator.EQ, None, []),
    ],
)
def test_conditions_select_as_sql_does(operator, value, passes):
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE t (n, s)")
        database.executemany("INSERT INTO t VALUES (:n, :s)", ROWS)
        text = sql.clause(sql.where([Condition("n", operator, value)]))
        assert [row[0] for row in database.execute(f"SELECT n FROM t{text} ORDER BY n")] == passes


def test_like():
    assert duckdb.execute(f"SELECT 'abc' LIKE {sql.literal('a%')}").fetchone() == (True,)
    assert sql.where([Condition("s", Operator.LIKE, "a%")]) == "\"s\" LIKE 'a%'"


def test_no_filter_is_no_clause():
    assert sql.clause(sql.where([])) == ""


def test_nul_in_a_name_is_refused():
    with pytest.raises(SchemaError):
        sql.quote("a\0")


@pytest.mark.parametrize(
    "selection",
    [
        {"columns": ("id", "nmae")},
        {"where": (Condition("nmae", Operator.NOT_NULL),)},
        {"mode": ReadMode.INCREMENTAL, "cursor": "nmae"},
    ],
)
def test_unknown_columns_are_named_with_the_nearest(selection):
    stream = Stream("people", pa.schema({"id": pa.int64(), "name": pa.string()}), "public")
    with pytest.raises(SchemaError) as caught:
        sql.check_columns(Selection(stream, **selection))
    assert caught.value.code == "column.not_found"
    assert "'nmae'" in caught.value.message
    assert "'name'" in caught.value.hint


def test_known_columns_pass():
    stream = Stream("people", pa.schema({"id": pa.int64(), "name": pa.string()}))
    sql.check_columns(Selection(stream, ReadMode.INCREMENTAL, ("name",), (), "id"))

"""The SQL that the source composes: names and values cannot break out, pages neither skip nor repeat."""

import datetime as dt
import itertools
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.connectors.mysql.query import Query, after, literal, name, row_filter
from towpath.connectors.mysql.types import arrow_field
from towpath.sdk import Condition, Operator, Selection, Stream

FIELDS = {
    "id": "int(11)",
    "price": "decimal(30,2)",
    "at": "timestamp(6)",
    "day": "date",
    "label": "varchar(20)",
    "ratio": "float",
}
STREAM = Stream("t", pa.schema([arrow_field(each, type, nullable=True) for each, type in FIELDS.items()]))


def test_names_are_quoted() -> None:
    assert name("da`ta", 'ta"ble') == '`da``ta`.`ta"ble`'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pa.scalar(-7, pa.int8()), "-7"),
        (pa.scalar(2**64 - 1, pa.uint64()), "18446744073709551615"),
        (pa.scalar(Decimal("1.50"), pa.decimal128(10, 2)), "1.50"),
        (pa.scalar("a'\\\0", pa.string()), "_utf8mb4 X'61275c00'"),
        (pa.scalar(b"'\xff", pa.binary()), "X'27ff'"),
        (pa.scalar(dt.date(2024, 1, 31)), "'2024-01-31'"),
        (pa.scalar(1, pa.timestamp("us")), "'1970-01-01 00:00:00.000001'"),
        (pa.scalar(1, pa.timestamp("us", "UTC")), "'1970-01-01 00:00:00.000001'"),
        (pa.scalar(uuid.UUID(int=1).bytes, pa.uuid()), "'00000000-0000-0000-0000-000000000001'"),
    ],
)
def test_literals_are_exact(value: pa.Scalar, text: str) -> None:
    assert literal(value) == text


def test_a_query_is_put_together_in_order() -> None:
    query = Query("`t`", tuple(STREAM.schema)[:1], ("a = 1",), index=True).also("", "b = 2")
    assert query.ordered("`id`").limited(5).sql() == (
        "SELECT `id` FROM `t` FORCE INDEX (PRIMARY) WHERE a = 1 AND b = 2 ORDER BY `id` LIMIT 5"
    )
    assert query.count() == "SELECT COUNT(*) FROM `t` WHERE a = 1 AND b = 2"


def test_the_text_protocol_reads_floats_as_doubles() -> None:
    query = Query("`t`", (STREAM.schema.field("ratio"),))
    assert query.sql() == "SELECT `ratio` FROM `t`"
    assert query.sql(exact_floats=True) == "SELECT `ratio` * 1e0 FROM `t`"


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, unique=True), st.data())
def test_a_page_begins_right_behind_the_last_one(rows: list[tuple[int, ...]], data: st.DataObject) -> None:
    """The condition, evaluated here, holds for just the rows that are greater as tuples."""
    last = data.draw(st.sampled_from(rows))
    sql = after(["a", "b", "c"], [str(value) for value in last])
    python = sql.replace("`", "").replace(" = ", " == ").replace("AND", "and").replace("OR", "or")
    found = [row for row in rows if eval(python, dict(zip("abc", row, strict=True)))]  # noqa: S307 - our own text
    assert found == [row for row in rows if row > last]


@pytest.mark.parametrize(
    ("column", "operator", "value", "sql"),
    [
        ("price", Operator.EQ, "12345678901234567890.12", "`price` = 12345678901234567890.12"),
        ("price", Operator.IN, ["1.5", 2], "`price` IN (1.5, 2)"),
        ("price", Operator.LIKE, "1%", "`price` LIKE '1%'"),
        ("at", Operator.GE, "2024-01-01T02:00:00+02:00", "`at` >= '2024-01-01 00:00:00'"),
        ("at", Operator.GE, "2024-01-01", "`at` >= '2024-01-01 00:00:00'"),
        ("at", Operator.LIKE, "2024%", "`at` LIKE '2024%'"),
        ("day", Operator.LT, "2024-01-01", "`day` < '2024-01-01'"),
        ("label", Operator.EQ, "a'\\", "`label` = 'a''\\\\'"),
        ("label", Operator.IS_NULL, None, "`label` IS NULL"),
    ],
)
def test_filters(column: str, operator: Operator, value: Any, sql: str) -> None:
    assert row_filter(Selection(STREAM, where=(Condition(column, operator, value),))) == sql


def test_conditions_are_joined() -> None:
    both = tuple(itertools.repeat(Condition("id", Operator.EQ, 1), 2))
    assert row_filter(Selection(STREAM, where=both)) == "`id` = 1 AND `id` = 1"

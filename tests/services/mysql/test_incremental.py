"""Incremental reads: nothing is lost and nothing comes twice, whenever it was committed."""

import json
from typing import Any

import pytest

from towpath.sdk import (
    ReadMode,
    SchemaError,
    Selection,
)

pytestmark = pytest.mark.service("mysql")


def events(place) -> Selection:
    place.sql(
        "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME, v TEXT)",
        "INSERT INTO t VALUES (1, '2024-01-01', 'a'), (2, '2024-01-02', 'b'), (3, '2024-01-02', 'c')",
    )
    return Selection(place.stream(), ReadMode.INCREMENTAL, cursor="at")


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [record["id"] for record in records]


def test_what_comes_between_plan_and_backfill_comes_once(place, compiled) -> None:
    """The snapshot of the read is later than that of the plan, whose state is the one remembered."""
    selection, source = events(place), place.source(compiled=compiled, page_rows=2)
    plan = source.plan(selection, None)
    place.sql(
        "INSERT INTO t VALUES (4, '2024-01-02', 'late at the same moment'), (5, '2024-01-03', 'later')",
        "INSERT INTO t VALUES (6, '2024-01-01', 'late before it')",
        "UPDATE t SET at = '2024-01-04', v = 'moved' WHERE id = 1",
        "UPDATE t SET v = 'changed at the same moment' WHERE id = 3",
    )
    first = [r for s in plan.slices for b in source.read(selection, s, None) for r in b.records]
    assert sorted(ids(first)) == [2, 6]
    then, state = place.follow(source, selection, plan.state)
    assert sorted((record["id"], record["v"]) for record in then) == [
        (1, "moved"),
        (3, "changed at the same moment"),
        (4, "late at the same moment"),
        (5, "later"),
    ]
    assert place.follow(source, selection, state)[0] == []


def test_a_backfill_of_what_was_empty_reads_nothing(place) -> None:
    selection, source = events(place), place.source()
    place.sql("DELETE FROM t")
    plan = source.plan(selection, None)
    place.sql("INSERT INTO t VALUES (1, '2024-01-01', 'a')")
    assert [*source.read(selection, plan.slices[0], None)] == []
    assert ids(place.follow(source, selection, plan.state)[0]) == [1]


def test_lookback_finds_what_was_committed_late(place) -> None:
    selection, source = events(place), place.source()
    _, state = place.follow(source, selection, None)
    place.sql("INSERT INTO t VALUES (4, '2024-01-01 12:00:00', 'late')")
    assert place.follow(source, selection, state)[0] == []
    patient = Selection(selection.stream, ReadMode.INCREMENTAL, cursor="at", lookback=86_400)
    assert sorted(ids(place.follow(source, patient, state)[0])) == [1, 2, 3, 4]


def test_text_cursors_are_compared_by_their_bytes(place, compiled) -> None:
    place.sql(
        "CREATE TABLE t (id INT PRIMARY KEY, at VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_swedish_ci)",
        "INSERT INTO t VALUES (1, 'abc'), (2, 'ABC'), (3, 'Äbc'), (4, 'abc ')",
    )
    selection, source = (
        Selection(place.stream(), ReadMode.INCREMENTAL, cursor="at"),
        place.source(compiled=compiled),
    )
    found, state = place.follow(source, selection, None)
    assert sorted(ids(found)) == [1, 2, 3, 4]
    assert state is not None
    assert state["cursor"] == "Äbc"
    place.sql("INSERT INTO t VALUES (5, 'äbc'), (6, 'zz'), (7, 'Äbc')")
    found, state = place.follow(source, selection, state)
    assert ids(found) == [7, 5]
    assert place.follow(source, selection, state)[0] == []


CURSORS = [
    ("TIMESTAMP(6)", "'2024-01-01 00:00:00.000001'", "'2024-01-01 00:00:00.000002'"),
    ("DECIMAL(30,4)", "12345678901234567890123456.0001", "12345678901234567890123456.0002"),
    ("BIGINT UNSIGNED", "18446744073709551614", "18446744073709551615"),
    ("UUID", "'00000000-0000-1000-8000-000000000000'", "'00000000-0000-1000-8000-000000000001'"),
    ("DATE", "'2024-01-01'", "'2024-01-02'"),
    ("YEAR", "2024", "2025"),
]


@pytest.mark.parametrize(("type", "first", "second"), CURSORS)
def test_cursors_of_every_type(place, compiled, type: str, first: str, second: str) -> None:
    place.sql(
        f"CREATE TABLE t (id INT PRIMARY KEY, at {type} NOT NULL)",
        f"INSERT INTO t VALUES (1, {first}), (2, {first})",
    )
    selection, source = (
        Selection(place.stream(), ReadMode.INCREMENTAL, cursor="at"),
        place.source(compiled=compiled),
    )
    found, state = place.follow(source, selection, None)
    assert sorted(ids(found)) == [1, 2]
    place.sql(f"INSERT INTO t VALUES (3, {second}), (4, {first})")
    found, state = place.follow(source, selection, json.loads(json.dumps(state)))
    assert ids(found) == [4, 3]
    assert place.follow(source, selection, state)[0] == []


@pytest.mark.parametrize("type", ["ENUM('b','a')", "DECIMAL(65,2)", "FLOAT", "JSON", "TIME"])
def test_columns_without_an_order_of_their_own_are_no_cursors(place, type: str) -> None:
    place.sql(f"CREATE TABLE t (id INT PRIMARY KEY, at {type})")
    stream = place.stream()
    assert stream.cursors == ("id",)
    with pytest.raises(SchemaError) as caught:
        place.source().plan(Selection(stream, ReadMode.INCREMENTAL, cursor="at"), None)
    assert caught.value.code == "cursor.unusable"


@pytest.mark.parametrize(("type", "first", "second"), [*CURSORS, ("VARCHAR(9)", "'Abc'", "'abc'")])
def test_fallbacks_of_every_type(place, compiled, type: str, first: str, second: str) -> None:
    place.sql(
        f"CREATE TABLE t (id INT PRIMARY KEY, at {type} NULL, made {type} NULL)",
        f"INSERT INTO t VALUES (1, {first}, {second}), (2, NULL, {first})",
    )
    source = place.source(compiled=compiled)
    selection = Selection(place.stream(), ReadMode.INCREMENTAL, cursor="at", cursor_fallback="made")
    found, state = place.follow(source, selection, None)
    assert sorted(ids(found)) == [1, 2]
    assert place.follow(source, selection, state)[0] == []
    place.sql(f"INSERT INTO t VALUES (3, NULL, {second}), (4, {first}, NULL)")
    place.sql(f"UPDATE t SET at = {second} WHERE id = 2")
    found, state = place.follow(source, selection, state)
    assert sorted(ids(found)) == [2, 3, 4]
    assert place.follow(source, selection, state)[0] == []

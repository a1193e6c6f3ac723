"""What every source must do with a fallback for its cursor: follow the first of both that is not null."""

import datetime as dt
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from towpath.core.errors import ConfigError, IntegrityError, SchemaError
from towpath.core.filters import Condition, Operator
from towpath.core.model import Selection, Stream
from towpath.sdk.testing.source_harness import EVENTS, SourceHarness

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("number", pa.int64()),
        ("made", pa.timestamp("us")),
        ("changed", pa.timestamp("us")),
    ]
)


def tickets(*rows: tuple[int, int | None, int | None]) -> pa.Table:
    """Rows of an id and two days: when it was made, and when it was changed."""
    at = [(id, *(day and dt.datetime(2024, 1, day, 12) for day in days)) for id, *days in rows]
    records = [{"id": id, "number": id, "made": made, "changed": changed} for id, made, changed in at]
    return pa.Table.from_pylist(records, schema=SCHEMA)


TICKETS = tickets((1, 9, 2), (2, 3, None), (3, 1, 3), (4, 4, None), (5, None, 4))


class FallbackContract(SourceHarness):
    """Part of the `SourceContract`."""

    #: The source can follow a fallback; one that cannot must refuse it.
    knows_fallback: ClassVar[bool] = True

    def by_change(self, stream: Stream, **more: Any) -> Selection:
        return self.by_cursor(stream, "changed", cursor_fallback="made", **more)

    def needs_fallback(self) -> None:
        self.needs_cursor()
        if not self.knows_fallback:
            pytest.skip(f"{self.connector.name} knows no fallback")

    def test_a_fallback_is_followed_or_refused(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config), "at", cursor_fallback="at")
        if self.knows_fallback:
            self.assert_same(self.read(config, selection)[0], EVENTS)
            return
        with self.open(config) as source, pytest.raises(ConfigError) as caught:
            source.plan(selection, None)
        assert caught.value.code == "cursor.fallback_unsupported"

    def test_the_fallback_counts_where_the_cursor_is_null(self, config: Any) -> None:
        self.needs_fallback()
        selection = self.by_change(self.loaded(config, TICKETS, "tickets"))
        rows, state = self.read(config, selection)
        self.assert_same(rows, TICKETS)
        assert self.read(config, selection, state)[0] == []
        # At the last value by either column, above it by either, and below it: the other does not count.
        more = tickets((6, 4, None), (7, 1, 4), (8, 5, None), (9, 1, 6), (10, 9, 3))
        self.add(config, "tickets", more)
        rows, state = self.read(config, selection, state)
        self.assert_same(rows, more.slice(0, 4))
        assert self.read(config, selection, state)[0] == []

    def test_a_fallback_works_with_columns_and_filters(self, config: Any) -> None:
        self.needs_fallback()
        where = (Condition("id", Operator.GT, 1),)
        stream = self.loaded(config, TICKETS, "tickets")
        selection = self.by_change(stream, where=where, columns=("changed", "made", "id"))
        rows, state = self.read(config, selection)
        self.assert_same(rows, TICKETS.slice(1).select(["changed", "made", "id"]))
        self.add(config, "tickets", tickets((6, 4, None), (0, 9, None)))
        rows, _ = self.read(config, selection, state)
        self.assert_same(rows, tickets((6, 4, None)).select(["changed", "made", "id"]))

    def test_a_lookback_counts_from_the_value_of_both(self, config: Any) -> None:
        self.needs_fallback()
        selection = self.by_change(self.loaded(config, TICKETS, "tickets"), lookback=86_400)
        _, state = self.read(config, selection)
        rows, _ = self.read(config, selection, state)
        assert sorted(row["id"] for row in rows) == [2, 3, 4, 5]

    def test_reading_by_a_fallback_resumes_after_any_batch(self, config: Any) -> None:
        self.needs_fallback()
        selection = self.by_change(self.loaded(config, TICKETS, "tickets"))
        _, start = self.read(config, selection)
        count = 90_000
        days = [5 + n // 40_000 for n in range(count)]
        more = tickets(*((n + 9, day, None) if n % 2 else (n + 9, 1, day) for n, day in enumerate(days)))
        self.add(config, "tickets", more)
        with self.open(config) as planner:
            plan = planner.plan(selection, start)
            batches = self.read_slice(config, selection, plan.slices[0], start)
        ids = pa.chunked_array([batch.arrow.column("id") for batch in batches]).to_pylist()
        assert sorted(ids) == more.column("id").to_pylist()
        first = len(batches[0])
        assert first < count
        rest, _ = self.read(config, selection, batches[0].state)
        assert sorted(ids[:first] + [row["id"] for row in rest]) == sorted(ids)

    def test_both_null_is_refused(self, config: Any) -> None:
        self.needs_fallback()
        stream = self.loaded(config, TICKETS, "tickets")
        self.add(config, "tickets", tickets((6, None, None)))
        with self.open(config) as source, pytest.raises(SchemaError) as caught:
            source.plan(self.by_change(stream), None)
        assert caught.value.code == "cursor.null"
        assert "'changed' nor in 'made'" in str(caught.value)

    def test_a_fallback_of_another_type_is_refused(self, config: Any) -> None:
        self.needs_fallback()
        stream = self.loaded(config, TICKETS, "tickets")
        with self.open(config) as source, pytest.raises(SchemaError) as caught:
            source.plan(self.by_cursor(stream, "changed", cursor_fallback="number"), None)
        assert caught.value.code == "cursor.fallback_type"

    def test_an_unknown_fallback_is_named(self, config: Any) -> None:
        self.needs_fallback()
        stream = self.loaded(config, TICKETS, "tickets")
        with self.open(config) as source, pytest.raises(SchemaError) as caught:
            source.plan(self.by_cursor(stream, "changed", cursor_fallback="maed"), None)
        assert caught.value.code == "column.not_found"
        assert "maed" in str(caught.value)

    def test_a_state_of_another_cursor_is_refused(self, config: Any) -> None:
        """A record that lies below the value by the one column may be new by the other."""
        self.needs_fallback()
        stream = self.loaded(config, tickets((1, 3, 3), (2, 4, 5)), "tickets")
        _, state = self.read(config, self.by_cursor(stream, "changed"))
        assert state is not None
        if "cursor" not in state:
            pytest.skip(f"{self.connector.name} has states of its own")
        for other in (self.by_change(stream), self.by_cursor(stream, "made")):
            with self.open(config) as source, pytest.raises(IntegrityError) as caught:
                source.plan(other, state)
            assert caught.value.code == "state.invalid"
            assert caught.value.hint
        by_hand = {"cursor": state["cursor"]}
        self.add(config, "tickets", tickets((3, 9, None), (4, 1, None)))
        rows, _ = self.read(config, self.by_change(stream), by_hand)
        assert sorted(row["id"] for row in rows) == [2, 3]

"""What every source must do: discover, split, push down, follow a cursor without loss, resume."""

import datetime as dt
import json
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pytest

from towpath.core.errors import SchemaError
from towpath.core.filters import Condition, Operator
from towpath.core.model import (
    ReadMode,
    Selection,
    Stream,
)
from towpath.core.ports import Source
from towpath.sdk.testing.data import HOSTILE_NAMES, TYPES, every_type, hostile_rows
from towpath.sdk.testing.source_fallback import FallbackContract
from towpath.sdk.testing.source_filters import FilterContract
from towpath.sdk.testing.source_harness import EVENTS, event


class SourceContract(FilterContract, FallbackContract):
    """Subclass it as ``Test…``, set ``connector``, and give the fixture ``config``, `load` and `add`."""

    # ── discover ─────────────────────────────────────────────────────────────────────────────────

    def test_check_says_what_answered(self, source: Source) -> None:
        assert source.check()

    def test_discover_of_an_empty_place(self, source: Source) -> None:
        assert list(source.discover()) == []

    def test_discover_tells_names_types_and_key(self, config: Any) -> None:
        stream = self.loaded(config)
        assert stream.schema.names == EVENTS.schema.names
        assert ReadMode.FULL_REFRESH in stream.read_modes
        if self.knows_keys:
            assert stream.primary_key == ("id",)
        if ReadMode.INCREMENTAL in self.connector.read_modes:
            assert ReadMode.INCREMENTAL in stream.read_modes
            assert "at" in stream.cursors

    def test_discover_is_in_order_and_travels_as_json(self, config: Any) -> None:
        for name in ("b", "a", "c"):
            self.load(config, name, EVENTS, ("id",))
        with self.open(config) as source:
            streams = source.discover()
        assert [stream.key for stream in streams] == sorted(stream.key for stream in streams)
        assert [Stream.from_json(json.loads(json.dumps(one.to_json()))) for one in streams] == list(streams)

    # ── full refresh ─────────────────────────────────────────────────────────────────────────────

    def test_full_refresh_reads_every_record_once(self, config: Any) -> None:
        rows, state = self.read(config, Selection(self.loaded(config)))
        self.assert_same(rows, EVENTS)
        assert state is None

    def test_reading_a_slice_again_gives_the_same(self, config: Any) -> None:
        selection = Selection(self.loaded(config))
        with self.open(config) as planner:
            slice = planner.plan(selection, None).slices[0]
            once = [row for batch in self.read_slice(config, selection, slice, None) for row in batch.records]
            again = [
                row for batch in self.read_slice(config, selection, slice, None) for row in batch.records
            ]
        assert once == again

    def test_an_empty_table_yields_no_batches(self, config: Any) -> None:
        stream = self.loaded(config, EVENTS.slice(0, 0))
        assert self.read(config, Selection(stream))[0] == []

    def test_many_records(self, config: Any) -> None:
        many = pa.table(
            {"id": pa.array(range(200_000), pa.int64()), "v": pa.array(range(200_000), pa.int64())}
        )
        stream = self.loaded(config, many)
        rows, _ = self.read(config, Selection(stream))
        assert sorted(row["id"] for row in rows) == list(range(200_000))
        assert all(row["id"] == row["v"] for row in rows)

    # ── push-down ────────────────────────────────────────────────────────────────────────────────

    def test_columns_come_in_the_order_asked_for(self, config: Any) -> None:
        stream = self.loaded(config)
        rows, _ = self.read(config, Selection(stream, columns=("kind", "id")))
        self.assert_same(rows, EVENTS.select(["kind", "id"]))
        assert list(rows[0]) == ["kind", "id"]

    @pytest.mark.parametrize("part", ["columns", "where", "cursor"])
    def test_an_unknown_column_is_named(self, config: Any, part: str) -> None:
        stream = self.loaded(config)
        selection = {
            "columns": Selection(stream, columns=("id", "kinds")),
            "where": Selection(stream, where=(Condition("kinds", Operator.EQ, 1),)),
            "cursor": Selection(stream, ReadMode.INCREMENTAL, cursor="kinds"),
        }[part]
        if part == "cursor":
            self.needs_cursor()
        with self.open(config) as source, pytest.raises(SchemaError) as caught:
            source.plan(selection, None)
        assert caught.value.code == "column.not_found"
        assert "kinds" in str(caught.value)

    # ── incremental ──────────────────────────────────────────────────────────────────────────────

    def test_incremental_reads_all_then_only_what_follows(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config))
        rows, state = self.read(config, selection)
        self.assert_same(rows, EVENTS)
        assert state is not None
        rows, state = self.read(config, selection, state)
        assert rows == []
        self.add(config, "events", event(6, 9))
        rows, state = self.read(config, selection, state)
        self.assert_same(rows, event(6, 9))
        assert self.read(config, selection, state)[0] == []

    def test_records_at_an_equal_cursor_value_are_not_lost(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config))
        _, state = self.read(config, selection)
        self.add(config, "events", event(6, 3))
        rows, state = self.read(config, selection, state)
        self.assert_same(rows, event(6, 3))
        self.add(config, "events", event(7, 3))
        self.add(config, "events", event(8, 4))
        rows, state = self.read(config, selection, state)
        self.assert_same(rows, event(7, 3), event(8, 4))
        assert self.read(config, selection, state)[0] == []

    def test_a_cursor_may_be_a_number(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config), cursor="id")
        _, state = self.read(config, selection)
        self.add(config, "events", event(6, 1))
        rows, _ = self.read(config, selection, state)
        self.assert_same(rows, event(6, 1))

    def test_a_cursor_works_with_a_column_selection(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config), columns=("id", "at"))
        _, state = self.read(config, selection)
        self.add(config, "events", event(6, 3))
        rows, _ = self.read(config, selection, state)
        self.assert_same(rows, event(6, 3).select(["id", "at"]))

    def test_incremental_from_an_empty_table(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config, EVENTS.slice(0, 0)))
        rows, state = self.read(config, selection)
        assert rows == []
        self.add(config, "events", EVENTS)
        rows, state = self.read(config, selection, state)
        self.assert_same(rows, EVENTS)
        assert self.read(config, selection, state)[0] == []

    def test_resume_after_any_batch_loses_and_doubles_nothing(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config))
        _, start = self.read(config, selection)
        days = [5] * 30_000 + [6] * 70_000 + [7] * 30_000
        more = pa.table(
            {
                "id": pa.array(range(100, 100 + len(days)), pa.int64()),
                "kind": pa.array(["m"] * len(days)),
                "amount": pa.nulls(len(days), pa.decimal128(10, 2)),
                "at": pa.array([dt.datetime(2024, 1, day, 12) for day in days], pa.timestamp("us")),
            }
        )
        self.add(config, "events", more)
        with self.open(config) as planner:
            plan = planner.plan(selection, start)
            assert plan.ordered
            batches = self.read_slice(config, selection, plan.slices[0], start)
        ids = pa.chunked_array([batch.arrow.column("id") for batch in batches]).to_pylist()
        ends = list(accumulate(len(batch) for batch in batches))
        states = [(end, batch.state) for end, batch in zip(ends, batches, strict=True) if batch.state]
        assert len(states) > 1
        for end, state in (states[0], states[len(states) // 2], states[-1]):
            rest, _ = self.read(config, selection, json.loads(json.dumps(dict(state))))
            assert sorted(ids[:end] + [row["id"] for row in rest]) == more.column("id").to_pylist()

    def test_a_null_cursor_is_refused(self, config: Any) -> None:
        self.needs_cursor()
        stream = self.loaded(config)
        nulls = event(6, 1).set_column(3, "at", pa.nulls(1, pa.timestamp("us")))
        self.add(config, "events", nulls)
        with self.open(config) as source, pytest.raises(SchemaError) as caught:
            source.plan(self.by_cursor(stream), None)
        assert caught.value.code == "cursor.null"
        assert "at" in str(caught.value)
        assert caught.value.hint

    def test_ack_may_be_repeated(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config))
        _, state = self.read(config, selection)
        assert state is not None
        with self.open(config) as source:
            source.ack(selection, state)
            source.ack(selection, state)

    # ── hostile input ────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    def test_hostile_names(self, config: Any, name: str) -> None:
        if name in self.impossible_names:
            pytest.skip(f"{self.connector.title} cannot have such a name")
        table = pa.table({"id": pa.array([1, 2], pa.int64()), name: ["a", "b"]})
        stream = self.loaded(config, table, name)
        rows, _ = self.read(config, Selection(stream, where=(Condition(name, Operator.EQ, "b"),)))
        self.assert_same(rows, table.slice(1, 1))

    def test_hostile_values(self, config: Any) -> None:
        rows, _ = self.read(config, Selection(self.loaded(config, hostile_rows())))
        self.assert_same(rows, hostile_rows())

    @pytest.mark.parametrize("name", TYPES)
    def test_every_type_survives(self, config: Any, name: str) -> None:
        """# Invariant 6"""
        if name in self.unsupported_types:
            pytest.skip(f"{self.connector.title} has no such type")
        table = every_type(name)
        rows, _ = self.read(config, Selection(self.loaded(config, table)))
        self.assert_same(rows, table)

    def test_a_stream_that_vanished_is_named(self, config: Any) -> None:
        stream = self.loaded(config)
        gone = Selection(Stream("nowhere", stream.schema, stream.namespace))
        with self.open(config) as source, pytest.raises(SchemaError) as caught:
            self.plan_and_read(source, gone)
        assert caught.value.code == "stream.not_found"
        assert "nowhere" in str(caught.value)

    def plan_and_read(self, source: Source, selection: Selection) -> None:
        plan = source.plan(selection, None)
        list(source.read(selection, plan.slices[0], None))

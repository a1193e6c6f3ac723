"""How the tests of a source load, plan, read and compare."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from pydantic import BaseModel

from towpath.core.model import Batch, Plan, ReadMode, Selection, Slice, State, Stream
from towpath.core.ports import Connector, Source

EVENTS = pa.table(
    {
        "id": pa.array([1, 2, 3, 4, 5], pa.int64()),
        "kind": pa.array(["a", "b", "a", None, "c"]),
        "amount": pa.array(
            [Decimal("1.50"), Decimal("2.25"), None, Decimal("-4.00"), Decimal("5.75")], pa.decimal128(10, 2)
        ),
        "at": pa.array([dt.datetime(2024, 1, day, 12) for day in (1, 2, 2, 3, 3)], pa.timestamp("us")),
    }
)


def event(id: int, day: int, kind: str = "n") -> pa.Table:
    """One more row for `EVENTS`."""
    row = {"id": id, "kind": kind, "amount": Decimal("9.00"), "at": dt.datetime(2024, 1, day, 12)}
    return pa.Table.from_pylist([row], schema=EVENTS.schema)


class SourceHarness:
    """What the tests of a source have in common: how they reach it, and what they compare with."""

    connector: ClassVar[Connector[Any]]

    #: Names of the `TYPES` that the system has no column type for.
    unsupported_types: ClassVar[frozenset[str]] = frozenset()
    #: The system knows primary keys.
    knows_keys: ClassVar[bool] = True
    #: Names that the system itself cannot give to a table or column.
    impossible_names: ClassVar[frozenset[str]] = frozenset()

    # ── hooks ────────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture
    def config(self) -> BaseModel:
        """The config of a fresh, empty place."""
        raise NotImplementedError

    def load(self, config: Any, name: str, table: pa.Table, primary_key: tuple[str, ...]) -> None:
        """Make a table of this name, with these rows, by another way than the connector."""
        raise NotImplementedError

    def add(self, config: Any, name: str, table: pa.Table) -> None:
        """Insert more rows into a table that `load` made."""
        raise NotImplementedError

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        """What reading gives for a loaded value: override where `load` must use another column type."""
        return value

    # ── helpers ──────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture
    def source(self, config: Any) -> Iterator[Source]:
        with self.open(config) as source:
            yield source

    def open(self, config: Any) -> AbstractContextManager[Source]:
        assert self.connector.source is not None
        return self.connector.source(config)

    def needs_cursor(self) -> None:
        if ReadMode.INCREMENTAL not in self.connector.read_modes:
            pytest.skip(f"{self.connector.name} does not declare incremental")

    def stream(self, config: Any, name: str) -> Stream:
        with self.open(config) as source:
            found = [stream for stream in source.discover() if stream.name == name]
        assert len(found) == 1, f"{name!r} was discovered {len(found)} times"
        return found[0]

    def loaded(
        self, config: Any, table: pa.Table = EVENTS, name: str = "events", key: tuple[str, ...] = ("id",)
    ) -> Stream:
        self.load(config, name, table, key)
        return self.stream(config, name)

    def read_slice(self, config: Any, selection: Selection, slice: Slice, state: State | None) -> list[Batch]:
        """Read one slice as a process of its own would: with its own source, from JSON."""
        selection = Selection.from_json(json.loads(json.dumps(selection.to_json())))
        slice = Slice.from_json(json.loads(json.dumps(slice.to_json())))
        with self.open(config) as source:
            batches = list(source.read(selection, slice, state))
        for batch in batches:
            assert len(batch) > 0
            assert batch.arrow.schema.equals(selection.schema)
        return batches

    def read(
        self, config: Any, selection: Selection, state: State | None = None
    ) -> tuple[list[dict[str, Any]], State | None]:
        """One whole run: the records, and the state after it."""
        with self.open(config) as planner:
            plan: Plan = planner.plan(selection, state)
            assert not plan.ordered or len(plan.slices) == 1
            assert len({slice.id for slice in plan.slices}) == len(plan.slices)
            batches = [
                batch for slice in plan.slices for batch in self.read_slice(config, selection, slice, state)
            ]
        rows = [row for batch in batches for row in batch.arrow.to_pylist()]
        if not plan.ordered:
            return rows, plan.state
        if not batches:
            return rows, state
        after = batches[-1].state
        assert after is not None, "the last batch of an ordered plan carries the state"
        return rows, json.loads(json.dumps(dict(after)))

    def rows(self, table: pa.Table) -> list[dict[str, Any]]:
        return [
            {
                field.name: None if row[field.name] is None else self.expected(field.type, row[field.name])
                for field in table.schema
            }
            for row in table.to_pylist()
        ]

    def assert_same(self, found: list[dict[str, Any]], *tables: pa.Table) -> None:
        wanted = [row for table in tables for row in self.rows(table)]
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))

    def by_cursor(self, stream: Stream, cursor: str = "at", **more: Any) -> Selection:
        return Selection(stream, ReadMode.INCREMENTAL, cursor=cursor, **more)

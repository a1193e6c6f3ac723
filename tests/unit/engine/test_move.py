"""Whatever call of whatever port a process dies at: nothing is lost, doubled or miscounted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.core.errors import ConflictError, DataError, InternalError
from towpath.core.model import (
    Batch,
    Checkpoint,
    ReadMode,
    Receipt,
    Rejected,
    Selection,
    Slice,
    Target,
    WriteMode,
)
from towpath.core.records import Counters
from towpath.engine.ahead import ahead
from towpath.engine.move import (
    Limits,
    Move,
    Position,
    copy_slice,
    follow,
    publish,
    resume,
    unpack,
)
from towpath.sdk.testing.memory import MemoryConfig, Table, World
from towpath.sdk.testing.memory_destination import MemoryDestination, MemoryWriter
from towpath.sdk.testing.memory_source import MemorySource

SCHEMA = pa.schema([("id", pa.int64()), ("value", pa.string())])


class Crash(BaseException):
    """The process is killed here: nothing after it happens."""


class Fuse:
    """Kills the process at one call of the ports, counted from the start of the process."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.strike = self
        self.left: int | None = None
        self.dead = False

    def light(self, left: int | None) -> None:
        self.left, self.dead = left, False

    def __call__(self, point: str) -> None:
        if self.left is not None:
            self.left -= 1
            self.dead = self.dead or self.left < 0
        if self.dead:
            raise Crash(point)


@dataclass
class Office:
    """What the worker's store remembers."""

    fuse: Callable[[str], None]
    state: Any = None
    counters: Counters = field(default_factory=Counters)
    inbox: dict[str, Rejected] = field(default_factory=dict)
    slices: dict[str, tuple[Receipt, Counters]] = field(default_factory=dict)
    done: bool = False

    def progress(self, counters: Counters) -> None:
        assert counters.balanced

    def rejected(self, slice: str, records: Sequence[Rejected]) -> None:
        self.fuse("rejected")
        for one in records:
            self.inbox[repr(one.record)] = one
        self.fuse("rejected:")

    def committing(self) -> None:
        self.fuse("committing")

    def saved(self, state: Any, counters: Counters) -> None:
        self.fuse("saved")
        self.state, self.counters = state, counters
        self.fuse("saved:")


class Scene:
    """One stream between two worlds, moved by processes that die."""

    def __init__(self, rows: Sequence[tuple[int | None, str]], mode: WriteMode, *, ordered: bool) -> None:
        self.here, self.there = World(), World()
        table = pa.Table.from_pylist([{"id": id, "value": value} for id, value in rows], SCHEMA)
        with self.here.change() as world:
            world.tables["t"] = Table(table, ("id",))
        self.rows = table
        self.mode = mode
        self.ordered = ordered
        self.fuse = Fuse(self.here)
        self.there.strike = self.fuse
        self.office = Office(self.fuse)
        self.target = Target("t", SCHEMA, mode, "run_1", "t", "flw:0", primary_key=("id",))

    def move(self) -> Move:
        source = MemorySource(self.here, slice_rows=3, batch_rows=2, ordered=self.ordered, pinned=False)
        [stream] = source.discover()
        # The cursor is the position, and no column of it may hold a null.
        selection = Selection(stream, ReadMode.INCREMENTAL, cursor="value")
        return Move(
            source=source,
            destination=MemoryDestination(self.there),
            selection=selection,
            target=self.target,
            report=self.office,
        )

    def run_ordered(self, commit_rows: int, attempt: int) -> None:
        move = self.move()
        move.destination.prepare(self.target)
        start = Position(0, self.office.state, self.office.counters)
        counters = follow(move, Slice("s0"), start, f"a{attempt}", Limits(rows=commit_rows))
        self.office.counters = counters
        self.office.done = True

    def run_parallel(self, attempt: int) -> None:
        move = self.move()
        move.destination.prepare(self.target)
        plan = move.source.plan(move.selection, None)
        for piece in plan.slices:
            if piece.id not in self.office.slices:
                self.office.slices[piece.id] = copy_slice(move, piece, None)
        receipts = [receipt for receipt, _ in self.office.slices.values()]
        counters = sum((counters for _, counters in self.office.slices.values()), Counters())
        publish(move, receipts, plan.state, counters)
        self.office.done = True

    def run_with_crashes(self, run: Callable[[int], None], fuses: Sequence[int]) -> None:
        for attempt, left in enumerate([*fuses, None]):
            self.fuse.light(left)
            try:
                run(attempt)
            except Crash:
                continue
            if self.office.done:
                return

    def check(self) -> None:
        good = [row for row in self.rows.to_pylist() if row["id"] is not None or not self.rejects]
        bad = [row for row in self.rows.to_pylist() if row["id"] is None and self.rejects]
        if self.mode is WriteMode.UPSERT:
            good = list({row["id"]: row for row in good}.values())
        table = self.there.look().tables.get("t")
        found = [] if table is None else table.rows.to_pylist()
        assert sorted(map(repr, found)) == sorted(map(repr, good))
        assert sorted(map(repr, self.office.inbox)) == sorted({repr(repr(row)) for row in bad})
        counters = self.office.counters
        assert counters.balanced
        assert counters.read == self.rows.num_rows
        assert counters.rejected == len(bad)

    @property
    def rejects(self) -> bool:
        return self.mode is WriteMode.UPSERT


rows_of_tables = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 5)), st.text("abc", min_size=1, max_size=2)),
    max_size=9,
)
fuses = st.lists(st.integers(0, 40), max_size=4)


@settings(max_examples=300, deadline=None)
@given(rows_of_tables, fuses, st.integers(1, 5), st.sampled_from([WriteMode.APPEND, WriteMode.UPSERT]))
def test_an_ordered_stream_survives_any_crash(rows, fuses, commit_rows, mode):
    scene = Scene(rows, mode, ordered=True)
    scene.run_with_crashes(lambda attempt: scene.run_ordered(commit_rows, attempt), fuses)
    scene.check()
    if rows:
        assert scene.office.state == {"at": len(rows)}
        assert scene.here.look().acks[-1] == ("t", {"at": len(rows)})


@settings(max_examples=300, deadline=None)
@given(rows_of_tables, fuses, st.sampled_from(list(WriteMode)))
def test_a_parallel_stream_survives_any_crash(rows, fuses, mode):
    scene = Scene(rows, mode, ordered=False)
    scene.run_with_crashes(scene.run_parallel, fuses)
    scene.check()
    assert scene.office.state == {"at": len(rows)}
    assert scene.here.look().acks[-1] == ("t", {"at": len(rows)})
    assert len(scene.there.look().commits) == 1


@settings(max_examples=100, deadline=None)
@given(rows_of_tables, fuses, st.integers(1, 5), st.booleans())
def test_nothing_is_acknowledged_before_it_is_saved(rows, fuses, commit_rows, ordered):
    """# Invariant 1"""
    scene = Scene(rows, WriteMode.APPEND, ordered=ordered)

    def watch(point: str) -> None:
        if point.startswith(("ack", "saved")):
            committed = scene.there.look().checkpoints.get(("flw:0", "t"))
            assert committed is not None
        if point.startswith("ack"):
            assert scene.office.state == unpack(committed.state)[0]
        scene.fuse(point)

    scene.here.strike = scene.office.fuse = watch
    run = (lambda attempt: scene.run_ordered(commit_rows, attempt)) if ordered else scene.run_parallel
    scene.run_with_crashes(run, fuses)


def test_a_destination_that_loses_a_record_is_found_out():
    """# Invariant 4"""

    class Forgetful(MemoryWriter):
        def write(self, batch):
            return super().write(Batch(batch.arrow.slice(1)))

    class Destination(MemoryDestination):
        def writer(self, target, slice):
            return Forgetful(self._world, target, slice)

    scene = Scene([(number, "a") for number in range(3)], WriteMode.APPEND, ordered=False)
    move = replace(scene.move(), destination=Destination(scene.there))
    move.destination.prepare(scene.target)
    with pytest.raises(InternalError) as caught:
        copy_slice(move, move.source.plan(move.selection, None).slices[0], None)
    assert caught.value.code == "counters.unbalanced"


def test_every_micro_batch_is_committed_as_it_comes():
    scene = Scene([(number, "a") for number in range(7)], WriteMode.APPEND, ordered=True)
    scene.run_ordered(2, 0)
    numbers = [number for _, _, number in scene.there.look().commits]
    assert numbers == [1, 2, 3, 4]


def test_the_next_run_goes_on_from_what_the_destination_remembers():
    scene = Scene([(1, "a"), (2, "b")], WriteMode.APPEND, ordered=True)
    scene.run_ordered(1, 0)
    with scene.here.change() as world:
        more = pa.Table.from_pylist([{"id": 3, "value": "c"}], SCHEMA)
        world.tables["t"] = Table(pa.concat_tables([world.tables["t"].rows, more]))
    scene.target = replace(scene.target, run="run_2")
    scene.office = Office(scene.fuse)  # the store has lost everything
    scene.run_ordered(1, 0)
    assert scene.there.look().tables["t"].rows.column("id").to_pylist() == [1, 2, 3]
    assert scene.office.counters == Counters(read=1, written=1, bytes=scene.office.counters.bytes)


def test_an_attempt_finds_out_that_another_has_committed_meanwhile():
    """It was taken for dead while its commit was under way; the other one read before that was done."""
    scene = Scene([(number, "a") for number in range(6)], WriteMode.APPEND, ordered=True)
    slow, fast = scene.move(), scene.move()

    def overtake() -> None:
        scene.office.committing = lambda: None  # type: ignore[method-assign]
        start = Position(0, None, Counters())
        follow(fast, Slice("s0"), start, "fast", Limits(rows=4))

    scene.office.committing = overtake  # type: ignore[method-assign]
    with pytest.raises(ConflictError) as caught:
        follow(slow, Slice("s0"), Position(0, None, Counters()), "slow", Limits(rows=2))
    assert caught.value.retryable
    assert scene.there.look().tables["t"].rows.column("id").to_pylist() == list(range(6))


def test_the_store_stands_in_for_a_destination_that_remembers_nothing():
    start = Position(7, {"at": 5}, Counters(read=5, written=5))
    target = Target("t", SCHEMA, WriteMode.APPEND, "run_1", "t", "flw:0")
    assert resume(None, target, start) == start
    other = Checkpoint("run_0", 3, {"at": 2})
    assert resume(other, target, start) == Position(0, {"at": 2}, Counters())


def test_the_first_rejected_record_stops_a_run_that_asks_for_it():
    scene = Scene([(None, "a"), (1, "b")], WriteMode.UPSERT, ordered=False)
    move = replace(scene.move(), stop_on_rejected=True)
    move.destination.prepare(scene.target)
    plan = move.source.plan(move.selection, None)
    with pytest.raises(DataError) as caught:
        copy_slice(move, plan.slices[0], None)
    assert caught.value.code == "record.rejected"
    assert len(scene.office.inbox) == 1


def test_reading_ahead_keeps_order_and_errors():
    def numbers():
        yield from range(100)
        raise ValueError("end")

    stream = ahead(numbers())
    assert [next(stream) for _ in range(100)] == list(range(100))
    with pytest.raises(ValueError, match="end"):
        next(stream)


def test_reading_ahead_is_bounded_and_stops_with_its_consumer():
    produced = []

    def numbers():
        for number in range(1000):
            produced.append(number)
            yield number

    stream = ahead(numbers(), depth=2)
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    stream.close()
    assert len(produced) <= 3 + 2 + 2


def test_the_reference_world_is_found_by_name():
    assert MemoryConfig(name="x").world is MemoryConfig(name="x").world

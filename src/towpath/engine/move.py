"""Moving the records of one stream: the loops that run between a source and a destination.

Nothing here knows about processes or stores. The functions may die at any point and be called again from
the beginning; a property test kills them at every call of every port and checks that nothing is lost,
doubled or miscounted.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

from towpath.core.errors import ConflictError, DataError, InternalError
from towpath.core.model import (
    Batch,
    Checkpoint,
    Receipt,
    Rejected,
    Selection,
    Slice,
    State,
    Target,
)
from towpath.core.ports import Destination, Source, Writer
from towpath.core.records import Counters
from towpath.engine.documents import DocumentWriter

#: Key under which the counters of an ordered run travel inside its checkpoints, so that they are exact
#: after a crash between a commit and the moment the store hears of it. # Invariant 4
COUNTERS = "towpath.counters"
#: Key under which an ordered run writes who made a checkpoint: a commit of the same number by an attempt
#: that was taken for dead makes ours do nothing, and we must know.
_ATTEMPT = "towpath.attempt"


class Report(Protocol):
    """Where the loops tell what happens. Calls return when what they tell is durable."""

    def progress(self, counters: Counters) -> None:
        """What has been moved so far, in this run of the stream or slice; not durable, often skipped."""
        ...

    def rejected(self, slice: str, records: Sequence[Rejected]) -> None:
        """Put records into the inbox. Telling the same again changes nothing. # Invariant 7"""
        ...

    def committing(self) -> None:
        """Raises if somebody else has taken the work over, so that it must not be published from here."""
        ...

    def saved(self, state: State | None, counters: Counters) -> None:
        """Save the state that a commit made durable. Raises `ConflictError` if it was reset meanwhile."""
        ...


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When an ordered stream commits its next micro-batch: as soon as one of them is reached."""

    rows: int = 100_000
    bytes: int = 32 << 20
    seconds: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Move:
    """One stream of one run between two open connections."""

    source: Source
    destination: Destination
    selection: Selection
    target: Target
    report: Report
    stop_on_rejected: bool = False
    as_documents: bool = False
    """Whether the records are still to be made the documents that the target takes."""

    def writer(self, piece: Slice) -> Writer:
        writer = self.destination.writer(self.target, piece)
        return DocumentWriter(writer, self.target.schema) if self.as_documents else writer


def copy_slice(
    move: Move,
    piece: Slice,
    state: State | None,
    read: Callable[[Iterator[Batch]], Iterator[Batch]] = iter,
    misfits: Sequence[Rejected] = (),
) -> tuple[Receipt, Counters]:
    """Read one slice of a parallel plan and stage it. ``read`` may read ahead of the writing; ``misfits``
    are records of the slice that the source could not make batches of.
    """
    with _Staging(move, piece, Counters()) as staging:
        staging.leave_out(misfits)
        for batch in read(move.source.read(move.selection, piece, state)):
            staging.write(batch)
        return staging.close()


def publish(move: Move, receipts: Sequence[Receipt], state: State | None, counters: Counters) -> None:
    """Commit a parallel plan. Doing it again changes nothing."""
    move.report.committing()
    move.destination.commit(move.target, receipts, Checkpoint(move.target.run, 1, state))
    # Invariant 1: commit downstream, then save state, then ack upstream.
    move.report.saved(state, counters)
    if state is not None:
        move.source.ack(move.selection, state)


def empty(destination: Destination, target: Target, report: Report) -> None:
    """Make the target of an overwrite hold nothing. Doing it again changes nothing."""
    destination.prepare(target)
    report.committing()
    destination.commit(target, (), Checkpoint(target.run, 1, None))
    # Before it is told: the lineage ends there, and no later run would sweep for it.
    destination.discard(target)
    report.saved(None, Counters())


def follow(move: Move, piece: Slice, start: "Position", attempt: str, limits: Limits) -> Counters:
    """Read what follows the last committed state and commit it in micro-batches, to the end.

    ``start`` is where the store believes the run stands; what the destination remembers goes before.
    ``attempt`` ([a-z0-9_]{1,20}) keeps the staging of two attempts apart: they may cut differently.
    Returns the counters of the whole run of the stream.
    """
    # What an attempt before this one staged and did not commit must not come back.
    move.destination.discard(move.target)
    move.destination.prepare(move.target)
    at = resume(move.destination.committed(move.target), move.target, start)
    if at.state is not None:
        _settle(move, at)
    batches = move.source.read(move.selection, piece, at.state)
    while True:
        done = _micro_batch(move, batches, at, attempt, limits)
        if done is None:
            return at.counters
        at = done


@dataclass(frozen=True)
class Position:
    """How far the ordered plan of a run has come."""

    number: int
    """Of the last commit; the next one is one more."""
    state: State | None
    counters: Counters


def resume(known: Checkpoint | None, target: Target, start: Position) -> Position:
    """Where to go on: the destination's memory is the truth, the store stands in where it has none."""
    if known is None:
        return start
    state, counters = unpack(known.state)
    if known.run != target.run:
        return Position(0, state, Counters())
    return Position(known.number, state, counters)


def unpack(state: State | None) -> tuple[State | None, Counters]:
    """The source's own state and the run's counters, out of the state of a checkpoint."""
    if state is None or COUNTERS not in state:
        return state, Counters()
    own = {key: value for key, value in state.items() if key not in (COUNTERS, _ATTEMPT)}
    return own, Counters(**state[COUNTERS])


def _pack(state: State, counters: Counters, attempt: str) -> Mapping[str, Any]:
    return {**state, COUNTERS: counters_json(counters), _ATTEMPT: attempt}


def counters_json(counters: Counters) -> dict[str, int]:
    """The counters as plain JSON, inverse to ``Counters(**…)``."""
    return asdict(counters)


def _settle(move: Move, at: Position) -> None:
    """Invariant 1, second half: save again, then ack again, what was committed."""
    move.report.saved(at.state, at.counters)
    if at.state is not None:
        move.source.ack(move.selection, at.state)


def _micro_batch(
    move: Move, batches: Iterator[Batch], at: Position, attempt: str, limits: Limits
) -> Position | None:
    """Move and commit the next records; None if there are no more."""
    first = next(batches, None)
    if first is None:
        return None
    number = at.number + 1
    with _Staging(move, Slice(f"m{number:010}_{attempt}"), at.counters) as staging:
        state = staging.fill(first, batches, limits)
        receipt, counters = staging.close()
    if state is None:
        raise InternalError(
            "source.no_state",
            f"The source ended {move.target.stream} with a batch that carries no state.",
            hint="This is a defect of the connector: the last batch of an ordered plan needs a state.",
        )
    position = Position(number, state, counters)
    move.report.committing()
    checkpoint = Checkpoint(move.target.run, number, _pack(state, counters, attempt))
    move.destination.commit(move.target, [receipt], checkpoint)
    _check_ours(move, checkpoint)
    _settle(move, position)
    return position


def _check_ours(move: Move, checkpoint: Checkpoint) -> None:
    known = move.destination.committed(move.target)
    if known is None or known == checkpoint:
        return
    raise ConflictError(
        "attempt.superseded",
        f"Another attempt has committed to {move.target.stream} at the same time.",
        hint="It is read again from what was committed.",
        retryable=True,
    )


class _Staging:
    """The writing of one slice, with its counters."""

    def __init__(self, move: Move, piece: Slice, before: Counters) -> None:
        self._move = move
        self._piece = piece
        self._before = before
        self._counters = Counters()
        self._writer = move.writer(piece)
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            with suppress(Exception):
                self._writer.abandon()

    def leave_out(self, misfits: Sequence[Rejected]) -> None:
        """Count and report records that are not even tried."""
        if misfits:
            self._reject(misfits)
            self._counters += Counters(read=len(misfits), rejected=len(misfits))

    def write(self, batch: Batch) -> None:
        rejected = self._writer.write(batch)
        if rejected:
            self._reject(rejected)
        self._counters += Counters(
            read=len(batch),
            written=len(batch) - len(rejected),
            rejected=len(rejected),
            bytes=batch.nbytes,
        )
        self._move.report.progress(self._before + self._counters)

    def fill(self, first: Batch, rest: Iterator[Batch], limits: Limits) -> State | None:
        """Write until a limit is reached and the source can resume; the state of the last batch."""
        began = time.monotonic()
        batch: Batch | None = first
        while batch is not None:
            self.write(batch)
            state = batch.state
            if state is not None and self._full(limits, time.monotonic() - began):
                return state
            batch = next(rest, None)
        return state

    def close(self) -> tuple[Receipt, Counters]:
        """The receipt, and the counters of the run so far with this slice."""
        receipt = self._writer.close()
        self._open = False
        if receipt.rows != self._counters.written:  # Invariant 4
            raise InternalError(
                "counters.unbalanced",
                f"Slice {self._piece.id} of {self._move.target.stream} read {self._counters.read} records "
                f"and rejected {self._counters.rejected}, but {receipt.rows} were staged.",
                hint="This is a defect of a connector; the target was left untouched.",
            )
        return receipt, self._before + self._counters

    def _full(self, limits: Limits, seconds: float) -> bool:
        counters = self._counters
        return counters.read >= limits.rows or counters.bytes >= limits.bytes or seconds >= limits.seconds

    def _reject(self, rejected: Sequence[Rejected]) -> None:
        self._move.report.rejected(self._piece.id, rejected)
        if self._move.stop_on_rejected:
            raise DataError(
                "record.rejected",
                f"A record of {self._move.target.stream} was rejected: {rejected[0].message.rstrip('.')}.",
                hint="The record is in the error inbox. The flow's policy stops the run at the first one.",
            )

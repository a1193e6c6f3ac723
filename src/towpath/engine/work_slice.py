"""Reading one slice, and following one ordered stream."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from towpath.core.errors import TowpathError
from towpath.core.records import (
    Counters,
    Level,
    RecordError,
    RunSlice,
    RunStream,
    SliceStatus,
    StreamStatus,
    now,
)
from towpath.core.repositories import UnitOfWork
from towpath.engine import retries
from towpath.engine.channel import Message
from towpath.engine.children import Child
from towpath.engine.context import Context, Outline
from towpath.engine.move import counters_json
from towpath.engine.work import Ending, Work, committed, ending, is_over, save_state

#: Code of the error of slices whose snapshot is gone: they can only be planned again.
SNAPSHOT_LOST = "source.snapshot_lost"


class SliceWork(Work):
    """One slice of a parallel plan: read it and stage it."""

    takes_slot = True

    def __init__(self, context: Context, org: str, run: str, stream: str, epoch: int, slice: str) -> None:
        super().__init__(context, org, run)
        self._stream = stream
        self._epoch = epoch
        self._slice = slice

    @property
    def task(self) -> str:
        return f"slice/{self._stream}/{self._epoch}/{self._slice}"

    @property
    def stream(self) -> str:
        return self._stream

    @property
    def slice(self) -> str:
        return self._slice

    def over(self, work: UnitOfWork, seen: Outline) -> Ending | None:
        stream, piece = self._find(work)
        if seen.unwanted or is_over(stream) or stream.error or stream.epoch != self._epoch:
            return ending("skipped")
        return ending("done") if piece.status is SliceStatus.DONE else None

    def brief(self) -> dict[str, Any]:
        seen, stream, piece = self.context.books.write(self._open)
        self.note(f"Reading slice {self._slice} of {self._stream}", "slice.started")
        return {
            "kind": "slice",
            "selection": stream.selection,
            "target": stream.target,
            "slice": piece.spec,
            "state": stream.state_before,
            "inbox": self.context.books.read(lambda work: retries.records(work, seen.run, self._stream)),
            "stop_on_rejected": seen.flow.policy.on_rejected == "stop",
        }

    def done(self, result: Mapping[str, Any], child: Child) -> Ending:
        counters = Counters(**result["counters"])
        place = (self.org, self.run, self._stream, self._epoch, self._slice)
        self.context.books.write(lambda work: work.streams.slice_done(*place, result["receipt"], counters))
        self.note(
            f"Slice {self._slice} of {self._stream}: {counters.written} rows staged",
            "slice.finished",
            rows=counters.written,
            rejected=counters.rejected,
            bytes=counters.bytes,
        )
        return ending("done")

    def give_up(self, error: TowpathError) -> Ending:
        if error.code == SNAPSHOT_LOST:
            self._mark_lost(error)
            return ending("lost")
        text = f"{self._stream} failed: {error}"
        self.note(text, "stream.failed", level=Level.ERROR, code=error.code, hint=error.hint)
        self.fail_stream(self._stream, error)
        return ending("failed")

    def hear(self, message: Message) -> None:
        if message["kind"] == "rejected":
            self.context.books.write(lambda work: self._to_inbox(work, message["records"]))

    def _find(self, work: UnitOfWork) -> tuple[RunStream, RunSlice]:
        stream = work.streams.get(self.org, self.run, self._stream)
        slices = work.streams.slices(self.org, self.run, self._stream)
        found = [piece for piece in slices if piece.slice == self._slice]
        # Of another epoch: the slices of the old one are gone.
        gone = RunSlice(
            org=self.org,
            run=self.run,
            stream=self._stream,
            epoch=self._epoch,
            slice=self._slice,
            spec={},
        )
        return stream, found[0] if found else gone

    def _open(self, work: UnitOfWork) -> tuple[Outline, RunStream, RunSlice]:
        stream, piece = self._find(work)
        if stream.status is StreamStatus.PLANNED:
            work.streams.update(
                self.org, self.run, self._stream, status=StreamStatus.RUNNING, started_at=now()
            )
        return self.look(work), stream, piece

    def _mark_lost(self, error: TowpathError) -> None:
        def change(work: UnitOfWork) -> None:
            stream = work.streams.get(self.org, self.run, self._stream)
            if stream.epoch == self._epoch and not is_over(stream):
                work.streams.update(self.org, self.run, self._stream, error=error.to_json())

        self.context.books.write(change)
        text = f"The snapshot of {self._stream} is lost: it is planned and read again"
        self.note(text, "stream.snapshot_lost", level=Level.WARNING)

    def _to_inbox(self, work: UnitOfWork, records: list[Mapping[str, Any]]) -> None:
        flow = self.look(work).flow.id
        errors = [
            RecordError(org=self.org, run=self.run, flow=flow, stream=self._stream, **one) for one in records
        ]
        work.record_errors.report(self.org, errors)


class OrderedWork(SliceWork):
    """The one slice of an ordered plan: follow it and commit micro-batches, to the end."""

    def brief(self) -> dict[str, Any]:
        seen, stream, piece = self.context.books.write(self._open)
        tries = len(self.context.books.read(self._tries))
        settings = self.context.settings
        saved = stream.state_before if stream.state_after is None else stream.state_after
        self.note(f"Following {self._stream}", "slice.started")
        return {
            "kind": "ordered",
            "selection": stream.selection,
            "target": stream.target,
            "slice": piece.spec,
            "state": saved,
            # Only for destinations that remember nothing: numbers of two attempts must not meet.
            "number": tries * 1_000_000,
            "attempt": f"a{tries}",
            "counters": counters_json(stream.counters if stream.state_after is not None else Counters()),
            "limits": {
                "rows": settings.commit_rows,
                "bytes": settings.commit_bytes,
                "seconds": settings.commit_seconds,
            },
            "stop_on_rejected": seen.flow.policy.on_rejected == "stop",
        }

    def done(self, result: Mapping[str, Any], child: Child) -> Ending:
        counters = Counters(**result["counters"])
        place = (self.org, self.run, self._stream, self._epoch, self._slice)

        def change(work: UnitOfWork) -> None:
            work.streams.slice_done(*place, {}, counters)
            if not is_over(work.streams.get(self.org, self.run, self._stream)):
                work.streams.update(self.org, self.run, self._stream, **committed(counters))

        self.context.books.write(change)
        self.note(
            f"{self._stream}: {counters.written} rows written",
            "stream.committed",
            rows=counters.written,
            rejected=counters.rejected,
        )
        return ending("done")

    def hear(self, message: Message) -> None:
        super().hear(message)
        if message["kind"] == "saved":
            counters = Counters(**message["counters"])
            self.context.books.write(lambda work: self._saved(work, message["state"], counters))

    def since(self, work: UnitOfWork) -> datetime | None:
        seen = self.look(work)
        saved = work.states.get(self.org, seen.flow.id, self._stream)
        return saved.updated_at if saved.run == self.run else None

    def _saved(self, work: UnitOfWork, state: Mapping[str, Any] | None, counters: Counters) -> None:
        stream = work.streams.get(self.org, self.run, self._stream)
        save_state(work, self.look(work), stream, state)
        work.streams.update(self.org, self.run, self._stream, state_after=state, counters=counters)

    def _tries(self, work: UnitOfWork) -> list[str]:
        return [attempt.id for attempt in work.attempts.list(self.org, self.run, self.task)]

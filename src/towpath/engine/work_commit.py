"""Publishing what the slices staged, and sweeping what will never be published."""

from collections.abc import Mapping
from typing import Any

from towpath.core.errors import TowpathError
from towpath.core.model import Checkpoint
from towpath.core.records import Counters, Level, RunStream, SliceStatus
from towpath.core.repositories import UnitOfWork
from towpath.engine.board import done_counters
from towpath.engine.channel import Message
from towpath.engine.children import Child
from towpath.engine.clearing import forget
from towpath.engine.context import Context, Outline
from towpath.engine.move import counters_json, unpack
from towpath.engine.work import Ending, Work, committed, ending, is_over, save_state


class CommitWork(Work):
    """Commit one stream of a parallel plan."""

    def __init__(self, context: Context, org: str, run: str, stream: str, epoch: int) -> None:
        super().__init__(context, org, run)
        self._stream = stream
        self._epoch = epoch

    @property
    def task(self) -> str:
        return f"commit/{self._stream}/{self._epoch}"

    @property
    def stream(self) -> str:
        return self._stream

    def over(self, work: UnitOfWork, seen: Outline) -> Ending | None:
        stream = work.streams.get(self.org, self.run, self._stream)
        if is_over(stream):
            return ending("done")
        slices = work.streams.slices(self.org, self.run, self._stream)
        complete = all(piece.status is SliceStatus.DONE for piece in slices)
        if seen.unwanted or stream.epoch != self._epoch or not complete:
            return ending("skipped")
        return None

    def brief(self) -> dict[str, Any]:
        def look(work: UnitOfWork) -> dict[str, Any]:
            stream = work.streams.get(self.org, self.run, self._stream)
            slices = work.streams.slices(self.org, self.run, self._stream)
            counters = sum((piece.counters for piece in slices), Counters())
            return {
                "kind": "commit",
                "selection": stream.selection,
                "target": stream.target,
                "receipts": [piece.receipt for piece in slices],
                "state": stream.state_after,
                "counters": counters_json(counters),
                "inbox": None if self.look(work).run.parent is None else [],
                "stop_on_rejected": False,
            }

        return self.context.books.read(look)

    def hear(self, message: Message) -> None:
        if message["kind"] == "saved":
            counters = Counters(**message["counters"])
            self.context.books.write(lambda work: self._saved(work, message["state"], counters))

    def done(self, result: Mapping[str, Any], child: Child) -> Ending:
        stream = self.context.books.read(lambda work: work.streams.get(self.org, self.run, self._stream))
        counters = stream.counters
        self.note(
            f"{self._stream}: {counters.written} rows written",
            "stream.committed",
            rows=counters.written,
            rejected=counters.rejected,
        )
        return ending("done")

    def give_up(self, error: TowpathError) -> Ending:
        text = f"{self._stream} failed: {error}"
        self.note(text, "stream.failed", level=Level.ERROR, code=error.code, hint=error.hint)
        self.fail_stream(self._stream, error)
        return ending("failed")

    def _saved(self, work: UnitOfWork, state: Mapping[str, Any] | None, counters: Counters) -> None:
        stream = work.streams.get(self.org, self.run, self._stream)
        save_state(work, self.look(work), stream, state)
        work.streams.update(self.org, self.run, self._stream, **committed(counters))


class DiscardWork(Work):
    """Sweep the staging of the streams that were not committed.

    A commit may have been killed between its last act and the moment that it was heard of: what the
    destination remembers tells, and the store follows.
    """

    killable = False
    max_attempts = 3
    reads = False

    @property
    def task(self) -> str:
        return "discard/0"

    def over(self, work: UnitOfWork, seen: Outline) -> Ending | None:
        return None if self._targets(work) else ending("done")

    def brief(self) -> dict[str, Any]:
        targets = self.context.books.read(self._targets)
        return {"kind": "discard", "targets": [stream.target for stream in targets]}

    def done(self, result: Mapping[str, Any], child: Child) -> Ending:
        for stream, checkpoint in result["committed"].items():
            if checkpoint is not None:
                self._catch_up(stream, Checkpoint.from_json(checkpoint))
        return ending("done")

    def give_up(self, error: TowpathError) -> Ending:
        text = f"What was staged could not be swept: {error} The next run of the flow sweeps it."
        self.note(text, "discard.failed", level=Level.WARNING, code=error.code)
        return ending("failed")

    def _targets(self, work: UnitOfWork) -> list[RunStream]:
        streams = work.streams.list(self.org, self.run)
        return [stream for stream in streams if stream.target and not _is_committed(stream)]

    def _catch_up(self, name: str, checkpoint: Checkpoint) -> None:
        def change(work: UnitOfWork) -> None:
            stream = work.streams.get(self.org, self.run, name)
            if checkpoint.run != stream.target["run"]:
                return
            seen = self.look(work)
            state, counters = unpack(checkpoint.state)
            if seen.run.clear:
                forget(work, seen, name)
            else:
                save_state(work, seen, stream, state)
            if stream.ordered:
                changes: dict[str, Any] = {"state_after": state, "counters": counters}
            else:
                changes = committed(done_counters(work, self.org, self.run, name, ordered=False))
            work.streams.update(self.org, self.run, name, **changes)

        try:
            self.context.books.write(change)
        except TowpathError as error:  # reset meanwhile: then there is nothing to go on from
            self.note(str(error), "state.reset", level=Level.WARNING)


def _is_committed(stream: RunStream) -> bool:
    return is_over(stream) and stream.error is None

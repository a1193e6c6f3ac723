"""Planning the streams of a run, and planning them again after their snapshot was lost."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.errors import TowpathError
from towpath.core.model import ReadMode
from towpath.core.records import Level, RunSlice, RunStream, StreamStatus, now
from towpath.core.repositories import UnitOfWork
from towpath.engine import retries
from towpath.engine.children import Child
from towpath.engine.clearing import placed
from towpath.engine.context import Context, Outline
from towpath.engine.holds import Hold
from towpath.engine.work import Ending, Work, ending


class PlanWork(Work):
    """Plan all streams of the run (epoch 0), or the named ones anew under a later epoch."""

    spare = True

    def __init__(
        self, context: Context, org: str, run: str, epoch: int, streams: Sequence[str] | None
    ) -> None:
        super().__init__(context, org, run)
        self._epoch = epoch
        self._streams = streams

    @property
    def task(self) -> str:
        return f"plan/{self._epoch}"

    @property
    def run_key(self) -> str:
        """Staging of an earlier epoch must not mix with this one's."""
        return f"{self.run}~{self._epoch}" if self._epoch else self.run

    def over(self, work: UnitOfWork, seen: Outline) -> Ending | None:
        if seen.unwanted:
            return ending("skipped")
        known = {stream.stream: stream for stream in work.streams.list(self.org, self.run)}
        wanted = known if self._streams is None else self._streams
        planned = all(name in known and known[name].epoch >= self._epoch for name in wanted)
        return ending("done") if known and planned else None

    def brief(self) -> dict[str, Any]:
        def look(work: UnitOfWork) -> dict[str, Any]:
            seen = self.look(work)
            states = {state.stream: state for state in work.states.list(self.org, seen.flow.id)}
            return {
                "kind": "plan" if seen.run.parent is None else "plan_retry",
                "retry": retries.origins(work, seen.run),
                "org": self.org,
                "run": self.run,
                "run_key": self.run_key,
                "epoch": self._epoch,
                "flow": seen.flow.id,
                "export": seen.export.spec.model_dump(mode="json"),
                "import": seen.imported.spec.model_dump(mode="json"),
                "only": seen.run.streams if self._streams is None else self._streams,
                # The reset that a full run is happens once, with its first plan.
                "full": seen.run.full and not self._epoch,
                "states": {
                    name: {"generation": state.generation, "state": state.state}
                    for name, state in states.items()
                },
            }

        settings = self.context.settings
        watch = {"watcher": settings.watcher, "watcher_args": dict(settings.watcher_args)}
        return self.context.books.read(look) | watch

    def done(self, result: Mapping[str, Any], child: Child) -> Ending:
        self.context.books.write(lambda work: self._save(work, result["streams"]))
        if result["held"]:
            self.context.holds.add(Hold(child, self.org, self.run, result["held"]))
        for planned in result["streams"]:
            self._tell(planned)
        if not result["streams"]:
            self.note("The source offers no streams: nothing is moved", "run.empty", level=Level.WARNING)
        return ending("done")

    def give_up(self, error: TowpathError) -> Ending:
        self.note(str(error), "plan.failed", level=Level.ERROR, code=error.code, hint=error.hint)
        for stream in self._streams or ():
            self.fail_stream(stream, error)
        return ending("failed", error)

    def _save(self, work: UnitOfWork, planned: Sequence[Mapping[str, Any]]) -> None:
        seen = self.look(work)
        known = {stream.stream: stream.epoch for stream in work.streams.list(self.org, self.run)}
        for one in planned:
            name = one["stream"]
            if known.get(name, -1) >= self._epoch:
                continue
            if seen.run.full and not self._epoch and _keeps_state(one):
                work.states.reset(self.org, seen.flow.id, name)
            work.streams.save_plan(self.org, self._row(seen, one), self._slices(one))

    def _row(self, seen: Outline, one: Mapping[str, Any]) -> RunStream:
        error = one.get("error")
        return RunStream(
            org=self.org,
            run=self.run,
            stream=one["stream"],
            status=StreamStatus.PLANNED if error is None else StreamStatus.FAILED,
            epoch=self._epoch,
            selection=one["selection"],
            target=placed(one["target"], seen),
            state_before=one.get("state_before"),
            state_after=one.get("state_after"),
            ordered=one.get("ordered", False),
            pinned=one.get("pinned", False),
            rows_expected=one.get("rows_expected"),
            error=error,
            ended_at=None if error is None else now(),
        )

    def _slices(self, one: Mapping[str, Any]) -> list[RunSlice]:
        return [
            RunSlice(
                org=self.org,
                run=self.run,
                stream=one["stream"],
                epoch=self._epoch,
                slice=piece["id"],
                spec=piece,
            )
            for piece in one.get("slices", ())
        ]

    def _tell(self, one: Mapping[str, Any]) -> None:
        stream, error = one["stream"], one.get("error")
        note = self.context.diary.note
        if error is not None:
            note(
                self.org,
                self.run,
                error["message"],
                "stream.failed",
                level=Level.ERROR,
                stream=stream,
                code=error["code"],
                hint=error["hint"],
            )
            return
        slices, rows = len(one["slices"]), one["rows_expected"]
        about = "" if rows is None else f", about {rows} rows"
        kind = "in order, in micro-batches" if one["ordered"] else f"in {slices} slices"
        note(
            self.org,
            self.run,
            f"{stream} is read {kind}{about}",
            "stream.planned",
            stream=stream,
            slices=slices,
            rows=rows,
            epoch=self._epoch,
        )


def _keeps_state(one: Mapping[str, Any]) -> bool:
    return bool(one["selection"]) and one["selection"]["mode"] != ReadMode.FULL_REFRESH

"""Planning to clear: which targets are emptied, seen from what the flow wrote. The source is not asked."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from towpath.core.errors import ConfigError, NotFoundError
from towpath.core.model import Target, WriteMode
from towpath.core.ports import Connector
from towpath.core.records import RunStream, SavedState, StreamStatus
from towpath.core.repositories import UnitOfWork
from towpath.engine.context import Outline

_PAGE = 50
_CONNECTION = "connection"


def plan_clear(work: UnitOfWork, seen: Outline) -> list[RunStream]:
    """Store a row for each stream that the run is to clear; none if the flow has written nothing.

    The target has the flow's present lineage: that nothing was read is then remembered in the very act that
    empties it, and is true even if the state is never reset. # Invariant 1
    """
    if seen.flow.pipeline is not None:  # nobody knows which of the records in the other systems are its own
        for saved in work.states.list(seen.run.org, seen.flow.id):
            work.states.reset(seen.run.org, seen.flow.id, saved.stream)
        return []
    chosen = _chosen(seen)
    rows = []
    for saved in work.states.list(seen.run.org, seen.flow.id):
        written = _written(work, seen, saved) if chosen is None or saved.stream in chosen else None
        if written is not None:
            rows.append(_row(seen, saved, written))
            work.streams.save_plan(seen.run.org, rows[-1], ())
    return rows


def forget(work: UnitOfWork, seen: Outline, stream: str) -> None:
    """Have the next run read all of the stream again."""
    work.states.reset(seen.run.org, seen.run.flow, stream)


def check_clearable(connector: Connector[Any]) -> None:
    """Raises `ConfigError` (``clear.unsupported``) if what the connector has written cannot be emptied."""
    if WriteMode.OVERWRITE not in connector.write_modes:
        raise ConfigError(
            "clear.unsupported",
            f"{connector.title} cannot empty what was written to it.",
            hint="Remove it there. `towpath state reset` makes the next run read everything again.",
        )


def _chosen(seen: Outline) -> tuple[str, ...] | None:
    """None for every stream that there is."""
    return seen.run.streams or tuple(read.name for read in seen.export.spec.streams) or None


def _written(work: UnitOfWork, seen: Outline, saved: SavedState) -> RunStream | None:
    """The stream as it was written last to where the flow writes now; None if it never was."""
    if saved.run is not None:
        try:
            stream = work.streams.get(seen.run.org, saved.run, saved.stream)
        except NotFoundError:
            pass
        else:
            return stream if _is_here(stream, seen) else None
    # The state was set or reset since, or that run was deleted.
    return next((one for one in _history(work, seen, saved.stream) if _is_here(one, seen)), None)


def placed(target: Mapping[str, Any], seen: Outline) -> dict[str, Any]:
    """`Target.to_json`, as a run keeps it: with the connection that it is in; empty if there is no target."""
    return {**target, _CONNECTION: seen.imported.connection} if target else {}


def _is_here(stream: RunStream, seen: Outline) -> bool:
    """A table of the same name in another place is somebody else's. Runs of earlier versions say nothing."""
    return bool(stream.target.get(_CONNECTION, seen.imported.connection) == seen.imported.connection)


def _history(work: UnitOfWork, seen: Outline, name: str) -> Iterator[RunStream]:
    """The stream in every run that wrote it, the newest first."""
    after = None
    while runs := work.runs.list(
        seen.run.org, flow=seen.flow.id, newest_first=True, limit=_PAGE, after=after
    ):
        for run in runs:
            if run.parent is not None:  # a retry writes where its parent did
                continue
            streams = work.streams.list(seen.run.org, run.id)
            yield from (stream for stream in streams if stream.stream == name and _has_written(stream))
        after = runs[-1].id


def _has_written(stream: RunStream) -> bool:
    """Also if the rest of an ordered plan failed after its first commits."""
    partly = stream.ordered and stream.state_after is not None
    return bool(stream.target) and (partly or stream.status is StreamStatus.COMMITTED)


def _row(seen: Outline, saved: SavedState, written: RunStream) -> RunStream:
    target = replace(
        Target.from_json(written.target),
        mode=WriteMode.OVERWRITE,
        run=seen.run.id,
        lineage=f"{seen.flow.id}:{saved.generation}",
    )
    return RunStream(
        org=seen.run.org,
        run=seen.run.id,
        stream=saved.stream,
        selection=written.selection,
        target=placed(target.to_json(), seen),
    )

"""What a run of the records lane is told: seen from the store, by the worker."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from towpath.core.errors import AuthError, NotFoundError
from towpath.core.flows import ExportSpec
from towpath.core.ids import of_object_id
from towpath.core.model import ReadMode
from towpath.core.pipelines import GIVEN, WINDOW, Pipeline
from towpath.core.records import Connection, ConnectionStatus, ErrorStatus, Export, RunStream, now
from towpath.core.repositories import UnitOfWork
from towpath.engine.context import Outline

#: Kinds of exports that read nothing: records are posted to them.
POSTED = ("webhook", "simple")
#: Open errors whose trace keys are looked for; older ones stay open.
_MOST_KEYS = 5_000
_OFFLINE = (ConnectionStatus.ERROR, ConnectionStatus.EXPIRED, ConnectionStatus.REVOKED)

Words = Callable[[Connection], Mapping[str, Any]]


def plain_words(connection: Connection) -> Mapping[str, Any]:
    """What templates know of a connection where nobody says more."""
    return {"id": connection.id, "name": connection.name}


def generators_of(seen: Outline) -> list[str]:
    """The generators that the run is to read, in their order; none for a retry."""
    if seen.run.parent is not None:
        return []
    known = [generator.step for generator in pipeline_of(seen).generators]
    return [step for step in dict.fromkeys(known) if seen.run.streams is None or step in seen.run.streams]


def pipeline_of(seen: Outline) -> Pipeline:
    if seen.flow.pipeline is None:
        raise ValueError("not a flow of the records lane")
    return seen.flow.pipeline


def plan(work: UnitOfWork, seen: Outline) -> list[RunStream]:
    """Store a row for each step of the run, with what must not change from one attempt to the next."""
    pipeline, read = pipeline_of(seen), generators_of(seen)
    again = {error.stream for error in claimed(work, seen)} if seen.run.parent else set()
    places = [(one.step, "export") for one in pipeline.generators]
    places += [(one.step, one.kind) for one in pipeline.all_processors]
    rows: dict[str, RunStream] = {}
    for position, (step, kind) in enumerate(places):
        if step in rows or (kind == "export" and step not in read and step not in again):
            continue
        before = _before(work, seen, step) if step in read else None
        rows[step] = RunStream(
            org=seen.run.org,
            run=seen.run.id,
            stream=step,
            selection={"kind": kind, "position": position},
            target={},
            state_before=before,
        )
    for row in rows.values():
        work.streams.save_plan(seen.run.org, row, ())
    return work.streams.list(seen.run.org, seen.run.id)  # type: ignore[return-value]  # a sequence, as is a list


def claimed(work: UnitOfWork, seen: Outline) -> list[Any]:
    """The errors whose records a retry is still to send, in their order."""
    return list(work.record_errors.list(seen.run.org, retry=seen.run.id, status=ErrorStatus.RETRYING))


def claim_all(work: UnitOfWork, seen: Outline) -> None:
    """A retry for which nobody chose any errors sends all that its parent left open."""
    if seen.run.parent is None or claimed(work, seen):
        return
    errors = work.record_errors.list(seen.run.org, run=seen.run.parent, status=ErrorStatus.OPEN)
    work.record_errors.claim(seen.run.org, [error.id for error in errors], seen.run.id)


def check_online(work: UnitOfWork, seen: Outline) -> None:
    """Raises `AuthError` (``connection.offline``) if a connection of the flow is known not to work."""
    for step, connection in _connections(seen):
        row = work.connections.get(seen.run.org, connection)
        if row.status in _OFFLINE:
            raise AuthError(
                "connection.offline",
                f"The connection {row.name!r} is offline: {row.error or row.status}.",
                hint="Sign in again, or test the connection; then run the flow again.",
                step=step,
                connection=row.id,
            )


def brief(work: UnitOfWork, seen: Outline, rows: Sequence[RunStream], words: Words) -> dict[str, Any]:
    """The task for the child, without secrets."""
    by_step = {row.stream: row for row in rows}
    read = generators_of(seen)
    retry = None if seen.run.parent is None else [asdict_of(error) for error in claimed(work, seen)]
    return {
        "kind": "pages",
        "pipeline": pipeline_of(seen).model_dump(mode="json"),
        "words": _words(work, seen),
        "steps": dict(_steps(seen, by_step)),
        "connections": dict(_known(work, seen, words)),
        "generators": read,
        "given": _given(work, seen, read),
        "progress": {step: by_step[step].state_after for step in read},
        "counters": {step: asdict(row.counters) for step, row in by_step.items()},
        "published": [
            row.stream for row in rows if row.selection["kind"] == "import" and row.state_after is not None
        ],
        "retry": retry,
    }


def open_keys(work: UnitOfWork, seen: Outline) -> dict[str, dict[str, list[str]]]:
    """Ids of the flow's open errors, by step and trace key."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    equals: dict[str, Any] = {"flow": seen.flow.id, "status": ErrorStatus.OPEN}
    if not pipeline_of(seen).auto_resolve or not work.record_errors.count(seen.run.org, **equals):
        return {}
    for error in work.record_errors.list(seen.run.org, newest_first=True, limit=_MOST_KEYS, **equals):
        key = error.detail.get("trace_key")
        if key and error.run != seen.run.id:
            found[error.stream][key].append(error.id)
    return {step: dict(keys) for step, keys in found.items()}


def asdict_of(error: Any) -> dict[str, Any]:
    return {
        "id": error.id,
        "stream": error.stream,
        "record": error.record,
        "detail": dict(error.detail),
    }


def stacks_of(document: Any) -> Iterator[str]:
    """Ids of all connections to extension servers that a document of ours names."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if name == "stack" and isinstance(value, str):
                yield value
            elif name == "_stackId" and isinstance(value, str):
                yield value if "_" in value else of_object_id("con", value)
            elif name != "configuration":
                yield from stacks_of(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from stacks_of(value)


def is_posted(export: ExportSpec) -> bool:
    """Whether records are posted to it, so that it needs no connection."""
    return export.pages is not None and export.pages.kind in POSTED


def _connections(seen: Outline) -> Iterator[tuple[str, str]]:
    for export in seen.exports:
        if not is_posted(export.spec):
            yield export.id, export.connection
    for imported in seen.imports:
        yield imported.id, imported.connection


def connections(seen: Outline) -> dict[str, str]:
    """Ids of all connections of the flow, those to extension servers too, by themselves."""
    found = [connection for _, connection in _connections(seen)]
    documents = [
        *(export.spec.model_dump(mode="json") for export in seen.exports),
        *(imported.spec.model_dump(mode="json") for imported in seen.imports),
        pipeline_of(seen).model_dump(mode="json"),
    ]
    return {id: id for id in dict.fromkeys([*found, *stacks_of(documents)])}


def _steps(seen: Outline, rows: Mapping[str, RunStream]) -> Iterator[tuple[str, dict[str, Any]]]:
    for export in seen.exports:
        before = (rows[export.id].state_before if export.id in rows else None) or {}
        yield (
            export.id,
            {
                "name": export.name,
                "connection": None if is_posted(export.spec) else export.connection,
                "export": export.spec.model_dump(mode="json"),
                "since": before.get("since"),
                "until": before.get("until"),
                "state": before.get("state"),
            },
        )
    for imported in seen.imports:
        yield (
            imported.id,
            {
                "name": imported.name,
                "connection": imported.connection,
                "import": imported.spec.model_dump(mode="json"),
            },
        )


def _known(work: UnitOfWork, seen: Outline, words: Words) -> Iterator[tuple[str, dict[str, Any]]]:
    for id in connections(seen):
        row = work.connections.get(seen.run.org, id)
        lender = row
        if row.lender is not None:
            lender = work.connections.find(seen.run.org, id=row.lender, deleted_at=None) or row
        yield (
            id,
            {
                "level": lender.max_parallel,
                "lane": lender.id,
                "words": dict(words(row)),
                "debugging": row.debug_until is not None and now() < row.debug_until,
            },
        )


def _words(work: UnitOfWork, seen: Outline) -> dict[str, Any]:
    flow, run = seen.flow, seen.run
    words: dict[str, Any] = {
        "flow": {"id": flow.id, "name": flow.name},
        "job": {"id": run.id, "parent": run.parent, "cause": run.cause},
        "settings": {"flow": dict(pipeline_of(seen).settings)},
        "testMode": False,
    }
    if flow.integration is not None:
        try:
            integration = work.integrations.get(run.org, flow.integration)
        except NotFoundError:
            return words
        words["integration"] = {"id": integration.id, "name": integration.name}
        settings = integration.metadata.get("settings")
        words["settings"]["integration"] = settings if isinstance(settings, Mapping) else {}
    return words


def _given(work: UnitOfWork, seen: Outline, read: Sequence[str]) -> dict[str, list[Any]]:
    """What was posted to the generators for this run."""
    found: dict[str, list[Any]] = {}
    for value in work.values.find(seen.run.org, seen.run.id, prefix=GIVEN, limit=100_000):
        step = value.value.get("step")
        if step in read:
            found.setdefault(step, []).extend(value.value.get("records", []))
    for export in seen.exports:
        if export.id in read and is_posted(export.spec):
            found.setdefault(export.id, [])
    return found


def given_rest(work: UnitOfWork, seen: Outline, row: RunStream) -> list[Any]:
    """What was posted to a generator and has not gone on yet."""
    given = _given(work, seen, [row.stream]).get(row.stream, [])
    progress = row.state_after or {}
    if progress.get("done"):
        return []
    after = progress.get("after") or {}
    return given[int((after.get("app") or {}).get("offset", 0)) :]


def _before(work: UnitOfWork, seen: Outline, step: str) -> dict[str, Any]:
    """From when to when, and from which state, the run reads an export."""
    export = next(one for one in seen.exports if one.id == step)
    saved = work.states.get(seen.run.org, seen.flow.id, step)
    window = work.values.get(seen.run.org, seen.run.id, WINDOW)
    state = {} if seen.run.full else dict(saved.state or {})
    before: dict[str, Any] = {
        "generation": saved.generation,
        "since": _since(export, state.get("since")),
        "until": (seen.run.started_at or now()).isoformat(),
        "state": state.get("state"),
    }
    if window is not None:
        chosen = {name: window.value.get(name) for name in ("since", "until") if window.value.get(name)}
        before |= chosen | {"window": True}
    return before


def _since(export: Export, saved: str | None) -> str | None:
    """The cutoff of an export: when the last run that succeeded had begun, less the lag."""
    pages = export.spec.pages
    if pages is None or pages.kind != "delta":
        return None
    delta = pages.delta
    if saved is None:
        return delta.start.isoformat() if delta and delta.start else None
    lag = timedelta(seconds=delta.lag if delta else 0)
    return (datetime.fromisoformat(saved) - lag).isoformat()


def state_to_save(export: Export, row: RunStream) -> dict[str, Any] | None:
    """What the flow is to remember of an export once the run has succeeded; None if nothing.

    A run over a window that somebody chose remembers nothing: the next one goes on where the last did.
    """
    before, progress = row.state_before or {}, row.state_after or {}
    if before.get("window"):
        return None
    state: dict[str, Any] = {}
    if export.spec.pages is not None and export.spec.pages.kind == "delta":
        state["since"] = before.get("until")
    streams = export.spec.streams
    if streams and streams[0].mode is ReadMode.INCREMENTAL and progress.get("remember") is not None:
        state["state"] = progress["remember"]
    return state or None

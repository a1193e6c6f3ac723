"""Planning a run in its child process: discover, choose, plan and prepare every stream."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from towpath.core.errors import TowpathError
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.model import Plan, ReadMode, Selection, State, Target
from towpath.core.ports import Connector, Destination, Source
from towpath.engine.inbox import InboxSource
from towpath.engine.move import unpack
from towpath.engine.planning import Frame, Wish, clash, retried, selection_of, target_of, wishes

Planned = dict[str, Any]


def plan_run(
    task: Mapping[str, Any],
    source_connector: Connector[Any],
    destination_connector: Connector[Any],
    source: Source,
    destination: Destination,
) -> list[Planned]:
    """One JSON object per stream, in the flow's order: its plan, or the error that rules it out.

    Raises `ConfigError` if the flow as a whole makes no sense, and every retryable error.
    """
    imported = ImportSpec.model_validate(task["import"])
    frame = Frame(
        run=task["run_key"],
        namespace=imported.namespace,
        full=task["full"],
        source=source_connector,
        destination=destination_connector,
    )
    offered = source.discover()
    wanted = wishes(ExportSpec.model_validate(task["export"]), imported, offered, task["only"])
    planned: dict[str, Planned] = {}
    chosen: dict[str, tuple[Selection, Target]] = {}
    for wish in wanted:
        name = wish.read.name
        try:
            selection = selection_of(wish.read, offered, frame)
            chosen[name] = (selection, target_of(selection, wish.write, frame, _lineage(task, wish)))
        except TowpathError as error:
            planned[name] = _failed(name, error)
    clashes = clash({name: target for name, (_, target) in chosen.items()})
    for name, (selection, target) in chosen.items():
        try:
            if name in clashes:
                raise clashes[name]
            planned[name] = _plan_stream(task, source, destination, selection, target)
        except TowpathError as error:
            planned[name] = _failed(name, _final(error, name), selection, target)
    _prepare(destination, planned, chosen)
    return [planned[wish.read.name] for wish in wanted]


def plan_retry(task: Mapping[str, Any], connector: Connector[Any], destination: Destination) -> list[Planned]:
    """The same for a retry: its streams are planned as those of its parent were, but for the source."""
    planned: dict[str, Planned] = {}
    chosen: dict[str, tuple[Selection, Target]] = {}
    for name, origin in task["retry"].items():
        selection, target = retried(origin, task["run_key"], connector)
        chosen[name] = (selection, target)
        source = InboxSource(rows=origin["rows"])
        planned[name] = _plan_stream(task, source, destination, selection, target)
    _prepare(destination, planned, chosen)
    return list(planned.values())


def _prepare(
    destination: Destination, planned: dict[str, Planned], chosen: Mapping[str, tuple[Selection, Target]]
) -> None:
    """Prepare the targets of what could be planned. It comes last, so that a plan that is given up halfway
    leaves no staging behind.
    """
    prepared: list[Target] = []
    for name, (selection, target) in chosen.items():
        if "error" in planned[name]:
            continue
        prepared.append(target)
        try:
            destination.prepare(target)
        except TowpathError as error:
            if error.retryable:
                _sweep(destination, prepared)
            planned[name] = _failed(name, _final(error, name), selection, target)


def _sweep(destination: Destination, targets: Sequence[Target]) -> None:
    for target in targets:
        with suppress(TowpathError):
            destination.discard(target)


def _final(error: TowpathError, stream: str) -> TowpathError:
    """The error, unless it may pass: then the whole plan is tried again."""
    if error.retryable:
        raise error.with_context(stream=stream)
    return error


def _plan_stream(
    task: Mapping[str, Any],
    source: Source,
    destination: Destination,
    selection: Selection,
    target: Target,
) -> Planned:
    state = _state_before(task, destination, selection, target)
    plan = source.plan(selection, state)
    return {
        "stream": target.stream,
        "selection": selection.to_json(),
        "target": target.to_json(),
        "slices": [piece.to_json() for piece in plan.slices],
        "state_before": None if state is None else dict(state),
        "state_after": None if plan.state is None else dict(plan.state),
        "ordered": plan.ordered,
        "pinned": plan.pinned,
        "rows_expected": _rows_expected(selection, plan, state),
    }


def _state_before(
    task: Mapping[str, Any], destination: Destination, selection: Selection, target: Target
) -> State | None:
    """Where the last run left off: what the destination remembers, or else what the store does."""
    if selection.mode is ReadMode.FULL_REFRESH:
        return None
    known = destination.committed(target)
    if known is not None:
        return unpack(known.state)[0]
    saved: State | None = task["states"].get(target.stream, {}).get("state")
    return None if task["full"] else saved


def _lineage(task: Mapping[str, Any], wish: Wish) -> str:
    saved = task["states"].get(wish.read.name, {"generation": 0})
    # Reading everything again is a new generation: nothing remembered under the old one counts.
    fresh = task["full"] and wish.read.mode is not ReadMode.FULL_REFRESH
    return f"{task['flow']}:{saved['generation'] + int(fresh)}"


def _rows_expected(selection: Selection, plan: Plan, state: State | None) -> int | None:
    rows = [piece.rows for piece in plan.slices]
    if plan.slices and None not in rows:
        return sum(count for count in rows if count is not None)
    return selection.stream.rows if state is None and not selection.where else None


def _failed(name: str, error: TowpathError, *ends: Selection | Target) -> Planned:
    selection, target = [end.to_json() for end in ends] or [{}, {}]
    return {"stream": name, "selection": selection, "target": target, "error": error.to_json()}

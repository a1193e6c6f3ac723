"""What uses what."""

from collections.abc import Collection, Sequence
from datetime import datetime

from towpath.core.records import Flow
from towpath.core.repositories import UnitOfWork


def flows_with(work: UnitOfWork, org: str, steps: Collection[str]) -> Sequence[Flow]:
    """The flows that have any of these exports and imports."""
    wanted = set(steps)
    return [flow for flow in work.flows.list(org) if wanted & {*flow.exports, *flow.imports}]


def steps_over(work: UnitOfWork, org: str, connections: Collection[str]) -> tuple[list[str], list[str]]:
    """Ids of the exports and of the imports that use any of these connections."""
    ids = list(connections)
    if not ids:
        return [], []
    exports = [row.id for row in work.exports.list(org, connection=ids)]
    return exports, [row.id for row in work.imports.list(org, connection=ids)]


def last_cutoff(work: UnitOfWork, flow: Flow) -> datetime | None:
    """Where the next run of the flow reads changes from: the earliest of its exports' cutoffs. None before
    the first run that succeeded.
    """
    states = [work.states.get(flow.org, flow.id, export).state for export in flow.exports]
    found = [datetime.fromisoformat(state["since"]) for state in states if state and state.get("since")]
    return min(found, default=None)

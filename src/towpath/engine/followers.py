"""Flows that start when another one has succeeded."""

from towpath.core.records import Run, RunStatus
from towpath.core.repositories import UnitOfWork

CAUSE = "next"


def start(work: UnitOfWork, run: Run) -> None:
    """Queue a run of each flow that follows on the one of ``run``, which has just succeeded: in the unit of
    work that says so, and therefore once. One that waits already is enough.
    """
    flow = work.flows.find(run.org, id=run.flow)
    if flow is None or flow.pipeline is None or run.clear:
        return
    for id in dict.fromkeys(flow.pipeline.run_next):
        follower = work.flows.find(run.org, id=id)
        if follower is None or not follower.enabled:
            continue
        if not work.runs.list(run.org, flow=id, status=RunStatus.QUEUED, clear=False, limit=1):
            work.runs.add(run.org, Run(org=run.org, flow=id, cause=CAUSE))

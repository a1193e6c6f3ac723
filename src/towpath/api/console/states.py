"""How runs are told in this family: as tasks, in words that its consoles know."""

from datetime import UTC, datetime

from towpath.core.records import Run, RunStatus

#: A run that waits for an earlier one of its job is under way, for whoever asked for it.
_STATES = {
    RunStatus.QUEUED: "running",
    RunStatus.RUNNING: "running",
    RunStatus.SUCCEEDED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "canceled",
}


def state(run: Run) -> str:
    """``running``, ``completed``, ``failed`` or ``canceled``: a job's ``last_run_state``."""
    return _STATES[run.status]


def status(run: Run) -> str:
    """``Running`` and so on: a task's ``status``."""
    return state(run).capitalize()


def kind(run: Run) -> str:
    """``sync`` or ``clear``: a job's ``last_run_type``, a task's ``job_type``."""
    return "clear" if run.clear else "sync"


def began(run: Run) -> datetime:
    """When it started; for one that waits, when it was asked for."""
    return run.started_at or run.created_at


def moment(at: datetime | None) -> str:
    """ISO 8601 in UTC, to the second; empty for never."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""


def last_run(run: Run | None) -> dict[str, str]:
    """The three fields that tell how a job went last; all empty if it never ran."""
    if run is None:
        return {"last_run_time": "", "last_run_state": "", "last_run_type": ""}
    return {
        "last_run_time": moment(began(run)),
        "last_run_state": state(run),
        "last_run_type": kind(run),
    }

"""``/jobs/{jobid}/tasks``: the history of a job."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel

from towpath.api.console import states
from towpath.api.console.answers import Answer
from towpath.api.console.members import Here
from towpath.api.kit.routing import Router
from towpath.core.records import Counters
from towpath.services.jobs.tasks import MOST, Task, Tasks

JOBS = "/api/v1/project/{projectid}/jobs"

JobNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the job.")]
TaskName = Annotated[str, Path(min_length=1, max_length=64, description="Number of the task.")]

router = Router(prefix=JOBS, tags=["Tasks"])


class Problem(BaseModel):
    """Why a task failed."""

    code: str
    message: str
    hint: str


class TaskView(BaseModel):
    """One execution of a job."""

    id: str
    start_time: str
    runtime: int
    """Whole seconds, until now for one that runs."""
    runtime_text: str
    """``1m30s``."""
    status: str
    """``Running``, ``Completed``, ``Failed`` or ``Canceled``."""
    file_path: str
    """What the log is asked for with."""
    job_type: str
    """``sync`` or ``clear``."""
    cause: str
    rows: int
    """Read from the source. All of them are written, filtered or rejected in the end."""
    written: int
    filtered: int
    rejected: int
    bytes: int
    error: Problem | None


@router.get("/{jobid}/tasks", summary="List the tasks of a job, the newest first")
def list_tasks(
    here: Here,
    jobid: JobNumber,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
    before: Annotated[
        str | None, Query(max_length=64, description="Number of a task: only earlier ones.")
    ] = None,
) -> Answer[list[TaskView]]:
    tasks = Tasks(*here.use).history(here.org, here.project, jobid, limit=limit, before=before)
    return Answer(message="Tasks of the job", data=[view(task) for task in tasks])


def view(task: Task) -> TaskView:
    """The task as clients see it."""
    run, seconds = task.run, task.seconds
    return TaskView(
        id=str(task.number),
        start_time=states.moment(states.began(run)),
        runtime=seconds,
        runtime_text=duration(seconds),
        status=states.status(run),
        file_path=run.id,
        job_type=states.kind(run),
        cause=run.cause,
        error=_problem(run.error),
        **counted(task.counters),
    )


def counted(counters: Counters) -> dict[str, int]:
    """What became of the records, in words of this family."""
    return {
        "rows": counters.read,
        "written": counters.written,
        "filtered": counters.filtered,
        "rejected": counters.rejected,
        "bytes": counters.bytes,
    }


def duration(seconds: int) -> str:
    """In words of consoles.

    >>> duration(0), duration(90), duration(3600), duration(90061)
    ('0s', '1m30s', '1h0m0s', '25h1m1s')
    """
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _problem(error: Mapping[str, Any] | None) -> Problem | None:
    if error is None:
        return None
    return Problem(**{name: str(error.get(name, "")) for name in ("code", "message", "hint")})

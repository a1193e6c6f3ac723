"""``/jobs/{jobid}/tasks/{id}/logs``: the log of a task, page by page or as a file."""

from pathlib import Path
from typing import Annotated, Literal

from fastapi import Body, Query
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from towpath.api.console.answers import Answer
from towpath.api.console.members import Here, Place
from towpath.api.console.tasks import JOBS, JobNumber, TaskName
from towpath.api.kit.routing import Router
from towpath.core.records import LogLine
from towpath.services.jobs.archive import Archive, archive
from towpath.services.jobs.tasks import Task, Tasks

router = Router(prefix=JOBS, tags=["Tasks"])

_REFUSED = 400

Cursor = Annotated[int, Query(ge=-1, le=2**53, description="A cursor of an answer; -1 is the end.")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="Most lines of the answer.")]
Direction = Annotated[Literal["older", "newer"], Query(description="Which side of the cursor.")]


class Line(BaseModel):
    """A line of a log."""

    level: str
    time: str
    message: str
    stream: str | None


class LogPage(BaseModel):
    """Some lines of a log, in their order, and where to go on from them."""

    logs: list[Line]
    older_cursor: int
    newer_cursor: int
    has_more_older: bool
    has_more_newer: bool


class TaskLogs(LogPage):
    """The same, with the lines under their published name as well."""

    task_logs: list[Line]


class Wanted(BaseModel):
    """Whose log is asked for."""

    file_path: str = ""
    """Of a task, as its job's tasks have it; without one the task in the path is meant."""


@router.get("/{jobid}/task/{id}/logs", summary="Read the log of a task")
@router.get("/{jobid}/tasks/{id}/logs", include_in_schema=False)
def read_logs(
    here: Here,
    jobid: JobNumber,
    id: TaskName,
    cursor: Cursor = -1,
    limit: Limit = 1000,
    direction: Direction = "older",
) -> Answer[TaskLogs]:
    page = _page(here, _task(here, jobid, id), cursor, limit, direction)
    return Answer(message="Log of the task", data=TaskLogs(task_logs=page.logs, **dict(page)))


@router.post("/{jobid}/tasks/{id}/logs", summary="Read the log of a task, page by page")
@router.post("/{jobid}/task/{id}/logs", include_in_schema=False)
def page_logs(
    here: Here,
    jobid: JobNumber,
    id: TaskName,
    wanted: Annotated[Wanted | None, Body()] = None,
    cursor: Cursor = -1,
    limit: Limit = 1000,
    direction: Direction = "older",
) -> Answer[LogPage]:
    """Consoles write any number for the task: the ``file_path`` says which one is meant."""
    task = _task(here, jobid, (wanted and wanted.file_path) or id)
    return Answer(message="Log of the task", data=_page(here, task, cursor, limit, direction))


@router.get(
    "/{jobid}/logs/download",
    summary="Download the log of a task as a tar.gz",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/gzip": {}}, "description": "logs/*.log, state.json and run.json"},
        206: {"content": {"application/gzip": {}}, "description": "The part that ``Range`` asks for"},
        416: {"description": "There is no such part"},
    },
)
def download_logs(
    here: Here, jobid: JobNumber, file_path: Annotated[str, Query(min_length=1, max_length=200)]
) -> FileResponse:
    task = _task(here, jobid, file_path)
    return _Passing(archive(here.rooms, here.org, task.run.id), f"job-{jobid}-task-{task.number}.tar.gz")


def line_of(line: LogLine) -> Line:
    """The line as clients see it."""
    at = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Line(level=line.level, time=at, message=line.message, stream=line.stream)


def _task(here: Place, job: int, name: str) -> Task:
    return Tasks(*here.use).get(here.org, here.project, job, name)


def _page(here: Place, task: Task, cursor: int, limit: int, direction: str) -> LogPage:
    page = Tasks(*here.use).log(task, cursor, limit, newer=direction == "newer")
    return LogPage(
        logs=[line_of(line) for line in page.lines],
        older_cursor=page.older,
        newer_cursor=page.newer,
        has_more_older=page.more_older,
        has_more_newer=page.more_newer,
    )


class _Passing(FileResponse):
    """Sends a file, or a part of it, and removes it, however that ends."""

    def __init__(self, found: Archive, name: str) -> None:
        # What the browser has of a task that goes on is not what the next request gets.
        headers = {"ETag": f'"{found.digest}"', "Cache-Control": "private, no-cache"}
        super().__init__(found.path, headers=headers, media_type="application/gzip", filename=name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= _REFUSED:
                raise _no_such_part(message)
            await send(message)

        try:
            await super().__call__(scope, receive, sent)
        finally:
            Path(self.path).unlink(missing_ok=True)  # noqa: ASYNC240 - must be done by who is cancelled, too


def _no_such_part(answer: Message) -> HTTPException:
    """The refusal in the words of this family, its facts kept."""
    headers = {name.decode(): value.decode() for name, value in answer["headers"] if name == b"content-range"}
    return HTTPException(answer["status"], "The file has no such part.", headers)

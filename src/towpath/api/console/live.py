"""``/jobs/{jobid}/tasks/{id}/events``: what happens, while it happens."""

from typing import Annotated, Any

from fastapi import Header, Query, Request
from starlette.responses import Response

from towpath.api.console.live_events import Seen
from towpath.api.console.live_feed import Live, Wanted, stream
from towpath.api.console.members import Here
from towpath.api.console.tasks import JOBS, JobNumber, TaskName
from towpath.api.kit.routing import Router
from towpath.api.kit.sse import EventStream
from towpath.services.jobs.tasks import Tasks

router = Router(prefix=JOBS, tags=["Tasks"])

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events: `status`, `log`, `progress`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    429: {"description": "Too many streams of this session"},
}
_OVER: dict[int | str, dict[str, Any]] = {204: {"description": "The client has seen the end of the task"}}

LastEvent = Annotated[
    str | None, Header(alias="Last-Event-ID", description="Id of the last event that the client has.")
]
#: Once a browser sends the header, its address still has what the page began with.
LastEventToo = Annotated[
    str | None,
    Query(alias="last_event_id", description="The same, or a cursor of the log: only what is newer."),
]


@router.get(
    "/{jobid}/tasks/{id}/events",
    summary="Follow a task to its end, by server-sent events",
    response_class=Response,
    responses=_EVENTS | _OVER,
)
def follow_task(
    request: Request,
    here: Here,
    jobid: JobNumber,
    id: TaskName,
    last_event: LastEvent = None,
    last_event_too: LastEventToo = None,
) -> Response:
    task = Tasks(*here.use).get(here.org, here.project, jobid, id)
    seen = Seen.parse(last_event or last_event_too)
    if seen.ended and seen.run == task.run.id:
        return Response(status_code=204)
    after = seen.seq if seen.run in (None, task.run.id) else 0
    return _stream(request, Wanted(here, task.run.flow, task, after))


@router.get(
    "/{jobid}/events",
    summary="Follow the newest task of a job by server-sent events, or else the next one",
    response_class=Response,
    responses=_EVENTS,
)
def follow_job(
    request: Request,
    here: Here,
    jobid: JobNumber,
    last_event: LastEvent = None,
    last_event_too: LastEventToo = None,
) -> Response:
    """Who has seen the end of a task follows the next one."""
    tasks = Tasks(*here.use)
    flow = tasks.flow(here.org, here.project, jobid).id
    seen = Seen.parse(last_event or last_event_too)
    known = tasks.of(here.org, flow, seen.run) if seen.run else None
    if known and seen.ended:
        return _stream(request, Wanted(here, flow, None, previous=known.run.id))
    after = seen.seq if known or not seen.run else 0
    return _stream(request, Wanted(here, flow, known or tasks.newest(here.org, flow), after))


def _stream(request: Request, wanted: Wanted) -> Response:
    live: Live = request.app.state.live
    events = stream(live, wanted, request.scope)
    return EventStream(events, live.seats, wanted.place.member.session.id)

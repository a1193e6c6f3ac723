"""``/jobs``: what flows did, and are doing."""

from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from towpath.api.integrator import jobs_filters
from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, Given, MaybeGiven, answer
from towpath.api.integrator.errors import Fault, Refused, dangling, invalid, required
from towpath.api.integrator.ids import Reference, ours, referred
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.jobs_document import family, file_id, known, shown
from towpath.api.integrator.jobs_filters import Asked, wanted
from towpath.api.integrator.signing import signed
from towpath.api.kit.routing import Router
from towpath.core.errors import NotFoundError
from towpath.services.pipelines.flows import PipelineFlows
from towpath.services.pipelines.jobs import Jobs, Wanted
from towpath.services.pipelines.jobs_shape import RUNS, Job, Part, State

router = Router(prefix="/v1", tags=["Jobs"])

Reading = Annotated[Caller, Depends(reads("jobs"))]
Writing = Annotated[Caller, Depends(writes("jobs"))]
ReadingFlow = Annotated[Caller, Depends(reads("flows"))]
WritingFlow = Annotated[Caller, Depends(writes("flows"))]

_CURRENT = frozenset((State.QUEUED, State.RUNNING, State.CANCELING, State.RETRYING))


@router.get("/jobs", summary="List jobs")
def list_jobs(caller: Reading, asked: Asked) -> Response:
    """The newest first, 1001 at most: the page before begins with `createdAt_lte` set to the last one's
    `createdAt`. Without `type` these are jobs of flows and retries; with `_flowJobId` the steps of that job.
    """
    chosen = wanted(asked)
    found = Jobs(*caller.use).list(caller.org, chosen) if chosen else []
    return answer([shown(job) for job in found])


@router.post("/jobs", status_code=201, summary="Run a flow", openapi_extra=BODY)
def create_job(caller: Writing, given: Given) -> Response:
    """`_flowId` says which one; `type` is `flow`. The same as `POST /flows/{id}/run`, answered by the job."""
    if given.get("type", "flow") != "flow":
        raise Refused(invalid("type", "Only jobs of the type flow can be created."))
    if not given.get("_flowId"):
        raise Refused(required("_flowId"))
    flow = referred(Reference("_flowId", "flows"), given["_flowId"])
    try:
        run = PipelineFlows(*caller.use).run(caller.org, flow)
    except NotFoundError:
        raise Refused(dangling("_flowId", "flow")) from None
    return answer(shown(job_of(caller, shown_id(run.id))), 201)


@router.post("/jobs/current", summary="Jobs that go on")
def current_jobs(caller: Reading, given: MaybeGiven) -> Response:
    """Of the flows in `_flowIds` and the integrations in `_integrationIds`, or of all: those that are queued
    or run, or that are in one of the states in `status`.
    """
    asked = {name: _texts(given, name) for name in ("_integrationIds", "_flowIds", "status")}
    chosen = Wanted(
        kinds=RUNS,
        states=jobs_filters.states(asked["status"] or ()) or _CURRENT,
        flows=_ids("flows", asked["_flowIds"]),
        integrations=_ids("integrations", asked["_integrationIds"]),
        limit=jobs_filters.MOST,
    )
    return answer({"jobs": [shown(job) for job in Jobs(*caller.use).list(caller.org, chosen)]})


@router.get("/jobs/{id}", summary="Get job")
def get_job(caller: Reading, id: str) -> Response:
    """A job of a flow, or one of its steps."""
    return answer(shown(job_of(caller, id)))


@router.put("/jobs/{id}", summary="Replace job", openapi_extra=BODY)
def replace_job(caller: Writing, id: str, _given: Given) -> Response:
    """Answers with the job as it is: what has happened cannot be changed, whatever is sent."""
    return answer(shown(job_of(caller, id)))


@router.delete("/jobs/{id}", status_code=204, summary="Delete job")
def delete_job(caller: Writing, id: str) -> Response:
    """With its steps, its errors, and the jobs that sent its records again. Only when it has ended."""
    Jobs(*caller.use).delete(caller.org, job_of(caller, id))
    return Response(status_code=204)


@router.put("/jobs/{id}/cancel", summary="Cancel job")
def cancel_job(caller: Writing, id: str) -> Response:
    """Of a step: cancels the whole job. Of a job that is retried: cancels the retries."""
    return answer(shown(Jobs(*caller.use).cancel(caller.org, job_of(caller, id))))


@router.get("/jobs/{id}/family", summary="Get job with its steps")
def job_family(caller: Reading, id: str) -> Response:
    """Its steps are `children`; the jobs that sent its records again are `retries`."""
    jobs = Jobs(*caller.use)
    whole = jobs.whole(caller.org, job_of(caller, id))
    return answer(family(whole, jobs.retries(caller.org, whole)))


@router.get("/jobs/{id}/diagnostics", summary="Get the log of a job")
def job_diagnostics(caller: Reading, id: str, request: Request) -> Response:
    """A URL of a `tar.gz` with the log, the state and the numbers of the job; it needs no token, and ends
    after an hour.
    """
    job = job_of(caller, id)
    return answer(signed(request, caller, "diagnostics", job.run.id))


@router.post("/jobs/{id}/files/signedURL", summary="Get the files of a job", openapi_extra=BODY)
def job_files(caller: Reading, id: str, given: Given) -> Response:
    """Files are read where they are, and no copies are kept: for a file of the job, the answer says that."""
    job = job_of(caller, id)
    asked = _texts(given, "fileIds")
    if not asked:
        raise Refused(required("fileIds"))
    parts = [job] if isinstance(job, Part) else job.parts
    names = {file_id(name): name for part in parts for name in part.files}
    raise Refused(*(_no_file(number, names.get(one)) for number, one in enumerate(asked)))


@router.get("/flows/{id}/jobs/latest", summary="Latest jobs of the flow")
def latest_jobs(caller: ReadingFlow, id: str) -> Response:
    """Those that are queued or run, the newest first; if there are none, the last one."""
    return answer([shown(job) for job in Jobs(*caller.use).latest(caller.org, ours("flows", id))])


@router.post("/flows/{id}/jobs/cancel", summary="Cancel all jobs of the flow")
def cancel_jobs(caller: WritingFlow, id: str) -> Response:
    """Answers with those that were queued or running."""
    return answer([shown(job) for job in Jobs(*caller.use).cancel_all(caller.org, ours("flows", id))])


def job_of(caller: Caller, digits: str) -> Job:
    """Raises `NotFoundError`."""
    return known(Jobs(*caller.use), caller.org, digits)


def _no_file(number: int, name: str | None) -> Fault:
    field = f"fileIds[{number}]"
    if name is None:
        return Fault("invalid_ref", f"The field {field} is not the id of any file of the job.", field)
    return Fault("not_supported", f"No copy of the file {name} was kept: read it where it is.", field)


def _texts(given: dict[str, Any], field: str) -> list[str] | None:
    value = given.get(field)
    found = [value] if isinstance(value, str) else value
    if found is not None and not (isinstance(found, list) and all(isinstance(one, str) for one in found)):
        raise Refused(invalid(field, "It is a list of texts."))
    return found


def _ids(kind: str, given: list[str] | None) -> frozenset[str] | None:
    return jobs_filters.ids(kind, given) if given else None

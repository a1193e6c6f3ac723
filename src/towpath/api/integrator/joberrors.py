"""``/jobs/{id}/joberrors``: the records of a job that failed."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import answer
from towpath.api.integrator.errors import Fault, Refused
from towpath.api.integrator.joberrors_document import job_error
from towpath.api.integrator.jobs import job_of
from towpath.api.integrator.signing import signed
from towpath.api.kit.routing import Router
from towpath.core.errors import NotFoundError
from towpath.core.ids import of_object_id
from towpath.services.pipelines.failures import Failed, Failures
from towpath.services.pipelines.jobs import Jobs
from towpath.services.pipelines.jobs_shape import Job, Part

router = Router(prefix="/v1", tags=["Job errors"])

#: How many errors are answered at once.
MOST = 1000

Reading = Annotated[Caller, Depends(reads("jobs"))]
Writing = Annotated[Caller, Depends(writes("jobs"))]


def list_job_errors(caller: Reading, id: str) -> Response:
    """The oldest first, with those of the jobs that sent its records again. A job that has more than 1000
    tells them at `errorFile/signedURL`.
    """
    job, family = family_of(caller, id)
    found = Failures(*caller.use).of_job(caller.org, job, family, MOST + 1)
    if len(found) > MOST:
        told = f"The job has more than {MOST} errors: get its errorFile/signedURL."
        raise Refused(Fault("too_many_errors", told))
    return answer([job_error(failed, caller.org) for failed in found])


def resolve_job_errors(caller: Writing, id: str) -> Response:
    """All that are open. Those that are being sent again stay as they are."""
    job, family = family_of(caller, id)
    return answer({"numResolved": Failures(*caller.use).resolve_all(caller.org, job, family)})


def resolve_job_error(caller: Writing, id: str, error: str) -> Response:
    """One of them."""
    job, family = family_of(caller, id)
    found = one_of(caller, job, family, error)
    return answer(job_error(Failures(*caller.use).resolve_one(caller.org, found.error.id), caller.org), 201)


def _add(method: str, tail: str, endpoint: Callable[..., Any], **options: Any) -> None:
    """Clients write the word in two ways."""
    for word, is_shown in (("joberrors", True), ("jobErrors", False)):
        path = f"/jobs/{{id}}/{word}{tail}"
        router.add_api_route(path, endpoint, methods=[method], include_in_schema=is_shown, **options)


_add("GET", "", list_job_errors, summary="List the errors of a job")
_add("PUT", "/resolve", resolve_job_errors, summary="Resolve all errors of a job")
_add("PUT", "/{error}/resolve", resolve_job_error, summary="Resolve an error of a job", status_code=201)


@router.get("/jobs/{id}/errorFile/signedURL", summary="Get all errors of a job as a file")
def job_error_file(caller: Reading, id: str, request: Request) -> Response:
    """A URL of a JSON array, however many there are; it needs no token, and ends after an hour."""
    job = job_of(caller, id)
    return answer(signed(request, caller, "errors", job.row.id if isinstance(job, Part) else job.run.id))


def family_of(caller: Caller, digits: str) -> tuple[Job, list[str]]:
    """The job, and the ids of all runs whose errors are its own. Raises `NotFoundError`."""
    job = job_of(caller, digits)
    return job, Jobs(*caller.use).whole(caller.org, job).family


def one_of(caller: Caller, job: Job, family: list[str], digits: str) -> Failed:
    """The error of the job with this id. Raises `NotFoundError`."""
    found = failed(caller, digits)
    in_step = not isinstance(job, Part) or found.error.stream == job.row.stream
    if found.error.run not in family or not in_step:
        raise NotFoundError("error.not_found", "The job has no such error.", hint="Check its _id.")
    return found


def failed(caller: Caller, digits: str) -> Failed:
    """Any failed record with this id. Raises `NotFoundError`."""
    try:
        return Failures(*caller.use).get(caller.org, of_object_id("err", digits))
    except ValueError:
        raise NotFoundError("error.not_found", "There is no such error.", hint="Check its _id.") from None

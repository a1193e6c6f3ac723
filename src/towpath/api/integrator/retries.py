"""Records that are kept to be sent again: ``_retryId`` is the id of the error that one failed with."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, Given, GivenAny, MaybeGiven, answer
from towpath.api.integrator.errors import Refused, invalid, required
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.joberrors import failed, family_of, one_of
from towpath.api.integrator.joberrors_document import retry
from towpath.api.integrator.jobs import job_of
from towpath.api.integrator.jobs_document import shown
from towpath.api.integrator.listing import Asked
from towpath.api.integrator.signing import signed
from towpath.api.kit.routing import Router
from towpath.core.records import Run
from towpath.services.pipelines.failures import Failures, check_data
from towpath.services.pipelines.jobs import Jobs
from towpath.services.pipelines.jobs_shape import Part
from towpath.services.pipelines.retrying import Retrying

router = Router(prefix="/v1", tags=["Retries"])

Reading = Annotated[Caller, Depends(reads("jobs"))]
Writing = Annotated[Caller, Depends(writes("jobs"))]


@router.post("/jobs/{id}/retry", summary="Retry a job")
def retry_job(caller: Writing, id: str) -> Response:
    """Send all of its open records again. Answers with the new job, whose results count for this one."""
    job, family = family_of(caller, id)
    return started(caller, Retrying(*caller.use).job(caller.org, job, family))


@router.put("/jobs/{id}/retries/retry", summary="Retry some records of a job")
def retry_retries(caller: Writing, id: str, given: MaybeGiven) -> Response:
    """Those in `_retryIds`, or all that are open."""
    job, family = family_of(caller, id)
    asked = given.get("_retryIds")
    if asked is None:
        return started(caller, Retrying(*caller.use).job(caller.org, job, family))
    if not isinstance(asked, list) or not asked:
        raise Refused(invalid("_retryIds", "It is a list of _retryIds."))
    ids = [one_of(caller, job, family, str(digits)).error.id for digits in asked]
    return started(caller, Retrying(*caller.use).some(caller.org, ids))


@router.post("/jobs/{id}/retries/{retry_id}/retry", summary="Retry a record of a job")
def retry_one(caller: Writing, id: str, retry_id: str) -> Response:
    """One that failed."""
    job, family = family_of(caller, id)
    found = one_of(caller, job, family, retry_id)
    return started(caller, Retrying(*caller.use).some(caller.org, [found.error.id]))


@router.get("/retries", summary="List what can be sent again")
def list_retries(
    caller: Reading,
    asked: Asked,
    job: Annotated[str, Query(alias="_jobId", max_length=24, description="Of this job only.")] = "",
) -> Response:
    """The newest first."""
    of = family_of(caller, job) if job else (None, ())
    found = Failures(*caller.use).kept(caller.org, asked.needed, *of)
    return asked.answer([retry(one) for one in found])


@router.post("/retries", status_code=201, summary="Add a record to be sent again", openapi_extra=BODY)
def create_retry(caller: Writing, given: Given) -> Response:
    """`data` is the record, and `_jobId` the job of the step that it is to be sent from."""
    job = job_of(caller, str(given["_jobId"])) if given.get("_jobId") else None
    if job is None or "data" not in given:
        raise Refused(*(required(name) for name in ("_jobId", "data") if not given.get(name)))
    if not isinstance(job, Part):
        raise Refused(invalid("_jobId", "It is the _id of a job of the type export or import."))
    if job.flow is None or job.flow.pipeline is None:
        raise Refused(invalid("_jobId", "Its flow copies streams: records cannot be added to them."))
    if not isinstance(given["data"], dict):
        raise Refused(invalid("data", "It is a record: an object."))
    return answer(retry(Failures(*caller.use).add(caller.org, job, given["data"])), 201)


@router.get("/retries/{id}/data", summary="Get what will be sent again")
def retry_data(caller: Reading, id: str) -> Response:
    """The record as it came to the step at which it failed."""
    return answer(kept(caller, id))


@router.put("/retries/{id}/data", summary="Replace what will be sent again")
def replace_retry_data(caller: Writing, id: str, given: GivenAny) -> Response:
    """The body is the record."""
    error = failed(caller, id).error
    return answer(Failures(*caller.use).edit(caller.org, error.id, given).error.record)


@router.get("/retries/{id}/signedURL", summary="Get what will be sent again as a file")
def retry_signed_url(caller: Reading, id: str, request: Request) -> Response:
    """A URL that needs no token, and ends after an hour."""
    kept(caller, id)
    return answer(signed(request, caller, "data", failed(caller, id).error.id))


def kept(caller: Caller, digits: str) -> Any:
    """The record with this retry id. Raises `NotFoundError`, `ConflictError` (``retry.no_data``)."""
    error = failed(caller, digits).error
    check_data(error)
    return error.record


def started(caller: Caller, runs: Sequence[Run]) -> Response:
    """The new job; of several, which take very many records, the first, with the `_id`s of all."""
    first = Jobs(*caller.use).get(caller.org, runs[0].id, "")
    more = {"_jobIds": [shown_id(run.id) for run in runs]} if len(runs) > 1 else {}
    return answer({**shown(first), "_jobId": shown_id(runs[0].id), **more})

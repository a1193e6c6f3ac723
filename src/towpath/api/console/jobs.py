"""``/jobs``: what copies streams of a source to a destination."""

from typing import Annotated

from fastapi import Path, Query

from towpath.api.console import jobs_words as words
from towpath.api.console.answers import Answer
from towpath.api.console.jobs_faults import told
from towpath.api.console.jobs_schemas import Activation, Clearing, JobBody, JobChange, JobView, Named, Note
from towpath.api.console.members import Here, Place
from towpath.api.kit.routing import Router
from towpath.core.errors import NotFoundError
from towpath.services.jobs.jobs import Job, Jobs
from towpath.services.numbering import Kind, Numbering

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the job.")]
Quoted = Annotated[str, Path(max_length=40, description="A number, with or without quotes.")]
Asked = Annotated[str | None, Query(max_length=40, description="A number: only jobs of this one.")]

router = Router(prefix="/api/v1/project/{projectid}/jobs", tags=["Jobs"])


@router.get("", summary="List the jobs")
def list_jobs(
    here: Here, source_id: Asked = None, dest_id: Asked = None, destination_id: Asked = None
) -> Answer[list[JobView]]:
    return _listed(here, source=source_id, destination=dest_id or destination_id)


@router.get("/source_id={source_id}", summary="List the jobs of a source")
def list_jobs_of_source(here: Here, source_id: Quoted) -> Answer[list[JobView]]:
    return _listed(here, source=source_id)


@router.get("/dest_id={destination_id}", summary="List the jobs of a destination")
@router.get("/destination_id={destination_id}", include_in_schema=False)
def list_jobs_of_destination(here: Here, destination_id: Quoted) -> Answer[list[JobView]]:
    return _listed(here, destination=destination_id)


@router.post("", summary="Make a job")
def create_job(here: Here, body: JobBody) -> Answer[JobView]:
    """With its source and destination, where these are new: all of it is made, or nothing."""
    spec = words.new(here, body)
    with told(here, body, spec.streams):
        job = Jobs(*here.use).create(here.org, here.project, spec)
    return Answer(message=f"Job {job.flow.name} created", data=words.view(here, job))


@router.get("/{id}", summary="Get a job")
def get_job(here: Here, id: Number) -> Answer[JobView]:
    return Answer(message="Job", data=words.view(here, _job(here, id)))


@router.put("/{id}", summary="Change a job")
def update_job(here: Here, id: Number, body: JobChange) -> Answer[JobView]:
    """Its syncs are cancelled; what it goes on with is as the job is now."""
    job = _job(here, id)
    wanted = words.changed(here, job, body)
    with told(here, body, wanted.spec.streams):
        job = Jobs(*here.use).update(here.org, here.project, job.flow.id, wanted.spec, wanted.clear)
    return Answer(message=f"Job {job.flow.name} updated", data=words.view(here, job))


@router.delete("/{id}", summary="Delete a job")
def delete_job(here: Here, id: Number) -> Answer[Named]:
    """With its history; its source and destination stay."""
    job = Jobs(*here.use).delete(here.org, here.project, _job(here, id).flow.id)
    return Answer(message=f"Job {job.flow.name} deleted", data=Named(name=job.flow.name))


@router.post("/{id}/sync", summary="Start a job")
def sync_job(here: Here, id: Number) -> Answer[Note]:
    """It begins when earlier runs of the job have ended. A paused job is refused."""
    Jobs(*here.use).sync(here.org, here.project, _job(here, id).flow.id)
    return _noted("Sync started")


@router.post("/{id}/activate", summary="Activate or pause a job")
def activate_job(here: Here, id: Number, body: Activation) -> Answer[Activation]:
    Jobs(*here.use).activate(here.org, here.project, _job(here, id).flow.id, enabled=body.activate)
    return Answer(message="Job activated" if body.activate else "Job paused", data=body)


@router.post("/{id}/cancel", summary="Cancel what runs of a job")
@router.get("/{id}/cancel", include_in_schema=False)
def cancel_job(here: Here, id: Number) -> Answer[Note]:
    """And what waits. They end within seconds."""
    Jobs(*here.use).cancel(here.org, here.project, _job(here, id).flow.id)
    return _noted("Cancel requested")


@router.post("/{id}/clear-destination", summary="Clear what a job has written")
def clear_destination(here: Here, id: Number) -> Answer[Clearing]:
    """The next run reads everything again."""
    Jobs(*here.use).clear(here.org, here.project, _job(here, id).flow.id)
    return Answer(message="Clearing started", data=Clearing(running=True))


@router.get("/{id}/clear-destination", summary="Tell whether a job is being cleared")
def get_clearing(here: Here, id: Number) -> Answer[Clearing]:
    running = Jobs(*here.use).clearing(here.org, here.project, _job(here, id).flow.id)
    return Answer(message="Clearing", data=Clearing(running=running))


def _job(here: Place, number: int) -> Job:
    return Jobs(*here.use).find(here.org, here.project, number)


def _noted(message: str) -> Answer[Note]:
    return Answer(message=message, data=Note(message=message))


def _listed(
    here: Place, *, source: str | None = None, destination: str | None = None
) -> Answer[list[JobView]]:
    try:
        ids = {"source": _id(here, source), "destination": _id(here, destination)}
    except NotFoundError:
        return Answer(message="Jobs", data=[])
    found = Jobs(*here.use).list(here.org, here.project, **ids)
    return Answer(message="Jobs", data=words.views(here, found))


def _id(here: Place, number: str | None) -> str | None:
    """Our id of the source or destination. Raises `NotFoundError`."""
    if number is None:
        return None
    digits = number.strip("\"'")
    known = int(digits) if digits.isascii() and digits.isdigit() else 0
    return Numbering(*here.use).id(here.org, Kind.CONNECTION, known)

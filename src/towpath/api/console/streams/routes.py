"""``/sources/streams`` and ``/jobs/{id}/stream-difference``: what a source offers, what a change undoes."""

from typing import Annotated, Any

from fastapi import Body, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from towpath.api.console import entities
from towpath.api.console.answers import Answer
from towpath.api.console.members import Here, Place
from towpath.api.console.sources_schemas import Settings, Version
from towpath.api.console.streams.changes import difference
from towpath.api.console.streams.document import Json
from towpath.api.console.streams.merging import merged, proposal
from towpath.api.console.streams.saying import shown
from towpath.api.kit.routing import Router
from towpath.core.errors import ConfigError
from towpath.services.jobs.jobs import Job, Jobs
from towpath.services.workspace.discovery import Discovery, Offered
from towpath.services.workspace.uses import Role

router = Router(prefix="/api/v1/project/{projectid}", tags=["Streams"])

_HIGHEST = 2**31 - 1
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no job of this number."}}
_SILENT: dict[int | str, dict[str, Any]] = {503: {"description": "The source does not answer."}}


class Question(BaseModel):
    """Whose streams are asked for: those of these settings, or of a job's own source."""

    name: str | None = None
    type: Annotated[str, Field(max_length=64)] = ""
    version: Version = ""
    config: Settings | None = None
    """None or nothing in it: those of the job's source."""
    job_id: Annotated[int, Query(ge=-1, le=_HIGHEST)] | None = None
    """The job that the answer's choices come from; -1, 0 or none for a new one."""
    job_name: str | None = None
    max_discover_threads: int | None = None


class Streams(BaseModel):
    """A catalogue, and the choices made in it."""

    selected_streams: dict[str, list[dict[str, Any]]]
    """By namespace; ``""`` for streams that have none."""
    streams: list[dict[str, Any]]


class StreamsAnswer(Streams):
    """The same twice: as it is, and under the name that jobs keep it by."""

    streams_config: Streams


class Update(BaseModel):
    """Streams of a job as they shall become."""

    updated_streams_config: str | dict[str, Any]


class Difference(BaseModel):
    """The part of them whose data must be cleared."""

    difference_streams: Streams


def question(
    type: Annotated[str, Query(max_length=64)] = "",
    version: Annotated[str, Query(max_length=64)] = "",
    config: Annotated[str | None, Query(description="JSON text.")] = None,
    job_id: Annotated[int | None, Query(ge=-1, le=_HIGHEST)] = None,
    body: Annotated[Question | None, Body()] = None,
) -> Question:
    """What was asked, in the query or in a body: older clients send one with GET, too."""
    if body is not None:
        return body
    try:
        asked = {"type": type, "version": version, "config": config or None, "job_id": job_id}
        return Question.model_validate(asked)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in found]) from None


Asked = Annotated[Question, Depends(question)]


def discover_streams(here: Here, asked: Asked) -> Answer[StreamsAnswer]:
    """Ask the source which streams it has. For a new job all of them are selected, with the usual choices.
    For one that is there its saved choices stand, as far as the source still has what was chosen.
    """
    number = asked.job_id or 0
    job = Jobs(*here.use).find(here.org, here.project, number) if number > 0 else None
    offered = _offered(here, asked, job)
    if job is None:
        found = proposal(offered.streams, offered.modes)
    else:
        found = merged(saved(job), offered.streams, offered.modes, job.namespace)
    streams = Streams.model_validate(found)
    answer = StreamsAnswer(
        selected_streams=streams.selected_streams, streams=streams.streams, streams_config=streams
    )
    return Answer(message="Streams of the source", data=answer)


for _path in ("/sources/streams", "/source/streams"):
    for _method in ("GET", "POST"):
        # The document shows one of the four: they do the same.
        router.add_api_route(
            _path,
            discover_streams,
            methods=[_method],
            responses=_MISSING | _SILENT,
            summary="Ask a source which streams it has",
            include_in_schema=(_path, _method) == ("/sources/streams", "POST"),
        )


def _offered(here: Place, asked: Question, job: Job | None) -> Offered:
    discovery = Discovery(*here.use)
    if asked.config or (asked.config is not None and job is None):
        draft = entities.accepted(
            here.rooms,
            Role.SOURCE,
            name=asked.name or "",
            type=asked.type,
            version=asked.version,
            config=asked.config,
        )
        with entities.in_words_of(here.rooms, Role.SOURCE, asked.type):
            return discovery.of_config(here.org, here.project, draft.connector, draft.config)
    if job is None:
        raise ConfigError(
            "config.invalid", "The settings are missing.", hint="Send the source's config.", field="config"
        )
    return discovery.of_job(here.org, job)


def saved(job: Job) -> Json:
    """The job's streams in this family's words."""
    kept = job.flow.metadata.get(entities.NOTES, {}).get("streams_config")
    return shown(kept, job.streams, job.namespace)


@router.post(
    "/jobs/{id}/stream-difference",
    summary="Ask which data a change of a job's streams would make wrong",
    responses=_MISSING,
)
def stream_difference(
    here: Here, id: Annotated[int, Path(ge=1, le=_HIGHEST, description="Number of the job.")], body: Update
) -> Answer[Difference]:
    """The streams, as updated, whose data must be cleared for the update to be right; none if all is well."""
    job = Jobs(*here.use).find(here.org, here.project, id)
    found = difference(saved(job), body.updated_streams_config)
    return Answer(
        message="Streams to clear", data=Difference(difference_streams=Streams.model_validate(found))
    )

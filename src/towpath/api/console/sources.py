"""``/sources`` and ``/destinations``: what the jobs of a project read from and write to."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Body, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from towpath.api.console import entities, states
from towpath.api.console import sources_schemas as schemas
from towpath.api.console.answers import Answer
from towpath.api.console.members import Here
from towpath.api.kit.routing import Router
from towpath.services.context import Rooms
from towpath.services.tryout import Outcome
from towpath.services.workspace import Job, Member, Workspace
from towpath.services.workspace_uses import Role

_PROJECT = "/api/v1/project/{projectid}"
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The project has none of this number."}}
_TAKEN: dict[int | str, dict[str, Any]] = {409: {"description": "The name is taken."}}
_USED: dict[int | str, dict[str, Any]] = {409: {"description": "A job uses it, or the name is taken."}}

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Its number.")]
Row = TypeVar("Row", bound=BaseModel)


def _question(
    type: Annotated[str, Query(max_length=64)] = "",
    version: Annotated[str, Query(max_length=64)] = "",
    catalog: Annotated[str, Query(max_length=64)] = "",
    body: Annotated[schemas.Question | None, Body()] = None,
) -> schemas.Question:
    """What was asked for, in the query or in a body: some clients send one with GET."""
    asked = body or schemas.Question(type=type, version=version, catalog=catalog)
    if not asked.type:
        raise RequestValidationError([{"loc": ("body", "type"), "msg": "Field required", "type": "missing"}])
    return asked


Asked = Annotated[schemas.Question, Depends(_question)]


def _forms(role: Role) -> Router:
    """What can be connected in this role, and what is asked for it."""
    router = Router(prefix=f"{_PROJECT}/{role}s", tags=[f"{role.capitalize()}s"])
    spec_answer = schemas.SpecAnswer if role is Role.SOURCE else schemas.DestinationSpecAnswer

    @router.post("/spec", name=f"spec_of_{role}", response_model=Answer[spec_answer])  # type: ignore[valid-type]  # chosen by role
    @router.get("/spec", name=f"get_spec_of_{role}", response_model=Answer[spec_answer])  # type: ignore[valid-type]  # chosen by role
    def spec(here: Here, asked: Asked) -> dict[str, Any]:
        """The form of a type: a JSON Schema, and where its fields stand."""
        kind = entities.kind_of(here.rooms, role, asked.type)
        version = asked.version or entities.versions_of(here.rooms, role, kind.name)[0]
        data = {"type": kind.name, "version": version, "catalog": asked.catalog, "spec": kind.spec()}
        return {"message": f"Settings of a {role} of type {kind.name}", "data": data}

    @router.get("/versions", name=f"versions_of_{role}")
    def versions(
        here: Here, type: Annotated[str, Query(min_length=1, max_length=64)]
    ) -> Answer[schemas.Versions]:
        """The versions of a type."""
        found = entities.versions_of(here.rooms, role, type)
        return Answer(message="Versions", data=schemas.Versions(version=found))

    @router.post("/test", name=f"test_{role}")
    def test(here: Here, body: schemas.Trial) -> Answer[schemas.TrialAnswer]:
        """Try settings before they are saved. What the other system says is part of the answer: a trial that
        fails is a 200, too.
        """
        draft = entities.accepted(
            here.rooms, role, name="", type=body.type, version=body.version, config=body.config
        )
        with entities.in_words_of(here.rooms, role, body.type):
            outcome = Workspace(*here.use).check(here.org, here.project, role, draft.connector, draft.config)
        echo = entities.masked(here.rooms, role, body.type, draft)
        data = _tried(outcome, type=body.type, version=body.version, config=echo)
        return Answer(message=f"The {role} was tried", data=data)

    return router


def _kept(role: Role, row_of: Callable[[Rooms, Member], BaseModel], row: type[BaseModel]) -> Router:
    """What is kept in this role."""
    router = Router(prefix=f"{_PROJECT}/{role}s", tags=[f"{role.capitalize()}s"])

    @router.post("", name=f"create_{role}", responses=_TAKEN)
    def create(here: Here, body: schemas.Thing) -> Answer[schemas.Saved]:
        """Keep new settings. Nothing is tried."""
        draft = entities.accepted(here.rooms, role, **_fields(body))
        with entities.in_words_of(here.rooms, role, body.type):
            made = Workspace(*here.use).create(here.org, here.project, role, draft)
        return Answer(message=f"The {role} was created", data=_saved(here.rooms, role, made))

    @router.get("", name=f"list_{role}s", response_model=Answer[list[row]])  # type: ignore[valid-type]  # chosen by role
    def list_all(here: Here) -> dict[str, Any]:
        """All of the project, and those that the whole organization shares; oldest first."""
        found = Workspace(*here.use).list(here.org, here.project, role)
        return {"message": f"The {role}s", "data": [row_of(here.rooms, member) for member in found]}

    @router.get("/{id}", name=f"get_{role}", response_model=Answer[row], responses=_MISSING)  # type: ignore[valid-type]  # chosen by role
    def get(here: Here, id: Number) -> dict[str, Any]:
        found = Workspace(*here.use).get(here.org, here.project, role, id)
        return {"message": f"The {role}", "data": row_of(here.rooms, found)}

    @router.put("/{id}", name=f"update_{role}", responses=_MISSING | _USED)
    def update(here: Here, id: Number, body: schemas.Thing) -> Answer[schemas.Saved]:
        """Replace name and settings; secrets that are left out stay as they are. Jobs that are running with
        other settings than these are cancelled.
        """
        draft = entities.accepted(here.rooms, role, **_fields(body))
        with entities.in_words_of(here.rooms, role, body.type):
            found = Workspace(*here.use).update(here.org, here.project, role, id, draft)
        return Answer(message=f"The {role} was updated", data=_saved(here.rooms, role, found))

    @router.delete("/{id}", name=f"delete_{role}", responses=_MISSING | _USED)
    def delete(here: Here, id: Number) -> Answer[schemas.Deleted]:
        """Forget it, and its secrets for good; what its system holds stays there. Refused while a job uses
        it.
        """
        gone = Workspace(*here.use).delete(here.org, here.project, role, id)
        return Answer(message=f"The {role} was deleted", data=schemas.Deleted(name=gone.name))

    return router


def _fields(body: schemas.Thing) -> dict[str, Any]:
    return {"name": body.name, "type": body.type, "version": body.version, "config": body.config}


def _tried(outcome: Outcome, **echo: str) -> schemas.TrialAnswer:
    error = outcome.error
    message = f"{error.message} {error.hint}".strip() if error else outcome.answer
    return schemas.TrialAnswer(
        **echo,
        connection_result=schemas.Result(status="FAILED" if error else "SUCCEEDED", message=message),
        logs=[
            schemas.Line(level=line.level, time=states.moment(line.at), message=line.message)
            for line in outcome.lines
        ],
    )


def _saved(rooms: Rooms, role: Role, member: Member) -> schemas.Saved:
    return schemas.Saved(id=member.number, **vars(entities.described(rooms, role, member.connection)))


def _stamped(rooms: Rooms, role: Role, member: Member) -> dict[str, Any]:
    row = member.connection
    return {
        "id": member.number,
        **vars(entities.described(rooms, role, row)),
        "created_at": states.moment(row.created_at),
        "updated_at": states.moment(row.updated_at),
        "created_by": row.created_by,
        "updated_by": row.updated_by,
    }


def _job(job: Job) -> dict[str, Any]:
    flow = job.use.flow
    return {"id": job.number, "name": flow.name, "activate": flow.enabled, **states.last_run(job.use.run)}


def _source_row(rooms: Rooms, member: Member) -> schemas.SourceRow:
    jobs = []
    for job in member.jobs:
        name, type = job.use.other.name, entities.type_of(Role.DESTINATION, job.use.other)
        jobs.append(
            schemas.SourceJob(**_job(job), dest_name=name, destination_name=name, destination_type=type)
        )
    return schemas.SourceRow(**_stamped(rooms, Role.SOURCE, member), jobs=jobs)


def _destination_row(rooms: Rooms, member: Member) -> schemas.DestinationRow:
    jobs = []
    for job in member.jobs:
        other = job.use.other
        type = entities.type_of(Role.SOURCE, other)
        jobs.append(schemas.DestinationJob(**_job(job), source_name=other.name, source_type=type))
    return schemas.DestinationRow(**_stamped(rooms, Role.DESTINATION, member), jobs=jobs)


router = Router()
for _each in (
    _forms(Role.SOURCE),
    _kept(Role.SOURCE, _source_row, schemas.SourceRow),
    _forms(Role.DESTINATION),
    _kept(Role.DESTINATION, _destination_row, schemas.DestinationRow),
):
    router.include_router(_each)

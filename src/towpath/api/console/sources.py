"""``/sources`` and ``/destinations``: what the jobs of a project read from and write to."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Body, Depends, Path, Query
from fastapi.exceptions import RequestValidationError

from towpath.api.console import entities, states
from towpath.api.console import sources_schemas as schemas
from towpath.api.console.answers import Answer
from towpath.api.console.members import Here
from towpath.api.kit.routing import Router
from towpath.services.context import Rooms
from towpath.services.workspace.tryout import Outcome
from towpath.services.workspace.uses import Role
from towpath.services.workspace.workspace import Job, Member, Workspace

_PROJECT = "/api/v1/project/{projectid}"
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The project has none of this number."}}
_TAKEN: dict[int | str, dict[str, Any]] = {409: {"description": "The name is taken."}}
_USED: dict[int | str, dict[str, Any]] = {409: {"description": "A job uses it, or the name is taken."}}

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Its number.")]

#: The answers that differ by role.
_SPEC: Mapping[Role, Any] = {
    Role.SOURCE: Answer[schemas.SpecAnswer],
    Role.DESTINATION: Answer[schemas.DestinationSpecAnswer],
}
_ROW: Mapping[Role, Any] = {
    Role.SOURCE: Answer[schemas.SourceRow],
    Role.DESTINATION: Answer[schemas.DestinationRow],
}
_ROWS: Mapping[Role, Any] = {
    Role.SOURCE: Answer[list[schemas.SourceRow]],
    Role.DESTINATION: Answer[list[schemas.DestinationRow]],
}


def _question(
    type: Annotated[str, Query(max_length=64)] = "",
    version: Annotated[str, Query(max_length=64)] = "",
    catalog: Annotated[str, Query(max_length=64)] = "",
    body: Annotated[schemas.TypeAsked | None, Body()] = None,
) -> schemas.TypeAsked:
    """What was asked for, in the query or in a body: some clients send one with GET."""
    asked = body or schemas.TypeAsked(type=type, version=version, catalog=catalog)
    if not asked.type:
        raise RequestValidationError([{"loc": ("body", "type"), "msg": "Field required", "type": "missing"}])
    return asked


Asked = Annotated[schemas.TypeAsked, Depends(_question)]


def _forms(role: Role) -> Router:
    """What can be connected in this role, and what is asked for it."""
    router = Router(prefix=f"{_PROJECT}/{role}s", tags=[f"{role.capitalize()}s"])

    @router.post(
        "/spec",
        name=f"spec_of_{role}",
        summary="Get what a type asks for",
        response_model=_SPEC[role],
    )
    @router.get(
        "/spec",
        name=f"get_spec_of_{role}",
        summary="Get what a type asks for",
        response_model=_SPEC[role],
    )
    def spec(here: Here, asked: Asked) -> dict[str, Any]:
        """The form of a type: a JSON Schema, and where its fields stand."""
        kind = entities.kind_of(here.rooms, role, asked.type)
        version = asked.version or entities.versions_of(here.rooms, role, kind.name)[0]
        data = {"type": kind.name, "version": version, "catalog": asked.catalog, "spec": kind.spec()}
        return {"message": f"Settings of a {role} of type {kind.name}", "data": data}

    @router.get("/versions", name=f"versions_of_{role}", summary="List the versions of a type")
    def versions(
        here: Here, type: Annotated[str, Query(min_length=1, max_length=64)]
    ) -> Answer[schemas.Versions]:
        """The versions of a type."""
        found = entities.versions_of(here.rooms, role, type)
        return Answer(message="Versions", data=schemas.Versions(version=found))

    @router.post("/test", name=f"test_{role}", summary=f"Try a {role} before it is saved")
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


def _kept(role: Role) -> Router:
    """What is kept in this role."""
    router = Router(prefix=f"{_PROJECT}/{role}s", tags=[f"{role.capitalize()}s"])

    @router.post("", name=f"create_{role}", summary=f"Save a {role}", responses=_TAKEN)
    def create(here: Here, body: schemas.Thing) -> Answer[schemas.Saved]:
        """Keep new settings. Nothing is tried."""
        draft = entities.accepted(here.rooms, role, **_fields(body))
        with entities.in_words_of(here.rooms, role, body.type):
            made = Workspace(*here.use).create(here.org, here.project, role, draft)
        return Answer(message=f"The {role} was created", data=_saved(here.rooms, role, made))

    @router.get(
        "", name=f"list_{role}s", summary=f"List the {role}s of a project", response_model=_ROWS[role]
    )
    def list_all(here: Here) -> dict[str, Any]:
        """All of the project, and those that the whole organization shares; oldest first."""
        found = Workspace(*here.use).list(here.org, here.project, role)
        return {"message": f"The {role}s", "data": [_row(here.rooms, role, member) for member in found]}

    @router.get(
        "/{id}", name=f"get_{role}", summary=f"Get a {role}", response_model=_ROW[role], responses=_MISSING
    )
    def get(here: Here, id: Number) -> dict[str, Any]:
        found = Workspace(*here.use).get(here.org, here.project, role, id)
        return {"message": f"The {role}", "data": _row(here.rooms, role, found)}

    @router.put("/{id}", name=f"update_{role}", summary=f"Replace a {role}", responses=_MISSING | _USED)
    def update(here: Here, id: Number, body: schemas.Thing) -> Answer[schemas.Saved]:
        """Replace name and settings; secrets that are left out stay as they are. Jobs that are running with
        other settings than these are cancelled.
        """
        draft = entities.accepted(here.rooms, role, **_fields(body))
        with entities.in_words_of(here.rooms, role, body.type):
            found = Workspace(*here.use).update(here.org, here.project, role, id, draft)
        return Answer(message=f"The {role} was updated", data=_saved(here.rooms, role, found))

    @router.delete("/{id}", name=f"delete_{role}", summary=f"Delete a {role}", responses=_MISSING | _USED)
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


def _row(rooms: Rooms, role: Role, member: Member) -> schemas.SourceRow | schemas.DestinationRow:
    stamped = _stamped(rooms, role, member)
    if role is Role.SOURCE:
        return schemas.SourceRow(**stamped, jobs=[_source_job(job) for job in member.jobs])
    return schemas.DestinationRow(**stamped, jobs=[_destination_job(job) for job in member.jobs])


def _source_job(job: Job) -> schemas.SourceJob:
    name, type = job.use.other.name, entities.type_of(Role.DESTINATION, job.use.other)
    return schemas.SourceJob(**_job(job), dest_name=name, destination_name=name, destination_type=type)


def _destination_job(job: Job) -> schemas.DestinationJob:
    other = job.use.other
    type = entities.type_of(Role.SOURCE, other)
    return schemas.DestinationJob(**_job(job), source_name=other.name, source_type=type)


router = Router()
for _role in Role:
    router.include_router(_forms(_role))
    router.include_router(_kept(_role))

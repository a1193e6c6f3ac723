"""``/api/v2/connectors/``: one source, and where its entities go."""

from typing import Any

from starlette.responses import Response

from towpath.api.kit.callers import Caller
from towpath.api.kit.routing import Router
from towpath.api.partners import schemas
from towpath.api.partners.callers import Door, Partner
from towpath.api.partners.directory import Directory
from towpath.api.partners.errors import fault, told
from towpath.api.partners.templates import MISSING, Id
from towpath.api.partners.translate import Translator
from towpath.services.context import Rooms
from towpath.services.partners.integrations import Integrations
from towpath.services.partners.numbers import Kind, Numbering
from towpath.services.partners.standing import Standings

_BAD: dict[int | str, dict[str, Any]] = {400: {"description": "What is wrong, by field."}}
_RUNS: dict[int | str, dict[str, Any]] = {409: {"model": schemas.Detail}}


def router(door: Door, directory: Directory, rooms: Rooms) -> Router:
    found = door.router("Connectors")
    numbering = Numbering(rooms)
    translator = Translator(rooms, directory)

    def id_of(caller: Caller, number: int) -> str:
        return numbering.id(caller.org, Kind.CONNECTOR, number)

    def detail(caller: Caller, id: str) -> schemas.Connector:
        return translator.connector(caller.org, *Standings(rooms, caller.actor).get(caller.org, id))

    @found.get("/connectors/")
    def list_connectors(caller: Partner) -> list[schemas.ConnectorRow]:
        """All connectors of the organization."""
        return translator.rows(caller.org, Standings(rooms, caller.actor).list(caller.org))

    @found.post("/connectors/", status_code=201, responses=_BAD)
    def create_connector(body: schemas.ConnectorBody, caller: Partner) -> schemas.ConnectorCreated:
        """Make a connector as a whole, or not at all. Its active entities are read at once, and then by their
        timers.
        """
        template = translator.template(body.connector_category_id)
        change = translator.change(caller.org, template, body)
        with told("connector", "credentials"):
            made = Integrations(rooms, caller.actor).create(caller.org, template.name, change)
        standing, _ = Standings(rooms, caller.actor).get(caller.org, made.id)
        (row,) = translator.rows(caller.org, [standing])
        return schemas.ConnectorCreated(success=True, data=row)

    @found.get("/connectors/{connector_id}", responses=MISSING)
    def get_connector(connector_id: Id, caller: Partner) -> schemas.Connector:
        """One connector with its targets, and how its entities did last."""
        return detail(caller, id_of(caller, connector_id))

    @found.put("/connectors/{connector_id}", responses=_BAD | MISSING | _RUNS)
    def replace_connector(
        connector_id: Id, body: schemas.ConnectorBody, caller: Partner
    ) -> schemas.Connector:
        """Replace all of a connector but its template; secrets that are sent back masked stay as they are."""
        id = id_of(caller, connector_id)
        standing, _ = Standings(rooms, caller.actor).get(caller.org, id)
        template = translator.template(body.connector_category_id)
        if template.name != standing.source.connector:
            raise fault("The template of a connector cannot be changed.", "connector_category_id")
        change = translator.change(caller.org, template, body)
        with told("connector", "credentials"):
            Integrations(rooms, caller.actor).update(caller.org, id, change)
        return detail(caller, id)

    @found.patch("/connectors/{connector_id}", responses=_BAD | MISSING | _RUNS)
    def change_connector(
        connector_id: Id, body: schemas.ConnectorPatch, caller: Partner
    ) -> schemas.Connector:
        """Change parts of a connector; what is left out stays. Targets and credentials come as wholes."""
        id = id_of(caller, connector_id)
        standing, _ = Standings(rooms, caller.actor).get(caller.org, id)
        template = directory.number(standing.source.connector, "sources")
        change = translator.patch(caller.org, template, body)
        with told("connector", "credentials"):
            Integrations(rooms, caller.actor).update(caller.org, id, change)
        return detail(caller, id)

    @found.delete(
        "/connectors/{connector_id}", status_code=204, response_class=Response, responses=MISSING | _RUNS
    )
    def delete_connector(connector_id: Id, caller: Partner) -> None:
        """Remove a connector with its history; what it wrote stays. Refused while it is running."""
        Integrations(rooms, caller.actor).delete(caller.org, id_of(caller, connector_id))

    return found

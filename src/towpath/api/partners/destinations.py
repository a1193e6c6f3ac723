"""``/api/v2/destinations/``: where an organization's data goes."""

from typing import Any

from starlette.responses import Response

from towpath.api.kit.callers import Caller
from towpath.api.kit.routing import Router
from towpath.api.partners import schemas
from towpath.api.partners.callers import Door, Partner
from towpath.api.partners.directory import Directory
from towpath.api.partners.errors import fault, told
from towpath.api.partners.templates import MISSING, Id, destination_icon
from towpath.core.ports import Connector
from towpath.core.records import Connection
from towpath.services import forms
from towpath.services.context import Rooms
from towpath.services.partners.destinations import MADE_BY, Destinations
from towpath.services.partners.numbers import Kind, Numbering

_BAD: dict[int | str, dict[str, Any]] = {400: {"description": "What is wrong, by field."}}


def router(door: Door, directory: Directory, rooms: Rooms) -> Router:
    found = door.router("Destinations")
    numbering = Numbering(rooms)

    def id_of(caller: Caller, number: int) -> str:
        return numbering.id(caller.org, Kind.DESTINATION, number)

    @found.get("/destinations/")
    def list_destinations(caller: Partner) -> list[schemas.DestinationRow]:
        """All destinations of the organization, however they were made."""
        rows = Destinations(rooms, caller.actor).list(caller.org)
        numbers = numbering.of(caller.org, Kind.DESTINATION, [row.id for row in rows])
        organization = numbering.organization(caller.org)
        return [
            schemas.DestinationRow(
                id=numbers[row.id],
                organization=organization,
                name=row.name,
                type_adapter_name=rooms.registry.get(row.connector).title,
                icon=destination_icon(row.connector),
            )
            for row in rows
        ]

    @found.post("/destinations/", status_code=201, responses=_BAD)
    def create_destination(body: schemas.DestinationBody, caller: Partner) -> schemas.Destination:
        """Make a destination. Nothing is written to it before a connector does."""
        connector = _template(directory, body.type_adapter)
        client = caller.key.parent or caller.key.id
        with told("destination", "credential_json"):
            row = Destinations(rooms, caller.actor).create(
                caller.org, body.name, connector.name, body.credential_json, client
            )
        return _shown(rooms, directory, numbering, row)

    @found.get("/destinations/{destination_id}", responses=MISSING)
    def get_destination(destination_id: Id, caller: Partner) -> schemas.Destination:
        """One destination, with its secrets masked."""
        row = Destinations(rooms, caller.actor).get(caller.org, id_of(caller, destination_id))
        return _shown(rooms, directory, numbering, row)

    @found.put("/destinations/{destination_id}", responses=_BAD | MISSING)
    def update_destination(
        destination_id: Id, body: schemas.DestinationBody, caller: Partner
    ) -> schemas.DestinationChanged:
        """Replace a destination's name and settings; secrets that are sent back masked stay as they are."""
        cases = Destinations(rooms, caller.actor)
        row = cases.get(caller.org, id_of(caller, destination_id))
        if _template(directory, body.type_adapter).name != row.connector:
            raise fault("The type of a destination cannot be changed.", "type_adapter")
        with told("destination", "credential_json"):
            row = cases.update(caller.org, row.id, body.name, body.credential_json)
        return schemas.DestinationChanged(
            name=row.name, credential_json=_values(rooms, row), type_adapter=body.type_adapter
        )

    @found.delete(
        "/destinations/{destination_id}",
        status_code=204,
        response_class=Response,
        responses=MISSING | {409: {"model": schemas.Detail}},
    )
    def delete_destination(destination_id: Id, caller: Partner) -> None:
        """Forget a destination; what was written to it stays there. Refused while a connector uses it."""
        Destinations(rooms, caller.actor).delete(caller.org, id_of(caller, destination_id))

    return found


def _template(directory: Directory, number: int) -> Connector[Any]:
    connector = directory.destinations.get(number)
    if connector is None:
        raise fault(f'Invalid pk "{number}" - object does not exist.', "type_adapter")
    return connector


def _values(rooms: Rooms, row: Connection) -> dict[str, Any]:
    return forms.values_of(forms.form_of(rooms.registry.get(row.connector).config), row.config)


def _shown(rooms: Rooms, directory: Directory, numbering: Numbering, row: Connection) -> schemas.Destination:
    maker = row.metadata.get(MADE_BY)
    return schemas.Destination(
        id=numbering.of(row.org, Kind.DESTINATION, [row.id])[row.id],
        type_adapter_name=rooms.registry.get(row.connector).title,
        name=row.name,
        credential_json=_values(rooms, row),
        created_at=row.created_at,
        updated_at=row.updated_at,
        type_adapter=directory.number(row.connector, "destinations"),
        user=numbering.of(row.org, Kind.USER, [maker])[maker] if maker else None,
        organization=numbering.organization(row.org),
    )

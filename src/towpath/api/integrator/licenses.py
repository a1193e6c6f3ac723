"""Licences to install a connector."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, Document, Given, answer, iso, own
from towpath.api.integrator.errors import Fault, Refused, invalid, required
from towpath.api.integrator.ids import ours, shown
from towpath.api.integrator.moments import moment
from towpath.api.kit.routing import Router
from towpath.core.records import Item
from towpath.services.pipelines.apps import Licenses

router = Router(prefix="/v1", tags=["Connectors"])

Reading = Annotated[Caller, Depends(reads("connectors"))]
Writing = Annotated[Caller, Depends(writes("connectors"))]

#: What we say of every licence; what a client sends of it is not kept.
_COMPUTED = ("created", "user", "_integrationId", "_connectorId")


@router.get("/connectors/{id}/licenses", summary="List licenses")
def list_licenses(caller: Reading, id: str) -> Response:
    """All of the connector, the oldest first."""
    rows = Licenses(*caller.use).list(caller.org, ours("connectors", id))
    return answer([_shown(row) for row in rows])


@router.post("/connectors/{id}/licenses", status_code=201, summary="Create license", openapi_extra=BODY)
def create_license(caller: Writing, id: str, given: Given) -> Response:
    """For the user with that email address."""
    document = _checked(given, ("email", "expires"))
    return answer(_shown(Licenses(*caller.use).create(caller.org, ours("connectors", id), document)), 201)


@router.get("/connectors/{id}/licenses/{license}", summary="Get license")
def get_license(caller: Reading, id: str, license: str) -> Response:
    app, key = ours("connectors", id), ours("licenses", license)
    return answer(_shown(Licenses(*caller.use).get(caller.org, app, key)))


@router.put("/connectors/{id}/licenses/{license}", summary="Replace license", openapi_extra=BODY)
def replace_license(caller: Writing, id: str, license: str, given: Given) -> Response:
    """All but whose it is: the email address is not needed, and not changed."""
    app, key = ours("connectors", id), ours("licenses", license)
    return answer(_shown(Licenses(*caller.use).update(caller.org, app, key, _checked(given, ("expires",)))))


@router.delete("/connectors/{id}/licenses/{license}", status_code=204, summary="Delete license")
def delete_license(caller: Writing, id: str, license: str) -> None:
    Licenses(*caller.use).delete(caller.org, ours("connectors", id), ours("licenses", license))


def _checked(given: Document, needed: tuple[str, ...]) -> dict[str, Any]:
    document = {name: value for name, value in own(given).items() if name not in _COMPUTED}
    faults: list[Fault] = [required(name) for name in needed if not document.get(name)]
    expires = moment(document.get("expires"), "expires", faults)
    if not isinstance(document.get("email", ""), str):
        faults.append(invalid("email", "It is an email address."))
    if not isinstance(document.get("opts", {}), dict):
        faults.append(invalid("opts", "It is an object."))
    if faults:
        raise Refused(*faults)
    return document if expires is None else {**document, "expires": iso(expires)}


def _shown(row: Item) -> dict[str, Any]:
    return {
        "_id": shown(row.id),
        "user": {"email": row.document.get("email")},
        **row.document,
        "created": iso(row.created_at),
        "lastModified": iso(row.updated_at),
    }

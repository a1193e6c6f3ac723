"""Connectors, as this family calls apps: integrations that are installed from a stack's own functions."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, Document, Given, answer, own, times
from towpath.api.integrator.errors import Refused, invalid, required
from towpath.api.integrator.ids import ours, shown
from towpath.api.integrator.resources import Change, Resource, add_resource
from towpath.api.kit.routing import Router
from towpath.core.records import Integration, Item
from towpath.services.pipelines.apps import Apps
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.installing import Installing

router = Router(prefix="/v1", tags=["Connectors"])

_BASE = ("name", "version", "tag", "mode", "updateInProgress")


class AppKeeper:
    """The apps of one organization."""

    def __init__(self, caller: Caller) -> None:
        self._org, self._apps = caller.org, Apps(*caller.use)

    def list(self, limit: int) -> Sequence[Document]:
        return [_shown(row) for row in self._apps.list(self._org, limit)]

    def get(self, id: str) -> Document:
        return _shown(self._apps.get(self._org, id))

    def create(self, document: dict[str, Any]) -> Document:
        return _shown(self._apps.create(self._org, own(document)))

    def change(self, id: str, how: Change) -> Document:
        def revise(row: Item) -> Document:
            return own(how(_shown(row)))

        return _shown(self._apps.update(self._org, id, revise))

    def delete(self, id: str) -> None:
        self._apps.delete(self._org, id)


add_resource(router, Resource("connectors", "connector", AppKeeper))

Reading = Annotated[Caller, Depends(reads("connectors"))]
Writing = Annotated[Caller, Depends(writes("connectors"))]


@router.get("/connectors/{id}/installBase", summary="Get install base")
def get_install_base(caller: Reading, id: str) -> Response:
    """The integrations that the connector is installed as."""
    rows = Apps(*caller.use).install_base(caller.org, ours("connectors", id))
    return answer([_installed(row) for row in rows])


@router.put("/connectors/{id}/update", summary="Push update", openapi_extra=BODY)
def push_update(caller: Writing, id: str, given: Given) -> Response:
    """Have its `updateFunction` bring the integrations of `{"_integrationIds": […]}` up to date."""
    digits = given.get("_integrationIds")
    if digits is None:
        raise Refused(required("_integrationIds"))
    if not isinstance(digits, list) or not all(isinstance(one, str) for one in digits):
        raise Refused(invalid("_integrationIds", "It is a list of _ids of integrations."))
    integrations = [ours("integrations", one) for one in digits]
    Installing(*caller.use).push(caller.org, ours("connectors", id), integrations)
    return answer({})


def _shown(row: Item) -> dict[str, Any]:
    return {"_id": shown(row.id), **row.document, **times(row)}


def _installed(row: Integration) -> dict[str, Any]:
    document = row.metadata.get(DOCUMENT, {})
    known = {name: document[name] for name in _BASE if name in document}
    return {"_integrationId": shown(row.id), **known, **times(row)}

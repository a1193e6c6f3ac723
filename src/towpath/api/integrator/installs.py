"""Installing a connector, and calling its own functions: installers, uninstallers, settings."""

from typing import Annotated

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, writes
from towpath.api.integrator.documents import BODY, MaybeGiven, answer, times
from towpath.api.integrator.ids import ours, shown
from towpath.api.kit.routing import Router
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.installing import Installing

router = Router(prefix="/v1", tags=["Connectors"])

_OF = {"installer": "installer", "uninstaller": "uninstaller", "settings": "setting"}


def _whole(caller: Annotated[Caller, Depends(writes("integrations"))]) -> Caller:
    """Functions do not call functions: a token that is lent to one does not open these routes."""
    if not caller.full:
        raise HTTPException(403, "The token does not open this.")
    return caller


Whole = Annotated[Caller, Depends(_whole)]


@router.post("/integrations/{id}/install", summary="Install connector")
def install_connector(caller: Whole, id: str) -> Response:
    """Make an integration of the connector whose `_id` this is, and call its `installerFunction`."""
    row = Installing(*caller.use).install(caller.org, ours("connectors", id))
    return answer({"_id": shown(row.id), **row.metadata.get(DOCUMENT, {}), **times(row)})


@router.delete("/integrations/{id}/install", summary="Uninstall connector")
def uninstall_connector(caller: Whole, id: str) -> Response:
    """Call its `preUninstallFunction` and `uninstallerFunction`, then remove the integration."""
    return answer(Installing(*caller.use).uninstall(caller.org, ours("integrations", id)))


def _add(part: str, type: str) -> None:
    def invoke(caller: Whole, id: str, function: str, given: MaybeGiven) -> Response:
        """Call the function with the body, and answer with what it answers."""
        found = Installing(*caller.use).invoke(caller.org, ours("integrations", id), type, function, given)
        return answer(found)

    invoke.__name__ = f"invoke_{part}_function"
    router.add_api_route(
        f"/integrations/{{id}}/{part}/{{function}}",
        invoke,
        methods=["PUT"],
        summary=f"Invoke {part} function",
        openapi_extra=BODY,
    )


for _part, _type in _OF.items():
    _add(_part, _type)

"""The routes that exports and imports have beside those of all resources."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, Given, answer
from towpath.api.integrator.ids import ours
from towpath.api.integrator.step_types.keeping import StepKeeper
from towpath.api.kit.routing import Router


def add_step_routes(
    router: Router, path: str, noun: str, keeper: Callable[[Caller], StepKeeper[Any, Any]]
) -> None:
    """``distributed`` and ``replaceConnection``."""
    reading, writing = Annotated[Caller, Depends(reads(path))], Annotated[Caller, Depends(writes(path))]

    def get_distributed(caller: reading, id: str) -> Response:  # type: ignore[valid-type] # made above
        return answer(keeper(caller).distributed(ours(path, id)))

    def put_distributed(caller: writing, id: str, given: Given) -> Response:  # type: ignore[valid-type] # made above
        return answer(keeper(caller).distribute(ours(path, id), given))

    def replace_connection(caller: writing, id: str, given: Given) -> Response:  # type: ignore[valid-type] # made above
        return answer(keeper(caller).replace_connection(ours(path, id), given))

    for endpoint in (get_distributed, put_distributed, replace_connection):
        endpoint.__name__ = f"{endpoint.__name__}_{noun}"
    told = f"The part of the {noun} within its system"
    router.add_api_route(f"/{path}/{{id}}/distributed", get_distributed, methods=["GET"], summary=told)
    router.add_api_route(
        f"/{path}/{{id}}/distributed",
        put_distributed,
        methods=["PUT"],
        summary=f"Replace the part of the {noun} within its system",
        openapi_extra=BODY,
    )
    router.add_api_route(
        f"/{path}/{{id}}/replaceConnection",
        replace_connection,
        methods=["PUT"],
        summary=f"Use another connection for the {noun}",
        openapi_extra=BODY,
    )

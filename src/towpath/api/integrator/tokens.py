"""Tokens: what the caller's own one is, and keeping others."""

from typing import Any

from towpath.api.integrator.accesstokens import AccessTokens
from towpath.api.integrator.auth import Caller, Signed
from towpath.api.integrator.ids import shown
from towpath.api.integrator.resources import Resource, add_resource
from towpath.api.kit.routing import Router

router = Router(prefix="/v1", tags=["Tokens"])


@router.get("/tokenInfo", summary="Token Info")
def token_info(caller: Signed) -> dict[str, Any]:
    """Whose token it is, and what it opens: `*` is everything."""
    return {"_userId": shown(caller.org), "scope": _scope(caller)}


def _scope(caller: Caller) -> str:
    if caller.full:
        return "*"
    words = (scope.partition(":") for scope in caller.key.scopes)
    return " ".join(f"{kind}:{shown(id)}" if id else kind for kind, _, id in words)


add_resource(router, Resource("accesstokens", "access token", AccessTokens, patchable=("/name", "/revoked")))

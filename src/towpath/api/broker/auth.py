"""Who may call ``/v1/customers/…``: programs with a broker key, in either of two headers."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from towpath.api.kit.callers import Caller, bearer, caller_of, known_key, unauthorized
from towpath.core.records import KeyKind
from towpath.services.context import Actor, Rooms

_bearer = HTTPBearer(scheme_name="bearer", description="A broker key.", auto_error=False)
_api_key = APIKeyHeader(name="X-Api-Key", scheme_name="apiKey", description="A broker key.", auto_error=False)


@dataclass(frozen=True)
class Session:
    """One request of a program that may manage its organization's customers."""

    rooms: Rooms
    caller: Caller

    @property
    def org(self) -> str:
        return self.caller.org

    @property
    def use(self) -> tuple[Rooms, Actor]:
        """What use cases are made of."""
        return self.rooms, self.caller.actor


def session(
    request: Request,
    _bearer_scheme: Annotated[object, Security(_bearer)],
    _api_key_scheme: Annotated[object, Security(_api_key)],
    _x_api_key: Annotated[str | None, Header(alias="X-Api-Key")] = None,
) -> Session:
    """Raises 401. Every header that is sent must hold a good key, of one organization: a bad one is never
    made up for by a good one.
    """
    rooms: Rooms = request.app.state.rooms
    shown = [*request.headers.getlist("x-api-key"), *_tokens(request)]
    if not shown:
        raise unauthorized("Not authenticated")
    keys = [known_key(rooms, text, KeyKind.BROKER) for text in shown]
    if keys[0] is None or any(key is None or key.org != keys[0].org for key in keys):
        # One answer whatever is wrong with a key: unknown, of another kind, revoked, expired.
        raise unauthorized("Not authenticated", 'Bearer error="invalid_token"')
    return Session(rooms, caller_of(request, keys[0]))


def _tokens(request: Request) -> list[str | None]:
    """What the Authorization header holds, if there is one; None for what is no bearer token, or several."""
    count = len(request.headers.getlist("authorization"))
    return [bearer(request) if count == 1 else None] if count else []


Broker = Annotated[Session, Depends(session)]

"""``GET /internal/v1/instances/{instance_id}/connections``: the hot path, without any framework's help."""

import asyncio
import logging
from collections import deque
from functools import lru_cache
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from towpath.api.broker.errors import errors
from towpath.api.broker.fetch_answers import Headers, render, wrong_method
from towpath.api.broker.fetch_renewals import Renewals
from towpath.api.kit.defects import defect
from towpath.core.errors import BusyError, TowpathError
from towpath.core.ids import of_uuid
from towpath.services.context import Rooms
from towpath.services.lending.answers import Answer, Ask, Due, Outcome, refusal
from towpath.services.lending.desk import Answered

PATH = "/internal/v1/instances/{instance_id}/connections"

#: What a proxy key looks like. Nobody makes us hash a megabyte.
_PREFIX, _LONGEST = b"tp_proxy_", 200

_log = logging.getLogger("towpath.api")

#: Longer texts are not worth remembering; and strangers may send many.
_SHORT = 200


_BEFORE, _AFTER = (part + "/" for part in PATH.split("/{instance_id}/"))


def add_fetch(app: FastAPI, rooms: Rooms) -> None:
    """Put the route into the family's application, in both slash forms, and a way to it around all others."""
    door = Door(rooms)
    # Routes over a class know no methods, and hand it the bare request: it answers all of them itself.
    app.router.routes[:0] = [Route(path, door, include_in_schema=False) for path in (PATH, PATH + "/")]
    app.add_middleware(_Shortcut, door=door)


class _Shortcut:
    """Hands fetches to the door: the way through the framework costs as much as the door itself."""

    def __init__(self, app: ASGIApp, door: "Door") -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith(_BEFORE):
            instance, _, rest = path[len(_BEFORE) :].partition("/")
            if rest in (_AFTER, _AFTER[:-1]):
                scope["path_params"] = {"instance_id": instance}
                scope["endpoint"] = self._door
                await self._door(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Door:
    """The application behind the route."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._desk = rooms.desk
        self._renewals = Renewals(rooms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await wrong_method(send)
            return
        try:
            status, headers, body = await self._answer(self._ask_of(scope))
        except TowpathError as error:
            await errors.answer(error)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last resort, as for all other paths
            await errors.answer(defect(error, scope, _log))(scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, ask: Ask) -> tuple[int, Headers, bytes]:
        answer = await self._decided(ask)
        if isinstance(answer, Due):
            await self._renewals.renew(answer)
            ask.renewed = True
            answer = await self._decided(ask)
        assert isinstance(answer, Answer)  # noqa: S101 - after a renewal there is nothing left to wait for
        return render(ask, answer)

    def _ask_of(self, scope: Scope) -> Ask:
        given, digest = self._key(scope)
        query = scope["query_string"]
        provider, name, capability = _query(query) if len(query) <= _SHORT else _query.__wrapped__(query)
        client = scope.get("client")
        return Ask(
            digest,
            _instance(scope["path_params"]["instance_id"][:_SHORT]),
            provider,
            name,
            capability,
            client[0] if client else None,
            scope.get("state", {}).get("request_id"),
            given,
        )

    def _key(self, scope: Scope) -> tuple[bool, str | None]:
        """Whether a bearer token was given, and its digest if it may be a proxy key."""
        found = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(found) != 1:
            return bool(found), None
        scheme, _, token = found[0].partition(b" ")
        if scheme.lower() != b"bearer":
            return False, None
        token = token.strip()
        if len(token) > _LONGEST or not token.startswith(_PREFIX) or not token.isascii():
            return bool(token), None
        return True, self._rooms.vault.digest(token.decode())

    async def _decided(self, ask: Ask) -> Answer | Due:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer | Due] = loop.create_future()
        try:
            self._desk.ask(ask, _mailbox(loop).slot(future))
        except BusyError:
            return refusal(Outcome.UNAVAILABLE)
        return await future


class _Mailbox:
    """Brings answers from the desk's thread into an event loop, which is woken once for a whole batch."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._arrived = deque[tuple[asyncio.Future[Answer | Due], Answer | Due]]()

    def slot(self, future: asyncio.Future[Answer | Due]) -> Answered:
        def answered(answer: Answer | Due) -> None:
            self._arrived.append((future, answer))
            # Whoever finds more than one in it comes after another, who has woken the loop or is about to.
            if len(self._arrived) == 1:
                self._wake()

        return answered

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._hand_out)
        except RuntimeError:  # the loop has ended, and nobody waits any more
            self._arrived.clear()

    def _hand_out(self) -> None:
        while self._arrived:
            future, answer = self._arrived.popleft()
            if not future.done():
                future.set_result(answer)


@lru_cache(maxsize=8)
def _mailbox(loop: asyncio.AbstractEventLoop) -> _Mailbox:
    return _Mailbox(loop)


@lru_cache(maxsize=4096)
def _instance(text: str) -> str | None:
    """The id of the instance; None if the text is no UUID."""
    try:
        return of_uuid("ins", UUID(text))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _query(query: bytes) -> tuple[str | None, str | None, str | None]:
    """Provider, name and capability; of several values the last one counts."""
    pairs = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    return pairs.get("provider"), pairs.get("name"), pairs.get("capability")

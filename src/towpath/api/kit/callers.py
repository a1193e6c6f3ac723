"""Who calls: credentials out of headers, and the key that they are."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from towpath.api.kit.defects import request_id
from towpath.core.records import Key, KeyKind, now
from towpath.services.context import Actor, Rooms

#: How often, at most, a key's ``last_used_at`` is written.
USED_EVERY = timedelta(minutes=1)

#: No key of ours is as long; nobody makes us hash a megabyte.
_LONGEST = 200


@dataclass(frozen=True)
class Caller:
    """A program that showed its key."""

    org: str
    actor: Actor
    key: Key


def caller_of(request: Request, key: Key) -> Caller:
    """The caller with this key, as the audit trail will name it."""
    address = request.client.host if request.client else None
    actor = Actor(f"key:{key.id}", address=address, request=request_id(request.scope))
    return Caller(key.org, actor, key)


def known_key(rooms: Rooms, text: str | None, *kinds: KeyKind) -> Key | None:
    """The key of one of these kinds that this text is, if it opens anything now. Blocks on the store."""
    if text is None or len(text) > _LONGEST or not text.startswith(tuple(f"tp_{kind}_" for kind in kinds)):
        return None
    digest = rooms.vault.digest(SecretStr(text))
    at = now()
    with rooms.store.read() as work:
        key = work.keys.by_digest(digest)
    if key is None or key.kind not in kinds or not key.opens(at):
        return None
    if key.last_used_at is None or at - key.last_used_at >= USED_EVERY:
        with rooms.store.begin() as work:
            work.keys.used(key.org, [key.id], at, USED_EVERY)
    return key


def bearer(request: Request) -> str | None:
    """The token of ``Authorization: Bearer …``."""
    return _credentials(request, "bearer")


def basic(request: Request) -> tuple[str, str] | None:
    """Both halves of ``Authorization: Basic …``, as sent: OAuth 2 clients percent-encode each of them."""
    encoded = _credentials(request, "basic")
    if encoded is None:
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (user, password) if colon else None


def _credentials(request: Request, scheme: str) -> str | None:
    given, _, rest = request.headers.get("authorization", "").partition(" ")
    return rest.strip() or None if given.lower() == scheme else None


def unauthorized(
    detail: str, challenge: str = "Bearer", headers: Mapping[str, str] | None = None
) -> HTTPException:
    """The 401 to raise; ``challenge`` is the value of ``WWW-Authenticate``."""
    return HTTPException(401, detail, {"WWW-Authenticate": challenge, **(headers or {})})

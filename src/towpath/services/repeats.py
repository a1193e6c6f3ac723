"""Requests that their senders may repeat: the second time changes nothing and finds what the first made."""

from dataclasses import dataclass

from towpath.core.errors import ConflictError
from towpath.core.repositories import UnitOfWork
from towpath.services.context import Rooms


@dataclass(frozen=True)
class Repeat:
    """A key that the sender gave to a request, and the whole of the request."""

    key: str
    request: str
    """Everything that was asked, as one text; only its digest is kept, for it may hold secrets."""


def made_before(rooms: Rooms, work: UnitOfWork, org: str, repeat: Repeat | None, object: str) -> str | None:
    """Id of what the same request made before; None for a new one, which makes ``object`` in this unit.

    Raises `ConflictError` (``request.key_reused``) if the key came with another request.
    """
    if repeat is None:
        return None
    fingerprint = rooms.vault.digest(repeat.request)
    earlier = work.requests.remember(org, repeat.key, fingerprint, object)
    if earlier is None:
        return None
    if earlier.fingerprint != fingerprint:
        raise ConflictError(
            "request.key_reused",
            "The idempotency key was used for another request.",
            hint="Give every new request a key of its own.",
        )
    return earlier.object

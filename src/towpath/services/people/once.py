"""Tokens that are lent to a user's own function for as long as it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from pydantic import SecretStr

from towpath.core.ids import new_id
from towpath.core.records import Key, KeyKind, now
from towpath.services.context import Rooms
from towpath.vault import new_machine_key

#: How long they are good for if nobody spends them: the process that lent one died.
LIFE = timedelta(minutes=15)
#: What a function of a user's own may do: run exports and imports that are there.
INVOKE = "invoke"


def app_scope(app: str) -> str:
    """What a function of an app may do: see to what carries the id of the app."""
    return f"app:{app}"


def lend(rooms: Rooms, org: str, scope: str) -> tuple[str, SecretStr]:
    """A new token, and the id by which it is spent."""
    vault = rooms.vault
    new = new_machine_key(vault, KeyKind.ONCE)
    id = new_id("key")
    row = Key(
        id=id,
        org=org,
        name=id,
        kind=KeyKind.ONCE,
        digest=new.digest,
        scopes=(scope,),
        expires_at=now() + LIFE,
    )
    with rooms.store.begin() as work:
        work.keys.add(org, row)
    return id, new.key


def spend(rooms: Rooms, org: str, id: str) -> None:
    """The token opens nothing from now on. Idempotent."""
    with rooms.store.begin() as work:
        if work.keys.find(org, id=id) is not None:
            work.keys.delete(org, id)


@contextmanager
def lent(rooms: Rooms, org: str, scope: str) -> Iterator[str]:
    """A token that is dead when the context ends, however it does."""
    id, token = lend(rooms, org, scope)
    try:
        yield token.get_secret_value()
    finally:
        spend(rooms, org, id)

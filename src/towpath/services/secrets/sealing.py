"""Between the store and the vault: the secrets of one connection."""

from collections.abc import Mapping

from pydantic import SecretStr

from towpath.core.repositories import UnitOfWork
from towpath.services.context import Rooms


def keep(rooms: Rooms, work: UnitOfWork, org: str, connection: str, secrets: Mapping[str, SecretStr]) -> None:
    """Make these the connection's secrets, as a whole; none at all leaves nothing behind."""
    if secrets:
        rooms.vault.keep(work, org, connection, secrets)
    else:
        work.secrets.shred(org, connection)


def reveal(rooms: Rooms, work: UnitOfWork, org: str, connection: str) -> dict[str, SecretStr]:
    """The secrets by field path; from now on the process's log blots them out. # Invariant 8"""
    sealed = work.secrets.get(org, connection)
    if sealed is None:
        return {}
    secrets = rooms.vault.open(sealed)
    for secret in secrets.values():
        rooms.conceal(secret.get_secret_value())
    return secrets

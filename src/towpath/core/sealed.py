"""The promises of the store about secrets: what the vault keeps there, sealed.

As with all repositories, the calls happen inside a unit of work, and may be repeated without harm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class SealedSecrets:
    """The secrets of one connection as they are stored: see the vault for what the texts are."""

    org: str
    connection: str
    wrapped_key: str
    """The connection's data key, encrypted by the key-encryption key ``key_id``."""
    key_id: str
    fields: Mapping[str, str]
    """Field path → ciphertext."""


class Secrets(Protocol):
    """Sealed secrets, one set per connection."""

    def put(self, org: str, sealed: SealedSecrets) -> None:
        """Store or replace the connection's set as a whole. Raises `BusyError` (``vault.key_retired``) if
        the key that wraps it is not registered any more: seal again, with the present one.
        """
        ...

    def get(self, org: str, connection: str) -> SealedSecrets | None: ...

    def shred(self, org: str, connection: str) -> None:
        """Remove the wrapped key and the ciphertexts for good. Idempotent.

        A backup made before holds both: it can be read until the master key of that time is destroyed too.
        """
        ...

    def wrapped_by_others(self, key_id: str, limit: int = 100) -> Sequence[SealedSecrets]:
        """Sets of *all* organizations whose data key another key wraps: what a rotation has still to do."""
        ...

    def rewrap(self, org: str, connection: str, seen: str, wrapped_key: str, key_id: str) -> bool:
        """Replace the wrapped key if it still is ``seen``; False if it changed meanwhile."""
        ...


@dataclass(frozen=True)
class MasterKey:
    """A key-encryption key that may wrap data keys; the key itself is never stored."""

    key_id: str
    digest_key: str
    """The key that machine keys are digested with, wrapped by this one: the same under every master key.
    That it can be unwrapped shows that the vault was given the right key."""


class MasterKeys(Protocol):
    """The registered key-encryption keys: no data key may be wrapped by another. They belong to no
    organization.
    """

    def list(self) -> Sequence[MasterKey]:
        """In the order of their registration."""
        ...

    def add(self, key: MasterKey) -> MasterKey:
        """Register a key; one with this id that is there already stays and is returned."""
        ...

    def in_use(self, key_id: str) -> bool:
        """Whether a data key is wrapped by it."""
        ...

    def lock(self) -> None:
        """Make the registrations of others wait until this unit of work ends."""
        ...

    def retire(self, key_id: str) -> bool:
        """Remove the key, after which nothing can be wrapped by it any more; False, and no change, while a
        data key still is. Idempotent.
        """
        ...

"""References: what stands for a stored secret wherever a configuration is shown to people.

A reference says which connection's secret it is, and of which field; it opens nothing by itself. Sent back
in the same field it means "that secret". Anywhere else it is refused, so that no secret travels through a
field that is shown. # Invariant 8
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from towpath.core.errors import ConfigError
from towpath.core.ids import as_uuid, of_uuid
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.services.connections import known_connector
from towpath.services.context import Rooms, UseCases, audit
from towpath.services.secrets import sealing
from towpath.services.secrets.fields import MARK, MASK, is_mark, marks
from towpath.vault import Vault, join_secrets, split_secrets

PREFIX = "tp_ref_"
#: Bytes of the connection's id, and as many of the proof that we made the reference.
_HALF = 16
_REFERENCE = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Where a configuration is used: what its references may stand for."""

    project: str
    """Id of the project."""
    role: str
    """``source`` or ``destination``."""
    connector: str
    purpose: str
    """What it is used for, in the audit trail: ``test``, ``create`` …"""
    own: Connection | None = None
    """The connection whose configuration it becomes: what is masked stays as it is there."""


def reference(vault: Vault, connection: str, path: str) -> str:
    """The reference to the secret of this field of the connection with this id: always the same text."""
    id = as_uuid(connection).bytes
    return PREFIX + urlsafe_b64encode(id + _proof(vault, id, path)).decode().rstrip("=")


def shown(vault: Vault, row: Connection) -> dict[str, Any]:
    """The connection's configuration, with a reference for every secret."""
    found: dict[str, Any] = _shown(vault, row.id, row.config)
    return found


def _shown(vault: Vault, connection: str, stored: Any) -> Any:
    if is_mark(stored):
        return reference(vault, connection, stored[MARK])
    if isinstance(stored, Mapping):
        return {key: _shown(vault, connection, item) for key, item in stored.items()}
    if isinstance(stored, list):
        return [_shown(vault, connection, item) for item in stored]
    return stored


def masked(rooms: Rooms, connector: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody sent, for its echo: references stay, other secrets are masked."""
    public, given = split_secrets(known_connector(rooms, connector).config, config)
    texts = {path: secret.get_secret_value() for path, secret in given.items()}
    kept = {path: text if not text or _REFERENCE.fullmatch(text) else MASK for path, text in texts.items()}
    return join_secrets(public, kept)


def refuse(value: Any, field: str = "") -> None:
    """Raise `ConfigError` (``secret.reference``) if a reference stands anywhere in a JSON value, be it within
    a text: for all that no secret belongs into.
    """
    for path, text in _texts(value, field):
        if _REFERENCE.search(text):
            raise _refused(path, "No secret belongs there.")


class References(UseCases):
    """What references stand for."""

    def resolve(
        self, work: UnitOfWork, org: str, config: Mapping[str, Any], spot: Spot
    ) -> tuple[dict[str, Any], dict[str, SecretStr]]:
        """``config`` with a mark for every secret in it, and the secrets by field path: for
        `Connections.parse`. Those that a mask stands for are left out: they are the connection's own.

        Raises `ConfigError` naming the field: ``secret.reference`` for a reference that does not count here.
        Each connection whose secrets are used for another one is noted in the audit trail.
        """
        _refuse_marks(config)
        public, given = split_secrets(known_connector(self.rooms, spot.connector).config, config)
        refuse(public)
        known: dict[str, SecretStr] = {}
        lenders: dict[str, Connection] = {}
        for path, secret in given.items():
            text = secret.get_secret_value()
            if text.startswith(PREFIX) or _REFERENCE.search(text):
                row = self._lender(work, org, text, path, spot)
                lenders[row.id] = row
                known[path] = self._secret(work, row, path)
            elif text == MASK:
                _check_own(spot, path)
            else:
                known[path] = secret
        for row in lenders.values():
            self._note(work, row, public, spot)
        return public, known

    def _lender(self, work: UnitOfWork, org: str, text: str, path: str, spot: Spot) -> Connection:
        """The connection that the reference in this field is of."""
        id = _opened(self.rooms.vault, text, path)
        row = work.connections.find(org, id=id, deleted_at=None, customer=None) if id else None
        if row is None or not _fits(row, spot):
            raise _refused(path, "It is not one of this field, or its source or destination is gone.")
        return row

    def _secret(self, work: UnitOfWork, row: Connection, path: str) -> SecretStr:
        found = sealing.reveal(self.rooms, work, row.org, row.id).get(path)
        if found is None:
            raise _refused(path, "The secret that it stood for is not kept any more.")
        return found

    def _note(self, work: UnitOfWork, row: Connection, public: Mapping[str, Any], spot: Spot) -> None:
        if spot.own is not None and spot.own.id == row.id:
            return
        changed = sorted(key for key in {*public, *row.config} if public.get(key) != row.config.get(key))
        audit(work, row.org, self.actor, "secret.use", row.id, purpose=spot.purpose, changed=changed)


def _proof(vault: Vault, id: bytes, path: str) -> bytes:
    key = vault.derive("secret reference")
    return hmac.digest(key, id + path.encode("utf-8", "surrogatepass"), "sha256")[:_HALF]


def _opened(vault: Vault, text: str, path: str) -> str | None:
    """The id of the connection whose field this is a reference to; None if we never made it for the field."""
    if not _REFERENCE.fullmatch(text):
        return None
    data = urlsafe_b64decode(text.removeprefix(PREFIX) + "=")
    id, proof = data[:_HALF], data[_HALF:]
    if not hmac.compare_digest(proof, _proof(vault, id, path)):
        return None
    return of_uuid("con", UUID(bytes=id))


def _fits(row: Connection, spot: Spot) -> bool:
    return (
        row.connector == spot.connector
        and row.project in (spot.project, None)
        and row.role in (spot.role, None)
    )


def _check_own(spot: Spot, path: str) -> None:
    if spot.own is None or path not in set(marks(spot.own.config)):
        raise _refused(path, "There is no stored secret to keep.")


def _refuse_marks(config: Any, field: str = "") -> None:
    """Marks are ours alone: in what is sent they could stand for what was never stored."""
    if isinstance(config, Mapping):
        if MARK in config:
            raise _refused(field, f"A setting cannot be called {MARK!r}.")
        for key, item in config.items():
            _refuse_marks(item, _join(field, str(key)))
    elif isinstance(config, list):
        for index, item in enumerate(config):
            _refuse_marks(item, _join(field, str(index)))


def _texts(value: Any, field: str) -> Iterator[tuple[str, str]]:
    """All texts in the value, names of settings too, with their places."""
    if isinstance(value, str):
        yield field, value
    elif is_mark(value):
        return
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield field, str(key)
            yield from _texts(item, _join(field, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, _join(field, str(index)))


def _join(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _refused(field: str, why: str) -> ConfigError:
    return ConfigError(
        "secret.reference",
        f"The reference to a secret in {field!r} does not count there.",
        hint=f"{why} Enter the secret itself, or send back what was shown in this very field.",
        field=field,
    )

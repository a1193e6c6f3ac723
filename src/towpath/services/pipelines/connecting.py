"""Keeping connections that come as documents: settings for the connector, and the document itself, whole.

The document is kept without its secrets in the row's metadata; they are sealed beside those of the settings,
for one that comes back with masks. Where a row was changed elsewhere since, its settings are the truth, and
the document is forgotten.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from pydantic import SecretStr

from towpath.core.errors import ConfigError
from towpath.core.ids import as_object_id
from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus, now
from towpath.core.repositories import UnitOfWork
from towpath.services.connections import Connections
from towpath.services.context import Rooms, UseCases, audit
from towpath.services.lending import credentials as lent
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.masking import is_mask
from towpath.services.secrets import sealing
from towpath.services.secrets.fields import is_mark
from towpath.services.tokens.expiry import expiry_of
from towpath.vault import split_secrets

#: The sealed field with the secrets of the document, by path; in sealed credentials a field of them.
SECRETS = "$document"
#: Beside the document: what the row was when it was written.
SEEN = "integrator_seen"

_TOKENS = ("access_token", "refresh_token", "expires_at", "token_type")
_BROKEN = (ConnectionStatus.EXPIRED, ConnectionStatus.ERROR, ConnectionStatus.PENDING)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A connection as it shall be."""

    connector: str
    name: str
    document: Mapping[str, Any]
    """Without secrets."""
    secrets: Mapping[str, Any]
    """Those of the document, by path."""
    config: Mapping[str, Any]
    """With its secrets, or masks for those that stay as they are."""
    auth: AuthType | None = None
    """Set to seal all of it as one."""
    credentials: Mapping[str, Any] = field(default_factory=dict)
    """Sealed with it."""
    usable: bool = True
    """Whether there is such a connector; else nothing but the document is kept."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Of the row: max_parallel, lender, debug_until, scopes."""


class Connecting(UseCases):
    """The use cases. They raise `ConfigError` for settings that the connector does not take."""

    def create_in(self, work: UnitOfWork, org: str, id: str, draft: Draft) -> Connection:
        config, sealed, more = self._kept(work, org, draft, None)
        name = free(work, org, id, draft.name)
        row = Connection(
            id=id,
            org=org,
            name=name,
            connector=draft.connector,
            config=config,
            metadata=_metadata({}, draft, config, name),
            **{**draft.columns, **more},
        )
        work.connections.add(org, row)
        sealing.keep(self.rooms, work, org, id, sealed)
        audit(work, org, self.actor, "connection.create", id, name=row.name, connector=row.connector)
        return row

    def update_in(self, work: UnitOfWork, org: str, row: Connection, draft: Draft) -> Connection:
        config, sealed, more = self._kept(work, org, draft, row)
        sealing.keep(self.rooms, work, org, row.id, sealed)
        if row.status in _BROKEN and draft.auth is not AuthType.OAUTH2:
            # Whether the new settings are any better, the next use or ping tells.
            more |= {"status": ConnectionStatus.ACTIVE, "error": None}
        name = free(work, org, row.id, draft.name)
        return work.connections.update(
            org,
            row.id,
            name=name,
            connector=draft.connector,
            config=config,
            metadata=_metadata(row.metadata, draft, config, name),
            **{**draft.columns, **more},
        )

    def known(self, work: UnitOfWork, org: str, row: Connection) -> dict[str, Any]:
        """The secrets of the connection's document, by path; none if it was changed elsewhere."""
        if document_of(row) is None:
            return {}
        if lent.whole(row):
            found: dict[str, Any] = lent.reveal(self.rooms, work, org, row).get(SECRETS, {})
            return found
        text = sealing.reveal(self.rooms, work, org, row.id).get(SECRETS)
        return {} if text is None else json.loads(text.get_secret_value())

    def _kept(
        self, work: UnitOfWork, org: str, draft: Draft, row: Connection | None
    ) -> tuple[dict[str, Any], dict[str, SecretStr], dict[str, Any]]:
        """The configuration without secrets, what to seal, and columns that follow from both."""
        if not draft.usable:
            return {}, _sealed(draft), {"auth": None}
        if draft.auth is not None:
            return self._whole(work, org, draft, draft.auth, row)
        stored = {} if row is None or lent.whole(row) else row.config
        before = {} if row is None else sealing.reveal(self.rooms, work, org, row.id)
        cases = Connections(self.rooms, self.actor)
        config, secrets = cases.parse(draft.connector, _marked(draft.config, stored, ""), before)
        return config, secrets | _sealed(draft), {"auth": None, "expires_at": None}

    def _whole(
        self, work: UnitOfWork, org: str, draft: Draft, auth: AuthType, row: Connection | None
    ) -> tuple[dict[str, Any], dict[str, SecretStr], dict[str, Any]]:
        Connections(self.rooms, self.actor).parse(draft.connector, _marked(draft.config, {}, ""))
        before = {} if row is None or not lent.whole(row) else lent.reveal(self.rooms, work, org, row)
        tokens = _tokens(draft, before) if auth is AuthType.OAUTH2 else {}
        found = {**draft.config, **draft.credentials, **tokens, SECRETS: dict(draft.secrets)}
        more: dict[str, Any] = {"auth": auth, "error": None}
        if auth is AuthType.OAUTH2 and (row is None or row.status is not ConnectionStatus.REVOKED):
            connector = lent.known_provider(self.rooms.registry, draft.connector)
            more |= {
                "status": lent.status_of(connector, auth, found),
                "expires_at": expiry_of(found, now(), auth),
            }
        return lent.stored_config(), lent.to_secrets(found), more


def cut_settings(
    rooms: Rooms, connector: str, config: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings with marks for what the connector says is secret in them, and the secrets by path."""
    public, found = split_secrets(rooms.registry.get(connector).config, config)
    return public, {path: text.get_secret_value() for path, text in found.items()}


def document_of(row: Connection) -> dict[str, Any] | None:
    """The document that the row was made of; None if it was made or changed elsewhere."""
    document = row.metadata.get(DOCUMENT)
    if document is None or row.metadata.get(SEEN, {}).get("config") != _digest(row.config):
        return None
    found = dict(document)
    if row.metadata[SEEN].get("name") != row.name:
        found["name"] = row.name
    return found


def free(work: UnitOfWork, org: str, id: str, name: str) -> str:
    """The name; if another connection has it, with the id behind it."""
    rows = work.connections.list(org, name=name, project=None, customer=None, deleted_at=None)
    return name if all(row.id == id for row in rows) else f"{name} ({as_object_id(id)})"


def _metadata(
    before: Mapping[str, Any], draft: Draft, config: Mapping[str, Any], name: str
) -> dict[str, Any]:
    seen = {"config": _digest(config), "name": name}
    return {**before, DOCUMENT: dict(draft.document), SEEN: seen}


def _sealed(draft: Draft) -> dict[str, SecretStr]:
    return {SECRETS: SecretStr(json.dumps(dict(draft.secrets)))} if draft.secrets else {}


def _digest(config: Mapping[str, Any]) -> str:
    return sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _tokens(draft: Draft, before: Mapping[str, Any]) -> dict[str, Any]:
    """The tokens that were issued since the document was written stay, unless it brings others."""
    old = before.get(SECRETS, {})
    brought = {draft.config.get(name) for name in ("access_token", "refresh_token")} - {None}
    if brought - set(old.values()) or draft.config.get("token_url") != before.get("token_url"):
        return {}
    return {name: before[name] for name in _TOKENS if name in before}


def _marked(given: Any, stored: Any, path: str) -> Any:
    """Marks for the masks that stand for stored secrets. Raises `ConfigError` for any other mask."""
    if is_mask(given):
        if not is_mark(stored):
            raise ConfigError(
                "secret.reference",
                f"There is no stored secret for {path!r}.",
                hint="Enter the secret itself.",
                field=path,
            )
        return stored
    if isinstance(given, Mapping):
        return {
            key: _marked(
                item, stored.get(key) if isinstance(stored, Mapping) else None, _join(path, str(key))
            )
            for key, item in given.items()
        }
    if isinstance(given, list):
        below = [*stored] if isinstance(stored, list) else []
        pairs = zip_longest(given, below[: len(given)])
        return [_marked(*pair, _join(path, str(index))) for index, pair in enumerate(pairs)]
    return given


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

"""Sealed secrets, and the keys that may wrap theirs. What the texts hold is the vault's affair."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, exc, select, update

from towpath.core.errors import BusyError, InternalError
from towpath.core.records import now
from towpath.core.sealed import MasterKey, SealedSecrets
from towpath.store import tables
from towpath.store.references import guarded
from towpath.store.savepoint import savepoint
from towpath.store.upsert import insert_new, upsert

_SECRETS, _KEYS = tables.secrets, tables.master_keys
_SEALED = [_SECRETS.c[name] for name in SealedSecrets.__dataclass_fields__]


class SqlSecrets:
    """Sealed secrets, one set per connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, org: str, sealed: SealedSecrets) -> None:
        if sealed.org != org:
            raise InternalError(
                "store.wrong_organization",
                "The secrets are of another organization.",
                hint="Please report this.",
            )
        at = now()
        values = {name: getattr(sealed, name) for name in sealed.__dataclass_fields__}
        values |= {"created_at": at, "updated_at": at}
        put = upsert(self._connection, _SECRETS, values, keep=("created_at",))
        with guarded(self._connection, _SECRETS, values):
            self._require_key(sealed.key_id)
            self._connection.execute(put)

    def get(self, org: str, connection: str) -> SealedSecrets | None:
        query = select(*_SEALED).where(_SECRETS.c.org == org, _SECRETS.c.connection == connection)
        row = self._connection.execute(query).mappings().one_or_none()
        return SealedSecrets(**row) if row else None

    def shred(self, org: str, connection: str) -> None:
        gone = delete(_SECRETS).where(_SECRETS.c.org == org, _SECRETS.c.connection == connection)
        self._connection.execute(gone)

    def wrapped_by_others(self, key_id: str, limit: int = 100) -> Sequence[SealedSecrets]:
        query = select(*_SEALED).where(_SECRETS.c.key_id != key_id)
        query = query.order_by(_SECRETS.c.org, _SECRETS.c.connection).limit(limit)
        return [SealedSecrets(**row) for row in self._connection.execute(query).mappings()]

    def rewrap(self, org: str, connection: str, seen: str, wrapped_key: str, key_id: str) -> bool:
        self._require_key(key_id)
        change = update(_SECRETS).where(
            _SECRETS.c.org == org, _SECRETS.c.connection == connection, _SECRETS.c.wrapped_key == seen
        )
        values = {"wrapped_key": wrapped_key, "key_id": key_id, "updated_at": now()}
        return self._connection.execute(change.values(values)).rowcount > 0

    def _require_key(self, key_id: str) -> None:
        """The key must be registered, and stays so until this unit of work ends."""
        lock = (
            select(_KEYS.c.key_id).where(_KEYS.c.key_id == key_id).with_for_update(read=True, key_share=True)
        )
        if not self._connection.execute(lock).first():
            raise BusyError(
                "vault.key_retired",
                f"The master key {key_id} was replaced meanwhile, or never registered.",
                hint="Try again: the secrets are then sealed with the present key.",
            )


class SqlMasterKeys:
    """The registered key-encryption keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> Sequence[MasterKey]:
        rows = self._connection.execute(select(_KEYS).order_by(_KEYS.c.created_at, _KEYS.c.key_id))
        return [_master_key(row) for row in rows]

    def add(self, key: MasterKey) -> MasterKey:
        values = {"key_id": key.key_id, "digest_key": key.digest_key, "created_at": now()}
        self._connection.execute(insert_new(self._connection, _KEYS, values))
        row = self._connection.execute(select(_KEYS).where(_KEYS.c.key_id == key.key_id)).one()
        return _master_key(row)

    def in_use(self, key_id: str) -> bool:
        wrapped = select(1).where(_SECRETS.c.key_id == key_id).limit(1)
        return self._connection.execute(wrapped).first() is not None

    def lock(self) -> None:
        if self._connection.dialect.name == "postgresql":  # SQLite has one writer anyway
            self._connection.exec_driver_sql("LOCK TABLE master_keys IN SHARE ROW EXCLUSIVE MODE")

    def retire(self, key_id: str) -> bool:
        try:
            with savepoint(self._connection):
                self._connection.execute(delete(_KEYS).where(_KEYS.c.key_id == key_id))
        except exc.IntegrityError:
            return False
        return True


def _master_key(row: Any) -> MasterKey:
    return MasterKey(row.key_id, row.digest_key)

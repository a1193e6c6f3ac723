"""Where a paged export goes on, in the caller's own hands: sealed, signed, and bound to what it was made for.

Nothing of it is stored: any process of the installation takes it up, also after a restart. The cursor is
encrypted, as systems put into theirs what is nobody's business.
"""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from towpath.core.errors import ConfigError, IntegrityError
from towpath.core.model import State
from towpath.core.sealed import SealedSecrets
from towpath.services.context import Rooms

#: How long a state is good for, in seconds.
LIFE = 3600
_SIGNED = ("searchId", "pageIndex", "pageSize", "totalPages", "totalRecords", "done", "issuedAt")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a state is good for."""

    org: str
    subject: str
    """Id of the connection, or of the stored export."""
    model: Any
    """The export, as JSON: another one has other states."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a reading has come."""

    after: State | None
    """None: to the end."""
    index: int
    """Number of the page that comes next, from 1."""
    size: int
    total_records: int | None = None
    total_pages: int | None = None

    @property
    def pages(self) -> int | None:
        if self.total_pages is not None:
            return self.total_pages
        return None if self.total_records is None else ceil(self.total_records / self.size)


def write(rooms: Rooms, bound: Bound, progress: Progress) -> dict[str, Any]:
    """The state to give to the caller."""
    found = {
        "searchId": _seal(rooms, bound, progress.after),
        "pageIndex": progress.index,
        "pageSize": progress.size,
        "totalPages": progress.pages,
        "totalRecords": progress.total_records,
        "done": progress.after is None,
        "issuedAt": int(time.time()),
    }
    state = {name: value for name, value in found.items() if value is not None}
    return {**state, "sig": _signature(rooms, bound, state)}


def read(rooms: Rooms, bound: Bound, state: Any) -> Progress:
    """What the caller brings back. Raises `ConfigError` (``paging.invalid``, ``paging.expired``)."""
    if not isinstance(state, Mapping) or not isinstance(state.get("sig"), str):
        raise _invalid()
    given = {name: state[name] for name in _SIGNED if name in state}
    # Whatever else is in it was not signed.
    whole = set(state) == {*given, "sig"}
    if not hmac.compare_digest(state["sig"].encode(), _signature(rooms, bound, given).encode()) or not whole:
        raise _invalid()
    if time.time() - given["issuedAt"] > LIFE:
        raise ConfigError(
            "paging.expired",
            f"The paged export state is older than {LIFE // 60} minutes.",
            hint="Begin anew: send the export without a state.",
            field="pagedExportState",
        )
    return Progress(
        after=None if given["done"] else _open(rooms, bound, given["searchId"]),
        index=given["pageIndex"],
        size=given["pageSize"],
        total_records=given.get("totalRecords"),
        total_pages=given.get("totalPages"),
    )


def _signature(rooms: Rooms, bound: Bound, state: Mapping[str, Any]) -> str:
    model = hashlib.sha256(_canonical(bound.model)).hexdigest()
    text = _canonical([bound.org, bound.subject, model, dict(state)])
    return hmac.digest(rooms.vault.derive("paged export state"), text, "sha256").hex()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _seal(rooms: Rooms, bound: Bound, after: State | None) -> str:
    text = json.dumps(None if after is None else dict(after))
    sealed = rooms.vault.seal(bound.org, f"paging {bound.subject}", {"after": text})
    packed = json.dumps([sealed.key_id, sealed.wrapped_key, sealed.fields["after"]])
    return urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _open(rooms: Rooms, bound: Bound, text: str) -> State:
    try:
        key_id, wrapped, after = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        sealed = SealedSecrets(
            org=bound.org,
            connection=f"paging {bound.subject}",
            wrapped_key=wrapped,
            key_id=key_id,
            fields={"after": after},
        )
        found: State = json.loads(rooms.vault.open(sealed)["after"].get_secret_value())
    except (ValueError, TypeError, IntegrityError):
        # Signed by us and yet not to be opened: the master key of that time has been retired.
        raise _invalid() from None
    return found


def _invalid() -> ConfigError:
    return ConfigError(
        "paging.invalid",
        "The paged export state was changed, or belongs to another connection or export.",
        hint="Send back the last answer's pagedExportState as it was, with the same export.",
        field="pagedExportState",
    )

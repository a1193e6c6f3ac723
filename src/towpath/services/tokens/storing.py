"""What becomes of a connection when the provider has answered."""

import logging
from collections.abc import Mapping
from typing import Any

from towpath.core.errors import AuthError, TowpathError
from towpath.core.records import Connection, ConnectionStatus, now
from towpath.core.repositories import UnitOfWork
from towpath.services import events
from towpath.services.context import Actor, Rooms, audit
from towpath.services.lending import credentials as lent
from towpath.services.secrets import sealing
from towpath.services.tokens.asking import Job, Outcome, retry_at
from towpath.services.tokens.expiry import answered_expiry
from towpath.vault.oauth_answers import TokenSet

#: Settings of a renewal, which no provider's answer replaces.
_SETTINGS = frozenset(
    {"client_id", "client_secret", "client_auth", "grant_type"}
    | {"token_url", "authorize_url", "revoke_url", "issuer", "scope_separator", "$client", "$document"}
)
_BROKEN = (ConnectionStatus.EXPIRED, ConnectionStatus.ERROR)
_LONGEST_ERROR = 300

_log = logging.getLogger(__name__)


class DeletedError(Exception):
    """The connection was deleted meanwhile: the unit of work must change nothing."""


def store(rooms: Rooms, actor: Actor, work: UnitOfWork, org: str, job: Job, outcome: Outcome) -> None:
    """End the lease, and with it the renewal. Raises `DeletedError`."""
    id = job.row.id
    if not work.renewals.end(org, id, job.owner, retry_at(job, outcome)):
        _log.warning("The renewal of %s took too long: its result is not kept.", id)
        return
    # A change of nothing: what the row says now stays so until the unit of work ends.
    row = work.connections.update(org, id)
    if row.deleted_at is not None:
        raise DeletedError
    if isinstance(outcome, TokenSet):
        keep(rooms, work, row, job.credentials, outcome)
        audit(work, org, actor, "token.renew", id, outcome="renewed")
    elif row.status is not ConnectionStatus.REVOKED:
        _fail(actor, work, row, job.credentials, outcome)


def keep(
    rooms: Rooms, work: UnitOfWork, row: Connection, known: Mapping[str, Any], fresh: TokenSet, **more: Any
) -> Connection:
    """Seal fresh tokens with the rest of the credentials; the connection is active again, unless it was
    switched off. ``more`` are further changes of the row.
    """
    sealing.keep(rooms, work, row.org, row.id, lent.to_secrets(merged(known, fresh)))
    changes: dict[str, Any] = {"expires_at": answered_expiry(fresh.values, fresh.asked_at), **more}
    if row.status is ConnectionStatus.REVOKED:
        return work.connections.update(row.org, row.id, **changes)
    changes |= {"status": ConnectionStatus.ACTIVE, "error": None}
    changed = work.connections.update(row.org, row.id, **changes)
    if row.status in _BROKEN:
        events.emit(work, row.org, events.RECOVERED, changed)
    return changed


def merged(known: Mapping[str, Any], fresh: TokenSet) -> dict[str, Any]:
    """The credentials with fresh tokens. What the provider does not say again stays, a refresh token too;
    the times of the old token go.
    """
    kept = {name: value for name, value in known.items() if name not in ("expires_in", "expires_at")}
    said = {name: value for name, value in fresh.values.items() if _is_said(name, value)}
    ends = answered_expiry(fresh.values, fresh.asked_at)
    times = {"expires_at": ends.isoformat().replace("+00:00", "Z")} if ends else {}
    return {**kept, **said, **times}


def _is_said(name: str, value: object) -> bool:
    if name == "refresh_token":
        return isinstance(value, str) and bool(value)
    return value is not None and name not in _SETTINGS


def _fail(
    actor: Actor, work: UnitOfWork, row: Connection, known: Mapping[str, Any], error: TowpathError | None
) -> None:
    if error is None and not known.get("access_token"):
        # Nothing has ended, and nothing can be renewed: they are lent as they were given.
        work.connections.update(row.org, row.id, expires_at=None)
        return
    if error is None and (row.expires_at is None or row.expires_at > now()):
        return
    over = error is None or isinstance(error, AuthError)
    status = ConnectionStatus.EXPIRED if over else ConnectionStatus.ERROR
    said = error.message if error else "The token has ended, and nothing is known to renew it with."
    changed = work.connections.update(row.org, row.id, status=status, error=said[:_LONGEST_ERROR])
    audit(work, row.org, actor, "token.renew", row.id, outcome=error.code if error else "no_way")
    if over and row.status is not ConnectionStatus.EXPIRED:
        events.emit(work, row.org, events.EXPIRED, changed)

"""Renewing tokens: one call to the provider, however many ask in however many processes at once.

Who renews holds the connection's lease. Its result is stored together with the end of the lease, and only if
the lease is still its own; what was stored is what all others lend. A process that dies between the answer of
the provider and that moment loses the answer: where refresh tokens are good for one use, the next try ends in
``expired``, and nothing is tried again.
"""

import time

from towpath.core.errors import AuthError, BusyError, TowpathError, UnreachableError
from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus, Renewal, now
from towpath.services.context import Rooms, UseCases
from towpath.services.lending import credentials as lent
from towpath.services.tokens.asking import LEASE, Job, Outcome, ask
from towpath.services.tokens.clients import registration
from towpath.services.tokens.expiry import due, expiry_of
from towpath.services.tokens.revoking import revoke_upstream
from towpath.services.tokens.storing import DeletedError, store
from towpath.services.tokens.turns import Turn, turn
from towpath.vault.oauth import new_secret

__all__ = ["Tokens", "due", "expiry_of", "make_fresh", "revoke_upstream"]

#: How long somebody else's renewal is waited for, in seconds.
PATIENCE = 20.0
_POLL = 0.05
_USABLE = (ConnectionStatus.ACTIVE, ConnectionStatus.ERROR)


class _UnwantedError(Exception):
    """Undoes a unit of work in which it turned out that there is nothing to do."""


class Tokens(UseCases):
    """Renewing, for whoever is about to use a connection."""

    def renew(self, org: str, connection: str, *, force: bool = False) -> None:
        """Renew the token if it is due, or with ``force`` in any case; wait for another who is at it.

        How it went is in the connection: its status, error and expiry. Raises what store and vault raise, and
        never what went wrong at the provider.
        """
        deadline = time.monotonic() + PATIENCE
        with turn(org, connection, PATIENCE) as mine:
            if mine is not Turn.NEVER:
                # What another one brought meanwhile is fresh enough.
                self._renew(org, connection, deadline, force=force and mine is Turn.AT_ONCE)

    def _renew(self, org: str, connection: str, deadline: float, *, force: bool) -> None:
        while True:
            with self.rooms.store.read() as work:
                row, lease = work.connections.get(org, connection), work.renewals.get(org, connection)
            at = now()
            if not _wanted(row, lease, force=force):
                return
            if lease.owner is None or lease.until is None or lease.until <= at:
                job = self._begin(org, connection, force=force)
                if job is not None:
                    self._end(org, job, ask(job))
                    return
            if time.monotonic() >= deadline:
                return
            force = False
            time.sleep(_POLL)

    def _begin(self, org: str, connection: str, *, force: bool) -> Job | None:
        """Take the lease; None if somebody else was faster."""
        owner, until = new_secret(), now() + LEASE
        try:
            with self.sealing() as work:
                if not work.renewals.claim(org, connection, owner, now(), until):
                    return None
                # Looked at again under the lease: another one may have renewed it just before.
                row, lease = work.connections.get(org, connection), work.renewals.get(org, connection)
                if not _wanted(row, lease, force=force):
                    raise _UnwantedError
                known = lent.reveal(self.rooms, work, org, row)
                try:
                    how = registration(self.rooms, work, org, row, known)
                except TowpathError as error:
                    return Job(row, owner, until, lease.failures, known, error)
                return Job(row, owner, until, lease.failures, known, how)
        except _UnwantedError:
            return None

    def _end(self, org: str, job: Job, outcome: Outcome) -> None:
        """Store it. A store that is away for a moment must not cost the tokens: there are no others."""
        while True:
            try:
                with self.sealing() as work:
                    store(self.rooms, self.actor, work, org, job, outcome)
            except DeletedError:
                return
            except (UnreachableError, BusyError):
                if now() >= job.until:
                    raise
                time.sleep(_POLL)
            else:
                return


def make_fresh(rooms: Rooms, org: str, connection: str) -> None:
    """Before a flow uses the connection: renew its token if it is due.

    Raises `AuthError` (``connection.unusable``) if its credentials cannot be used: they were refused when the
    connection was last tried, or it was switched off.
    """
    row = _look(rooms, org, connection)
    if due(row, now()):
        Tokens(rooms).renew(org, connection)
        row = _look(rooms, org, connection)
    ended = row.auth is not None and row.expires_at is not None and row.expires_at <= now()
    if ended or row.status not in _USABLE:
        raise AuthError(
            "connection.unusable",
            f"The credentials of the connection {row.name!r} cannot be used: it is {row.status}.",
            hint=row.error or "Sign in again, or give the connection new credentials.",
            retryable=row.status is ConnectionStatus.ERROR,
            connection=row.name,
        )


def _look(rooms: Rooms, org: str, connection: str) -> Connection:
    with rooms.store.read() as work:
        return work.connections.get(org, connection)


def _wanted(row: Connection, lease: Renewal, *, force: bool) -> bool:
    """Whether the connection's token is to be renewed now, by whomever."""
    if row.auth is not AuthType.OAUTH2 or not lent.whole(row) or row.deleted_at is not None:
        return False
    if force:
        return row.status is not ConnectionStatus.REVOKED
    at = now()
    return due(row, at) and (lease.retry_at is None or lease.retry_at <= at)

"""Trying a customer's connection at its system, and keeping what came of it."""

from dataclasses import dataclass
from datetime import datetime

from towpath.core.errors import ConfigError, ConflictError, TowpathError
from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus, now
from towpath.services.connections import Connections
from towpath.services.context import UseCases, audit
from towpath.services.lending import credentials, lent
from towpath.services.tokens.renewing import Tokens

#: Longest explanation that is kept, in characters.
_LONGEST = 255


@dataclass(frozen=True)
class Tried:
    """What came of it."""

    connection: Connection
    answer: str
    """What answered, or why nothing was tried; empty after a failure."""
    at: datetime | None
    """None if there was nothing to try."""


class Trials(UseCases):
    """Trying connections."""

    def test(self, org: str, customer: str, id: str) -> Tried:
        """Renew the token, or sign in; the outcome becomes the connection's status.

        Raises `ConflictError` (``connection.revoked``) for one that is switched off.
        """
        with self.rooms.store.read() as work:
            row = lent.find(work, org, customer, id)
        if row.status is ConnectionStatus.REVOKED:
            raise ConflictError(
                "connection.revoked",
                f"The connection {row.name!r} is switched off.",
                hint="Switch it on first: set its status to `active`.",
                connection=row.id,
            )
        if row.status is ConnectionStatus.PENDING:
            return Tried(row, "Nothing was tried: credentials that the system requires are missing.", None)
        if row.auth is AuthType.OAUTH2 and credentials.whole(row):
            return self._renew(org, row)
        connector = credentials.known_provider(self.rooms.registry, row.connector)
        if connector is None or not (connector.source or connector.destination):
            return Tried(row, "Nothing was tried: Towpath cannot sign in to this system by itself.", None)
        return self._sign_in(org, row)

    def _renew(self, org: str, row: Connection) -> Tried:
        """The renewal itself keeps the outcome."""
        before = self._seal(org, row.id)
        Tokens(self.rooms, self.actor).renew(org, row.id, force=True)
        with self.rooms.store.read() as work:
            after = work.connections.get(org, row.id)
        if self._seal(org, row.id) != before:
            return Tried(after, "The provider issued a new token.", now())
        if after.error:
            return Tried(after, "", now())
        return Tried(after, "Nothing was tried: it is not known how to renew this token.", None)

    def _seal(self, org: str, connection: str) -> str | None:
        """Changes with every change of the credentials."""
        with self.rooms.store.read() as work:
            sealed = work.secrets.get(org, connection)
        return sealed.wrapped_key if sealed else None

    def _sign_in(self, org: str, row: Connection) -> Tried:
        answer, failure = self._checked(org, row.id)
        status = ConnectionStatus.ERROR if failure else ConnectionStatus.ACTIVE
        error = failure.message[:_LONGEST] if failure else None
        with self.rooms.store.begin() as work:
            after = lent.find(work, org, row.customer or "", row.id)
            # Switched off meanwhile: that stands.
            if after.status is not ConnectionStatus.REVOKED:
                after = work.connections.update(org, row.id, status=status, error=error)
            audit(work, org, self.actor, "connection.test", row.id, status=str(status))
        return Tried(after, answer, now())

    def _checked(self, org: str, connection: str) -> tuple[str, TowpathError | None]:
        """What answered in the last of its roles, or what went wrong in the first that failed."""
        try:
            found = Connections(self.rooms, self.actor).check(org, connection)
        except ConfigError as error:
            return "", error
        failures = [one.error for one in found if one.error]
        return ("", failures[0]) if failures else (found[-1].answer, None)

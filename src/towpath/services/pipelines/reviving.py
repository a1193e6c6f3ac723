"""Connections that are offline are tried again, so that what was wrong for a while keeps nothing stopped."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus
from towpath.services.context import Rooms
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.pinging import Pings

#: How long a connection that is offline is left alone.
EVERY = timedelta(hours=1)
#: How many are tried in one round: whoever does it has other things to do.
_AT_ONCE = 5
_OFFLINE = (ConnectionStatus.EXPIRED, ConnectionStatus.ERROR)


class Reviving:
    """Remembers, in this process, what was tried when."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._tried: dict[str, datetime] = {}

    def round(self, at: datetime) -> None:
        """Ping some of those whose time has come at that moment, of all organizations."""
        for number, row in enumerate(self._due(at)):
            if number == _AT_ONCE:
                return
            self._tried[row.id] = at
            Pings(self._rooms).ping(row.org, row)

    def _due(self, at: datetime) -> Iterator[Connection]:
        with self._rooms.store.read() as work:
            organizations = [organization.id for organization in work.organizations.list()]
            rows = [
                row
                for org in organizations
                for row in work.connections.list(org, status=_OFFLINE, customer=None, deleted_at=None)
            ]
        self._tried = {row.id: self._tried[row.id] for row in rows if row.id in self._tried}
        for row in rows:
            # Who has to sign in again is not helped by asking the provider every hour.
            mine = DOCUMENT in row.metadata and row.auth is not AuthType.OAUTH2
            if mine and at - self._tried.get(row.id, row.updated_at) >= EVERY:
                yield row

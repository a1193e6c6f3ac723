"""Pings: whether a connection works now, and what is remembered of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import AuthError, ConfigError, NotFoundError, TowpathError, UnreachableError
from towpath.core.ports import AuthType, Connector
from towpath.core.records import Connection, ConnectionStatus, now
from towpath.engine.plain import redacted, secrets_of
from towpath.sdk.registry import parse_config
from towpath.services.connections import plain_config, with_stack
from towpath.services.context import Rooms, UseCases, audit
from towpath.services.lending import credentials as lent
from towpath.services.pipelines.debugging import Line, is_watched, note
from towpath.services.pipelines.ends import unsupported
from towpath.services.tokens.expiry import due
from towpath.services.tokens.renewing import Tokens
from towpath.services.workspace.tryout import tried

#: Seconds after which a system that says nothing is taken for one that does not answer.
PATIENCE = 20.0
_GOOD = 200
_LONGEST_ERROR = 300
_ROLES = ("application", "source", "destination")


@dataclass(frozen=True)
class Pong:
    """What came of a ping."""

    code: int
    """200; 401 for refused credentials, 503 for a system that does not answer, 422 for all else."""
    message: str
    """What answered, or what is wrong."""

    @property
    def good(self) -> bool:
        return self.code == _GOOD


class Pings(UseCases):
    """The use cases."""

    def ping(self, org: str, row: Connection) -> Pong:
        """Try the connection. It is online from then on, or it is not; what nobody can try stays as it is."""
        self._renew(org, row)
        with self.rooms.store.read() as work:
            row = work.connections.get(org, row.id)
            try:
                connector = known(self.rooms, row.connector)
                config = parse_config(connector, plain_config(self.rooms, work, org, row))
            except ConfigError as error:
                return _pong(error)
        outcome = _tried(connector, config)
        self._tell(org, row, config, outcome)
        self._remember(org, row, outcome)
        return _pong(outcome)

    def trial(self, org: str, connector: str, config: Mapping[str, Any]) -> Pong:
        """The same for a configuration that nobody keeps; nothing is remembered of it."""
        try:
            plugin = known(self.rooms, connector)
            whole = dict(config)
            if connector == "wrapper":
                with self.rooms.store.read() as work:
                    whole = with_stack(self.rooms, work, org, whole)
            return _pong(_tried(plugin, parse_config(plugin, whole)))
        except ConfigError as error:
            return _pong(error)

    def _renew(self, org: str, row: Connection) -> None:
        if row.auth is not AuthType.OAUTH2 or not lent.whole(row):
            return
        # Somebody asks whether it works: what was given up may have come right again.
        if row.status is ConnectionStatus.EXPIRED or due(row, now()):
            Tokens(self.rooms).renew(org, row.id, force=row.status is ConnectionStatus.EXPIRED)

    def _remember(self, org: str, row: Connection, outcome: str | TowpathError) -> None:
        if row.status is ConnectionStatus.REVOKED:
            return
        status, error = ConnectionStatus.ACTIVE, None
        if isinstance(outcome, TowpathError):
            refused = isinstance(outcome, AuthError)
            status = ConnectionStatus.EXPIRED if refused else ConnectionStatus.ERROR
            error = outcome.message[:_LONGEST_ERROR]
        if (status, error) == (row.status, row.error):
            return
        with self.rooms.store.begin() as work:
            work.connections.update(org, row.id, status=status, error=error)
            if status is not row.status:
                audit(work, org, self.actor, "connection.ping", row.id, status=str(status))

    def _tell(self, org: str, row: Connection, config: Any, outcome: str | TowpathError) -> None:
        if not is_watched(row):
            return
        answered = {"message": str(outcome)}
        if isinstance(outcome, TowpathError):
            answered |= {"code": outcome.code, "hint": outcome.hint}
        secrets = secrets_of(config)
        lines = [Line("request", {"ping": row.connector}), Line("response", redacted(answered, secrets))]
        note(self.rooms, org, row.id, None, lines)


def known(rooms: Rooms, name: str) -> Connector[Any]:
    """The connector. Raises `ConfigError` (``connector.unsupported``) if there is none, as for systems that
    are only stored.
    """
    try:
        return rooms.registry.get(name)
    except NotFoundError:
        raise unsupported(name) from None


def _tried(connector: Connector[Any], config: Any) -> str | TowpathError:
    role = next((role for role in _ROLES if getattr(connector, role) is not None), None)
    if role is None:
        return unsupported(connector.title)
    outcome = tried(connector, config, role, PATIENCE)
    return outcome.error or outcome.answer


def _pong(outcome: str | TowpathError) -> Pong:
    if isinstance(outcome, str):
        return Pong(_GOOD, outcome)
    code = 401 if isinstance(outcome, AuthError) else 503 if isinstance(outcome, UnreachableError) else 422
    return Pong(code, f"{outcome.message} {outcome.hint}".strip())

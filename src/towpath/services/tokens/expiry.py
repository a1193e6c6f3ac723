"""When tokens end, and when it is time to renew them: pure functions.

Providers say it in many ways. What they say of a length of time counts from when we asked, by our own clock,
and wins over a moment by theirs. A length of 0 or less means that the token does not end by itself.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus

#: Tokens are renewed so long before they end, or a tenth of their life where that is shorter.
MARGIN = timedelta(minutes=5)
_TENTH = 10
#: Seconds since 1970 do not get there before the year 5138; what is larger is milliseconds.
_MILLISECONDS_FROM = 1e11
_RENEWABLE = (ConnectionStatus.ACTIVE, ConnectionStatus.ERROR)


def due(connection: Connection, at: datetime) -> bool:
    """Whether the connection's token should be renewed now, before it is used."""
    if connection.auth is not AuthType.OAUTH2 or connection.status not in _RENEWABLE:
        return False
    ends = connection.expires_at
    return ends is not None and at >= ends - _margin(connection, ends)


def _margin(connection: Connection, ends: datetime) -> timedelta:
    # After a failure the row is younger than the token: when to try again is then up to the lease.
    if connection.status is ConnectionStatus.ERROR:
        return MARGIN
    return min(MARGIN, max(timedelta(0), ends - connection.updated_at) / _TENTH)


def expiry_of(credentials: Mapping[str, Any], at: datetime, auth: AuthType | None = None) -> datetime | None:
    """When given credentials end: by ``expires_at`` (ISO 8601, or seconds or milliseconds since 1970), else
    ``expires_in`` seconds after ``at``; None if they do not. OAuth 2 credentials (``auth``) without an access
    token have ended already: one is to be had by renewing.
    """
    if auth is AuthType.OAUTH2 and not credentials.get("access_token") and _can_get_one(credentials):
        return at
    return moment(credentials.get("expires_at")) or _after(credentials.get("expires_in"), at)


def answered_expiry(answer: Mapping[str, Any], asked_at: datetime) -> datetime | None:
    """When the tokens of a provider's answer end; None if they do not."""
    if answer.get("expires_in") is not None:
        return _after(answer["expires_in"], asked_at)
    return moment(answer.get("expires_at"))


def moment(value: object) -> datetime | None:
    """The moment that is meant, in UTC; None if none is. Texts without an offset are in UTC."""
    number = _number(value)
    try:
        if number is not None:
            seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
            return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _after(value: object, at: datetime) -> datetime | None:
    seconds = _number(value)
    try:
        return at + timedelta(seconds=seconds) if seconds is not None and seconds > 0 else None
    except OverflowError:
        return None


def _number(value: object) -> float | None:
    """A finite number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _can_get_one(credentials: Mapping[str, Any]) -> bool:
    return any(credentials.get(name) for name in ("refresh_token", "client_secret"))

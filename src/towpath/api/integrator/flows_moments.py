"""Dates that clients send: ISO 8601, a plain date, or milliseconds since 1970."""

from datetime import UTC, datetime


def moment(value: object) -> datetime:
    """The moment, in UTC. Raises `ValueError`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(value)
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return _of_number(int(value))
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError("It is a date as in ISO 8601, or milliseconds since 1970.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _of_number(value: float) -> datetime:
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError("It is a date as in ISO 8601, or milliseconds since 1970.") from None

"""Dates in documents and queries: ISO 8601, plain dates, milliseconds since 1970."""

from datetime import UTC, datetime

from towpath.api.integrator.errors import Fault, invalid


def parsed(value: object) -> datetime | None:
    """The moment that is meant, in UTC; None if none is."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        text = str(value).strip()
        if text.isdecimal() and len(text) > len("20240101"):
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def moment(value: object, field: str, faults: list[Fault]) -> datetime | None:
    """The moment in the field of a document; None if there is none. What is no moment becomes a fault."""
    if value in (None, ""):
        return None
    found = parsed(value)
    if found is None:
        faults.append(invalid(field, "It is not a date like 2030-01-31T12:00:00.000Z."))
    return found

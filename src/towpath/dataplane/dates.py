"""Dates in the patterns of moment.js."""

from datetime import UTC, datetime

__all__ = ["format_date", "parse_date"]


def parse_date(value: object, pattern: str | None = None, zone: str | None = None) -> datetime:
    """The moment that ``value`` spells, aware of its zone. Raises ValueError that names text and pattern."""
    text = str(value).replace("Z", "+00:00")
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def format_date(moment: datetime, pattern: str | None = None, zone: str | None = None) -> str:
    """``moment`` in ``zone`` (default UTC) as ``pattern`` says; without one as ``2017-11-30T03:33:51.703Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

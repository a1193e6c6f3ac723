"""Dates, read and written in the patterns of moment.js (`date_patterns` has the tokens).

>>> moment = parse_date("03/26/2025 5:04 PM", "MM/DD/YYYY h:mm A", "America/New_York")
>>> format_date(moment), format_date(moment, "dddd Do MMMM, HH:mm Z", "Asia/Tokyo")
('2025-03-26T21:04:00.000Z', 'Thursday 27th March, 06:04 +09:00')
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from towpath.dataplane.date_patterns import compile_pattern

__all__ = ["format_date", "parse_date", "zone_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?")
_MONTH = re.compile(r"\d{4}(?:-\d{2})?")
_MILLISECONDS = re.compile(r"-?\d{13}")
_SPACED_ZONE = re.compile(r"\s+(?=(?:[+-]\d{2}:?\d{2}|Z|UTC|GMT)\Z)")
_MAIL = re.compile(r"(?:[A-Za-z]{3},\s*)?\d{1,2}\s+[A-Za-z]{3}\s+\d{4}\s+\d{1,2}:\d{2}(?::\d{2})?(?:\s+\S+)?")
#: Characters of a date; longer texts are none.
_LONGEST: Final = 200


def parse_date(value: Any, pattern: str | None = None, zone: str | None = None) -> datetime:
    """The moment that ``value`` is: aware of its zone.

    Without a pattern: ISO 8601, the dates of mail headers, and numbers, which are milliseconds since 1970.
    Where the text names no zone it is ``zone`` (default UTC). Raises ValueError with value and pattern.
    """
    where = zone_of(zone) if zone else UTC
    try:
        found = _parse(value, pattern)
        return found if found.tzinfo else found.replace(tzinfo=where)
    except (ValueError, OverflowError, TypeError) as error:
        form = f"of the form {pattern!r}" if pattern else "in ISO 8601"
        raise ValueError(f"{_shown(value)} is no date {form}") from error


def format_date(moment: datetime, pattern: str | None = None, zone: str | None = None) -> str:
    """``moment`` in ``zone`` (default UTC) as ``pattern`` says; by default like ``2017-11-30T03:33:51.703Z``.

    The default is always in UTC. Raises ValueError for an unknown zone or pattern.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        if not pattern:
            return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
        return compile_pattern(pattern).format(moment.astimezone(zone_of(zone) if zone else UTC))
    except OverflowError as error:
        raise ValueError("the date lies outside of the years 1 to 9999") from error


@lru_cache(maxsize=512)
def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name or an offset such as ``+02:00``. Raises ValueError."""
    if name.upper() in {"UTC", "Z", "GMT"}:
        return UTC
    if (found := _OFFSET.fullmatch(name)) is not None:
        size = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return timezone(-size if found[1] == "-" else size)
    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError) as error:  # a name that is a folder or no name at all
        raise ValueError(f"there is no time zone called {_shown(name)}") from error


def _parse(value: Any, pattern: str | None) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the caller adds the zone
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise TypeError
    if pattern:
        return compile_pattern(pattern).parse(_bounded(str(value)))
    return _iso(_bounded(value)) if isinstance(value, str) else _epoch(value)


def _bounded(text: str) -> str:
    if len(text) > _LONGEST:
        raise ValueError
    return text.strip()


def _epoch(value: float | Decimal) -> datetime:
    return _EPOCH + timedelta(milliseconds=float(value) if isinstance(value, Decimal) else value)


def _iso(text: str) -> datetime:
    if text[10:11] == "T":  # as nearly all are: read at once
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    if _MILLISECONDS.fullmatch(text):
        return _epoch(int(text))
    if _MONTH.fullmatch(text):
        text = f"{text}-01-01"[:10]
    elif _MAIL.fullmatch(text):
        return parsedate_to_datetime(text)
    if len(text) > 10 and text[4] == "-" and text[5] != "W" and text[10] not in "Tt ":  # noqa: PLR2004 - YYYY-MM-DD
        raise ValueError
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(re.sub(r"(?:UTC|GMT)\Z", "Z", _SPACED_ZONE.sub("", text)))


def _shown(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")  # noqa: PLR2004 - what fits a message

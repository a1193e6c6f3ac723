"""Helpers of dates; patterns are those of moment.js. Without a date there is no result."""

from datetime import timedelta
from typing import Any, Final

from towpath.dataplane.dates import format_date, parse_date
from towpath.dataplane.templates.failures import HelperError
from towpath.dataplane.templates.helpers.base import Helper, absent, numeric, table
from towpath.dataplane.templates.values import text

#: ISO 8601 with the offset of the zone.
_ISO: Final = "YYYY-MM-DDTHH:mm:ss.SSSZ"


def _optional(value: Any) -> str | None:
    return None if absent(value) else text(value)


def date_format(run: Any, pattern: Any, value: Any, given: Any = None, zone: Any = None) -> str:
    if absent(value):
        return ""
    try:
        moment = parse_date(value, _optional(given))
        return format_date(moment, _optional(pattern), _optional(zone) or run.environment.zone)
    except ValueError as error:
        raise HelperError(f"cannot do it: {error}") from error


def date_add(value: Any, offset: Any = 0, zone: Any = None) -> str:
    """``offset`` in milliseconds; the result in ISO 8601, in UTC or in ``zone``."""
    if absent(value):
        return ""
    milliseconds = 0 if absent(offset) else numeric(offset)
    try:
        moment = parse_date(value) + timedelta(milliseconds=milliseconds)
        return format_date(moment) if absent(zone) else format_date(moment, _ISO, text(zone))
    except (ValueError, OverflowError) as error:
        raise HelperError(f"cannot do it: {error}") from error


def timestamp(run: Any, pattern: Any = None, zone: Any = None) -> str:
    environment = run.environment
    try:
        return format_date(environment.clock(), _optional(pattern), _optional(zone) or environment.zone)
    except ValueError as error:
        raise HelperError(f"cannot do it: {error}") from error


HELPERS = table(
    Helper("dateAdd", date_add, 1, 3),
    Helper("dateFormat", date_format, 2, 4, run=True),
    Helper("timestamp", timestamp, 0, 2, run=True),
)

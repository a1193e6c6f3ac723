"""``frequency``: when a job starts, as text.

``30-minutes``, ``1-hours``, ``2-days``, ``1-weeks``; five cron fields, in UTC or after ``CRON_TZ=<zone>``;
and nothing, or ``manual``, for a job that only starts by hand.
"""

import re
from decimal import Decimal
from fractions import Fraction

from pydantic import ValidationError

from towpath.core.errors import ConfigError
from towpath.core.flows import Cron, Every, Schedule
from towpath.core.reasons import plain_reason

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_MANUAL = ("", "manual")
_EVERY = re.compile(rf"([0-9]+(?:\.[0-9]+)?)[-\s]({'|'.join(_SECONDS)})s?")
_CRON = re.compile(r"(?:(?:CRON_)?TZ=(\S+)\s+)?(\S.*)", re.DOTALL)

#: Longer than that nobody waits, and it is a time that calendars hold.
_LONGEST = 10 * 366 * 86_400
#: A text that is longer is no schedule.
_LONGEST_TEXT = 200


def schedule(frequency: str) -> Schedule | None:
    """When that is; None for by hand. Raises `ConfigError` with the field ``frequency``."""
    text = frequency.strip()
    if len(text) > _LONGEST_TEXT:
        raise _invalid(f"{text[:20]!r} … is no frequency.")
    if text.lower() in _MANUAL:
        return None
    found = _EVERY.fullmatch(text.lower())
    return _every(text, *found.groups()) if found else _cron(text)


def words(schedule: Schedule | None) -> str:
    """A text that `schedule` understands as this."""
    if schedule is None:
        return ""
    if isinstance(schedule, Every):
        return _interval(schedule.every)
    zone = "" if schedule.timezone == "UTC" else f"CRON_TZ={schedule.timezone} "
    return f"{zone}{schedule.cron}"


def shown(kept: str | None, now: Schedule | None) -> str:
    """The text as it was sent, as long as it says when the job starts; otherwise ours."""
    try:
        same = kept is not None and schedule(kept) == now
    except ConfigError:
        same = False
    return kept or "" if same else words(now)


def _every(text: str, number: str, unit: str) -> Every:
    seconds = Fraction(number) * _SECONDS[unit]
    if not 0 < seconds <= _LONGEST:
        raise _invalid(f"A job cannot start every {text!r}.")
    return Every(every=float(seconds))


def _cron(text: str) -> Cron:
    found = _CRON.fullmatch(text)
    if found is None:
        raise _invalid(f"{text!r} is no frequency.")
    zone, cron = found.groups()
    try:
        return Cron(cron=cron, timezone=zone or "UTC")
    except ValidationError as error:
        reason = plain_reason(error.errors()[0]["msg"])
        raise _invalid(f"{reason[0].upper()}{reason[1:]}.") from None


def _interval(seconds: float) -> str:
    for unit, size in reversed(_SECONDS.items()):
        if seconds % size == 0:
            return f"{seconds / size:.0f}-{unit}s"
    return f"{Decimal(repr(seconds)):f}-seconds"


def _invalid(message: str) -> ConfigError:
    return ConfigError(
        "frequency.invalid",
        message,
        hint="Say five cron fields such as `0 6 * * 1-5`, an interval such as `30-minutes`, or nothing.",
        field="frequency",
    )

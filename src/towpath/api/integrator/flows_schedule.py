"""When flows start: ``? 0 2 ? * *`` and a time zone, and our schedules.

Six fields: seconds (always ``?``), minutes, hours, day of the month, month, day of the week; ``?`` and ``*``
are the same. Days of the week count from 0, Sunday, to 7, which is Sunday too; names will do as well.
"""

import re
from typing import Any

from pydantic import ValidationError

from towpath.api.integrator.errors import Refused, invalid
from towpath.core.flows import Cron, Every, Schedule

_FIELDS = 6
_PART = re.compile(r"[0-9A-Za-z*/,\-]+")
_HINT = "It has six fields, the first of which is ?: for example ? 0 2 ? * * for every night at two."
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def schedule(text: Any, zone: Any) -> Schedule | None:
    """What the two fields of a flow say; None without a schedule. Raises `Refused`."""
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise Refused(invalid("schedule", _HINT))
    if zone is not None and not isinstance(zone, str):
        raise Refused(invalid("timezone", "It is the name of a time zone, such as Europe/Amsterdam."))
    return _cron(text, zone or "UTC")


def shown(found: Schedule | None) -> dict[str, str]:
    """The fields for a schedule of ours."""
    if found is None:
        return {}
    if isinstance(found, Every):
        return {"schedule": _every(found.every)}
    minute, hour, day, month, weekday = found.cron.split()
    return {"schedule": f"? {minute} {hour} {_any(day)} {month} {weekday}", "timezone": found.timezone}


def _cron(text: str, zone: str) -> Cron:
    fields = text.split()
    if len(fields) != _FIELDS or fields[0] != "?":
        told = "The first field, the seconds, can only be ?." if len(fields) == _FIELDS else ""
        raise Refused(invalid("schedule", f"{told} {_HINT}".strip()))
    plain = ["*" if field == "?" else field for field in fields[1:]]
    if not all(_PART.fullmatch(field) for field in plain):
        raise Refused(invalid("schedule", _HINT))
    try:
        return Cron(cron=" ".join(plain), timezone=zone)
    except ValidationError as error:
        field = "timezone" if error.errors()[0]["loc"] == ("timezone",) else "schedule"
        told = "It is the name of a time zone, such as Europe/Amsterdam."
        raise Refused(invalid(field, told if field == "timezone" else f"{text!r} is none. {_HINT}")) from None


def _any(day: str) -> str:
    return "?" if day == "*" else day


def _every(seconds: float) -> str:
    """The nearest that the dialect can say."""
    if seconds < _HOUR:
        return f"? */{max(1, round(seconds / _MINUTE))} * ? * *"
    if seconds < _DAY:
        return f"? 0 */{round(seconds / _HOUR)} ? * *"
    return "? 0 0 ? * *"

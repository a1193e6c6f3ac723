"""Lengths of time as people write them."""

import re
from datetime import timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORM = re.compile(r"(\d{1,4})([smhdw])|0")


def duration(text: str) -> timedelta:
    """``90s``, ``15m``, ``1h``, ``90d``, ``2w``, or ``0``."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise typer.BadParameter(f"{text!r} is not a length of time such as 15m, 1h or 90d.")
    return timedelta(**{_UNITS[form[2]]: int(form[1])}) if form[2] else timedelta(0)

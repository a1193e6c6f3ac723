"""The tokens of moment.js: a pattern is compiled once into a writer and a reader of dates."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta, timezone
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

__all__ = ["DatePattern", "compile_pattern"]

_LONGEST: Final = 200

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

#: Forms of the English locale, written in the other tokens.
_LOCAL: Final[Mapping[str, str]] = {
    "LTS": "h:mm:ss A",
    "LT": "h:mm A",
    "LLLL": "dddd, MMMM D, YYYY h:mm A",
    "LLL": "MMMM D, YYYY h:mm A",
    "LL": "MMMM D, YYYY",
    "L": "MM/DD/YYYY",
    "llll": "ddd, MMM D, YYYY h:mm A",
    "lll": "MMM D, YYYY h:mm A",
    "ll": "MMM D, YYYY",
    "l": "M/D/YYYY",
}
_TOKEN = re.compile(
    r"\[(?P<literal>[^\[\]]*)\]|\\(?P<escaped>.)"
    r"|(?P<token>Mo|MM?M?M?|DDDo|Do|DD?D?D?|do|dd?d?d?|wo|ww?|Wo|WW?|Qo?|YYYY|YY|Y|gggg|gg|GGGG|GG"
    r"|[eEaA]|Hmmss|Hmm|hmmss|hmm|HH?|hh?|kk?|mm?|ss?|S{1,9}|[xX]|zz?|ZZ?|LTS|LT|LL?L?L?|ll?l?l?)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_ORDINALS: Final = {1: "st", 2: "nd", 3: "rd"}
_PIVOT: Final = 68


def ordinal(value: int) -> str:
    """``22nd``."""
    ending = "th" if value % 100 in {11, 12, 13} else _ORDINALS.get(value % 10, "th")
    return f"{value}{ending}"


def _offset(moment: datetime, sign: str) -> str:
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{sign}{rest:02d}"


def _weekday(moment: datetime) -> int:
    """Sunday is 0."""
    return moment.isoweekday() % 7


def _week(moment: datetime) -> tuple[int, int]:
    """Year and week of the English locale: weeks begin on Sunday, the first has 1 January in it."""
    day, first = moment.toordinal(), datetime(moment.year, 1, 1, tzinfo=UTC)
    start = first.toordinal() - _weekday(first)
    if moment.year < MAXYEAR:
        next_first = datetime(moment.year + 1, 1, 1, tzinfo=UTC)
        if day >= next_first.toordinal() - _weekday(next_first):
            return moment.year + 1, 1
    return moment.year, (day - start) // 7 + 1


def _twelve(moment: datetime) -> int:
    return moment.hour % 12 or 12


def _quarter(moment: datetime) -> int:
    return (moment.month + 2) // 3


def _day_of_year(moment: datetime) -> int:
    return moment.timetuple().tm_yday


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _half(moment: datetime) -> str:
    return "PM" if moment.hour >= 12 else "AM"  # noqa: PLR2004 - noon


_WRITERS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "YY": lambda m: f"{m.year % 100:02d}",
    "Y": lambda m: str(m.year),
    "Q": lambda m: str(_quarter(m)),
    "Qo": lambda m: ordinal(_quarter(m)),
    "Mo": lambda m: ordinal(m.month),
    "MMM": lambda m: MONTHS[m.month - 1][:3],
    "MMMM": lambda m: MONTHS[m.month - 1],
    "Do": lambda m: ordinal(m.day),
    "DDD": lambda m: str(_day_of_year(m)),
    "DDDo": lambda m: ordinal(_day_of_year(m)),
    "DDDD": lambda m: f"{_day_of_year(m):03d}",
    "d": lambda m: str(_weekday(m)),
    "do": lambda m: ordinal(_weekday(m)),
    "dd": lambda m: DAYS[_weekday(m)][:2],
    "ddd": lambda m: DAYS[_weekday(m)][:3],
    "dddd": lambda m: DAYS[_weekday(m)],
    "e": lambda m: str(_weekday(m)),
    "E": lambda m: str(m.isoweekday()),
    "w": lambda m: str(_week(m)[1]),
    "wo": lambda m: ordinal(_week(m)[1]),
    "ww": lambda m: f"{_week(m)[1]:02d}",
    "gg": lambda m: f"{_week(m)[0] % 100:02d}",
    "gggg": lambda m: f"{_week(m)[0]:04d}",
    "W": lambda m: str(m.isocalendar().week),
    "Wo": lambda m: ordinal(m.isocalendar().week),
    "WW": lambda m: f"{m.isocalendar().week:02d}",
    "GG": lambda m: f"{m.isocalendar().year % 100:02d}",
    "GGGG": lambda m: f"{m.isocalendar().year:04d}",
    "A": _half,
    "a": lambda m: _half(m).lower(),
    "h": lambda m: str(_twelve(m)),
    "hh": lambda m: f"{_twelve(m):02d}",
    "k": lambda m: str(m.hour or 24),
    "kk": lambda m: f"{m.hour or 24:02d}",
    "Hmm": lambda m: f"{m.hour}{m.minute:02d}",
    "hmm": lambda m: f"{_twelve(m)}{m.minute:02d}",
    "Hmmss": lambda m: f"{m.hour}{m.minute:02d}{m.second:02d}",
    "hmmss": lambda m: f"{_twelve(m)}{m.minute:02d}{m.second:02d}",
    "Z": lambda m: _offset(m, ":"),
    "ZZ": lambda m: _offset(m, ""),
    "z": lambda m: m.tzname() or "",
    "zz": lambda m: m.tzname() or "",
    "X": lambda m: str(_milliseconds(m) // 1000),
    "x": lambda m: str(_milliseconds(m)),
}


#: The same for tokens that write a field as it is: how, and which.
_PLAIN: Final[Mapping[str, tuple[str, str]]] = {
    "YYYY": ("%04d", "year"),
    "M": ("%d", "month"),
    "MM": ("%02d", "month"),
    "D": ("%d", "day"),
    "DD": ("%02d", "day"),
    "H": ("%d", "hour"),
    "HH": ("%02d", "hour"),
    "m": ("%d", "minute"),
    "mm": ("%02d", "minute"),
    "s": ("%d", "second"),
    "ss": ("%02d", "second"),
}


def _fraction(digits: int) -> Callable[[datetime], str]:
    return lambda m: f"{m.microsecond:06d}000"[:digits]


_HALF_DAY: Final = r"[AaPp]\.?[Mm]\.?"
#: What each token reads: the field and its form. One digit passes for two where no other digit can follow.
_READERS: Final[Mapping[str, tuple[str, str]]] = {
    "YYYY": ("year", r"\d{4}"),
    "YY": ("short", r"\d{2}"),
    "Y": ("year", r"\d{1,4}"),
    "M": ("month", r"\d{1,2}"),
    "MM": ("month", r"\d{2}"),
    "Mo": ("month", r"\d{1,2}(?=st|nd|rd|th)"),
    "MMM": ("name", "|".join(month[:3] for month in MONTHS)),
    "MMMM": ("name", "|".join(MONTHS)),
    "D": ("day", r"\d{1,2}"),
    "DD": ("day", r"\d{2}"),
    "Do": ("day", r"\d{1,2}(?=st|nd|rd|th)"),
    "DDD": ("yearday", r"\d{1,3}"),
    "DDDD": ("yearday", r"\d{3}"),
    "d": ("", r"\d"),
    "dd": ("", "|".join(day[:2] for day in DAYS)),
    "ddd": ("", "|".join(day[:3] for day in DAYS)),
    "dddd": ("", "|".join(DAYS)),
    "E": ("", r"\d"),
    "e": ("", r"\d"),
    "A": ("half", _HALF_DAY),
    "a": ("half", _HALF_DAY),
    "H": ("hour", r"\d{1,2}"),
    "HH": ("hour", r"\d{2}"),
    "h": ("hour", r"\d{1,2}"),
    "hh": ("hour", r"\d{2}"),
    "k": ("hour", r"\d{1,2}"),
    "kk": ("hour", r"\d{2}"),
    "m": ("minute", r"\d{1,2}"),
    "mm": ("minute", r"\d{2}"),
    "s": ("second", r"\d{1,2}"),
    "ss": ("second", r"\d{2}"),
    "Z": ("offset", r"Z|[+-]\d{2}:?\d{2}"),
    "ZZ": ("offset", r"Z|[+-]\d{2}:?\d{2}"),
    "z": ("offset", "UTC|GMT|Z"),
    "X": ("seconds", r"-?\d{1,12}(?:\.\d{1,9})?"),
    "x": ("milliseconds", r"-?\d{1,15}"),
}
_ORDINAL_ENDING: Final = "(?:st|nd|rd|th)"
_DIGIT: Final = re.compile(r"\\d|\(\?P<\w+>\\d|[0-9]")


class DatePattern:
    """A compiled pattern; make it with `compile_pattern`."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._tokens = list(_tokens(pattern))
        self._writers = list(_joined(self._tokens))
        self._reader: re.Pattern[str] | None = None

    def format(self, moment: datetime) -> str:
        """``moment``, in its own zone."""
        if len(self._writers) == 1:
            return self._writers[0](moment)
        return "".join([write(moment) for write in self._writers])

    def parse(self, text: str) -> datetime:
        """The moment that the whole of ``text`` spells; without zone if it names none. Raises ValueError."""
        reader = self._reader
        if reader is None:
            reader = self._reader = re.compile(self._expression(), re.IGNORECASE | re.ASCII)
        found = reader.fullmatch(text)
        if found is None:
            raise ValueError
        return _assemble(
            {
                name.rstrip("0123456789"): value
                for name, value in found.groupdict().items()
                if value is not None
            }
        )

    def _expression(self) -> str:
        made = ""
        # From the right: whether a digit may follow decides how many a token takes.
        for number in range(len(self._tokens) - 1, -1, -1):
            token, literal = self._tokens[number]
            made = (_read(token, number, made) if token else _literal(literal)) + made
        return made


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> DatePattern:
    """The pattern ``pattern``. Raises ValueError if it is too long."""
    if len(pattern) > _LONGEST:
        raise ValueError(f"the pattern of the date has more than {_LONGEST} characters")
    return DatePattern(pattern)


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    """Tokens, and what stands for itself: (token, "") or ("", text)."""
    for found in _TOKEN.finditer(pattern):
        token = found["token"]
        if token in _LOCAL:
            yield from _tokens(_LOCAL[token])
        elif token:
            yield token, ""
        else:
            yield "", found["literal"] or found["escaped"] or found["other"] or ""


def _joined(tokens: Iterable[tuple[str, str]]) -> Iterator[Callable[[datetime], str]]:
    """Writers; plain fields and literals in a row are written at once."""
    for plain, group in groupby(tokens, lambda each: not each[0] or each[0] in _PLAIN):
        if plain:
            yield _at_once(list(group))
        else:
            yield from (_WRITERS.get(token) or _fraction(len(token)) for token, _ in group)


def _at_once(tokens: Iterable[tuple[str, str]]) -> Callable[[datetime], str]:
    parts = [_PLAIN[token] if token else (literal.replace("%", "%%"), "") for token, literal in tokens]
    form, names = "".join(part for part, _ in parts), [name for _, name in parts if name]
    if not names:
        return lambda _: form % ()
    fields = attrgetter(*names)
    return lambda moment: form % fields(moment)


def _literal(text: str) -> str:
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))


def _read(token: str, number: int, after: str) -> str:
    if token.startswith("S"):
        return rf"(?P<fraction{number}>\d{{{len(token)}}})"
    if token not in _READERS:
        raise ValueError(f"{token} can be written, but not read")
    name, form = _READERS[token]
    if form == r"\d{2}" and name != "short" and not _DIGIT.match(after):
        form = r"\d{1,2}"
    group = f"(?P<{name}{number}>{form})" if name else f"(?:{form})"
    return group + _ORDINAL_ENDING * token.endswith("o")


def _assemble(fields: dict[str, Any]) -> datetime:
    if "milliseconds" in fields:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(fields["milliseconds"]))
    if "seconds" in fields:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(fields["seconds"]))
    year = _year(fields)
    moment = datetime(  # noqa: DTZ001 - the zone is added below, or by the caller
        year,
        _month(fields),
        int(fields.get("day", 1)),
        _hour(fields),
        int(fields.get("minute", 0)),
        int(fields.get("second", 0)),
        int(fields.get("fraction", "0").ljust(6, "0")[:6]),
    )
    if "yearday" in fields:
        moment = moment.replace(month=1, day=1) + timedelta(days=int(fields["yearday"]) - 1)
        if moment.year != year:
            raise ValueError
    return moment.replace(tzinfo=_zone(fields["offset"])) if "offset" in fields else moment


def _year(fields: Mapping[str, str]) -> int:
    if "short" in fields:
        short = int(fields["short"])
        return short + (1900 if short > _PIVOT else 2000)
    if "year" not in fields:
        raise ValueError("it names no year")
    return int(fields["year"])


def _month(fields: Mapping[str, str]) -> int:
    if "name" in fields:
        sought = fields["name"].lower()[:3]
        return next(number for number, month in enumerate(MONTHS, 1) if month.lower().startswith(sought))
    return int(fields.get("month", 1))


def _hour(fields: Mapping[str, str]) -> int:
    hour = int(fields.get("hour", 0))
    if "half" not in fields:
        return hour % 24 if hour == 24 else hour  # noqa: PLR2004 - 24 is midnight where hours begin with 1
    if not 1 <= hour <= 12:  # noqa: PLR2004 - with AM or PM
        raise ValueError
    return hour % 12 + 12 * (fields["half"][0] in "Pp")


def _zone(offset: str) -> timezone:
    if offset[0] not in "+-":
        return UTC
    size = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    return timezone(-size if offset[0] == "-" else size)

"""How ``{{x}}`` writes a value into the text around it. ``{{{x}}}`` never escapes."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import orjson

from towpath.dataplane.paths import MISSING
from towpath.dataplane.templates.values import text

#: What `encodeURIComponent` leaves alone besides letters and digits.
_UNRESERVED = "-_.!~*'()"


class Escape(StrEnum):
    """The kind of text that a template makes."""

    NONE = "none"
    #: A part of a URI: percent-encoded.
    URI = "uri"
    #: A literal of SQL: texts in single quotes, numbers plain, ``NULL`` for null and what is missing.
    SQL = "sql"
    #: The inside of a JSON string: quotes and control characters escaped.
    JSON = "json"

    @property
    def function(self) -> Callable[[Any], str]:
        """Value → text."""
        return _FUNCTIONS[self]


def uri(value: Any) -> str:
    """Percent-encoded.

    >>> uri("a b/ü?")
    'a%20b%2F%C3%BC%3F'
    """
    return quote(value if value.__class__ is str else text(value), safe=_UNRESERVED, errors="replace")


def sql(value: Any) -> str:
    """A standard literal: quotes are doubled, a backslash is a letter (MySQL: ``NO_BACKSLASH_ESCAPES``).

    >>> sql("O'Hara"), sql(3.0), sql(None), sql(True)
    ("'O''Hara'", '3', 'NULL', 'TRUE')
    """
    if value is None or value is MISSING:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        shown = text(value)
        # In parentheses, so that no minus before it makes a comment of the two.
        return f"({shown})" if value < 0 else shown if shown[-1].isdigit() else f"'{shown}'"
    return "'" + text(value).replace("'", "''") + "'"


def json(value: Any) -> str:
    r"""Without the quotes around it.

    >>> print(json('say "hi"'))
    say \"hi\"
    """
    shown = value if value.__class__ is str else text(value)
    try:
        return orjson.dumps(shown).decode()[1:-1]
    except TypeError:  # half of a surrogate pair
        return orjson.dumps(shown.encode("utf-8", "replace").decode()).decode()[1:-1]


_FUNCTIONS: dict[Escape, Callable[[Any], str]] = {
    Escape.NONE: text,
    Escape.URI: uri,
    Escape.SQL: sql,
    Escape.JSON: json,
}

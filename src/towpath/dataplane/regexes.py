"""Regular expressions of users, on RE2: time is linear in the text, so that no pattern can hang a flow."""

from functools import lru_cache
from typing import Any, Final, Protocol, cast

import re2

from towpath.core.errors import ConfigError

__all__ = ["Match", "Pattern", "compile_regex"]

#: Patterns longer than this are refused, and the memory that one may take is bounded.
LONGEST: Final = 4096
_MEMORY: Final = 8 << 20


class Match(Protocol):
    """What was found: the interface of `re.Match` that is used here."""

    def group(self, *groups: int | str) -> Any: ...
    def groups(self, default: Any = None) -> tuple[Any, ...]: ...
    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...


class Pattern(Protocol):
    """A compiled expression: the interface of `re.Pattern` that is used here. Safe between threads."""

    groups: int

    def search(self, string: str) -> Match | None: ...
    def fullmatch(self, string: str) -> Match | None: ...
    def finditer(self, string: str) -> Any: ...
    def split(self, string: str, maxsplit: int = 0) -> list[Any]: ...
    def sub(self, repl: Any, string: str, count: int = 0) -> str: ...


@lru_cache(maxsize=1024)
def compile_regex(text: str, flags: str = "") -> Pattern:
    """The expression ``text``; ``flags`` are letters as of JavaScript: i, m, s (g, u and y change nothing here).

    Raises ConfigError ``regex.invalid``, or ``regex.unsupported`` for what cannot run in linear time.

    >>> compile_regex("(\\\\d+)-x", "i").search("ab 12-X").group(1)
    '12'
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    if len(text) > LONGEST:
        raise ConfigError("regex.invalid", "The expression is too long.", hint="Write a shorter one.")
    return cast("Pattern", re2.compile(text, options))

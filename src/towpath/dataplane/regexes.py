"""Regular expressions of users, on RE2: time is linear in the text, so that no pattern can hang a flow.

Patterns are written as in JavaScript. What cannot run in linear time (references back to a group, looking
ahead or behind) is refused when the pattern is compiled.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, Protocol, cast

import re2

from towpath.core.errors import ConfigError

__all__ = ["Match", "Pattern", "compile_regex"]

#: Longer patterns are refused, and the memory that one may take is bounded.
LONGEST: Final = 4096
_MEMORY: Final = 8 << 20

_FLAGS: Final = frozenset("dgimsuvy")
#: What RE2 says of patterns that another engine would run, only not in linear time.
_UNSUPPORTED = re.compile(
    r"invalid escape sequence: \\[1-9k]|\(\?<?[=!>]|repetition size|repetition operator: [*+?}]\+|too large"
)
#: Spellings of JavaScript that RE2 has in another one.
_JAVASCRIPT = re.compile(
    r"\\\\|\\u\{([0-9A-Fa-f]{1,6})\}|\\u([0-9A-Fa-f]{4})|\\c([A-Za-z])|(\[\^\])|\\.", re.DOTALL
)


class Match(Protocol):
    """What was found: the part of the interface of `re.Match` that is used here."""

    def group(self, *groups: int | str) -> Any: ...
    def groups(self, default: Any = None) -> tuple[Any, ...]: ...
    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...


class Pattern:
    """A compiled expression, to be shared by threads. Positions are of characters."""

    __slots__ = ("_compiled", "groups", "text")

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self.groups: int = compiled.groups
        self._compiled = compiled

    def search(self, text: str) -> Match | None:
        """The first place that matches."""
        return cast("Match | None", self._compiled.search(_whole(text)))

    def fullmatch(self, text: str) -> Match | None:
        """A match of the whole text."""
        return cast("Match | None", self._compiled.fullmatch(_whole(text)))

    def finditer(self, text: str) -> Iterator[Match]:
        """The places that match, from left to right; they do not overlap."""
        return cast("Iterator[Match]", self._compiled.finditer(_whole(text)))

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


@lru_cache(maxsize=1024)
def compile_regex(text: str, flags: str = "") -> Pattern:
    r"""The expression ``text``; ``flags`` as of JavaScript: i, m and s. The others change nothing here.

    Raises ConfigError ``regex.invalid``, or ``regex.unsupported`` for what cannot run in linear time.

    >>> compile_regex(r"(\d+)-x", "i").search("ab 12-X").group(1)
    '12'
    """
    if len(text) > LONGEST:
        raise ConfigError(
            "regex.invalid", f"A pattern is longer than {LONGEST} characters.", hint="Write a shorter one."
        )
    if unknown := set(flags) - _FLAGS:
        raise ConfigError(
            "regex.invalid",
            f"The pattern {_shown(text)} has unknown flags: {' '.join(sorted(unknown))}.",
            hint="Use i (any case), m (lines), s (a dot takes line breaks).",
        )
    return Pattern(text, _compiled(text, flags))


def _compiled(text: str, flags: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = "i" not in flags
    options.dot_nl = "s" in flags
    written = _JAVASCRIPT.sub(_rewritten, _whole(text))
    try:
        return re2.compile(f"(?m:{written})" if "m" in flags else written, options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        raise _refused(
            text, said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        ) from None


def _rewritten(found: "re.Match[str]") -> str:
    long, short, control, anything = found.groups()
    if long or short:
        return rf"\x{{{long or short}}}"
    if control:
        return rf"\x{{{ord(control) % 32:02x}}}"
    return r"[\s\S]" if anything else found[0]


def _refused(text: str, said: str) -> ConfigError:
    if _UNSUPPORTED.search(said):
        return ConfigError(
            "regex.unsupported",
            f"The pattern {_shown(text)} needs what cannot run in linear time: {said}.",
            hint="Do without \\1, (?=…), (?!…), (?<=…), (?<!…), a++ and counts above 1000.",
        )
    return ConfigError(
        "regex.invalid",
        f"The pattern {_shown(text)} is not understood: {said}.",
        hint="Write it as in JavaScript, without the slashes around it.",
    )


def _whole(text: str) -> str:
    """``text`` with half surrogate pairs replaced, one character by one, since they have no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\ufffd", text)
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")  # noqa: PLR2004 - what fits a message

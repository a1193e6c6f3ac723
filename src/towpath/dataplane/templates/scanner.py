"""Cuts a template into text and tags, in one pass from left to right."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from towpath.dataplane.templates.failures import invalid
from towpath.dataplane.templates.tree import Place

#: What may follow the two braces and says which kind of tag it is.
_OPEN = re.compile(r"\{\{(~?)(\{|&|!--|!|#>|#\*|#|>|/|\^|\*)?")
_RAW = re.compile(r"\{\{\{\{\s*([^\s{}/#]{1,100})\s*\}\}\}\}")
#: ``{name}`` of 2016: a dotted path, no white space outside of brackets.
_SINGLE = re.compile(r"\{((?:[\w$@]|\[[^\[\]{}\n]{1,200}\])(?:[\w$.@:/-]|\[[^\[\]{}\n]{1,200}\])*)\}")

_BRACES_HINT: Final = "Close what you open: {{name}}, {{{name}}}, {{!-- comment --}}."


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a template.

    ``kind``: text, comment, single, raw (a raw block's content), or what opened the tag: ``{{`` ``{{{`` ``#``
    ``/`` ``^`` and so on. ``start`` and ``end`` bound the tag's inside; for text ``text`` is the text.
    """

    kind: str
    at: int
    text: str = ""
    start: int = 0
    end: int = 0
    strip_left: bool = False
    strip_right: bool = False


class Places:
    """Line and column of a position."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def of(self, at: int) -> Place:
        line = bisect_right(self._starts, at)
        return Place(line, at - self._starts[line - 1] + 1)


class Scanner:
    """Iterates over the pieces of a template; ``close`` tells where a tag ends, from within it."""

    def __init__(self, text: str, *, single_braces: bool) -> None:
        self.text = text
        self.places = Places(text)
        self._next = re.compile(r"\{" if single_braces else r"\{\{")
        self.at = 0

    def pieces(self) -> Iterator[Piece]:
        """Text and opened tags. The reader of a tag sets ``at`` to its end before it goes on."""
        text, begin = self.text, 0
        while (found := self._next.search(text, self.at)) is not None:
            at = found.start()
            if not text.startswith("{{", at):
                if single := _SINGLE.match(text, at):
                    yield from self._plain(begin, at)
                    yield from self._single(single)
                    begin = self.at
                else:
                    self.at = at + 1
                continue
            escaped = self._backslashes(begin, at)
            if escaped == 1:
                yield from self._plain(begin, at - 1)
                self.at = begin = self._literal_end(at)
                yield Piece("text", at, text[at:begin])
                continue
            yield from self._plain(begin, at - (escaped > 1))
            yield self._tag(at)
            begin = self.at
        yield from self._plain(begin, len(text))

    def _plain(self, begin: int, end: int) -> Iterator[Piece]:
        if end > begin:
            yield Piece("text", begin, self.text[begin:end])

    def _single(self, found: "re.Match[str]") -> Iterator[Piece]:
        self.at = found.end()
        name = found[1]
        # Digits alone are a count in an expression, as in \d{3}: they stay.
        kind = "text" if name.isdigit() else "single"
        yield Piece(kind, found.start(), found[0] if kind == "text" else name)

    def _backslashes(self, begin: int, at: int) -> int:
        if at <= begin or self.text[at - 1] != "\\":
            return 0
        return 2 if at - 1 > begin and self.text[at - 2] == "\\" else 1

    def _literal_end(self, at: int) -> int:
        """Where the text after escaped braces ends: before the next tag and its backslashes."""
        end = self.text.find("{{", at + 2)
        if end < 0:
            return len(self.text)
        return end - self._backslashes(at + 2, end)

    def _tag(self, at: int) -> Piece:
        if self.text.startswith("{{{{", at):
            return self._raw(at)
        opened = _OPEN.match(self.text, at)
        if opened is None:  # the caller saw the braces
            raise AssertionError(at)
        kind, left = opened[2] or "{{", opened[1] == "~"
        if kind in {"!", "!--"}:
            return self._comment(at, opened.end(), kind, left=left)
        self.at = opened.end()
        return Piece(kind, at, start=opened.end(), strip_left=left)

    def _comment(self, at: int, start: int, kind: str, *, left: bool) -> Piece:
        # A comment that opens with two dashes and closes without them is a plain one.
        found = re.compile(r"--~?\}\}").search(self.text, start) if kind == "!--" else None
        found = found or re.compile(r"\}\}").search(self.text, start)
        if found is None:
            raise invalid(self.places.of(at), "the comment is not closed", _BRACES_HINT)
        self.at = found.end()
        right = self.text[found.end() - 3] == "~"
        return Piece("comment", at, strip_left=left, strip_right=right)

    def _raw(self, at: int) -> Piece:
        opened = _RAW.match(self.text, at)
        if opened is None:
            raise invalid(
                self.places.of(at),
                "four braces open a raw block and this is none",
                "Write {{{{raw}}}} … {{{{/raw}}}}, or put a space between a brace and the tag.",
            )
        closing = f"{{{{{{{{/{opened[1]}}}}}}}}}"
        end = self.text.find(closing, opened.end())
        if end < 0:
            raise invalid(self.places.of(at), "the raw block is not closed", f"Close it with {closing}.")
        self.at = end + len(closing)
        return Piece("raw", at, self.text[opened.end() : end])

    def unclosed(self, at: int) -> Exception:
        """The error for a tag that has no end."""
        return invalid(self.places.of(at), "the braces are not closed", _BRACES_HINT)

"""Reads what stands between braces: names, literals, helpers with values, subexpressions."""

import re
from typing import Final

from towpath.dataplane.paths import MISSING
from towpath.dataplane.templates.failures import invalid
from towpath.dataplane.templates.scanner import Piece, Scanner
from towpath.dataplane.templates.tree import Call, Literal, Name, Place, Value

#: Subexpressions within each other.
DEEPEST: Final = 20

_SPACE = re.compile(r"\s*")
_CLOSE = re.compile(r"(~?)\}\}")
_CLOSE_RAW = re.compile(r"\}(~?)\}\}")
_AS = re.compile(r"as\s+\|([^|{}]*)\|")
_ELSE = re.compile(r"\s*else(?=[\s~}])")
#: What must follow a word, and what must follow a literal.
_WORD_END: Final = r"(?=[=~}\s/.)|\]]|$)"
_LITERAL_END: Final = r"(?=[~}\s)\]]|$)"
_ID: Final = r"""[^\s!"#%-,./;->@\[-^`{-~]+"""
_TOKEN = re.compile(
    rf"""
      (?P<string>"(?:\\"|[^"])*"|'(?:\\'|[^'])*')
    | (?P<number>-?[0-9]{{1,400}}(?:\.[0-9]{{1,400}})?{_LITERAL_END})
    | (?P<word>(?:true|false|null|undefined){_LITERAL_END})
    | (?P<up>\.\.)
    | (?P<here>\.{_WORD_END})
    | (?P<id>{_ID}{_WORD_END})
    | \[(?P<bracket>(?:\\\]|[^\]])*)\]
    | (?P<sign>[()=@./|])
    """,
    re.VERBOSE,
)
_WORDS: Final = {"true": True, "false": False, "null": None, "undefined": MISSING}


class Reader:
    """Reads one tag from just after its opening braces; then ``scanner.at`` is after its end."""

    def __init__(self, scanner: Scanner, piece: Piece) -> None:
        self._scanner = scanner
        self._text = scanner.text
        self._piece = piece
        self._at = piece.start
        self.strip_right = False
        self.params: tuple[str, ...] = ()

    def is_else(self) -> bool:
        """Whether it is ``{{else …}}``; if so, the word is read."""
        found = _ELSE.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found is not None

    def call(self) -> Call:
        """``head value… name=value… as |a b|`` and the closing braces."""
        call = self._call(0)
        if found := _AS.match(self._text, self._skip()):
            self.params = tuple(found[1].split())
            self._at = found.end()
        self.end()
        return call

    def at_end(self) -> bool:
        """Whether nothing is left before the closing braces."""
        return self._close() is not None

    def end(self) -> None:
        """The closing braces must be here."""
        found = self._close()
        if found is None:
            raise self._lost()
        self.strip_right = found[1] == "~"
        self._scanner.at = found.end()

    def name(self) -> Literal | Name:
        """The name in a closing tag."""
        head = self._head()
        self.end()
        return head

    def _close(self) -> "re.Match[str] | None":
        return (_CLOSE_RAW if self._piece.kind == "{" else _CLOSE).match(self._text, self._skip())

    def _skip(self) -> int:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _place(self, at: int) -> Place:
        return self._scanner.places.of(at)

    def _lost(self) -> Exception:
        at = self._skip()
        if at >= len(self._text):
            return self._scanner.unclosed(self._piece.at)
        return invalid(
            self._place(at),
            f"{self._text[at : at + 10]!r} is not understood",
            "Write {{name}}, {{helper value}}, (helper value) or list.[0]; names with spaces in [brackets].",
        )

    def _token(self) -> "re.Match[str]":
        found = _TOKEN.match(self._text, self._skip())
        if found is None:
            raise self._lost()
        return found

    def _sign(self, sign: str) -> bool:
        """Reads ``sign`` if it comes next, without spaces before it."""
        if self._text.startswith(sign, self._at):
            self._at += len(sign)
            return True
        return False

    def _call(self, depth: int) -> Call:
        place = self._place(self._skip())
        head = self._head()
        values: list[Value] = []
        named: dict[str, Value] = {}
        while self._more():
            found = self._token()
            if found["id"] and self._text.startswith("=", found.end()):
                self._at = found.end() + 1
                named[found["id"]] = self._value(depth)
            elif named:
                raise invalid(
                    self._place(found.start()), "a value follows a named one", "Put named ones last."
                )
            else:
                values.append(self._value(depth))
        return Call(head, tuple(values), tuple(named.items()), place)

    def _more(self) -> bool:
        at = self._skip()
        ended = self._text.startswith((")", "}", "~"), at) or _AS.match(self._text, at)
        return not ended

    def _value(self, depth: int) -> Value:
        at = self._skip()
        if not self._sign("("):
            return self._head()
        if depth >= DEEPEST:
            raise invalid(
                self._place(at), f"there are more than {DEEPEST} expressions in each other", "Use fewer."
            )
        call = self._call(depth + 1)
        self._skip()
        if not self._sign(")"):
            raise invalid(self._place(at), "the parenthesis is not closed", "Close it before the braces.")
        return call

    def _head(self) -> Literal | Name:
        found = self._token()
        place = self._place(found.start())
        if found["string"]:
            self._at = found.end()
            mark = found["string"][0]
            plain = found["string"][1:-1].replace("\\" + mark, mark)
            return Literal(plain, plain, place)
        if found["number"]:
            self._at = found.end()
            digits = found["number"]
            return Literal(float(digits) if "." in digits else int(digits), digits, place)
        if found["word"]:
            self._at = found.end()
            return Literal(_WORDS[found["word"]], found["word"], place)
        return self._name(place)

    def _name(self, place: Place) -> Name:
        data = self._sign("@")
        up, scoped = 0, False
        while (found := self._token())["up"]:
            self._at = found.end()
            up, scoped = up + 1, True
            if not (self._sign("/") or self._sign(".")):
                return Name((), place, up=up, data=data, scoped=True)
        if found["here"] or found["id"] == "this":
            self._at = found.end()
            scoped = True
            if not (self._sign("/") or self._sign(".")):
                return Name((), place, up=up, data=data, scoped=True)
        return Name(tuple(self._segments()), place, up=up, data=data, scoped=scoped)

    def _segments(self) -> list[str]:
        parts = []
        while True:
            found = self._token()
            part = found["id"] or found["bracket"] or found["number"] or found["word"]
            if part is None:
                raise self._lost()
            self._at = found.end()
            parts.append(part.replace("\\]", "]") if found["bracket"] else part)
            if not (self._sign(".") or self._sign("/")):
                return parts

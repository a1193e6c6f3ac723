"""Template text → tree, in linear time. The only error is ConfigError ``template.invalid``."""

import re
from dataclasses import dataclass, field
from typing import Final

from towpath.dataplane.templates.expressions import Reader
from towpath.dataplane.templates.failures import invalid
from towpath.dataplane.templates.scanner import Piece, Scanner
from towpath.dataplane.templates.tree import Arm, Block, Call, Literal, Mustache, Name, Place, Program, Text

#: Blocks within each other, expressions in one template, and characters in it.
DEEPEST: Final = 32
MOST_TAGS: Final = 5_000
LONGEST: Final = 2_000_000

_REFUSED: Final = {
    "#>": "partials",
    ">": "partials",
    "#*": "inline partials",
    "*": "decorators",
}
_LAST_LINE = re.compile(r"(?:^|\n)[^\S\n]*\Z")
_FIRST_LINE = re.compile(r"[^\S\n]*(?:\n|\Z)")


@dataclass
class _Open:
    """A block that is not closed yet."""

    block: Block
    written: str
    place: Place
    parent: Program
    closed_chain: bool = False


@dataclass
class Parser:
    """One use: ``Parser(scanner).parse()``."""

    scanner: Scanner
    _program: Program = field(default_factory=Program)
    _open: list[_Open] = field(default_factory=list)
    #: The pieces in order with what they became, for the white space around them.
    _trail: list[tuple[Piece, Text | None, bool]] = field(default_factory=list)
    _tags: int = 0

    def parse(self) -> Program:
        for piece in self.scanner.pieces():
            if piece.kind in {"text", "raw"}:
                self._text(piece)
            elif piece.kind == "comment":
                self._trail.append((piece, None, True))
            else:
                self._tag(piece)
        if self._open:
            missing = self._open[-1]
            raise invalid(
                missing.place,
                f"the block {missing.written} is not closed",
                f"Close it with {{{{/{missing.written}}}}}.",
            )
        _strip(self._trail)
        return self._program

    def _text(self, piece: Piece) -> None:
        text = Text(piece.text)
        self._program.parts.append(text)
        # What is raw keeps its white space.
        self._trail.append((piece, text if piece.kind == "text" else None, False))

    def _tag(self, piece: Piece) -> None:
        place = self.scanner.places.of(piece.at)
        self._tags += 1
        if self._tags > MOST_TAGS:
            raise invalid(
                place, f"there are more than {MOST_TAGS} expressions", "Make several templates of it."
            )
        if piece.kind in _REFUSED:
            raise invalid(place, f"{_REFUSED[piece.kind]} are not supported", "Write the text in its place.")
        if piece.kind == "single":
            self._single(piece, place)
            return
        reader = Reader(self.scanner, piece)
        standalone = self._read(piece, reader, place)
        marked = Piece(piece.kind, piece.at, "", 0, 0, piece.strip_left, reader.strip_right)
        self._trail.append((marked, None, standalone))

    def _single(self, piece: Piece, place: Place) -> None:
        call = Call(Name((piece.text,), place, single=piece.text), (), (), place)
        self._program.parts.append(Mustache(call, raw=False))
        self._trail.append((piece, None, False))

    def _read(self, piece: Piece, reader: Reader, place: Place) -> bool:
        """Reads one tag; whether it is one that takes its line with it if it stands there alone."""
        if piece.kind == "/":
            self._close(_written(reader.name()), place)
        elif piece.kind == "#":
            self._begin(reader.call(), reader, place, inverted=False)
        elif piece.kind == "^" and not reader.at_end():
            self._begin(reader.call(), reader, place, inverted=True)
        elif piece.kind == "^" or (piece.kind == "{{" and reader.is_else()):
            self._else(reader, place)
        else:
            self._program.parts.append(Mustache(reader.call(), raw=piece.kind in {"{", "&"}))
            return False
        return True

    def _begin(self, call: Call, reader: Reader, place: Place, *, inverted: bool) -> None:
        if len(self._open) >= DEEPEST:
            raise invalid(place, f"there are more than {DEEPEST} blocks in each other", "Use fewer.")
        body = Program()
        block = Block([Arm(call, body, reader.params, inverted)])
        self._program.parts.append(block)
        self._open.append(_Open(block, _written(call.head), place, self._program))
        self._program = body

    def _else(self, reader: Reader, place: Place) -> None:
        if not self._open or self._open[-1].closed_chain:
            raise invalid(place, "an else without its block", "Put it between {{#if …}} and {{/if}}, once.")
        block, body = self._open[-1].block, Program()
        if reader.at_end():
            reader.end()
            self._open[-1].closed_chain = True
            block.otherwise = body
        else:
            block.arms.append(Arm(reader.call(), body, reader.params))
        self._program = body

    def _close(self, written: str, place: Place) -> None:
        if not self._open or self._open[-1].written != written:
            awaited = f"{{{{/{self._open[-1].written}}}}}" if self._open else "no closing tag"
            raise invalid(place, f"{{{{/{written}}}}} closes nothing here", f"Here fits {awaited}.")
        self._program = self._open.pop().parent


def _written(head: Literal | Name) -> str:
    if not isinstance(head, Name):
        return head.source
    prefix = "@" * head.data + "../" * head.up
    return prefix + ".".join(head.parts) if head.parts else prefix.removesuffix("/") or "this"


def _strip(trail: list[tuple[Piece, Text | None, bool]]) -> None:
    """Takes off the lines of tags that stand alone, and the white space that ``~`` asks for."""
    for number, (piece, _, standalone) in enumerate(trail):
        before = trail[number - 1][1] if number else None
        after = trail[number + 1][1] if number + 1 < len(trail) else None
        alone = (
            standalone
            and (number == 0 or (before is not None and _ends_line(before, first=number == 1)))
            and (
                number + 1 == len(trail)
                or (after is not None and _begins_line(after, number + 2 == len(trail)))
            )
        )
        if before is not None:
            before.text = _left(before.text, whole=piece.strip_left, alone=alone)
        if after is not None:
            after.text = _right(after.text, whole=piece.strip_right, alone=alone)


def _ends_line(text: Text, *, first: bool) -> bool:
    found = _LAST_LINE.search(text.original)
    return found is not None and (first or "\n" in found[0])


def _begins_line(text: Text, last: bool) -> bool:
    found = _FIRST_LINE.match(text.original)
    return found is not None and (last or "\n" in found[0])


def _left(text: str, *, whole: bool, alone: bool) -> str:
    return text.rstrip() if whole else text.rstrip(" \t") if alone else text


def _right(text: str, *, whole: bool, alone: bool) -> str:
    if whole:
        return text.lstrip()
    return re.sub(r"\A[ \t]*\r?\n?", "", text) if alone else text

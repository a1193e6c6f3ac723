"""The words of a filter's text: names, values, operators, brackets, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORD = re.compile(
    r"""\s*(?:
        (?P<sign>!=|<>|<=|>=|=|<|>)
      | (?P<mark>[(),])
      | (?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`)
      | (?P<plain>[^\s"'`()=!<>,]+)
      | (?P<bad>\S)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Word:
    """One of them."""

    kind: str
    """``sign``, ``mark``, ``quoted``, ``plain``, ``bad``, or ``end``."""
    text: str
    """Without its quotes."""
    at: int
    """The place of its first character in the text, counted from 1."""

    def says(self, *words: str) -> bool:
        """Whether it is one of these, in any case, and not quoted."""
        return self.kind in ("plain", "mark") and self.text.lower() in words


def words_of(text: str) -> Iterator[Word]:
    """All words, and one that is the end."""
    place = 0
    while (found := _WORD.match(text, place)) is not None:
        kind = str(found.lastgroup)
        word = found[kind]
        if kind == "quoted":
            word = word[1:-1].replace(word[0] * 2, word[0])
        yield Word(kind, word, found.start(kind) + 1)
        place = found.end()
    yield Word("end", "", len(text) + 1)


def quoted(text: str) -> str:
    """The text as a quoted word."""
    return '"' + text.replace('"', '""') + '"'

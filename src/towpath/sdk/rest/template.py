"""Texts with ``{field}`` in them: nothing but names can stand in braces, and nothing is ever run.

``{{`` and ``}}`` stand for the braces themselves.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

_PIECE = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}|[{}]")


def names(text: str) -> tuple[str, ...]:
    """The fields that the template uses, in order of appearance. Raises `ValueError` for other braces.

    >>> names("https://{shop}.example/{{x}}")
    ('shop',)
    """
    found = list(_PIECE.finditer(text))
    stray = next((piece for piece in found if piece[0] in ("{", "}")), None)
    if stray:
        raise ValueError(f"the brace at character {stray.start() + 1} belongs to no {{field}}; double it")
    return tuple(dict.fromkeys(piece[1] for piece in found if piece[1]))


def check(text: str) -> str:
    """The same text. Raises `ValueError` as `names` does."""
    names(text)
    return text


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its fields filled in. Raises `KeyError` for a field that is not there.

    >>> fill("Bearer {token}", {"token": "abc"})
    'Bearer abc'
    """
    return _PIECE.sub(lambda piece: values[piece[1]] if piece[1] else piece[0][0], text)


def fill_url(text: str, values: Mapping[str, str]) -> str:
    """A URL filled in: values are percent-encoded, so that none can break out of its place into another
    host or path. A template that is one field and nothing else *is* that field's URL.

    >>> fill_url("https://{shop}.example/a", {"shop": "x.evil/?"})
    'https://x.evil%2F%3F.example/a'
    """
    whole = _PIECE.fullmatch(text)
    if whole and whole[1]:
        return values[whole[1]]
    return fill(text, {name: quote(value, safe="") for name, value in values.items()})

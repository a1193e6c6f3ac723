"""Rows of values as records."""

from collections.abc import Sequence
from typing import Any

from towpath.connectors.rest_api.parts import text_of
from towpath.connectors.rest_api.reading import TwoDArray


def from_rows(rows: Sequence[Any], way: TwoDArray) -> list[Any]:
    """Records of rows that are lists; what is none stays as it is. Values without a name are ``Column3`` …

    >>> from_rows([["id", "name"], [1, "a", True]], TwoDArray(has_header=True))
    [{'id': 1, 'name': 'a', 'Column2': True}]
    """
    if way.do_not_normalize or not rows or not all(isinstance(row, list) for row in rows):
        return list(rows)
    names = [text_of(name) for name in rows[0]] if way.has_header else []
    names += [f"Column{place}" for place in range(len(names), max(map(len, rows)))]
    return [dict(zip(names, row, strict=False)) for row in rows[way.has_header :]]

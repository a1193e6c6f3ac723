"""Finds JSON texts whose numbers a system would round: it must not happen silently. # Invariant 6"""

import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

#: Every number that is beyond any system's exactness has this many digits in a row, or an exponent.
_SUSPECT = r"[0-9.]{16,}|[0-9][eE]"


def rounded(column: pa.Array, holds: Callable[[str], bool]) -> pa.Array | None:
    """Booleans that are true where a text is no JSON, or has a number that ``holds`` denies; None if all
    are well. Null is never at fault.

    >>> rounded(pa.array(["[1]", "[12345678901234567890]", None]), lambda text: len(text) < 16).to_pylist()
    [False, True, False]
    """
    suspect = pc.fill_null(pc.match_substring_regex(column, _SUSPECT), False)
    if not pc.any(suspect).as_py():
        return None
    texts = column.to_pylist()
    at = [flag and not _exact(text, holds) for flag, text in zip(suspect.to_pylist(), texts, strict=True)]
    return pa.array(at, pa.bool_()) if any(at) else None


def _exact(text: str, holds: Callable[[str], bool]) -> bool:
    seen = list[str]()

    def number(one: str) -> float:
        seen.append(one)
        return 0.0

    try:
        json.loads(text, parse_int=number, parse_float=number)
    except ValueError:
        return False
    return all(map(holds, seen))

"""Which column types hold the values of which others without changing one.

Types are spelled as PostgreSQL's ``format_type`` does: ``bigint``, ``numeric(10,2)``,
``character varying(20)``, ``timestamp(3) with time zone``, ``integer[]``.
"""

import re

_MODIFIERS = re.compile(r"\((\d+)(?:,(-?\d+))?\)")
#: Digits that each integer type may need, and those that it holds whatever they are.
_INTEGERS = {"smallint": (5, 4), "integer": (10, 9), "bigint": (19, 18)}
_UNBOUNDED = 1 << 20
_MOST_DIGITS = 1000
#: Integers and floats that a float type holds exactly.
_FLOATS = {
    "real": frozenset({"smallint", "real"}),
    "double precision": frozenset({"smallint", "integer", "real", "double precision"}),
}
_STRINGS = frozenset({"text", "character varying", "name"})


def split(type: str) -> tuple[str, tuple[int, ...]]:
    """The type without its modifiers, and the modifiers."""
    found = _MODIFIERS.search(type)
    if found is None:
        return type, ()
    return _MODIFIERS.sub("", type, count=1), tuple(int(part) for part in found.groups() if part)


def holds(wide: str, narrow: str) -> bool:
    """True if a column of type ``wide`` takes every value of type ``narrow`` as it is."""
    if wide == narrow:
        return True
    if wide.endswith("[]") and narrow.endswith("[]"):
        return holds(wide[:-2], narrow[:-2])
    (base, limits), (other, theirs) = split(wide), split(narrow)
    if base in _FLOATS:
        return other in _FLOATS[base]
    room, need = _room(base, limits), _need(other, theirs)
    if room and need:
        return (base in _INTEGERS and other in _INTEGERS and _wider(base, other)) or (
            room[0] >= need[0] and room[1] >= need[1]
        )
    if base in _STRINGS and other in _STRINGS:
        return base != "name" and (not limits or (bool(theirs) and theirs[0] <= limits[0]))
    return base == other and not limits


def _wider(one: str, other: str) -> bool:
    return _INTEGERS[one] >= _INTEGERS[other]


def _room(base: str, limits: tuple[int, ...]) -> tuple[int, int] | None:
    """Digits before and after the point that the type holds; None if it is not exact."""
    if base in _INTEGERS:
        return _INTEGERS[base][1], 0
    return _digits(limits) if base == "numeric" else None


def _need(base: str, limits: tuple[int, ...]) -> tuple[int, int] | None:
    """Digits before and after the point that values of the type may have."""
    if base in _INTEGERS:
        return _INTEGERS[base][0], 0
    return _digits(limits) if base == "numeric" else None


def _digits(limits: tuple[int, ...]) -> tuple[int, int]:
    if not limits:
        return _UNBOUNDED, _UNBOUNDED
    precision, scale = (*limits, 0)[:2]
    return precision - scale, scale


def widened(have: str, want: str) -> str | None:
    """The narrowest type that holds what both hold; None if there is none."""
    if holds(have, want):
        return have
    if holds(want, have):
        return want
    ours, theirs = _need(*split(have)), _need(*split(want))
    if ours is None or theirs is None or _UNBOUNDED in (*ours, *theirs):
        return None
    whole, scale = max(ours[0], theirs[0]), max(ours[1], theirs[1])
    return f"numeric({whole + scale},{scale})" if whole + scale <= _MOST_DIGITS else "numeric"

"""Paths into JSON answers: ``$`` for the answer itself, ``data.items``, ``groups[].members``.

A path is strict: a member that is missing is told from one that is empty.
"""

import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"([^.\[\]]+)((?:\[\])?)")


class MissingError(LookupError):
    """The path leads nowhere: ``at`` is the part of it that does not, ``there`` what there is instead."""

    def __init__(self, at: str, there: str) -> None:
        super().__init__(f"{at}: {there}")
        self.at, self.there = at, there


def check(path: str) -> str:
    """The same path. Raises `ValueError` if it is none."""
    steps(path)
    return path


def steps(path: str) -> tuple[tuple[str, bool], ...]:
    """Member names, each with whether every item of the list there is meant.

    >>> steps("$"), steps("groups[].members")
    ((), (('groups', True), ('members', False)))
    """
    if path in ("$", "[]"):
        return ()
    parts = path.removeprefix("$.").split(".")
    found = [_STEP.fullmatch(part) for part in parts]
    if not all(found):
        raise ValueError("a path is `$`, or member names with dots between them, such as `data.items`")
    return tuple((step[1], bool(step[2])) for step in found if step)


def find(answer: Any, path: str) -> Any:
    """What stands at the path. Raises `MissingError`; null is a value like others."""
    return _walk(answer, steps(path), "$")


def _walk(value: Any, rest: tuple[tuple[str, bool], ...], at: str) -> Any:
    for place, (name, each) in enumerate(rest):
        if not isinstance(value, Mapping) or name not in value:
            raise MissingError(f"{at}.{name}" if at != "$" else name, describe(value))
        value, at = value[name], f"{at}.{name}" if at != "$" else name
        if each:
            if not isinstance(value, list):
                raise MissingError(at + "[]", describe(value))
            return _flat([_walk(item, rest[place + 1 :], at + "[]") for item in value])
    return value


def _flat(lists: list[Any]) -> list[Any]:
    return [item for one in lists for item in (one if isinstance(one, list) else [one])]


def describe(value: Any) -> str:
    """What kind of JSON value it is, without its data: an object's member names are no data.

    >>> describe({"error": "x"}), describe(None)
    ("an object with 'error'", 'null')
    """
    if isinstance(value, Mapping):
        shown = ", ".join(repr(str(name)[:40]) for name in list(value)[:8])
        return f"an object with {shown}" if shown else "an empty object"
    kinds = {list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")

"""JSON Patch (RFC 6902), of the fields that may be changed alone."""

import copy
from collections.abc import Collection, Sequence
from typing import Any

from towpath.api.integrator.documents import Document
from towpath.api.integrator.errors import Fault, Refused, invalid

_OPERATIONS = ("add", "replace", "remove", "test")


def patched(document: Document, operations: Sequence[Any], allowed: Collection[str]) -> dict[str, Any]:
    """The document with all of the operations done, or none. ``allowed`` are the paths that may be changed,
    with all that lies below them. Raises `Refused`.
    """
    faults = [fault for number, one in enumerate(operations) for fault in _faults(number, one, allowed)]
    if faults:
        raise Refused(*faults)
    result = copy.deepcopy(dict(document))
    for number, one in enumerate(operations):
        _apply(result, one, str(number))
    return result


def _faults(number: int, one: Any, allowed: Collection[str]) -> list[Fault]:
    if not isinstance(one, dict) or one.get("op") not in _OPERATIONS or not isinstance(one.get("path"), str):
        told = f"Each item has a path, and an op that is one of {', '.join(_OPERATIONS)}."
        return [invalid(str(number), told)]
    if one["op"] != "remove" and "value" not in one:
        return [invalid(str(number), "The value is missing.")]
    path = one["path"]
    if one["op"] != "test" and not any(path == item or path.startswith(f"{item}/") for item in allowed):
        return [invalid(path, f"It cannot be patched. These can: {', '.join(sorted(allowed))}.")]
    return []


def _apply(document: dict[str, Any], one: dict[str, Any], number: str) -> None:
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]] or [""]
    place: Any = document
    for part in way:
        place = _below(place, part, one["op"] == "add" or one["op"] == "replace", one["path"])
    if one["op"] == "test":
        if _at(place, last, one["path"]) != one["value"]:
            raise Refused(Fault("test_failed", f"The test of item {number} failed.", one["path"]))
    elif one["op"] == "remove":
        _at(place, last, one["path"])
        del place[_key(place, last)]
    elif isinstance(place, list):
        _into(place, last, one)
    else:
        place[last] = one["value"]


def _into(place: list[Any], last: str, one: dict[str, Any]) -> None:
    if one["op"] == "add":
        place.insert(len(place) if last == "-" else _index(last, len(place), one["path"]), one["value"])
    else:
        place[_index(last, len(place) - 1, one["path"])] = one["value"]


def _below(place: Any, part: str, making: bool, path: str) -> Any:
    if isinstance(place, dict) and making and place.get(part) is None:
        # Documents leave out what is not set.
        place[part] = {}
    return _at(place, part, path)


def _at(place: Any, part: str, path: str) -> Any:
    if isinstance(place, list):
        return place[_index(part, len(place) - 1, path)]
    if isinstance(place, dict) and part in place:
        return place[part]
    raise Refused(invalid(path, "There is nothing at this path."))


def _index(part: str, last: int, path: str) -> int:
    if not part.isdecimal() or int(part) > last:
        raise Refused(invalid(path, "There is nothing at this path."))
    return int(part)


def _key(place: Any, part: str) -> Any:
    return int(part) if isinstance(place, list) else part

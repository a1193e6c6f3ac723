"""What compiled mappings call while they run."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NoReturn

from towpath.dataplane.context import Context
from towpath.dataplane.errors import mapping_error
from towpath.dataplane.paths import MISSING
from towpath.dataplane.values import Refused, is_empty


def fail(places: Sequence[tuple[str, str]], field: int, value: Any, error: Exception) -> NoReturn:
    """Raise ``error`` as the error of a field."""
    generate, extract = places[field]
    found = mapping_error(error, generate, extract, value)
    if found is error:
        raise error
    raise found from error


def words(seen: Any, record: Any, context: Context, names: bool) -> dict[str, Any]:
    """What a template sees: ``record`` as it is ``seen`` at its place, the words of the context, of a record
    that is a list its ``rows``; with ``names`` the record's fields by their bare names too.
    """
    made = {"record": seen, **context.words}
    if record.__class__ is list:
        made["rows"] = record
    if names and isinstance(seen, Mapping):
        made.update(seen)
    return made


def composite(record: Any, bound: Iterable[tuple[tuple[str, ...], Any]]) -> Any:
    """The record with single objects in the place of lists: ``bound`` from the outermost to the innermost.

    >>> composite({"id": 1, "lines": [{"sku": "A"}, {"sku": "B"}]}, [(("lines",), {"sku": "B"})])
    {'id': 1, 'lines': {'sku': 'B'}}
    """
    made = record
    for names, value in bound:
        made = _replaced(made, names, value)
    return made


def _replaced(record: Any, names: tuple[str, ...], value: Any) -> Any:
    if not names:
        return value
    inner = record.get(names[0]) if isinstance(record, Mapping) else None
    outer = record if isinstance(record, Mapping) else {}
    return {**outer, names[0]: _replaced(inner, names[1:], value)}


def rows(value: Any) -> Sequence[Any]:
    """The elements of what should be a list: one object counts as a list of one, nothing as none."""
    if value is None or value is MISSING:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def filled(elements: Iterable[Any]) -> bool:
    """Whether any of them is not empty."""
    return any(not is_empty(element) for element in elements)


def level(sources: Sequence[Any], names: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    """The rows of several lists side by side, paired by position; lists that are not there give `MISSING`.

    Raises `Refused` if they are not of one length.
    """
    lengths = {
        name: len(source) for name, source in zip(names, sources, strict=True) if source is not MISSING
    }
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise Refused(
            "mapping.unequal_lengths",
            f"The lists that are mapped side by side are not equally long: {told}.",
            "Map them into lists of their own, or make them equally long before.",
        )
    length = next(iter(lengths.values()), 0)
    return zip(*([MISSING] * length if source is MISSING else source for source in sources), strict=True)


def put(target: dict[str, Any], steps: Sequence[str | int], value: Any) -> None:
    """Write ``value`` into nested objects and lists, which are made where they are not there."""
    at: Any = target
    for step, below in pairwise(steps):
        inner = _inner(at, step)
        if inner is None:
            inner = [] if isinstance(below, int) else {}
            _store(at, step, inner)
        at = inner
    _store(at, steps[-1], copy.deepcopy(value))


def _inner(at: Any, step: str | int) -> Any:
    if isinstance(at, dict):
        return at.get(str(step))
    return at[step] if isinstance(at, list) and isinstance(step, int) and step < len(at) else None


def _store(at: Any, step: str | int, value: Any) -> None:
    if isinstance(at, dict):
        at[str(step)] = value
    elif isinstance(at, list) and isinstance(step, int):
        at.extend([None] * (step + 1 - len(at)))
        at[step] = value
    else:
        raise Refused(
            "mapping.occupied",
            "There is a value where an object would have to be.",
            "Let no field be both a value and the parent of other fields.",
        )

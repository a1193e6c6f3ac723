"""Nested settings: by dotted paths, laid over each other, and what one has beyond another."""

from collections.abc import Iterator, Mapping
from typing import Any

Tree = Mapping[str, Any]


def at(tree: Tree, path: str) -> Any:
    """What stands there; None for nothing."""
    found: Any = tree
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def placed(path: str, value: Any) -> dict[str, Any]:
    """A tree of one leaf."""
    *above, last = path.split(".")
    tree = {last: value}
    for part in reversed(above):
        tree = {part: tree}
    return tree


def told(tree: Tree) -> dict[str, Any]:
    """Without the nulls: they say nothing."""
    return {
        name: told(value) if isinstance(value, Mapping) else value
        for name, value in tree.items()
        if value is not None
    }


def over(top: Tree, below: Tree) -> dict[str, Any]:
    """Both together; where both have a leaf, the one on top is taken."""
    both = dict(top) | {name: value for name, value in below.items() if name not in top}
    for name in top.keys() & below.keys():
        if isinstance(top[name], Mapping) and isinstance(below[name], Mapping):
            both[name] = over(top[name], below[name])
    return both


def beyond(tree: Tree, other: Tree) -> dict[str, Any]:
    """What has to be laid over ``other`` for it to say all that ``tree`` says."""
    return dict(_beyond(tree, other))


def _beyond(tree: Tree, other: Tree) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if name not in other:
            yield name, value
        elif isinstance(value, Mapping) and isinstance(other[name], Mapping):
            inside = beyond(value, other[name])
            if inside:
                yield name, inside
        elif value != other[name] or type(value) is not type(other[name]):
            yield name, value

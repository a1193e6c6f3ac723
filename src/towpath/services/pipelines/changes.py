"""What changed in a resource, for the audit trail."""

from collections.abc import Iterator, Mapping
from typing import Any

#: How many changes of one update are told, and how long a value may be.
_MOST, _LONGEST = 100, 500
#: What changes with every update, and what nobody wrote.
_SILENT = frozenset({"_id", "createdAt", "lastModified", "queues"})


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``{"fieldPath", "oldValue", "newValue"}`` for every field that differs. Both are documents as they are
    shown, without secrets.
    """
    found = []
    for field, old, new in _differences(before, after, ""):
        if field not in _SILENT:
            found.append({"fieldPath": field, "oldValue": _short(old), "newValue": _short(new)})
        if len(found) == _MOST:
            break
    return found


def _differences(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            here = f"{path}.{name}" if path else str(name)
            yield from _differences(before.get(name), after.get(name), here)
    elif before != after:
        yield path, before, after


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return value[:_LONGEST] + "…"
    return value if not isinstance(value, Mapping | list) or len(str(value)) <= _LONGEST else "…"

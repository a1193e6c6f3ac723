"""Where the fields of a form stand: rows of 24 columns. A field that no row names is not shown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_ROW = 24
_HALF = _ROW // 2


def laid_out(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The layout of an object's fields, and of the objects within."""
    fields: dict[str, Mapping[str, Any]] = {}
    for name, field in _fields(schema):
        fields.setdefault(name, field)
    found: dict[str, Any] = {"ui:grid": _rows(fields)} if fields else {}
    for name, field in fields.items():
        inside = _widget(field) | laid_out(field)
        if inside:
            found[name] = inside
    return found


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The fields of an object, and those that it may have besides."""
    yield from schema.get("properties", {}).items()
    for word in ("oneOf", "anyOf", "allOf"):
        for choice in schema.get(word, ()):
            yield from _fields(choice)
    for dependent in schema.get("dependencies", {}).values():
        yield from _fields(dependent)


def _rows(fields: Mapping[str, Mapping[str, Any]]) -> Sequence[dict[str, int]]:
    """Two in a row, and one where a field needs all of it."""
    rows: list[dict[str, int]] = []
    for name, field in fields.items():
        width = _ROW if _wide(field) else _HALF
        if rows and sum(rows[-1].values()) + width <= _ROW:
            rows[-1][name] = width
        else:
            rows.append({name: width})
    return rows


def _wide(field: Mapping[str, Any]) -> bool:
    return bool(field.get("multiline")) or field.get("type") in ("object", "array") or not _is_simple(field)


def _is_simple(field: Mapping[str, Any]) -> bool:
    return not any(word in field for word in ("oneOf", "anyOf", "allOf", "properties"))


def _widget(field: Mapping[str, Any]) -> dict[str, Any]:
    hint = {"ui:placeholder": field["placeholder"]} if "placeholder" in field else {}
    return hint | _shape(field)


def _shape(field: Mapping[str, Any]) -> dict[str, Any]:
    if "const" in field:
        return {"ui:widget": "hidden"}
    if field.get("multiline"):
        return {"ui:widget": "textarea", "ui:options": {"rows": 4}}
    if field.get("type") == "boolean":
        return {"ui:widget": "boolean"}
    return {"ui:widget": "radio"} if "oneOf" in field else {}

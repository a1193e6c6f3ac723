"""What may have been meant: for hints."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel


def guess(name: str, known: Iterable[str]) -> str:
    """`` (did you mean …?)`` with the nearest of the known names; empty if none is near.

    >>> guess("ID", ["id", "name"]), guess("x", ["name"])
    (" (did you mean 'id'?)", '')
    """
    by_small = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), by_small, n=1)
    return f" (did you mean {by_small[near[0]]!r}?)" if near else ""


def known_at(kind: Any, place: tuple[str | int, ...]) -> list[str]:
    """Names of the settings that may stand at a place."""
    for part in place:
        kind = _below(kind, part)
    return [field.alias or name for model in _models(kind) for name, field in model.model_fields.items()]


def _below(kind: Any, part: str | int) -> Any:
    """The type of what stands under a name or index of such a value, or of the member of a union."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    if get_origin(kind) is tuple:
        return get_args(kind)[0]
    models = _models(kind)
    if len(models) > 1:
        return next((model for model in models if _tag(model) == part), None)
    fields = [item for model in models for item in model.model_fields.items()]
    return next((field.annotation for name, field in fields if part in (name, field.alias)), None)


def _models(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for one in get_args(kind) if get_origin(kind) is not dict for model in _models(one)]


def _tag(model: type[BaseModel]) -> str:
    field = model.model_fields.get("type")
    return str(get_args(field.annotation)[0]) if field and get_origin(field.annotation) is Literal else ""

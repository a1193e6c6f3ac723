"""What every function is told of the step that it works for."""

from collections.abc import Mapping
from typing import Any

from towpath.core.ids import as_object_id


def step_options(words: Mapping[str, Any]) -> dict[str, Any]:
    """The ids, as they are published, and settings, from the words that the step's templates see."""
    step = {
        f"_{role}Id": published(words[role].get("id")) for role in ("export", "import") if words.get(role)
    }
    return {
        **step,
        "_connectionId": _id(words, "connection"),
        "_flowId": _id(words, "flow"),
        "_integrationId": _id(words, "integration"),
        "_parentIntegrationId": None,
        "settings": words.get("settings") or {},
        "testMode": bool(words.get("testMode")),
    }


def published(id: str | None) -> str | None:
    """The id as functions know it: 24 hex digits, where it is one of ours."""
    try:
        return None if id is None else as_object_id(id)
    except ValueError:
        return id


def _id(words: Mapping[str, Any], what: str) -> str | None:
    known = words.get(what) or {}
    return known.get("_id") or published(known.get("id"))

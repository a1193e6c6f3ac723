"""All that is wrong with a resource, told at once."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from towpath.core.errors import ConfigError, DataError, TowpathError
from towpath.core.reasons import plain_reason

REQUIRED, INVALID, REFERENCE = "missing_required_field", "invalid_field", "invalid_ref"

#: What the languages call themselves in the places that they name.
_LANGUAGES = frozenset({"filter", "transform", "mapping", "mappings", "lookups", "responseMapping"})


class Faults:
    """Collects what is wrong while a resource is checked. The error has it as ``context["faults"]``: mappings
    of ``code``, ``message`` and ``field``, which names the place as the caller's document has it.
    """

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []

    def add(self, code: str, field: str, message: str) -> None:
        self._found.append({"code": code, "message": message, "field": field})

    def required(self, field: str) -> None:
        self.add(REQUIRED, field, f"The field {field} is required.")

    def invalid(self, field: str, message: str) -> None:
        self.add(INVALID, field, message)

    def dangling(self, field: str, what: str) -> None:
        """A reference to what is not there, or not the caller's. # Invariant 9"""
        self.add(REFERENCE, field, f"The field {field} is not the _id of any {what} of yours.")

    @contextmanager
    def part(self, root: str) -> Iterator[None]:
        """Errors of the block are faults of the document's part ``root``."""
        try:
            yield
        except (ConfigError, DataError) as error:
            self._take(root, error)

    def settings(self, root: str, error: ValidationError, places: Mapping[str, str]) -> None:
        """What a model says of settings; ``places`` are the document's names for the model's."""
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            ours = ".".join(str(part) for part in one["loc"])
            field = _place(root, ours, places)
            code = REQUIRED if one["type"] == "missing" else INVALID
            self.add(code, field, _sentence(plain_reason(one["msg"])))

    def raise_any(self) -> None:
        if not self._found:
            return
        first = self._found[0]
        raise ConfigError(
            "request.invalid",
            first["message"],
            hint="Correct every field that is named.",
            field=first["field"],
            faults=self._found,
        )

    def _take(self, root: str, error: TowpathError) -> None:
        problems = error.context.get("problems")
        if not isinstance(problems, list) or not problems:
            problems = [{"code": INVALID, "message": f"{error.message} {error.hint}".strip()}]
            problems[0]["field"] = str(error.context.get("field") or "")
        for problem in problems:
            self.add(
                problem.get("code") or INVALID, _below(root, problem.get("field") or ""), problem["message"]
            )


def _below(root: str, field: str) -> str:
    """The place in the whole document of a place in a part of it. The languages call the part by their own
    name: every filter is ``filter``.
    """
    first = re.split(r"[.\[]", field, maxsplit=1)[0]
    inside = field[len(first) :] if first in _LANGUAGES else f".{field}" if field else ""
    return f"{root}{inside}"


def _place(root: str, ours: str, places: Mapping[str, str]) -> str:
    """The document's name for the setting, or for what it is a part of."""
    name, rest = ours, ""
    while name:
        if name in places:
            return places[name] + rest
        name, _, last = name.rpartition(".")
        rest = f".{last}{rest}"
    return f"{root}.{ours}" if root and ours else root or ours


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def wrong(code: str, field: str, message: str) -> ConfigError:
    """The error for one fault."""
    fault: Mapping[str, Any] = {"code": code, "message": message, "field": field}
    return ConfigError("request.invalid", message, hint="Correct the field.", field=field, faults=[fault])

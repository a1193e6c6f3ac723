"""What is wrong with a document, all of it at once, and where."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.errors import ConfigError

MISSING_FIELD = "missing_required_field"
INVALID_FIELD = "invalid_field"


class Problems:
    """Collects what is wrong while a document is compiled.

    The error has them as ``context["problems"]``: ``[{"field", "code", "message"}]`` in the order of the
    document; ``context["field"]`` is the first.
    """

    def __init__(self, code: str, what: str) -> None:
        self._code = code
        self._what = what
        self._found: list[dict[str, str]] = []

    def add(self, field: str, message: str, code: str = INVALID_FIELD) -> None:
        self._found.append({"field": field, "code": code, "message": message})

    def take(self, field: str, error: ConfigError) -> None:
        """What a part of the document is refused for."""
        self.add(field, error.message)

    def missing(self, field: str) -> None:
        name = field.rpartition(".")[2]
        self.add(field, f"The field {name} is missing.", MISSING_FIELD)

    def raise_any(self) -> None:
        if not self._found:
            return
        first = self._found[0]
        more = f" ({len(self._found) - 1} more)" if len(self._found) > 1 else ""
        message = f"{self._what} is wrong at {first['field']}{more}: {first['message']}"
        raise ConfigError(
            self._code,
            message,
            hint="Correct every field that is named.",
            field=first["field"],
            problems=self._found,
        )


def objects(value: Any, field: str, problems: Problems) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects of a list, each with its place; what is no object is a problem. None is an empty list."""
    if value is None:
        return []
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        problems.add(field, "A list of objects is needed here.")
        return []
    found = []
    for number, each in enumerate(value):
        if isinstance(each, Mapping):
            found.append((f"{field}[{number}]", each))
        else:
            problems.add(f"{field}[{number}]", "An object is needed here.")
    return found


def text_of(entry: Mapping[str, Any], name: str, place: str, problems: Problems) -> str | None:
    """The text of a field; None if it is not there, null or empty."""
    value = entry.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        problems.add(f"{place}.{name}", f"The field {name} is to be a text.")
        return None
    return value


def needed_text(entry: Mapping[str, Any], name: str, place: str, problems: Problems) -> str | None:
    """The text of a field that has to be there; None, and a problem, if it is not."""
    if entry.get(name) is None or entry[name] == "":
        problems.missing(f"{place}.{name}")
    return text_of(entry, name, place, problems)


def one_of(value: str | None, allowed: Sequence[str], field: str, problems: Problems) -> str | None:
    """``value`` if it is allowed; otherwise a problem, and None."""
    if value is None or value in allowed:
        return value
    problems.add(field, f"{value!r} is none of {', '.join(allowed)}.")
    return None

"""Tables of words: the fields of a published document, and the settings of ours that they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from towpath.api.integrator.errors import Fault, Refused, invalid, required
from towpath.core.reasons import plain_reason

M = TypeVar("M", bound=BaseModel)


def same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Word:
    """One field."""

    theirs: str
    """Its path in the document: ``rest.relativeURI``."""
    ours: str
    """The path of our setting: ``paging.method``."""
    to: Callable[[Any], Any] = same
    """From their value to ours. Raises `ValueError` with a sentence that says what it should be."""


@dataclass
class Reading:
    """A document on its way: what was made of it, what was wrong, where each setting came from."""

    document: Mapping[str, Any]
    faults: list[Fault] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    """Their paths, by ours."""

    def settings(self, words: Sequence[Word]) -> dict[str, Any]:
        """Our settings, nested; fields that are not there, or null, say nothing."""
        found: dict[str, Any] = {}
        for word in words:
            self.places.setdefault(word.ours, word.theirs)
            value = at(self.document, word.theirs)
            if value is None:
                continue
            self.places[word.ours] = word.theirs
            try:
                put(found, word.ours, word.to(value))
            except ValueError as error:
                self.faults.append(invalid(word.theirs, str(error)))
        return found

    def model(self, kind: type[M], values: Mapping[str, Any]) -> M | None:
        """The model of these values; None, and faults, if they are none."""
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False, include_context=False):
                ours = ".".join(str(part) for part in one["loc"])
                place = self.places.get(ours) or self.places.get(ours.partition(".")[0], ours)
                told = f"{plain_reason(one['msg']).rstrip('.')}."
                self.faults.append(required(place) if one["type"] == "missing" else invalid(place, told))
            return None

    def object(self, path: str) -> Mapping[str, Any]:
        """The object at the path; empty, and perhaps a fault, without one."""
        value = at(self.document, path)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.faults.append(invalid(path, "It is an object."))
            return {}
        return value

    def done(self) -> None:
        """Raises `Refused` with all faults."""
        if self.faults:
            raise Refused(*self.faults)


def at(document: Any, path: str) -> Any:
    """What lies at the path; None for nothing."""
    for name in path.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(name)
    return document


def put(document: dict[str, Any], path: str, value: Any) -> None:
    *way, last = path.split(".")
    for name in way:
        document = document.setdefault(name, {})
    document[last] = value


def text(value: Any) -> str:
    """A text; numbers are taken for one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("It is a text.")  # noqa: TRY004 - what is wrong is what was sent
    return str(value)


def flag(value: Any) -> bool:
    """True or false, also as a text."""
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise ValueError("It is true or false.")


def opposite(value: Any) -> bool:
    return not flag(value)


def number(value: Any) -> int:
    """A whole number, also as a text: ``"100"``."""
    if isinstance(value, bool):
        raise ValueError("It is a whole number.")  # noqa: TRY004 - what is wrong is what was sent
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("It is a whole number.") from None


def texts(value: Any) -> list[str]:
    """A list of texts; one alone is a list of one."""
    return [text(item) for item in (value if isinstance(value, list) else [value])]


def one(value: Any) -> Any:
    """The value, or the only item of a list."""
    if isinstance(value, list):
        if len(value) > 1:
            raise ValueError("It has one item at most.")
        return value[0] if value else None
    return value


def choice(names: Mapping[str, str]) -> Callable[[Any], str]:
    """One of their words, and ours for it; written large or small."""

    def chosen(value: Any) -> str:
        found = names.get(text(value).lower())
        if found is None:
            raise ValueError(f"It is one of {', '.join(names)}.")
        return found

    return chosen

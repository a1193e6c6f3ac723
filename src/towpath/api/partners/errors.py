"""How this family says no: ``{"detail": …}``, or for a body at fault ``{"<field>": ["<message>"]}``, nested
as the body is. Every body at fault is a 400.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from towpath.api.kit.errors import Errors, Problem
from towpath.core.errors import ConfigError, ConflictError, DataError, SchemaError

BAD_REQUEST = 400

Place = Sequence[str | int]
"""Where in the body: names of fields and places in lists."""

#: What the checks of a body's shape find, in the words that clients of this family know.
_MESSAGES: Mapping[str, str] = {
    "missing": "This field is required.",
    "string_type": "Not a valid string.",
    "string_too_short": "This field may not be blank.",
    "int_type": "A valid integer is required.",
    "int_parsing": "A valid integer is required.",
    "int_from_float": "A valid integer is required.",
    "bool_type": "Must be a valid boolean.",
    "bool_parsing": "Must be a valid boolean.",
    "list_type": "Expected a list of items.",
    "too_short": "This list may not be empty.",
    "dict_type": "Expected a dictionary of items.",
    "model_type": "Invalid data. Expected a dictionary.",
    "model_attributes_type": "Invalid data. Expected a dictionary.",
}

#: Words of the services that are others in this family.
_WORDS: Mapping[str, str] = {
    "values": "credentials",
    "deliveries": "targets",
    "destination": "destination_id",
    "readings": "entities",
    "stream": "id",
    "every": "entity_timer_id",
}

_EVERYTHING = "non_field_errors"


class Faults(Exception):  # noqa: N818 - it is an answer: what is wrong where in the body
    """What is wrong with a body, by place."""

    def __init__(self, faults: Iterable[tuple[Place, str]]) -> None:
        super().__init__("The body is wrong.")
        self.body = _nested(faults)


def fault(message: str, *place: str | int) -> Faults:
    """One thing that is wrong."""
    return Faults([(place, message)])


async def answer_faults(_request: Request, error: Any) -> Response:
    return JSONResponse(error.body, BAD_REQUEST)


class PartnersErrors(Errors):
    """The envelope of the family."""

    def __init__(self) -> None:
        bad = dict.fromkeys((ConfigError, SchemaError, DataError), BAD_REQUEST)
        super().__init__(bad, not_found="Not found.")

    def invalid(self, found: Sequence[Problem]) -> Response:
        for problem in found:
            if problem["loc"][0] == "path":
                # A number that is none is the number of nothing.
                return self.refuse(404, "")
            if problem["type"] == "json_invalid":
                reason = problem["msg"].removeprefix("JSON decode error: ")
                return self.refuse(BAD_REQUEST, f"JSON parse error - {reason}")
        faults = [(problem["loc"][1:], _message(problem)) for problem in found]
        return JSONResponse(_nested(faults), BAD_REQUEST)


def _message(problem: Problem) -> str:
    return _MESSAGES.get(problem["type"], str(problem["msg"]))


@contextmanager
def told(kind: str, form: str) -> Iterator[None]:
    """Say in this family's words what a service refuses of a body: its ``kind`` of thing, and the field
    ``form`` in which it has the filled-in form.
    """
    try:
        yield
    except ConfigError as error:
        raise Faults(_faults(error, form)) from None
    except ConflictError as error:
        if error.code not in ("integration.exists", "connection.exists"):
            raise
        raise fault(f"{kind} with this name already exists.", "name") from None


def _faults(error: ConfigError, form: str) -> list[tuple[Place, str]]:
    inside = error.context.get("faults")
    if inside:
        return [((form, id), text) for id, texts in inside.items() for text in texts]
    field = str(error.context.get("field", ""))
    parts = field.split(".")
    if parts[0] in ("deliveries", "values"):
        return [([_word(part) for part in parts], error.message)]
    return [((form, field or _EVERYTHING), error.message)]


def _word(part: str) -> str | int:
    return int(part) if part.isdigit() else _WORDS.get(part, part)


def _nested(faults: Iterable[tuple[Place, str]]) -> dict[str, Any]:
    """The messages by place, nested as the body is; lists have ``{}`` where nothing is wrong."""
    body: dict[str, Any] = {}
    for place, message in faults:
        parts = list(place) or [_EVERYTHING]
        _add(body, parts, message)
    return body


def _add(body: dict[str, Any], parts: list[str | int], message: str) -> None:
    name, *rest = parts
    if not rest:
        _messages(body, str(name)).append(message)
        return
    if isinstance(rest[0], int):
        items = body.setdefault(str(name), [])
        if items and isinstance(items[0], str):
            return  # the whole list is at fault: that says enough
        items.extend({} for _ in range(rest[0] + 1 - len(items)))
        _add(items[rest[0]], rest[1:] or [_EVERYTHING], message)
        return
    inside = body.setdefault(str(name), {})
    if isinstance(inside, dict):
        _add(inside, rest, message)


def _messages(body: dict[str, Any], name: str) -> list[str]:
    found = body.setdefault(name, [])
    if isinstance(found, dict):
        return _messages(found, _EVERYTHING)
    messages: list[str] = found
    return messages

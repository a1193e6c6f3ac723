"""How this family says no: ``{"errors": [{"code", "message", "field"?}]}``; and ``{"message"}`` with 401."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse, Response

from towpath.api.kit.errors import RETRY_AFTER, Errors, Problem
from towpath.core.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    DataError,
    SchemaError,
    TowpathError,
    UnreachableError,
)

_UNAUTHORIZED, _NOT_FOUND, _UNAVAILABLE = 401, 404, 503
_BAD, _UNPROCESSABLE = 400, 422

#: What is said of a refusal that comes with a number only.
_CODES: Mapping[int, str] = {
    400: "invalid_request",
    403: "access_restricted",
    404: "not_found",
    405: "method_not_allowed",
    412: "precondition_failed",
    413: "request_too_large",
    415: "invalid_media_type",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}
_MISSING = "There is no such resource."
#: What a client has sent is repeated so far, however long it was.
_LONGEST = 1000


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request."""

    code: str
    """A word of the dialect: ``invalid_field``."""
    message: str
    field: str | None = None
    """Its path in the document: ``rest.baseURI``."""

    def shown(self) -> dict[str, str]:
        found = {"code": self.code, "message": self.message}
        return found if self.field is None else {**found, "field": self.field}


class Refused(Exception):  # noqa: N818 - it is an answer: all that is wrong with a request
    """A request is refused, for all of these reasons at once."""

    def __init__(self, *faults: Fault, status: int = _UNPROCESSABLE) -> None:
        super().__init__("The request is refused.")
        self.faults = faults
        self.status = status


def required(field: str) -> Fault:
    return Fault("missing_required_field", f"The field {field} is required.", field)


def invalid(field: str, message: str) -> Fault:
    """``message`` is a sentence that says what it should be."""
    return Fault("invalid_field", message, field)


def dangling(field: str, what: str) -> Fault:
    """A reference to a ``what`` that is not there, or not the caller's. # Invariant 9"""
    return Fault("invalid_ref", f"The field {field} is not the _id of any {what} of yours.", field)


async def answer_refused(_request: Request, error: Any) -> Response:
    return _envelope(error.status, [fault.shown() for fault in error.faults])


class IntegratorErrors(Errors):
    """The envelope of the family."""

    schema = {  # noqa: RUF012 - the base says that it is a class's own
        "type": "object",
        "properties": {
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                        "field": {"type": "string"},
                    },
                    "required": ["code", "message"],
                },
            }
        },
        "title": "Errors",
    }

    def status(self, error: TowpathError) -> int:
        if isinstance(error, UnreachableError) and not error.code.startswith("store."):
            # Another system is away, not we: asking again does not depend on us.
            return _UNPROCESSABLE
        return super().status(error)

    def answer(self, error: TowpathError) -> Response:
        """Where a service found several things wrong, they are ``context["faults"]``: mappings of ``code``,
        ``message`` and ``field``.
        """
        status = self.status(error)
        if status == _NOT_FOUND:
            # What never was and what is another organization's read the same. # Invariant 9
            return self.refuse(status, "")
        headers = {"Retry-After": str(RETRY_AFTER)} if status == _UNAVAILABLE else None
        faults = error.context.get("faults")
        found = [_told(item) for item in faults] if isinstance(faults, list) and faults else [_fault(error)]
        return _envelope(status, found, headers)

    def refuse(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        if status == _UNAUTHORIZED:
            return JSONResponse({"message": message}, status, dict(headers or {}))
        if status == _NOT_FOUND:
            message = _MISSING
        code = _CODES.get(status, "invalid_request")
        return _envelope(status, [{"code": code, "message": message}], headers)

    def invalid(self, found: Sequence[Problem]) -> Response:
        places = {problem["loc"][0] for problem in found}
        if "path" in places:
            return self.refuse(_NOT_FOUND, "")
        if any(problem["type"] == "json_invalid" for problem in found):
            return _envelope(_BAD, [{"code": "invalid_json", "message": str(found[0]["msg"])}])
        status = _BAD if "query" in places or "header" in places else _UNPROCESSABLE
        return _envelope(status, [_problem(problem) for problem in found])


def _envelope(
    status: int, faults: Sequence[Mapping[str, str]], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    shown = [{name: _short(text) for name, text in fault.items()} for fault in faults]
    return JSONResponse({"errors": shown}, status, dict(headers or {}))


def _short(text: str) -> str:
    """The text without its middle, if it is long: its end says what to do."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"


def _told(item: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(item[name]) for name in ("code", "message", "field") if item.get(name)}


def _fault(error: TowpathError) -> dict[str, str]:
    told = f"{error.message} {error.hint}".strip()
    field = error.context.get("field")
    if isinstance(error, ConflictError) and error.code.endswith(".in_use"):
        return Fault("dependency_conflict", told).shown()
    if isinstance(error, ConfigError) and field:
        return Fault("invalid_field", told, str(field)).shown()
    return Fault(error.code, told, str(field) if field else None).shown()


def _problem(problem: Problem) -> dict[str, str]:
    place, *path = problem["loc"]
    field = ".".join(map(str, path))
    if place in ("query", "header"):
        return {"code": "invalid_query_params", "message": f"{field}: {problem['msg']}."}
    if problem["type"] == "missing":
        return required(field).shown()
    return invalid(field, f"{problem['msg']}.").shown()


#: What is missing in another system: said as it is, for it is no resource of ours.
_ELSEWHERE = ("http.status", "path.not_found", "stream.not_found", "column.not_found", "hook.not_found")
#: An `AuthError` of a service is another system's refusal, not ours: 401 would blame the caller's token.
errors = IntegratorErrors(
    dict.fromkeys((ConfigError, SchemaError, DataError, AuthError, ConflictError), _UNPROCESSABLE),
    dict.fromkeys(_ELSEWHERE, _UNPROCESSABLE),
)

"""How this family says no: ``{"success": false, "message": …}``."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from towpath.api.kit.errors import RETRY_AFTER, Errors, Problem
from towpath.core.errors import AuthError, ConfigError, DataError, SchemaError, TowpathError

_UNAUTHORIZED, _NOT_FOUND, _THROTTLED, _UNAVAILABLE = 401, 404, 429, 503
#: Words of the document for what needs no more of them.
_PLAIN = {401: "Authentication required", 404: "Resource not found", 500: "Internal server error"}


class ConsoleErrors(Errors):
    """The text of our errors is the message; a page for each code tells more."""

    schema = {  # noqa: RUF012 - the base says that it is a class's own
        "type": "object",
        "properties": {
            "success": {"const": False},
            "message": {"type": "string"},
            "code": {"type": "string", "description": "Stable; there is a page for each."},
            "field": {"type": "string", "description": "What of the request it is about."},
        },
        "required": ["success", "message"],
        "title": "Error",
    }

    def answer(self, error: TowpathError) -> Response:
        status = self.status(error)
        if status == _NOT_FOUND:
            # What never was and what is another project's or organization's read the same, without a code of
            # how far it was looked for. # Invariant 9
            return self.refuse(status, "")
        told = f"{error.message} {error.hint}".strip()
        return _envelope(status, told, _headers(status, error), code=error.code, **_field(error))

    def refuse(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        told = _PLAIN[404] if status == _NOT_FOUND else message or _PLAIN.get(status, "")
        return _envelope(status, told, headers)

    def invalid(self, found: Sequence[Problem]) -> Response:
        """Tells where it is wrong, and never what stood there."""
        return _envelope(400, "; ".join(_told(problem) for problem in found), code="request.invalid")


def _envelope(
    status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    return JSONResponse({"success": False, "message": message, **more}, status, dict(headers or {}))


def _headers(status: int, error: TowpathError) -> dict[str, str]:
    if status in (_THROTTLED, _UNAVAILABLE):
        return {"Retry-After": str(error.context.get("retry_after", RETRY_AFTER))}
    return {"WWW-Authenticate": "Bearer"} if status == _UNAUTHORIZED else {}


def _field(error: TowpathError) -> dict[str, str]:
    return {"field": str(error.context["field"])} if "field" in error.context else {}


def _told(problem: Problem) -> str:
    # Of a body that is no JSON the place is a number of characters, which reads like a field.
    where = "" if problem["type"] == "json_invalid" else ".".join(map(str, problem["loc"][1:]))
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])


#: Our own refusals, of people who want to come in.
_OURS = {
    "login.failed": 401,
    "login.throttled": 429,
    "signup.closed": 403,
    "invitation.invalid": 403,
    "link.invalid": 403,
}
#: An `AuthError` of a service is another system's refusal, not ours: 401 would send the person to the login.
errors = ConsoleErrors(
    {ConfigError: 400, SchemaError: 400, DataError: 400, AuthError: 400}, _OURS, not_found=_PLAIN[404]
)

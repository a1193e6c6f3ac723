"""The envelope of errors: ``{"detail": …}`` unless a family says otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from starlette.responses import JSONResponse, Response

from towpath.core.errors import (
    AuthError,
    BusyError,
    ConfigError,
    ConflictError,
    DataError,
    IntegrityError,
    InternalError,
    NotFoundError,
    ResourceError,
    SchemaError,
    TowpathError,
    UnreachableError,
)
from towpath.core.reasons import plain_reason

Problem = Mapping[str, Any]
"""What is wrong with a request: ``loc`` (a list), ``msg``, ``type``, and never the value itself."""

STATUSES: Mapping[type[TowpathError], int] = {
    ConfigError: 422,
    SchemaError: 422,
    DataError: 422,
    AuthError: 401,
    NotFoundError: 404,
    ConflictError: 409,
    BusyError: 503,
    UnreachableError: 503,
    ResourceError: 503,
    IntegrityError: 500,
    InternalError: 500,
}

#: After how many seconds somebody who was told 503 may try again.
RETRY_AFTER = 5


_ASSUMED = "#/components/schemas/HTTPValidationError"


class Errors:
    """How one family says no. Families that say it differently override what differs."""

    #: JSON Schema of what `refuse` and `answer` say.
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"detail": {"type": "string"}},
        "required": ["detail"],
        "title": "Error",
    }

    def __init__(
        self,
        statuses: Mapping[type[TowpathError], int] | None = None,
        codes: Mapping[str, int] | None = None,
        *,
        not_found: str = "Not Found",
    ) -> None:
        """``statuses`` and ``codes`` (by error code, which wins) add to `STATUSES`; ``not_found`` is the one
        text of every 404, so that what is missing reads as what is another organization's.
        """
        self._statuses = {**STATUSES, **(statuses or {})}
        self._codes = dict(codes or {})
        self._not_found = not_found

    def status(self, error: TowpathError) -> int:
        return self._codes.get(error.code) or self._statuses[type(error)]

    def answer(self, error: TowpathError) -> Response:
        """The answer to an error of a service."""
        status = self.status(error)
        headers = {"Retry-After": str(RETRY_AFTER)} if status == 503 else {}  # noqa: PLR2004 - its number
        return self.refuse(status, error.message, headers)

    def refuse(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        """The answer with this status and text: unknown paths and methods, callers who may not come in."""
        detail = self._not_found if status == 404 else message  # noqa: PLR2004 - its number
        return JSONResponse({"detail": detail}, status, dict(headers or {}))

    def invalid(self, found: Sequence[Problem]) -> Response:
        """The answer to a request of the wrong shape."""
        return JSONResponse({"detail": list(found)}, 422)

    def describe(self, document: dict[str, Any]) -> None:
        """Put into the family's OpenAPI document how its errors look, where FastAPI does not know better.

        A family with an `invalid` of its own describes that itself: what FastAPI says of 422 is taken out.
        """
        own = type(self).invalid is not Errors.invalid
        for operation in _operations(document):
            found = operation["responses"]
            if own and _ASSUMED in str(found.get("422")):
                del found["422"]
            content = {"application/json": {"schema": dict(self.schema)}}
            found.setdefault("default", {"description": "Any other error", "content": content})
        if own:
            for name in ("HTTPValidationError", "ValidationError"):
                document["components"].get("schemas", {}).pop(name, None)


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from (operation for operation in item.values() if "responses" in operation)


def problems(errors: Sequence[Any]) -> list[Problem]:
    """Without ``input`` and ``ctx``, which repeat what was sent: a secret, perhaps."""
    return [_problem(error) for error in errors]


def _problem(error: Mapping[str, Any]) -> Problem:
    message = plain_reason(error["msg"])
    if error["type"] == "json_invalid":
        message = f"{message}: {error.get('ctx', {}).get('error', '')}"
    return {"loc": list(error["loc"]), "msg": message, "type": error["type"]}

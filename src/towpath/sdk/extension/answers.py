"""What an extension server answers, and what is wrong with it."""

from dataclasses import dataclass
from typing import Any

from towpath.core.errors import AuthError, DataError, TowpathError
from towpath.sdk.http import Response, status_error
from towpath.sdk.rest import json

_UNAUTHORIZED = (401, 403)
_REFUSED = 422
_TOO_LARGE = "response_size_exceeded"
#: Secrets shorter than this would black out ordinary words.
_SHORTEST_SECRET = 4
_MOST_MESSAGE = 1000
#: Errors that a message names; all of them are in the context.
_MOST_NAMED = 3


@dataclass(frozen=True)
class Call:
    """Which function was called, and what errors about it must not show."""

    type: str
    function: str
    secrets: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"the function {f'{self.type}.' if self.type else ''}{self.function}"

    def clean(self, text: str) -> str:
        """The text without the secrets, of bounded length."""
        for secret in self.secrets:
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return text[:_MOST_MESSAGE]


def result(response: Response, call: Call) -> Any:
    """What the function gave; None if nothing. Raises as `Extension.call` says."""
    if response.status in _UNAUTHORIZED:
        raise _unauthorized(response)
    if response.status == _REFUSED:
        raise _refused(_value(response, call), call)
    if not response.ok:
        raise _status(response, call)
    return _value(response, call)


def _value(response: Response, call: Call) -> Any:
    if not response.body.strip():
        return None
    try:
        return json.loads(response.body)
    except ValueError:
        raise bad_answer(call, f"something that is not JSON: {call.clean(response.excerpt())!r}") from None


def bad_answer(call: Call, what: str) -> DataError:
    """The error ``extension.bad_answer`` for an answer of a wrong shape."""
    return DataError(
        "extension.bad_answer",
        f"{_capital(call.name)} answered with {what}.",
        hint="Check that the host URI is that of an extension server, and what the function calls back with.",
        function=call.function,
    )


def _unauthorized(response: Response) -> AuthError:
    return AuthError(
        "extension.unauthorized",
        f"The extension server at {response.url} refuses the system token of the stack.",
        hint="Start the server with the token that the stack has: GET /v1/stacks/{id}/systemToken shows it.",
        status=response.status,
        url=response.url,
    )


def _refused(answer: Any, call: Call) -> TowpathError:
    """All that the server or the function complained of, as one error."""
    given = answer.get("errors") if isinstance(answer, dict) else None
    errors = (
        [_one(error, call) for error in given if isinstance(error, dict)] if isinstance(given, list) else []
    )
    if not errors:
        return bad_answer(call, "a failure that names no errors")
    if all(error["code"] == _TOO_LARGE for error in errors):
        return _too_large(errors, call)
    return DataError(
        "extension.failed",
        f"{_capital(call.name)} failed: {_named(errors)}.",
        hint="Look at the log of the extension server, and correct the function.",
        function=call.function,
        errors=errors,
    )


def _one(error: dict[str, Any], call: Call) -> dict[str, str]:
    code, message = (call.clean(str(error.get(key) or "")) for key in ("code", "message"))
    return {"code": code or "error", "message": message}


def _named(errors: list[dict[str, str]]) -> str:
    named = [f"{error['message'].rstrip('.')} ({error['code']})" for error in errors[:_MOST_NAMED]]
    more = len(errors) - _MOST_NAMED
    return "; ".join([*named, *([f"and {more} more"] if more > 0 else [])])


def _too_large(errors: list[dict[str, str]], call: Call) -> DataError:
    return DataError(
        "extension.too_large",
        f"{_capital(call.name)} answered with too much: {errors[0]['message'].rstrip('.')}.",
        hint="Answer with fewer or smaller records; make the pages smaller.",
        function=call.function,
        errors=errors,
    )


def _status(response: Response, call: Call) -> TowpathError:
    error = status_error(response)
    error.message = call.clean(error.message)
    return error.with_context(function=call.function)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]

"""What lending comes to, as the broker's answers."""

from typing import Any

import orjson
from starlette.types import Send

from towpath.services.lending.answers import Answer, Ask, Outcome

Headers = list[tuple[bytes, bytes]]

#: Nobody on the way may keep credentials, nor the news that there are none.
_HEADERS: Headers = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"pragma", b"no-cache"),
]

#: One text for each outcome and code: what is missing reads as what is somebody else's.
_DETAILS = {
    (Outcome.UNAUTHENTICATED, ""): "Not authenticated",
    (Outcome.UNAUTHENTICATED, "invalid_token"): "Not authenticated",
    (Outcome.NOT_CAPABLE, ""): "The grant does not include this capability.",
    (Outcome.NOT_FOUND, ""): "Not found",
    (Outcome.AMBIGUOUS, "ambiguous_connection"): "Several connections match: name one of them.",
    (Outcome.NOT_READY, "pending"): "The connection is not complete yet: nobody has signed in.",
    (Outcome.NOT_READY, "reauth_required"): "The connection has expired: somebody has to sign in again.",
    (Outcome.NOT_READY, "revoked"): "The connection is switched off.",
    (Outcome.UNAVAILABLE, ""): "Credentials cannot be lent at this moment: try again later.",
    (
        Outcome.UNAVAILABLE,
        "renewal_failed",
    ): "The token could not be renewed at this moment: try again later.",
}

_MISSING = {"loc": ["query", "provider"], "msg": "Field required", "type": "missing"}
_NO_UUID = {"loc": ["path", "instance_id"], "msg": "Input should be a valid UUID", "type": "uuid_parsing"}


def render(ask: Ask, answer: Answer) -> tuple[int, Headers, bytes]:
    """Status, headers and body."""
    body = answer.body or orjson.dumps(_refusal(ask, answer))
    headers = [*_HEADERS, (b"content-length", b"%d" % len(body))]
    if answer.outcome is Outcome.UNAUTHENTICATED:
        # RFC 6750: what is wrong is said only to who has shown something.
        error = b' error="invalid_token"' if answer.code else b""
        headers.append((b"www-authenticate", b"Bearer" + error))
    if answer.retry_after is not None:
        headers.append((b"retry-after", b"%d" % answer.retry_after))
    return int(answer.outcome), headers, body


def _refusal(ask: Ask, answer: Answer) -> dict[str, Any]:
    if answer.outcome is Outcome.INVALID:
        wrong = [(ask.instance, _NO_UUID), (ask.provider, _MISSING)]
        return {"detail": [problem for value, problem in wrong if value is None]}
    if answer.outcome is Outcome.FAILED:
        where = f"the log of the server says more about request {ask.request or '-'}."
        return {"detail": f"Something went wrong inside Towpath; {where}"}
    found: dict[str, Any] = {"detail": _DETAILS[answer.outcome, answer.code]}
    if answer.code and answer.outcome is not Outcome.UNAUTHENTICATED:
        found["code"] = answer.code
    if answer.names:
        found["names"] = list(answer.names)
    return found


async def wrong_method(send: Send) -> None:
    body = b'{"detail":"Method Not Allowed"}'
    headers = [*_HEADERS, (b"content-length", b"%d" % len(body)), (b"allow", b"GET")]
    await send({"type": "http.response.start", "status": 405, "headers": headers})
    await send({"type": "http.response.body", "body": body})

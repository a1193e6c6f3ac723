"""``webhook.*``: how a listener knows who posts to it, and what it answers."""

import re
from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.errors import invalid, required
from towpath.api.integrator.step_types.words import Reading, Word, at, choice, flag, number, text

#: Kinds of exports that read nothing: they are posted to.
POSTED = ("webhook", "simple")

#: What stands for a stored secret in a configuration that is changed.
_UNCHANGED = "********"

_VERIFY = {name: name for name in ("token", "hmac", "basic", "secret_url")}
_WORDS = (
    Word("webhook.verify", "verify", choice(_VERIFY)),
    Word("webhook.token", "token", text),
    Word("webhook.path", "token_path", text),
    Word("webhook.tokenHeaderName", "token_name", text),
    Word("webhook.tokenHeaderScheme", "token_scheme", text),
    Word("webhook.tokenScheme", "token_scheme", text),
    Word("webhook.tokenQueryParam", "token_name", text),
    Word(
        "webhook.tokenLocation",
        "token_location",
        choice({"body": "body", "header": "header", "queryparam": "query", "url": "url"}),
    ),
    Word("webhook.username", "username", text),
    Word("webhook.password", "password", text),
    Word("webhook.key", "key", text),
    Word(
        "webhook.algorithm",
        "algorithm",
        choice({name: name for name in ("sha1", "sha256", "sha384", "sha512")}),
    ),
    Word("webhook.encoding", "encoding", choice({"hex": "hex", "base64": "base64"})),
    Word("webhook.header", "header", text),
)
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "token": ("token",),
    "secret_url": ("token",),
    "basic": ("username", "password"),
    "hmac": ("key", "header"),
}
_NAME, _VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\x20-\x7e]*")
_SECRETS = ("token", "key", "password")


def _status(value: Any) -> int:
    found = number(value)
    if not 200 <= found <= 299:  # noqa: PLR2004 - as in HTTP
        raise ValueError("It is a status between 200 and 299.")
    return found


def _headers(value: Any) -> dict[str, str]:
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        value = {text(item.get("name", "")): item.get("value", "") for item in value}
    if not isinstance(value, Mapping):
        raise ValueError("It is a list of objects with name and value.")  # noqa: TRY004 - as in all words
    found = {str(name): text(item) for name, item in value.items()}
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(item) for name, item in found.items()):
        raise ValueError("These cannot be headers.")
    return found


_ANSWERS = (
    Word("webhook.pathToRecords", "records_path", text),
    Word("webhook.includeParentData", "include_parent", flag),
    Word("webhook.successStatusCode", "status", _status),
    Word("webhook.successBody", "body"),
    Word("webhook.successMediaType", "media_type", text),
    Word("webhook.successResponseHeaders", "headers", _headers),
    Word("webhook.challengeSuccessBody", "challenge.body"),
    Word("webhook.challengeSuccessStatusCode", "challenge.status", _status),
    Word("webhook.challengeSuccessMediaType", "challenge.media_type", text),
    Word("webhook.challengeResponseHeaders", "challenge.headers", _headers),
    Word("webhook.challengePath", "challenge.path", text),
    Word("webhook.challengeParam", "challenge.parameter", text),
    Word("file.json.resourcePath", "records_path", text),
)


def answering(reading: Reading) -> dict[str, Any]:
    """Where the records of a request are, and what it is answered: for `PageRead.request`."""
    return reading.settings(_ANSWERS)


def listener(reading: Reading, kind: str, *, mask: str) -> dict[str, Any]:
    """The settings of the listener; secrets that are masked stay as they are."""
    if kind == "simple":
        return {"verify": "none"}
    found = reading.settings(_WORDS)
    if "verify" not in found:
        if at(reading.document, "webhook.verify") is None:
            reading.faults.append(required("webhook.verify"))
        return found
    for name in _NEEDED[found["verify"]]:
        if not found.get(name):
            reading.faults.append(required(f"webhook.{name}"))
    if found["verify"] == "token" and "token_location" not in found:
        found["token_location"] = "body" if "token_path" in found else "url"
    if found.get("token_location") == "body" and not found.get("token_path"):
        reading.faults.append(invalid("webhook.path", "It says where in the body the token is."))
    return {name: _kept(name, value, mask) for name, value in found.items()}


def _kept(name: str, value: Any, mask: str) -> Any:
    masked = (
        name in _SECRETS and isinstance(value, str) and len(value) >= len(mask) - 1 and set(value) == {"*"}
    )
    return _UNCHANGED if masked else value

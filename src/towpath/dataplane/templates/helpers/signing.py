"""Helpers that sign and hash, and those of chance."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from towpath.dataplane.paths import MISSING
from towpath.dataplane.templates.failures import HelperError
from towpath.dataplane.templates.helpers.base import Helper, count, shown, table
from towpath.dataplane.templates.helpers.codecs import from_bytes, to_bytes
from towpath.dataplane.templates.values import text

_ALGORITHMS: Final = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_ENCODINGS: Final = ("hex", "base64", "base64url", "latin1", "binary")
_SCHEME: Final = "AWS4-HMAC-SHA256"
#: Names under which a request tells what it is about to send, to be signed.
_REQUESTS: Final = ("hmacOptions", "hashOptions", "request")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST: Final = 1_000


def _algorithm(given: Any) -> str:
    name = text(given).lower().replace("-", "").replace("_", "")
    if name not in _ALGORITHMS:
        raise HelperError(f"knows no algorithm {shown(given)}, only {', '.join(_ALGORITHMS)}")
    return name


def _encoded(digest: bytes, encoding: Any) -> str:
    if text(encoding).lower() not in _ENCODINGS:
        raise HelperError(f"knows no encoding {shown(encoding)}, only {', '.join(_ENCODINGS)}")
    return from_bytes(digest, encoding)


def digest(algorithm: Any, encoding: Any, value: Any) -> str:
    made = hashlib.new(_algorithm(algorithm), text(value).encode("utf-8", "replace"), usedforsecurity=False)
    return _encoded(made.digest(), encoding)


def signature(algorithm: Any, key: Any, encoding: Any, value: Any, key_encoding: Any = None) -> str:
    secret = to_bytes(text(key), key_encoding)
    return _encoded(
        hmac.digest(secret, text(value).encode("utf-8", "replace"), _algorithm(algorithm)), encoding
    )


def aws4(
    run: Any, access_key: Any, secret_key: Any, token: Any = "", region: Any = "", service: Any = ""
) -> str:
    """The ``Authorization`` header of the request at hand (`hmacOptions`), as of its ``X-Amz-Date``."""
    request = _request(run.root)
    address = urlsplit(text(request.get("URI")))
    headers = _headers(request, address.netloc, text(token))
    moment = headers.setdefault(
        "x-amz-date", run.environment.clock().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    )
    place = _place(address.hostname or "", text(region), text(service))
    scope = f"{moment[:8]}/{place[0]}/{place[1]}/aws4_request"
    signed = ";".join(sorted(headers))
    canonical = _canonical(request, address.path, address.query, headers, double=place[1] != "s3")
    summary = "\n".join(
        [_SCHEME, moment, scope, hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()]
    )
    key = f"AWS4{text(secret_key)}".encode("utf-8", "replace")
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode("utf-8", "replace"), "sha256")
    made = hmac.digest(key, summary.encode("utf-8", "replace"), "sha256").hex()
    return f"{_SCHEME} Credential={text(access_key)}/{scope}, SignedHeaders={signed}, Signature={made}"


def _request(root: Any) -> Mapping[str, Any]:
    for name in _REQUESTS:
        found = root.get(name, MISSING)
        if isinstance(found, Mapping) and found.get("URI"):
            return found
    raise HelperError("signs a request, and there is none here: use it in a header or address of a request")


def _headers(request: Mapping[str, Any], host: str, token: str) -> dict[str, str]:
    """The headers that are signed: the host, and those that begin with ``x-amz-``."""
    given = request.get("headers")
    pairs = given.items() if isinstance(given, Mapping) else ()
    found = {name.lower(): re.sub(r"\s+", " ", text(value).strip()) for name, value in pairs}
    signed = {name: value for name, value in found.items() if name.startswith("x-amz-")}
    if token:
        signed.setdefault("x-amz-security-token", token)
    return {"host": found.get("host", host), **signed}


def _place(host: str, region: str, service: str) -> tuple[str, str]:
    """Region and service; what is not given is read from a host such as ``sqs.eu-west-1.amazonaws.com``."""
    labels = host.removesuffix(".amazonaws.com").split(".")
    if service == "":
        service = labels[-2] if len(labels) > 1 else labels[0]
    return region or (labels[-1] if len(labels) > 1 else "us-east-1"), service


def _canonical(
    request: Mapping[str, Any], path: str, query: str, headers: Mapping[str, str], *, double: bool
) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    )
    names = sorted(headers)
    body = text(request.get("body")).encode("utf-8", "replace")
    return "\n".join(
        [
            (text(request.get("method")) or "GET").upper(),
            quote(path if double else unquote(path), safe="/-_.~") or "/",
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{headers[name]}" for name in names),
            "",
            ";".join(names),
            headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest(),
        ]
    )


def random(run: Any, kind: Any, length: Any = None) -> str:
    """``crypto``: 32 letters and digits; ``number``: 32 digits; ``uuid``. Or ``length`` of them."""
    name = text(kind).lower()
    if name == "uuid":
        return _uuid(run.environment.randomness(16))[: count(length, 36, _LONGEST)]
    if name not in {"crypto", "number"}:
        raise HelperError(f"knows no kind {shown(kind)}, only crypto, number and uuid")
    wanted = count(length, 32, _LONGEST)
    return _letters(run, "0123456789" if name == "number" else _ALPHABET, wanted)


def _letters(run: Any, alphabet: str, wanted: int) -> str:
    """Digits of one large random number: with 16 bytes to spare, none is likelier than another."""
    drawn = int.from_bytes(run.environment.randomness(wanted + 16), "big")
    found = []
    for _ in range(wanted):
        drawn, digit = divmod(drawn, len(alphabet))
        found.append(alphabet[digit])
    return "".join(found)


def _uuid(drawn: bytes) -> str:
    value = bytearray(drawn)
    value[6] = value[6] & 0x0F | 0x40
    value[8] = value[8] & 0x3F | 0x80
    shown = value.hex()
    return "-".join([shown[:8], shown[8:12], shown[12:16], shown[16:20], shown[20:]])


HELPERS = table(
    Helper("aws4", aws4, 2, 5, run=True),
    Helper("hash", digest, 3, 3),
    Helper("hmac", signature, 4, 5),
    Helper("random", random, 1, 2, run=True),
)

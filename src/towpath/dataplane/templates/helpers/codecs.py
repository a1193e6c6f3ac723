"""Helpers that write a value in another notation: base64, HTML, URIs, JSON."""

import base64
import binascii
import html
import json
import re
from typing import Any, Final
from urllib.parse import unquote

from towpath.dataplane.paths import MISSING
from towpath.dataplane.templates.escapes import json as json_fragment
from towpath.dataplane.templates.escapes import uri
from towpath.dataplane.templates.failures import HelperError
from towpath.dataplane.templates.helpers.base import Helper, absent, shown, table
from towpath.dataplane.templates.values import json_text, text

_CHARSETS: Final = {
    "utf8": "utf-8",
    "ascii": "latin-1",
    "binary": "latin-1",
    "latin1": "latin-1",
    "ucs2": "utf-16-le",
    "utf16le": "utf-16-le",
}
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_SCHEME = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*:(?=//)")


def _form(given: Any) -> str:
    return "utf8" if absent(given) else text(given).lower().replace("-", "")


def to_bytes(value: str, form: Any = None) -> bytes:
    """The bytes that a text stands for in ``form``, the names of Node.js: utf8, hex, base64, latin1 …."""
    kind = _form(form)
    if kind == "hex":
        return _hex(value)
    if kind in {"base64", "base64url"}:
        return _unbase64(value)
    return value.encode(_charset(kind, form), "replace")


def from_bytes(data: bytes, form: Any = None) -> str:
    """The text for ``data`` in ``form``."""
    kind = _form(form)
    if kind == "hex":
        return data.hex()
    if kind == "base64":
        return base64.b64encode(data).decode()
    if kind == "base64url":
        return base64.urlsafe_b64encode(data).decode().rstrip("=")
    return data.decode(_charset(kind, form), "replace")


def _charset(kind: str, given: Any) -> str:
    if kind not in _CHARSETS:
        raise HelperError(
            f"knows no encoding {shown(given)}, only {', '.join(_CHARSETS)}, hex, base64 and base64url"
        )
    return _CHARSETS[kind]


def _hex(value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise HelperError(f"cannot read {shown(value)} as hexadecimal digits") from error


def _unbase64(value: str) -> bytes:
    """Both alphabets, with or without padding; white space does not count."""
    plain = "".join(value.split()).translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise HelperError(f"cannot read {shown(value)} as base64") from error


def base64_encode(value: Any, form: Any = None) -> str:
    data = bytes(value) if isinstance(value, (bytes, bytearray)) else to_bytes(text(value), form)
    return base64.b64encode(data).decode()


def base64_decode(value: Any, form: Any = None) -> str:
    return from_bytes(_unbase64(text(value)), form)


def json_parse(value: Any) -> Any:
    if absent(value):
        return MISSING
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise HelperError(f"cannot read {shown(value)} as JSON") from error


def json_serialize(value: Any) -> str:
    return "" if value is MISSING else json_text(value)


def json_encode(value: Any) -> Any:
    """A text as it stands between the quotes of JSON; anything else as it is."""
    return json_fragment(value) if isinstance(value, str) else value


def strip_query(value: Any) -> str:
    return text(value).partition("?")[0]


HELPERS = table(
    Helper("base64Decode", base64_decode, 1, 2),
    Helper("base64Encode", base64_encode, 1, 2),
    Helper("decodeURI", lambda value: unquote(text(value), errors="replace"), 1, 1),
    Helper("encodeURI", uri, 1, 1),
    Helper("htmlDecode", lambda value: html.unescape(text(value)), 1, 1),
    Helper("htmlEncode", lambda value: text(value).translate(_HTML), 1, 1),
    Helper("jsonEncode", json_encode, 1, 1),
    Helper("jsonParse", json_parse, 1, 1),
    Helper("jsonSerialize", json_serialize, 1, 1),
    Helper("stripProtocol", lambda value: _SCHEME.sub("", text(value)), 1, 1),
    Helper("stripQuerystring", strip_query, 1, 1),
)

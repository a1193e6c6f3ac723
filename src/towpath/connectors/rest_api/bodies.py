"""Bodies of requests: values as the media type wants them, and templates filled in."""

import base64
import csv
import io
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

import orjson

from towpath.connectors.rest_api.parts import Body, Media
from towpath.sdk import DataError, Escape, xmltree

#: Fills one template in.
Render = Callable[[str, Escape], str]

_TYPES = {
    Media.JSON: "application/json",
    Media.URLENCODED: "application/x-www-form-urlencoded",
    Media.XML: "application/xml",
    Media.CSV: "text/csv",
    Media.PLAINTEXT: "text/plain",
    Media.OCTET_STREAM: "application/octet-stream",
}
_ESCAPES = {Media.JSON: Escape.JSON, Media.URLENCODED: Escape.URI}
_EMPTY: tuple[Any, ...] = (None, "", {}, [])

Encoded = tuple[bytes, str]
"""A body and its content type."""


def encode(value: Any, media: Media) -> Encoded:
    """The value as a body of that type. Raises `DataError` ``value.unrepresentable``."""
    match media:
        case Media.URLENCODED:
            pairs = _pairs(value, "") if isinstance(value, Mapping) else iter([("data", value)])
            return _form(pairs), _TYPES[media]
        case Media.XML:
            rows = {"record": value} if isinstance(value, list) else value
            return xmltree.write(rows, "records" if isinstance(value, list) else "record"), _TYPES[media]
        case Media.CSV:
            return _csv(value if isinstance(value, list) else [value]), _TYPES[media]
        case Media.FORM_DATA:
            return _multipart(value if isinstance(value, Mapping) else {"data": value})
        case Media.PLAINTEXT | Media.OCTET_STREAM if isinstance(value, str):
            return value.encode(), _TYPES[media]
        case _:
            return _json(value), _TYPES[media]


def fill(template: Body, media: Media, render: Render) -> Encoded:
    """A body by a template. Objects and lists are rendered text by text; a text as a whole, and where the
    type is a form it may be a JSON object, whose members are the fields.
    """
    if not isinstance(template, str):
        return encode(_rendered(template, render), media)
    is_object = template.lstrip()[:1] == "{" and template.lstrip()[:2] != "{{"
    if media in (Media.URLENCODED, Media.FORM_DATA) and is_object:
        return encode(_object(render(template, Escape.JSON)), media)
    if media is Media.FORM_DATA:
        return encode(render(template, Escape.NONE), media)
    return render(template, _ESCAPES.get(media, Escape.NONE)).encode(), _TYPES[media]


def without_empty(value: Any) -> Any:
    """The value without members that hold nothing.

    >>> without_empty({"a": "", "b": {"c": None}, "d": [{"e": []}, 0], "f": False})
    {'d': [0], 'f': False}
    """
    if isinstance(value, Mapping):
        kept = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in _EMPTY}
    if isinstance(value, list):
        return [item for item in map(without_empty, value) if item not in _EMPTY]
    return value


def plain(value: Any) -> Any:
    """What `orjson` asks of values that it does not know. Raises `TypeError`."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=plain)
    except TypeError as error:
        raise DataError(
            "value.unrepresentable",
            f"A record cannot be written as JSON: {error}.",
            hint="Map the value to a text or a number.",
        ) from error


def _rendered(value: Any, render: Render) -> Any:
    if isinstance(value, str):
        return render(value, Escape.NONE)
    if isinstance(value, Mapping):
        return {name: _rendered(item, render) for name, item in value.items()}
    return [_rendered(item, render) for item in value] if isinstance(value, list) else value


def _object(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DataError(
            "body.malformed",
            f"The template of a body begins like a JSON object and gives none: {error}.",
            hint="Correct the template; `jsonEncode` writes values so that they fit.",
        ) from error


def _pairs(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Nested members as ``a[b]`` and ``a[0]``.

    >>> list(_pairs({"a": {"b": [1, {"c": None}]}}, ""))
    [('a[b][0]', 1), ('a[b][1][c]', None)]
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _pairs(item, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _pairs(item, f"{name}[{place}]")
    else:
        yield name, value


def _form(pairs: Iterator[tuple[str, Any]]) -> bytes:
    return "&".join(
        f"{quote_plus(name, safe='[]')}={quote_plus(_text(item))}" for name, item in pairs
    ).encode()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float | Decimal) else _json(value).decode()


def _csv(rows: Sequence[Any]) -> bytes:
    records = [row if isinstance(row, Mapping) else {"value": row} for row in rows]
    names = list(dict.fromkeys(str(name) for record in records for name in record))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([_text(record.get(name)) for name in names] for record in records)
    return out.getvalue().encode()


def _multipart(fields: Mapping[str, Any]) -> Encoded:
    boundary = secrets.token_hex(16)
    parts = []
    for name, item in fields.items():
        shown = str(name).replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        parts.append(
            f'--{boundary}\r\ncontent-disposition: form-data; name="{shown}"\r\n\r\n{_text(item)}\r\n'
        )
    return "".join([*parts, f"--{boundary}--\r\n"]).encode(), f"multipart/form-data; boundary={boundary}"

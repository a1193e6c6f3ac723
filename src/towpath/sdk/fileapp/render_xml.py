"""Records as XML, in the form that `parse_xml` reads."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO
from xml.sax.saxutils import escape, quoteattr

import orjson

from towpath.sdk.fileapp.formats import Encoding, codec
from towpath.sdk.fileapp.writing import XmlWriting

_NAME = re.compile(r"@?[A-Za-z_][\w.-]*|#text")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: As XML spells the encodings.
_SPELLED = {"utf-16-le": "UTF-16LE", "mac-roman": "macintosh", "shift-jis": "Shift_JIS"}


def write_xml(rows: Iterable[Any], writing: XmlWriting, encoding: Encoding, file: BinaryIO) -> None:
    name = codec(encoding)
    declared = _SPELLED.get(encoding, encoding.upper())
    file.write(f'<?xml version="1.0" encoding="{declared}"?>\n<{writing.root}>\n'.encode(name))
    file.writelines(f"{element(writing.record, row)}\n".encode(name) for row in rows)
    file.write(f"</{writing.root}>\n".encode(name))


def xml_fault(value: Any) -> str | None:
    """What of the value XML cannot say; None if it can all of it."""
    if isinstance(value, Mapping):
        bad = next((key for key in value if not _NAME.fullmatch(key)), None)
        if bad is not None:
            return f"{bad!r} is no name for an element"
        return next(filter(None, map(xml_fault, value.values())), None)
    if isinstance(value, list):
        return next(filter(None, map(xml_fault, value)), None)
    found = _FORBIDDEN.search(value) if isinstance(value, str) else None
    return f"XML cannot hold the character {found[0]!r}" if found else None


def element(name: str, value: Any) -> str:
    """The element or, of a list, one for each."""
    if isinstance(value, list):
        return "".join(element(name, one) for one in value)
    if not isinstance(value, Mapping):
        return f"<{name}>{escape(_text(value))}</{name}>"
    attributes = "".join(
        f" {key[1:]}={quoteattr(_text(one))}" for key, one in value.items() if key.startswith("@")
    )
    return f"<{name}{attributes}>{''.join(_children(value))}</{name}>"


def _children(value: Mapping[str, Any]) -> Iterator[str]:
    for key, one in value.items():
        if key == "#text":
            yield escape(_text(one))
        elif not key.startswith("@"):
            yield element(key, one)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()

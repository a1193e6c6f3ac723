"""Records as XML, in the form that `parse_xml` reads."""

from collections.abc import Iterable
from typing import Any, BinaryIO

from towpath.core.errors import DataError
from towpath.sdk.fileapp.formats import Encoding, codec
from towpath.sdk.fileapp.writing import XmlWriting

#: As XML spells the encodings.
_SPELLED = {"utf-16-le": "UTF-16LE", "mac-roman": "macintosh", "shift-jis": "Shift_JIS"}


def write_xml(rows: Iterable[Any], writing: XmlWriting, encoding: Encoding, file: BinaryIO) -> None:
    """One element for each row, below the root."""
    name = codec(encoding)
    declared = _SPELLED.get(encoding, encoding.upper())
    file.write(f'<?xml version="1.0" encoding="{declared}"?>\n<{writing.root}>\n'.encode(name))
    file.writelines(f"{_element(row, writing)}\n".encode(name) for row in rows)
    file.write(f"</{writing.root}>\n".encode(name))


def xml_fault(row: Any, writing: XmlWriting) -> str | None:
    """What of the row XML cannot say; None if it can all of it."""
    try:
        _element(row, writing)
    except DataError as error:
        return error.message.removeprefix("A record cannot be written as XML: ").rstrip(".")
    return None


def _element(row: Any, writing: XmlWriting) -> str:
    from towpath.sdk import xmltree

    return xmltree.write({writing.record: row}).decode()

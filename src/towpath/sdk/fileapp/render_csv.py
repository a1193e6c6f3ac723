"""Records as delimited text."""

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import orjson

from towpath.sdk.fileapp.formats import Encoding, codec
from towpath.sdk.fileapp.writing import CsvWriting

_QUOTE = '"'


def write_csv(
    rows: Iterable[Any], columns: Sequence[str], writing: CsvWriting, encoding: Encoding, file: BinaryIO
) -> None:
    """The rows under the columns; a row that lacks one has an empty cell there."""
    name = codec(encoding)
    pending = ""
    if writing.header:
        pending = _row(columns, writing) + writing.row_delimiter
    for row in rows:
        file.write(pending.encode(name))
        pending = _row([row.get(column) for column in columns], writing) + writing.row_delimiter
    file.write(
        (pending.removesuffix(writing.row_delimiter) if writing.truncate_last else pending).encode(name)
    )


def _row(values: Sequence[Any], writing: CsvWriting) -> str:
    text = writing.column_delimiter.join(_cell(value, writing) for value in values)
    # An only cell that is empty would be no row at all.
    return text if text or len(values) != 1 else _QUOTE * 2


def _cell(value: Any, writing: CsvWriting) -> str:
    text = _text(value)
    if writing.replace_tab:
        text = text.replace("\t", " ")
    if writing.replace_newline:
        text = text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
    # One letter of a delimiter is enough: at the end of a value it would run into the delimiter behind it.
    special = {_QUOTE, "\n", "\r", *writing.column_delimiter, *writing.row_delimiter}
    if writing.quote_all or any(one in text for one in special):
        return f"{_QUOTE}{text.replace(_QUOTE, _QUOTE * 2)}{_QUOTE}"
    return text


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()

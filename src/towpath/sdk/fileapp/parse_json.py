"""JSON documents of any size as records, one element of the array at a time."""

import codecs
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from towpath.core.application import Failure
from towpath.core.errors import DataError
from towpath.sdk.fileapp.formats import Encoding, codec
from towpath.sdk.fileapp.text import BOM, undecodable

Warn = Callable[[str], None]
_LEAST, _MOST = -(2**63), 2**64 - 1
_BLOCK = 1 << 16


def json_items(
    file: BinaryIO, path: str, encoding: Encoding, name: str, warn: Warn
) -> Iterator[dict[str, Any] | Failure]:
    """The records at the path. Raises `DataError` ``file.invalid``, ``file.encoding``."""
    import ijson

    utf8 = _Utf8(file, encoding, name)
    try:
        kind = _kind(utf8, path)
        if kind is None:
            if utf8.seen:
                warn(f"{name} has nothing at {path!r}: no record was read from it.")
            return
        utf8.rewind()
        item = f"{path}.item" if path else "item"
        found = ijson.items(utf8, item if kind == "start_array" else path, multiple_values=True)
        for number, value in enumerate(found, 1):
            yield _record(value, number, name)
    except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(
            "file.invalid",
            f"{name} is not JSON as it should be: {_reason(error)}.",
            hint="Check the file and its format; what was read before is not undone.",
            file=name,
        ) from error


def _kind(file: "_Utf8", path: str) -> str | None:
    """The event that begins the value at the path; None if there is none."""
    import ijson

    events = ijson.parse(file, multiple_values=True)
    found = (event for prefix, event, _ in events if prefix == path and event != "map_key")
    return next(found, None)


def _record(value: Any, number: int, name: str) -> dict[str, Any] | Failure:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return Failure(
        code="record.unreadable",
        message=f"Record {number} of {name} is no object but {type(value).__name__}.",
        record=_plain(value),
    )


def _plain(value: Any) -> Any:
    """Numbers that others could not hold exactly become texts, digit by digit. # Invariant 6"""
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


class _Utf8:
    """The file as UTF-8, whatever it is written in; read from the start twice."""

    def __init__(self, file: BinaryIO, encoding: Encoding, name: str) -> None:
        self._file, self._encoding, self._name = file, encoding, name
        self.rewind()

    def rewind(self) -> None:
        self._file.seek(0)
        self._decoder = codecs.getincrementaldecoder(codec(self._encoding))("strict")
        self._first, self.seen = True, False

    def read(self, size: int = -1) -> bytes:
        """At most the size and a little more, as ijson allows; empty at the end."""
        if size == 0:
            return b""
        while True:
            raw = self._file.read(_BLOCK)
            text = self._decode(raw)
            if self._first and text:
                text, self._first = text.removeprefix(BOM), False
            self.seen = self.seen or not text.isspace()
            if text or not raw:
                return text.encode(errors="surrogatepass")

    def _decode(self, raw: bytes) -> str:
        try:
            return self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise undecodable(error, self._file.tell(), self._encoding, self._name) from error

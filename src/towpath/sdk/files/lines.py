"""What the two text formats share: opening files by their suffix, and errors with a line number."""

import io
import zlib
from typing import Any

import pyarrow as pa

from towpath.core.errors import DataError
from towpath.sdk.files.format import Opener

GZIP = ".gz"


def opened(open: Opener, path: str) -> pa.NativeFile:
    """The file for sequential reads, unpacked if it ends in ``.gz``."""
    raw = open()
    return pa.CompressedInputStream(raw, "gzip") if path.endswith(GZIP) else raw


def as_text(stream: Any, encoding: str) -> io.TextIOWrapper:
    """The open file as lines of text, line ends untouched, a byte order mark dropped."""
    return io.TextIOWrapper(stream, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def misfit(where: str, line: int, message: str, *, column: str | None = None) -> DataError:
    """The error for a line that is not what it should be; it never holds the value itself."""
    return DataError(
        "file.invalid",
        f"{where}, line {line}: {message}.",
        hint="Correct the line, or declare the column's type in the connection's `types`.",
        line=line,
        column=column,
    )


class Sink:
    """Bytes to a file, packed if asked for; the file stays open."""

    def __init__(self, sink: pa.NativeFile, *, pack: bool) -> None:
        self._sink = sink
        self._packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16) if pack else None

    def write(self, data: Any) -> None:
        self._sink.write(self._packer.compress(data) if self._packer else data)

    def flush(self) -> None:
        """Write the end of a packed file."""
        if self._packer:
            self._sink.write(self._packer.flush())

"""Bytes of a file as text: an undecodable one is named with its place."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from towpath.core.errors import DataError
from towpath.sdk.fileapp.formats import Encoding, codec

BOM = "\ufeff"


@contextmanager
def reading_text(file: BinaryIO, encoding: Encoding, name: str) -> Iterator[io.TextIOWrapper]:
    """The file as text whose line ends are left as they are. ``file`` stays open.

    Raises `DataError` ``file.encoding`` from any read within.
    """
    text = io.TextIOWrapper(file, encoding=codec(encoding), errors="strict", newline="")
    try:
        yield text
    except UnicodeDecodeError as error:
        raise undecodable(error, file.tell(), encoding, name) from error
    finally:
        text.detach()


def skip_bom(line: str) -> str:
    """The first line without the mark that some programs begin files with."""
    return line.removeprefix(BOM)


def undecodable(error: UnicodeDecodeError, read: int, encoding: Encoding, name: str) -> DataError:
    """The error; ``read``: how many bytes of the file the decoder has been given."""
    # The decoder saw what it had kept and the last piece read: its object ends where the reading has come to.
    offset = read - len(error.object) + error.start
    shown = error.object[error.start : error.end].hex(" ")
    return DataError(
        "file.encoding",
        f"{name} is not {encoding}: the byte {shown} at offset {offset} means nothing there.",
        hint="Set the encoding that the file was written in.",
        file=name,
        offset=offset,
    )

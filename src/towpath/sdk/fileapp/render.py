"""A file of records, made on our disk before it goes anywhere."""

import gzip
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import orjson

from towpath.sdk.fileapp.formats import codec
from towpath.sdk.fileapp.render_csv import write_csv
from towpath.sdk.fileapp.render_xlsx import write_xlsx, xlsx_fault
from towpath.sdk.fileapp.render_xml import write_xml, xml_fault
from towpath.sdk.fileapp.writing import FileWriting
from towpath.sdk.oserrors import translated

#: Gives the rows from the first one on, each time it is called.
Rows = Callable[[], Iterable[Any]]


def render(rows: Rows, writing: FileWriting, name: str, path: Path) -> int:
    """Write the rows to the path; how many. The same bytes for the same rows (not of XLSX)."""
    counted = _Counted(rows)
    with translated(path), path.open("wb") as plain, _compressed(plain, writing, name) as file:
        if writing.format == "csv":
            write_csv(counted(), _columns(rows), writing.csv, writing.encoding, file)
        elif writing.format == "json":
            _write_json(counted(), codec(writing.encoding), file)
        elif writing.format == "xml":
            write_xml(counted(), writing.xml, writing.encoding, file)
        else:
            write_xlsx(counted(), _columns(rows), file, header=writing.xlsx.header)
    return counted.number


def fault(row: Any, writing: FileWriting) -> str | None:
    """Why the row cannot stand in such a file; None if it can."""
    if not isinstance(row, dict):
        return f"a record is an object, and this is {type(row).__name__}"
    if writing.format == "xml" and (found := xml_fault(row, writing.xml)):
        return found
    if writing.format == "xlsx":
        return xlsx_fault(row)
    try:
        orjson.dumps(row).decode().encode(codec(writing.encoding))
    except UnicodeEncodeError as error:
        return f"{writing.encoding} has no {error.object[error.start : error.end]!r}"
    except (TypeError, ValueError) as error:
        return f"it is no plain JSON ({error})"
    return None


class _Counted:
    def __init__(self, rows: Rows) -> None:
        self._rows, self.number = rows, 0

    def __call__(self) -> Iterator[Any]:
        for row in self._rows():
            self.number += 1
            yield row


def _columns(rows: Rows) -> list[str]:
    """The names of all rows, in the order in which they first come."""
    return list(dict.fromkeys(key for row in rows() for key in row))


def _write_json(rows: Iterable[Any], encoding: str, file: BinaryIO) -> None:
    before = "["
    for row in rows:
        file.write(f"{before}\n{orjson.dumps(row).decode()}".encode(encoding))
        before = ","
    file.write(("[]\n" if before == "[" else "\n]\n").encode(encoding))


@contextmanager
def _compressed(file: BinaryIO, writing: FileWriting, name: str) -> Iterator[BinaryIO]:
    if writing.compression == "gzip":
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
            yield cast("BinaryIO", packed)
    elif writing.compression == "zip":
        inner = zipfile.ZipInfo(_inside(name, writing))
        inner.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(file, "w") as archive, archive.open(inner, "w", force_zip64=True) as member:
            yield cast("BinaryIO", member)
    else:
        yield file


def _inside(name: str, writing: FileWriting) -> str:
    """What the file is called in its archive."""
    last = PurePosixPath(name).name
    return (
        last.removesuffix(".zip") if last.endswith(".zip") and last != ".zip" else f"{last}.{writing.format}"
    )

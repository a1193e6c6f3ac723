"""What a file holds, as records in their order."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from towpath.sdk.fileapp.inflate import members, seekable
from towpath.sdk.fileapp.parse_csv import csv_items
from towpath.sdk.fileapp.parse_json import json_items
from towpath.sdk.fileapp.parse_xlsx import xlsx_items
from towpath.sdk.fileapp.parse_xml import xml_items
from towpath.sdk.fileapp.reading import FileReading
from towpath.sdk.fileapp.shaping import Value, grouped, in_order

Warn = Callable[[str], None]


def items(
    file: BinaryIO, reading: FileReading, name: str, *, warn: Warn, value: Value, folder: Path
) -> Iterator[Any]:
    """Records, lists of rows, and a `Failure` for each that cannot be read; the same ones every time.

    ``folder``: for what has to wait on disk.
    """
    for inner, opened in members(file, reading.compression, name):
        rows = _rows(opened, reading, inner, warn)
        yield from grouped(in_order(rows, reading.sort_by, value, folder), reading.key_columns, value)


def _rows(file: BinaryIO, reading: FileReading, name: str, warn: Warn) -> Iterator[Any]:
    if reading.format == "csv":
        yield from csv_items(file, reading.csv, reading.encoding, name)
    elif reading.format == "json":
        yield from json_items(file, reading.json_.path, reading.encoding, name, warn)
    elif reading.format == "xml":
        yield from xml_items(file, reading.xml.path, name, warn)
    else:
        with seekable(file) as whole:
            yield from xlsx_items(whole, name, header=reading.xlsx.header)

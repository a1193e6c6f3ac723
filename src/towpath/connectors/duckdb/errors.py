"""Translates DuckDB's errors into Towpath's: the only place that does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from towpath.sdk import (
    BusyError,
    ConfigError,
    DataError,
    IntegrityError,
    InternalError,
    ResourceError,
    SchemaError,
    TowpathError,
)


class _Kind(NamedTuple):
    error: Callable[..., TowpathError]
    code: str
    hint: str


_BUSY = _Kind(
    BusyError,
    "lock.timeout",
    "Close the other program (a shell, a notebook), or let it open the file read-only; it is tried again.",
)
_MISSING_TABLE = _Kind(SchemaError, "stream.not_found", "Discover the streams again.")
_MISSING_COLUMN = _Kind(SchemaError, "column.not_found", "Discover the streams again.")
_READ_ONLY = _Kind(
    ResourceError, "path.read_only", "Give the user that runs Towpath the right to write the file."
)

#: The first text that occurs wins.
_BY_TEXT = {
    "Could not set lock": _BUSY,
    "different configuration than existing": _BUSY,
    "Conflicting lock": _BUSY,
    "not a valid DuckDB database": _Kind(
        ConfigError, "path.not_a_database", "Name a DuckDB file; encrypted ones cannot be read."
    ),
    "database does not exist": _Kind(ConfigError, "path.not_found", "Correct the path."),
    "No such file": _Kind(ConfigError, "path.not_found", "Correct the path."),
    "Is a directory": _Kind(ConfigError, "path.not_a_database", "Name a file, not a folder."),
    "newer version of DuckDB": _Kind(
        ConfigError, "path.not_a_database", "The file needs a newer DuckDB: update the duckdb package."
    ),
    "Permission denied": _READ_ONLY,
    "Read-only file system": _READ_ONLY,
    "No space left": _Kind(ResourceError, "disk.full", "Free space on the disk of the database."),
    "Referenced column": _MISSING_COLUMN,
    "does not have a column": _MISSING_COLUMN,
}

#: By the class of the error.
_BY_CLASS: tuple[tuple[type[duckdb.Error], _Kind], ...] = (
    (duckdb.CatalogException, _MISSING_TABLE),
    (
        duckdb.ConstraintException,
        _Kind(DataError, "value.constraint", "Correct the data, or the constraint of the table."),
    ),
    (
        duckdb.DataError,
        _Kind(DataError, "value.unrepresentable", "Correct the value or leave the column out."),
    ),
    (
        duckdb.OutOfMemoryException,
        _Kind(ResourceError, "memory.exhausted", "Give the machine more memory, or read fewer columns."),
    ),
    (duckdb.IOException, _Kind(ResourceError, "disk.error", "Check the disk of the database.")),
    (duckdb.FatalException, _Kind(IntegrityError, "path.corrupted", "Restore the file from a backup.")),
    (duckdb.SerializationException, _Kind(IntegrityError, "path.corrupted", "Restore it from a backup.")),
    (duckdb.BinderException, _Kind(SchemaError, "schema.incompatible", "Alter the table, or write another.")),
)
_UNKNOWN = _Kind(InternalError, "duckdb.failed", "Please report this.")


@contextmanager
def translated(path: Path, **context: str) -> Iterator[None]:
    """Within, DuckDB's errors come out as Towpath's, knowing the file and ``context``."""
    try:
        yield
    except duckdb.Error as error:
        raise translate(error, path).with_context(**context) from error


def is_busy(error: duckdb.Error) -> bool:
    """Whether another program, or another connection of ours, has the file open."""
    return _kind(error) is _BUSY


def translate(error: duckdb.Error, path: Path) -> TowpathError:
    """The Towpath error that says what DuckDB's error says, by its first line."""
    kind = _kind(error)
    made = kind.error(kind.code, f"{path}: {str(error).splitlines()[0]}", hint=kind.hint, path=str(path))
    return made.with_context(field="path") if isinstance(made, ConfigError) else made


def _kind(error: duckdb.Error) -> _Kind:
    text = str(error)
    told = (kind for part, kind in _BY_TEXT.items() if part in text)
    classed = (kind for cls, kind in _BY_CLASS if isinstance(error, cls))
    return next(told, None) or next(classed, _UNKNOWN)

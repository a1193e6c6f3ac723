"""Translates sqlite3's errors into Towpath's: the only place that does."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

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


#: By the name of SQLite's result code; the longest prefix that is listed wins.
_BY_NAME = {
    "SQLITE_BUSY": _Kind(
        BusyError,
        "lock.timeout",
        "Another program holds the database's lock; raise busy_timeout if it lasts.",
    ),
    "SQLITE_LOCKED": _Kind(BusyError, "lock.timeout", "Another connection uses the table; try again."),
    "SQLITE_FULL": _Kind(ResourceError, "disk.full", "Free space on the disk of the database."),
    "SQLITE_READONLY": _Kind(
        ResourceError, "path.read_only", "Give the user that runs Towpath the right to write the file."
    ),
    "SQLITE_PERM": _Kind(ResourceError, "path.read_only", "Give the user that runs Towpath the right to it."),
    "SQLITE_CANTOPEN": _Kind(
        ConfigError, "path.not_found", "Correct the path, and see that the file may be read."
    ),
    "SQLITE_NOTADB": _Kind(
        ConfigError, "path.not_a_database", "Name a SQLite file; encrypted ones cannot be read."
    ),
    "SQLITE_CORRUPT": _Kind(
        IntegrityError, "path.corrupted", "The database file is damaged: restore it from a backup."
    ),
    "SQLITE_IOERR": _Kind(ResourceError, "disk.error", "The disk of the database fails: check it."),
    "SQLITE_NOMEM": _Kind(ResourceError, "memory.exhausted", "There is too little memory."),
    "SQLITE_TOOBIG": _Kind(DataError, "value.unrepresentable", "SQLite holds values of up to 1 GB."),
    "SQLITE_CONSTRAINT": _Kind(
        DataError, "value.constraint", "Correct the data, or the constraint of the table."
    ),
}

#: Plain SQLITE_ERROR has a text only; the first text that occurs wins.
_BY_TEXT = {
    "no such table": _Kind(SchemaError, "stream.not_found", "Discover the streams again."),
    "no such column": _Kind(SchemaError, "column.not_found", "Discover the streams again."),
    "Could not decode to UTF-8": _Kind(
        DataError,
        "value.unrepresentable",
        "The text is not UTF-8: correct it, leave the column out, or read a view that casts it to BLOB.",
    ),
    "too many columns": _Kind(SchemaError, "schema.too_large", "SQLite takes 2,000 columns: leave some out."),
}
_UNKNOWN = _Kind(InternalError, "sqlite.failed", "Please report this.")


@contextmanager
def translated(path: Path, **context: str) -> Iterator[None]:
    """Within, sqlite3's errors come out as Towpath's, knowing the file and ``context``."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path).with_context(**context) from error


def translate(error: sqlite3.Error, path: Path) -> TowpathError:
    """The Towpath error that says what SQLite's error says."""
    name = getattr(error, "sqlite_errorname", None) or ""
    kind = _by_name(name) or _by_text(str(error)) or _UNKNOWN
    made = kind.error(kind.code, f"{path}: {error}.", hint=kind.hint, path=str(path))
    return made.with_context(field="path") if isinstance(made, ConfigError) else made


def _by_name(name: str) -> _Kind | None:
    prefixes = (name[:size] for size in range(len(name), 0, -1))
    return next((_BY_NAME[prefix] for prefix in prefixes if prefix in _BY_NAME), None)


def _by_text(text: str) -> _Kind | None:
    return next((kind for part, kind in _BY_TEXT.items() if part in text), None)

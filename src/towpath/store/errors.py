"""The one place where the databases' errors become ours."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from sqlalchemy import exc

from towpath.core.errors import (
    AuthError,
    BusyError,
    ConfigError,
    ConflictError,
    DataError,
    IntegrityError,
    InternalError,
    ResourceError,
    TowpathError,
    UnreachableError,
)

if TYPE_CHECKING:
    # At run time only a store in PostgreSQL pays for it.
    from psycopg import Error as PostgresError

Maker = Callable[[str], TowpathError]


@contextmanager
def translated(where: str, *, reading: bool = False) -> Iterator[None]:
    """Raise what the database raises inside as one of ours. ``where`` names the store, without password."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _translate(error, where, reading) from error
    except exc.TimeoutError as error:
        raise _busy("all its connections are in use").with_context(store=where) from error


def _translate(error: exc.DBAPIError, where: str, reading: bool) -> TowpathError:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        made = _from_sqlite(cause, reading)
    elif type(cause).__module__.startswith("psycopg"):
        made = _from_postgres(cast("PostgresError", cause), reading)
    else:
        made = _defect(type(error).__name__)
    return made.with_context(store=where)


def _from_sqlite(error: sqlite3.Error, reading: bool) -> TowpathError:
    text = str(error)
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if text.startswith(("no such table", "no such column")):
        return _not_migrated(text)
    if primary == sqlite3.SQLITE_READONLY and reading:
        return _wrote_in_read(text)
    return _SQLITE.get(primary, _defect)(text)


def _from_postgres(error: "PostgresError", reading: bool) -> TowpathError:
    state = error.sqlstate or ""
    # Never the DETAIL line: it quotes values.
    text = error.diag.message_primary or (str(error).splitlines() or [""])[0]
    if state == "25006" and reading:
        return _wrote_in_read(text)
    if not state:
        return next((maker for words, maker in _CONNECTING if re.search(words, text)), _no_answer)(text)
    maker = _POSTGRES.get(state) or _POSTGRES.get(state[:2]) or _defect
    return maker(text)


def _busy(text: str) -> TowpathError:
    return BusyError("store.busy", f"The store is busy: {text}.", hint="Try again in a moment.")


def _corrupt(text: str) -> TowpathError:
    return IntegrityError(
        "store.corrupt",
        f"The store is damaged: {text}.",
        hint="Stop all processes and restore the store from a backup; for SQLite, "
        "`sqlite3 FILE .recover` may save what can still be read.",
    )


def _full(text: str) -> TowpathError:
    return ResourceError("disk.full", f"No space left for the store: {text}.", hint="Free disk space.")


def _read_only(text: str) -> TowpathError:
    return ResourceError(
        "path.read_only",
        f"The store cannot be written: {text}.",
        hint="Make its file and folder writable for the user that runs towpath.",
    )


def _cannot_open(text: str) -> TowpathError:
    return ResourceError(
        "path.not_found",
        f"The store cannot be opened: {text}.",
        hint="Check that its folder exists and that the user that runs towpath may write there.",
    )


def _broken_disk(text: str) -> TowpathError:
    return ResourceError("disk.error", f"The disk of the store fails: {text}.", hint="Check the disk.")


def _not_migrated(text: str) -> TowpathError:
    return IntegrityError(
        "store.not_migrated",
        f"The store has not the tables of this version: {text}.",
        hint="Restart all processes with this version: every command brings the store up to date.",
    )


def _wrote_in_read(text: str) -> TowpathError:
    return InternalError(
        "store.read_only_unit",
        f"A write in a unit of work that only reads: {text}.",
        hint="Please report this.",
    )


def _no_answer(text: str) -> TowpathError:
    return UnreachableError(
        "store.unreachable",
        f"The database of the store does not answer: {text}.",
        hint="Check that it runs, and the address in TOWPATH_DATABASE_URL.",
    )


def _refused(text: str) -> TowpathError:
    return AuthError(
        "store.auth_failed",
        f"The database of the store refused us: {text}.",
        hint="Check user and password in TOWPATH_DATABASE_URL, and the user's rights.",
    )


def _no_database(text: str) -> TowpathError:
    return ConfigError(
        "store.no_database",
        f"No such database: {text}.",
        hint="Create it, or correct TOWPATH_DATABASE_URL.",
        field="TOWPATH_DATABASE_URL",
    )


def _conflict(text: str) -> TowpathError:
    return ConflictError(
        "store.conflict",
        f"The change does not fit what is stored: {text}.",
        hint="Look at it again, and repeat the change on what is there now.",
    )


def _bad_value(text: str) -> TowpathError:
    return DataError(
        "value.unrepresentable",
        f"The store cannot hold a value: {text}.",
        hint="Shorten or correct the value.",
    )


def _defect(text: str) -> TowpathError:
    return InternalError("store.failed", f"The store failed: {text}.", hint="Please report this.")


_SQLITE: dict[int, Maker] = {
    sqlite3.SQLITE_BUSY: _busy,
    sqlite3.SQLITE_LOCKED: _busy,
    sqlite3.SQLITE_CORRUPT: _corrupt,
    sqlite3.SQLITE_NOTADB: _corrupt,
    sqlite3.SQLITE_FULL: _full,
    sqlite3.SQLITE_READONLY: _read_only,
    sqlite3.SQLITE_PERM: _read_only,
    sqlite3.SQLITE_CANTOPEN: _cannot_open,
    sqlite3.SQLITE_IOERR: _broken_disk,
    sqlite3.SQLITE_CONSTRAINT: _conflict,
    sqlite3.SQLITE_TOOBIG: _bad_value,
}

#: A failed connect carries no SQLSTATE, only the server's words.
_CONNECTING: tuple[tuple[str, Maker], ...] = (
    ("authentication failed|no password supplied|pg_hba.conf|role .* does not exist", _refused),
    ("database .* does not exist", _no_database),
    ("too many clients|remaining connection slots", _busy),
)

#: By SQLSTATE, or by its class, the first two characters.
_POSTGRES: dict[str, Maker] = {
    "08": _no_answer,
    "57": _no_answer,
    "57014": _busy,
    "40": _busy,
    "55P03": _busy,
    "53": _busy,
    "53100": _full,
    "25P03": _busy,
    "25006": _read_only,
    "58": _broken_disk,
    "XX001": _corrupt,
    "XX002": _corrupt,
    "28": _refused,
    "42501": _refused,
    "3D": _no_database,
    "42P01": _not_migrated,
    "42703": _not_migrated,
    "23": _conflict,
    "22": _bad_value,
}

"""What databases do each in their own way."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from towpath.core.errors import TowpathError
from towpath.sdk.sql import quote


class Cursor(Protocol):
    """The part of DB-API cursors (PEP 249) that is used."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None: ...
    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: str, /) -> Any: ...
    def executemany(self, sql: str, rows: Sequence[Sequence[Any]], /) -> Any: ...
    def fetchmany(self, size: int, /) -> Sequence[Sequence[Any]]: ...
    def fetchall(self) -> Sequence[Sequence[Any]]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one database is spoken to."""

    check: Callable[[], str]
    """Try the connection; what answered."""
    connected: Callable[[], AbstractContextManager[Any]]
    """A DB-API connection that commits each statement, with backslashes as plain letters in literals."""
    streamed: Callable[[Any, str], AbstractContextManager[Cursor]]
    """A cursor over the rows of a query that does not hold all of them in memory."""
    translate: Callable[[Exception], TowpathError | None]
    """Our error for one of the driver's; None for exceptions of somebody else."""
    upsert: Callable[[Sequence[str], Sequence[str]], str]
    """What follows the VALUES of an INSERT of ``columns`` that replaces rows with the same ``keys``."""
    placeholder: str = "%s"
    mark: str = '"'
    bind: Callable[[Any], Any] = lambda value: value
    """The parameter for a JSON value that is no list or object; those are given as JSON text."""


def on_conflict(columns: Sequence[str], keys: Sequence[str]) -> str:
    """`Dialect.upsert` of PostgreSQL, SQLite and DuckDB."""
    rest = [quote(name) for name in columns if name not in keys]
    change = f"UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in rest)}" if rest else "NOTHING"
    return f"ON CONFLICT ({', '.join(map(quote, keys))}) DO {change}"

"""Opens DuckDB files: the only place that does."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.connectors.duckdb.errors import is_busy, translated

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_POLL = 0.1
#: Types keep their names in Arrow, instants are instants, and nothing is fetched from the internet.
_SESSION = """
SET arrow_lossless_conversion = true;
SET TimeZone = 'UTC';
SET autoinstall_known_extensions = false;
SET default_collation = '';
SET enable_progress_bar = false;
"""


@contextmanager
def opened(config: DuckdbConfig, *, read_only: bool) -> "Iterator[DuckDBPyConnection]":
    """A connection. Waits for up to ``config.busy_timeout`` seconds while another program has the file.

    Raises `BusyError` ``lock.timeout`` after that.
    """
    with translated(config.path):
        connection = _connect(config, read_only=read_only)
        try:
            run(connection, _SESSION)
            yield connection
        finally:
            connection.close()


def _connect(config: DuckdbConfig, *, read_only: bool) -> "DuckDBPyConnection":
    deadline = time.monotonic() + config.busy_timeout
    while True:
        try:
            return duckdb.connect(config.path.absolute(), read_only=read_only)
        except duckdb.Error as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(_POLL)


def run(connection: "DuckDBPyConnection", sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of the statement. It has ended when this returns, so that the next one may begin."""
    return connection.execute(sql, parameters).fetchall()


@contextmanager
def transaction(connection: "DuckDBPyConnection") -> Iterator[None]:
    """Commits at the end, rolls back after an error."""
    run(connection, "BEGIN TRANSACTION")
    try:
        yield
        run(connection, "COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # the error that ended the transaction is the one to tell
            run(connection, "ROLLBACK")
        raise

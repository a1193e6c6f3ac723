"""Starts Debian's MariaDB in a temporary folder; installs it first where that is possible.

``python -m support.mariadb`` does the installing alone, and nothing where the server is there already.
"""

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.ports import free_port

#: The server's programs without a service that starts by itself.
PACKAGE = "mariadb-server-core"
USER, PASSWORD = "reader", "pass'wörd ☃"
_START_SECONDS = 60


def find(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def missing() -> str | None:
    """Why no server can be started; None if one can."""
    absent = [name for name in ("mariadbd", "mariadb-install-db") if find(name) is None]
    return f"MariaDB is not installed ({', '.join(absent)} not found)" if absent else None


def install() -> str | None:
    """Install the server if it is missing; returns why that was not possible, or None. Idempotent."""
    reason = missing()
    if reason is None:
        return None
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"{reason}; as root: apt-get install {PACKAGE}"
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", PACKAGE]):
        done = subprocess.run(
            ["apt-get", *command],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    return missing() and f"{reason}, and apt-get failed: {done.stderr.strip()[-300:]}"


class MariaDB:
    """One server with its own folder, socket and port on 127.0.0.1. ``root`` has no password;
    `USER` has `PASSWORD` and may read everything."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.ca = folder / "server.pem"
        self.key = folder / "server.key"

    def create(self) -> None:
        command = [find("mariadb-install-db") or "mariadb-install-db", "--no-defaults", *self._as_root()]
        command += [f"--datadir={self.folder}/data", "--auth-root-authentication-method=normal"]
        subprocess.run([*command, "--skip-test-db"], check=True, capture_output=True, timeout=120)
        _certificate(self.folder)
        self.start()
        with closing(self.connect()) as root:
            root.cursor().execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (USER, PASSWORD))
            root.cursor().execute(f"GRANT SELECT ON *.* TO {USER}@'%'")

    def start(self) -> None:
        """Start it, on the same port as the last time; returns when it answers."""
        for _ in range(5):  # another process may take the free port first
            port = self.port or free_port()
            quiet = subprocess.DEVNULL  # it writes to error.log
            self.process = subprocess.Popen(self._command(port), stdout=quiet, stderr=quiet)
            if self._answers(port):
                self.port = port
                return
        raise RuntimeError((self.folder / "error.log").read_text()[-3000:])

    def _command(self, port: int) -> list[str]:
        path = self.folder
        return [
            find("mariadbd") or "mariadbd",
            "--no-defaults",
            *self._as_root(),
            f"--datadir={path}/data",
            f"--socket={path}/s.sock",
            f"--pid-file={path}/pid",
            f"--log-error={path}/error.log",
            f"--bind-address={self.host}",
            f"--port={port}",
            f"--ssl-ca={self.ca}",
            f"--ssl-cert={self.ca}",
            f"--ssl-key={path}/server.key",
            "--skip-name-resolve",
            "--max-allowed-packet=256M",
            "--innodb-buffer-pool-size=128M",
            "--innodb-flush-log-at-trx-commit=2",
            "--default-time-zone=+05:30",
            "--character-set-server=utf8mb4",
        ]

    def _as_root(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []

    def _answers(self, port: int) -> bool:
        assert self.process is not None
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                pymysql.connect(host=self.host, port=port, user="root", ssl_disabled=True).close()
            except pymysql.err.OperationalError:
                time.sleep(0.05)
            else:
                return True
        self.kill()
        return False

    def connect(self, database: str | None = None, **more: Any) -> "pymysql.Connection[Any]":
        """A connection of root, committing each statement, in UTC and without strict mode."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user="root",
            database=database,
            autocommit=True,
            ssl_disabled=True,
            **{"init_command": "SET time_zone='+00:00', sql_mode=''"} | more,
        )

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """A fresh database, dropped at the end."""
        with closing(self.connect()) as root:
            root.cursor().execute(f"DROP DATABASE IF EXISTS `{name}`")
            root.cursor().execute(f"CREATE DATABASE `{name}`")
        yield name
        with closing(self.connect()) as root:
            root.cursor().execute(f"DROP DATABASE IF EXISTS `{name}`")

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it in order; kill it if it takes too long."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


def _certificate(folder: Path) -> None:
    """A self-signed certificate for 127.0.0.1, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "towpath test server")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    (folder / "server.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, private, plain))
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


@contextmanager
def server() -> Iterator[MariaDB]:
    """A server of one's own, for tests that kill it. Skips the test where none can be had."""
    reason = install()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="towpath-mariadb-"))
    made = MariaDB(folder)
    try:
        made.create()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """The server that all tests share: do not stop it."""
    with server() as shared:
        yield shared


if __name__ == "__main__":
    trouble = install()
    print(trouble or "MariaDB is ready.", file=sys.stderr)

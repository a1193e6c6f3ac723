"""Starts a real FTP server (pyftpdlib) in a process of its own: in the open, over TLS, and without MLSD."""

import datetime as dt
import ipaddress
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ftplib import FTP
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.ports import free_port

USER, PASSWORD = "ada", "kept-secret-7193"
_START_SECONDS = 30


@dataclass(frozen=True)
class FtpServer:
    """Where the server is, and its root on disk."""

    port: int
    root: Path
    certificate: str = ""

    def config(self, **more: Any) -> dict[str, Any]:
        """The settings of a connection."""
        return {
            "protocol": "ftps" if self.certificate else "ftp",
            "host": "127.0.0.1",
            "port": self.port,
            "username": USER,
            "password": PASSWORD,
            "ca_certificate": self.certificate,
        } | more


@pytest.fixture(scope="session")
def ftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    with _running(tmp_path_factory.mktemp("ftp")) as server:
        yield server


@pytest.fixture(scope="session")
def old_ftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    """Knows no MLSD."""
    with _running(tmp_path_factory.mktemp("old_ftp"), "old") as server:
        yield server


@pytest.fixture(scope="session")
def ftps_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    """Wants TLS for everything."""
    with _running(tmp_path_factory.mktemp("ftps"), "tls") as server:
        yield server


@contextmanager
def _running(folder: Path, kind: str = "") -> Iterator[FtpServer]:
    root = folder / "root"
    root.mkdir()
    certificate = make_certificate(folder) if kind == "tls" else ""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "support.ftp", str(port), str(root), kind],
        cwd=Path(__file__).parents[1],
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port, process)
        yield FtpServer(port, root, certificate)
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"The FTP server ended with {process.returncode}.")
        try:
            with FTP() as client:  # noqa: S321 - our own server
                client.connect("127.0.0.1", port, timeout=1)
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("The FTP server did not answer in time.")


def make_certificate(folder: Path) -> str:
    """A certificate for 127.0.0.1 and its key as ``folder/pem``; the certificate's text."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    text = made.public_bytes(serialization.Encoding.PEM).decode()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    (folder / "pem").write_text(text + secret)
    return text


def _serve(port: int, root: Path, kind: str) -> None:
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(root), perm="elradfmwMT")
    authorizer.add_user("open", "", str(root), perm="elradfmwMT")
    authorizer.add_user("reader", PASSWORD, str(root), perm="elr")
    handler: Any = TLS_FTPHandler if kind == "tls" else FTPHandler
    handler.authorizer = authorizer
    handler.auth_failed_timeout = 0
    if kind == "tls":
        handler.certfile = str(root.parent / "pem")
        handler.tls_control_required = handler.tls_data_required = True
    if kind == "old":
        handler.proto_cmds = {
            name: one for name, one in handler.proto_cmds.items() if name not in {"MLSD", "MLST"}
        }
    FTPServer(("127.0.0.1", port), handler).serve_forever()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])

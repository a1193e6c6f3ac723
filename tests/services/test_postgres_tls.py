"""Reading over TLS, where libpq itself must wait for the bytes: through a proxy that speaks it."""

import datetime as dt
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.postgres import PostgresServer
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.fallback import AdbcReader
from towpath.connectors.postgres.reading import CompiledReader
from towpath.connectors.postgres.source import PostgresSource
from towpath.sdk import ConfigError, Selection, TowpathError

pytestmark = pytest.mark.service("postgres")

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class TlsProxy:
    """Answers PostgreSQL's request for TLS in the server's place, and passes the rest on in the clear.

    ``mutual``: only to clients that show the very same certificate.
    """

    def __init__(self, server: PostgresServer, folder: Path, *, mutual: bool = False) -> None:
        self._server = server
        self.certificate = folder / "certificate.pem"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.key = folder / "key.pem"
        _make_certificate(self.certificate, self.key)
        self._context.load_cert_chain(self.certificate, self.key)
        if mutual:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(self.certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        request = client.recv(8)
        if request != _SSL_REQUEST:
            client.close()
            return
        client.sendall(b"S")
        with suppress(OSError):
            secure = self._context.wrap_socket(client, server_side=True)
            server = socket.create_connection((self._server.host, self._server.port))
            self._sockets += [secure, server]
            threading.Thread(target=_pass_on, args=[secure, server], daemon=True).start()
            _pass_on(server, secure)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _make_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


@pytest.fixture
def proxy(postgres: PostgresServer, tmp_path: Path) -> Iterator[TlsProxy]:
    proxy = TlsProxy(postgres, tmp_path)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("reader", [CompiledReader, AdbcReader], ids=["compiled", "fallback"])
@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_rows_of_all_sizes_over_tls(
    postgres: PostgresServer, postgres_database: str, proxy: TlsProxy, reader: Any, mode: str
) -> None:
    with postgres.connect(postgres_database) as connection:
        connection.execute("CREATE TABLE t (id int, v text)")
        connection.execute(
            "INSERT INTO t "
            "SELECT i, repeat(chr(65 + i % 26), (i * i) % 40000) FROM generate_series(1, 1000) i"
        )
        wanted = connection.execute("SELECT sum(length(v)) FROM t").fetchone()
    settings = postgres.config(postgres_database) | {"port": proxy.port, "sslmode": mode}
    config = PostgresConfig(**settings, sslrootcert=str(proxy.certificate))
    with PostgresSource(config, reader) as source:
        selection = Selection(next(stream for stream in source.discover() if stream.name == "t"))
        plan = source.plan(selection, None)
        batches = [batch for slice in plan.slices for batch in source.read(selection, slice, None)]
    rows = [row for batch in batches for row in batch.records]
    assert len(rows) == 1000
    assert (sum(len(row["v"]) for row in rows),) == wanted
    assert all(set(row["v"]) <= {chr(65 + row["id"] % 26)} for row in rows)


def test_a_certificate_that_is_not_trusted(
    postgres: PostgresServer, postgres_database: str, proxy: TlsProxy
) -> None:
    settings = postgres.config(postgres_database) | {"port": proxy.port, "sslmode": "verify-full"}
    with PostgresSource(PostgresConfig(**settings)) as source, pytest.raises(ConfigError) as caught:
        source.check()
    assert caught.value.code == "connection.tls"


@pytest.fixture
def mutual(postgres: PostgresServer, tmp_path: Path) -> Iterator[TlsProxy]:
    proxy = TlsProxy(postgres, tmp_path, mutual=True)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("in_memory", [True, False], ids=["in memory", "in a folder"])
@pytest.mark.parametrize("reader", [CompiledReader, AdbcReader], ids=["compiled", "fallback"])
def test_certificates_and_key_as_text(
    postgres: PostgresServer,
    postgres_database: str,
    mutual: TlsProxy,
    reader: Any,
    in_memory: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    with postgres.connect(postgres_database) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id")
    # As a form sends it that has but one line for it.
    certificate = mutual.certificate.read_text().replace("\n", " ")
    config = PostgresConfig(
        **postgres.config(postgres_database) | {"port": mutual.port, "sslmode": "verify-full"},
        ca_certificate=certificate,
        client_certificate=certificate,
        client_key=mutual.key.read_text().replace("\n", " "),
    )
    with PostgresSource(config, reader) as source:
        selection = Selection(source.discover()[0])
        slices = source.plan(selection, None).slices
        rows = [row for one in slices for batch in source.read(selection, one, None) for row in batch.records]
    assert rows == [{"id": 1}]


def test_a_client_that_shows_no_certificate(
    postgres: PostgresServer, postgres_database: str, mutual: TlsProxy
) -> None:
    settings = postgres.config(postgres_database) | {"port": mutual.port, "sslmode": "require"}
    with PostgresSource(PostgresConfig(**settings)) as source, pytest.raises(TowpathError) as caught:
        source.check()
    assert caught.value.code in ("connection.tls", "connection.lost")

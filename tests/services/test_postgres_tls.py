"""Reading over TLS, where libpq itself must wait for the bytes: through a proxy that speaks it."""

import datetime as dt
import ipaddress
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
from towpath.sdk import ConfigError, Selection

pytestmark = pytest.mark.service("postgres")

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class TlsProxy:
    """Answers PostgreSQL's request for TLS in the server's place, and passes the rest on in the clear."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self.certificate = folder / "certificate.pem"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _make_certificate(self.certificate, folder / "key.pem")
        self._context.load_cert_chain(self.certificate, folder / "key.pem")
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

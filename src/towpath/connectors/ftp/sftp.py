"""Folders of SFTP servers."""

import base64
import hashlib
import io
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import paramiko

from towpath.connectors.ftp.config import FtpConfig
from towpath.connectors.ftp.errors import denied, full, missing, protocol, refused, translated
from towpath.connectors.ftp.paths import joined, on_server
from towpath.sdk import AuthError, ConfigError, TowpathError, UnreachableError
from towpath.sdk.fileapp import Check, Entry
from towpath.sdk.fileapp.folder import CHUNK, Write

_CONNECT_SECONDS = 10
_SECONDS = 30
#: Requests under way while a file is read: more would fill the memory with what nobody has taken yet.
_AHEAD = 64
_KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class SftpFolder:
    """One connection, used within `session` and kept between sessions while the server keeps it."""

    def __init__(self, config: FtpConfig) -> None:
        self._config = config
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None
        self._home = "/"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    @contextmanager
    def session(self) -> Iterator[None]:
        if self._client is None or self._transport is None or not self._transport.is_active():
            self._drop()
            self._connect()
        try:
            yield
        except BaseException:
            self._drop()
            raise

    @property
    def _sftp(self) -> paramiko.SFTPClient:
        if self._client is None:
            raise RuntimeError("outside of a session")
        return self._client

    def _drop(self) -> None:
        for one in (self._client, self._transport):
            if one is not None:
                with suppress(OSError, EOFError, paramiko.SSHException):
                    one.close()
        self._client = self._transport = None

    def _connect(self) -> None:
        config = self._config
        key = private_key(config)
        with self._translated():
            connection = socket.create_connection((config.host, config.number), _CONNECT_SECONDS)
            try:
                self._transport = paramiko.Transport(connection)
            except BaseException:
                connection.close()
                raise
            try:
                self._log_in(self._transport, key)
            except BaseException:
                self._drop()
                raise

    def _log_in(self, transport: paramiko.Transport, key: paramiko.PKey | None) -> None:
        transport.banner_timeout = transport.auth_timeout = _CONNECT_SECONDS
        transport.start_client(timeout=_CONNECT_SECONDS)
        self._check_host_key(transport)
        if key is not None:
            transport.auth_publickey(self._config.username, key)
        else:
            transport.auth_password(self._config.username, self._config.password.get_secret_value())
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise paramiko.SSHException("the server opens no channel")
        channel = client.get_channel()
        if channel is not None:
            channel.settimeout(_SECONDS)
        self._client = client
        self._home = client.normalize(".")

    def _check_host_key(self, transport: paramiko.Transport) -> None:
        wanted = self._config.host_key.rstrip("=")
        found = fingerprint(transport)
        if wanted and wanted != found:
            raise AuthError(
                "connection.host_key",
                f"{self._config.host} shows the host key {found}, and not the one that is expected.",
                hint="If the server has a new key, ask its operator for the fingerprint and set host_key; "
                "otherwise somebody else answers in its place.",
                field="host_key",
            )

    def _at(self, path: str) -> str:
        return on_server(path, self._home, home_is_root=self._config.user_directory_is_root)

    @contextmanager
    def _translated(self, path: str = "", *, writing: bool = False) -> Iterator[None]:
        try:
            with translated(self._config, path, writing=writing):
                yield
        except paramiko.SSHException as error:
            raise self._of_ssh(error) from error

    def _of_ssh(self, error: paramiko.SSHException) -> TowpathError:
        where = f"{self._config.host}:{self._config.number}"
        if isinstance(error, paramiko.AuthenticationException):
            return refused(where)
        text = " ".join(str(error).split())
        if "banner" in text or "Incompatible" in text or "protocol" in text:
            return protocol(where, text)
        return UnreachableError(
            "connection.lost",
            f"The connection to {where} broke: {text}.",
            hint="It is tried again; if it goes on, see the server's own log.",
        )

    def check(self) -> str:
        self.entries("/" if self._config.user_directory_is_root else self._home, "")
        if self._transport is None:
            raise RuntimeError("outside of a session")
        known = "as expected" if self._config.host_key else "not pinned: set host_key to it"
        found = fingerprint(self._transport)
        return f"SFTP server: {self._transport.remote_version}, host key {found} ({known})"

    def join(self, folder: str, name: str) -> str:
        return joined(folder, name)

    def entries(self, folder: str, starts: str) -> Sequence[Entry]:
        with self._translated(folder):
            found = self._sftp.listdir_attr(self._at(folder))
        return [
            _entry(folder, one.filename, one)
            for one in found
            if one.st_mode is None or stat.S_ISREG(one.st_mode)
        ]

    def entry(self, folder: str, name: str) -> Entry | None:
        path = joined(folder, name)
        with self._translated(path):
            try:
                return _entry(folder, name, self._sftp.stat(self._at(path)))
            except FileNotFoundError:
                return None

    def fetch(self, path: str, write: Write, check: Check) -> None:
        with self._translated(path), self._sftp.open(self._at(path), "rb") as file:
            file.prefetch(max_concurrent_requests=_AHEAD)
            while data := file.read(CHUNK):
                check()
                write(data)

    def put(self, local: Path, folder: str, name: str, draft: str, check: Check) -> None:
        self._existing(folder)
        path = joined(folder, name)
        temporary = self._at(joined(folder, draft))
        with self._translated(path, writing=True):
            self._write(local, temporary, check)
            if self._sftp.stat(temporary).st_size != local.stat().st_size:
                self._sftp.remove(temporary)
                raise full(path, self._config.host)
            self._rename(temporary, self._at(path))

    def _write(self, local: Path, temporary: str, check: Check) -> None:
        """Nobody waits for the answer to each piece, and so the answers are lost: the size tells whether all
        were written.
        """
        with local.open("rb") as source, self._sftp.open(temporary, "wb") as file:
            file.set_pipelined(pipelined=True)
            while data := source.read(CHUNK):
                check()
                file.write(data)

    def _existing(self, folder: str) -> None:
        with self._translated(folder):
            try:
                self._sftp.stat(self._at(folder))
            except FileNotFoundError:
                raise missing(folder, self._config.host) from None

    def _rename(self, path: str, to: str) -> None:
        try:
            self._sftp.posix_rename(path, to)
        except OSError:
            # The extension is OpenSSH's; the plain rename replaces nothing.
            with suppress(OSError):
                self._sftp.remove(to)
            self._sftp.rename(path, to)

    def move(self, path: str, folder: str, name: str) -> None:
        self._existing(folder)
        with self._translated(path, writing=True):
            self._rename(self._at(path), self._at(joined(folder, name)))

    def remove(self, path: str) -> None:
        with self._translated(path, writing=True), suppress(FileNotFoundError):
            try:
                self._sftp.remove(self._at(path))
            except OSError as error:
                if error.errno is None:
                    raise denied(path, self._config.host, writing=True) from error
                raise


def _entry(folder: str, name: str, about: paramiko.SFTPAttributes) -> Entry:
    return Entry(
        name, joined(folder, name), -1 if about.st_size is None else about.st_size, str(about.st_mtime or "")
    )


def fingerprint(transport: paramiko.Transport) -> str:
    """As ``ssh-keygen -l`` shows it."""
    digest = hashlib.sha256(transport.get_remote_server_key().asbytes()).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def private_key(config: FtpConfig) -> paramiko.PKey | None:
    """None where there is none. Raises `ConfigError` ``connection.private_key`` without telling it."""
    text = config.private_key.get_secret_value().replace("\\n", "\n").strip()
    if not text:
        return None
    for kind in _KEYS:
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(
                io.StringIO(text + "\n"), config.passphrase.get_secret_value() or None
            )
    raise ConfigError(
        "connection.private_key",
        "The private key cannot be read: it is damaged, of another form, or its passphrase is not right.",
        hint="Give an RSA, ECDSA or Ed25519 key as ssh-keygen writes it; ssh-keygen -p rewrites others.",
        field="private_key",
    )

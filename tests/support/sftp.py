"""A real SFTP server (paramiko's server side) over a folder, in threads of the tests' own process."""

import base64
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface

USER, PASSWORD = "ada", "kept-secret-4187"
#: Longer than this no file may become.
_ROOM = 60_000_000


@dataclass
class SftpEnd:
    """Where the server is, its root on disk, and who may log in."""

    port: int
    root: Path
    host_key: paramiko.PKey
    users: list[paramiko.PKey] = field(default_factory=list)
    room: int = _ROOM

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(self.host_key.asbytes()).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    def config(self, **more: Any) -> dict[str, Any]:
        """The settings of a connection."""
        return {
            "protocol": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "username": USER,
            "password": PASSWORD,
        } | more


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpEnd]:
    root = tmp_path_factory.mktemp("sftp") / "root"
    root.mkdir()
    listener = socket.create_server(("127.0.0.1", 0))
    end = SftpEnd(listener.getsockname()[1], root, paramiko.ECDSAKey.generate())
    with _serving(listener, end):
        yield end


@contextmanager
def _serving(listener: socket.socket, end: SftpEnd) -> Iterator[None]:
    transports: list[paramiko.Transport] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                transport = paramiko.Transport(connection)
                transports.append(transport)
                transport.add_server_key(end.host_key)
                transport.set_subsystem_handler("sftp", SFTPServer, _Files, end)
                with suppress(paramiko.SSHException, EOFError, OSError):
                    transport.start_server(server=_Door(end), event=threading.Event())

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for transport in transports:
            transport.close()
        thread.join(5)


class _Door(paramiko.ServerInterface):
    def __init__(self, end: SftpEnd) -> None:
        self._end = end

    def check_auth_password(self, username: str, password: str) -> int:
        fine = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if fine else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL if key in self._end.users else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"


class _Open(SFTPHandle):
    def __init__(self, end: SftpEnd, flags: int, file: Any) -> None:
        super().__init__(flags)
        self._end = end
        self.readfile = self.writefile = file

    def write(self, offset: int, data: bytes) -> int:
        if offset + len(data) > self._end.room:
            return paramiko.SFTP_FAILURE
        return super().write(offset, data)

    def stat(self) -> SFTPAttributes | int:
        return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


def _told(error: OSError) -> int:
    return SFTPServer.convert_errno(error.errno or 0)


class _Files(SFTPServerInterface):
    """The folder as /; a file or folder whose name begins with ``locked`` may not be touched."""

    def __init__(self, server: Any, end: SftpEnd) -> None:
        super().__init__(server)
        self._end = end

    def _at(self, path: str) -> Path:
        return self._end.root / self.canonicalize(path).lstrip("/")

    def _locked(self, path: str) -> bool:
        return any(part.startswith("locked") for part in path.split("/"))

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        if self._locked(path):
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            found = sorted(self._at(path).iterdir())
        except OSError as error:
            return _told(error)
        return [SFTPAttributes.from_stat(one.stat(), one.name) for one in found]

    def stat(self, path: str) -> SFTPAttributes | int:
        try:
            return SFTPAttributes.from_stat(self._at(path).stat())
        except OSError as error:
            return _told(error)

    lstat = stat

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> _Open | int:
        if self._locked(path):
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            number = os.open(self._at(path), flags, 0o600)
            mode = "r+b" if flags & (os.O_WRONLY | os.O_RDWR) else "rb"
            return _Open(
                self._end, flags, os.fdopen(number, mode if flags & os.O_RDWR or mode == "rb" else "wb")
            )
        except OSError as error:
            return _told(error)

    def remove(self, path: str) -> int:
        if self._locked(path):
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            self._at(path).unlink()
        except OSError as error:
            return _told(error)
        return paramiko.SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        """As the protocol says: nothing is replaced."""
        if self._at(newpath).exists():
            return paramiko.SFTP_FAILURE
        return self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        try:
            self._at(oldpath).rename(self._at(newpath))
        except OSError as error:
            return _told(error)
        return paramiko.SFTP_OK

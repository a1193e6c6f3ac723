"""Folders of FTP servers, in the open or over TLS (RFC 959, 3659, 4217)."""

import ftplib
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from towpath.connectors.ftp.config import FtpConfig, Protocol
from towpath.connectors.ftp.errors import missing, translated
from towpath.connectors.ftp.paths import joined, on_server
from towpath.sdk import pem
from towpath.sdk.fileapp import Check, Entry
from towpath.sdk.fileapp.folder import CHUNK, Write

_CONNECT_SECONDS = 10
_SECONDS = 30
#: How long a connection may lie idle and still be used without asking.
_FRESH = 5
_NOT_THERE = ("500", "501", "502", "504")


class FtpFolder:
    """One connection at a time, used within `session` and kept between sessions while the server keeps it."""

    def __init__(self, config: FtpConfig) -> None:
        self._config = config
        self._ftp: ftplib.FTP | None = None
        self._home = "/"
        self._used = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    @contextmanager
    def session(self) -> Iterator[None]:
        if not self._is_alive():
            self._drop()
            self._ftp = self._connected()
        try:
            yield
        except BaseException:
            # Nobody knows what the server would answer to the next command: a transfer may be under way.
            self._drop()
            raise
        self._used = time.monotonic()

    @property
    def _server(self) -> ftplib.FTP:
        if self._ftp is None:
            raise RuntimeError("outside of a session")
        return self._ftp

    def _is_alive(self) -> bool:
        if self._ftp is None:
            return False
        if time.monotonic() - self._used < _FRESH:
            return True
        with suppress(OSError, EOFError, ftplib.Error):
            self._ftp.voidcmd("NOOP")
            return True
        return False

    def _drop(self) -> None:
        if self._ftp is not None:
            self._ftp.close()
            self._ftp = None

    def _connected(self) -> ftplib.FTP:
        config = self._config
        with translated(config):
            ftp = _new(config)
            try:
                ftp.connect(config.host, config.number, timeout=_CONNECT_SECONDS)
                ftp.timeout = _SECONDS
                if ftp.sock is not None:
                    ftp.sock.settimeout(_SECONDS)
                ftp.login(config.username, config.password.get_secret_value())
                if isinstance(ftp, ftplib.FTP_TLS):
                    ftp.prot_p()
                ftp.set_pasv(config.passive)
                self._home = ftp.pwd()
            except BaseException:
                ftp.close()
                raise
        return ftp

    def _at(self, path: str) -> str:
        return on_server(path, self._home, home_is_root=self._config.user_directory_is_root)

    def check(self) -> str:
        self.entries("/" if self._config.user_directory_is_root else self._home, "")
        greeting = (self._server.welcome or "").partition("\n")[0].removeprefix("220").strip(" -")
        return f"{self._config.protocol.upper()} server: {greeting or self._config.host}"

    def join(self, folder: str, name: str) -> str:
        return joined(folder, name)

    def entries(self, folder: str, starts: str) -> Sequence[Entry]:
        where = self._at(folder)
        with translated(self._config, folder):
            try:
                found = list(self._server.mlsd(where, ["type", "size", "modify"]))
            except ftplib.error_perm as error:
                if not str(error).startswith(_NOT_THERE):
                    raise
                return self._listed_slowly(folder, where, starts)
        files = [(name, facts) for name, facts in found if facts.get("type", "").lower() == "file"]
        if not all("size" in facts for _, facts in files):
            return self._listed_slowly(folder, where, starts)
        return [_entry(folder, name, facts) for name, facts in files]

    def _listed_slowly(self, folder: str, where: str, starts: str) -> Sequence[Entry]:
        """For servers without MLSD: names first, then size and time of each that may be wanted."""
        try:
            names = self._server.nlst(where)
        except ftplib.error_perm as error:
            if not str(error).startswith("550"):
                raise
            self._server.cwd(where)  # an empty folder may answer 550 too, a missing one does not let us in
            names = []
        plain = sorted({name.rstrip("/").rpartition("/")[2] for name in names})
        found = (self.entry(folder, name) for name in plain if name.startswith(starts))
        return [one for one in found if one is not None]

    def entry(self, folder: str, name: str) -> Entry | None:
        where = self._at(joined(folder, name))
        with translated(self._config, joined(folder, name)):
            try:
                return self._told(folder, name, where) or self._asked(folder, name, where)
            except ftplib.error_perm as error:
                if str(error).startswith("550"):
                    return None
                raise

    def _told(self, folder: str, name: str, where: str) -> Entry | None:
        """In the words of listings; None if the server does not know MLST, or not what size is."""
        try:
            line = self._server.sendcmd(f"MLST {where}").splitlines()[1]
        except ftplib.error_perm as error:
            if str(error).startswith(_NOT_THERE):
                return None
            raise
        except IndexError:
            return None
        words = (fact.partition("=") for fact in line.lstrip().partition(" ")[0].split(";"))
        facts = {key.lower(): value for key, _, value in words}
        return _entry(folder, name, facts) if "size" in facts else None

    def _asked(self, folder: str, name: str, where: str) -> Entry | None:
        self._server.voidcmd("TYPE I")
        size = self._server.size(where)
        try:
            modified = self._server.voidcmd(f"MDTM {where}")[4:].strip()
        except ftplib.error_perm as error:
            if not str(error).startswith(_NOT_THERE):
                raise
            modified = ""
        return _entry(folder, name, {"size": str(-1 if size is None else size), "modify": modified})

    def fetch(self, path: str, write: Write, check: Check) -> None:
        def take(data: bytes) -> None:
            check()
            write(data)

        with translated(self._config, path):
            self._server.retrbinary(f"RETR {self._at(path)}", take, CHUNK)

    def put(self, local: Path, folder: str, name: str, draft: str, check: Check) -> None:
        self._existing(folder)
        temporary, final = self._at(joined(folder, draft)), self._at(joined(folder, name))
        with translated(self._config, joined(folder, name), writing=True), local.open("rb") as file:
            try:
                self._server.storbinary(f"STOR {temporary}", file, CHUNK, lambda _: check())
            except ftplib.Error:
                with suppress(OSError, EOFError, ftplib.Error):
                    self._server.delete(temporary)
                raise
            self._rename(temporary, final)

    def _existing(self, folder: str) -> None:
        with translated(self._config, folder):
            try:
                self._server.cwd(self._at(folder))
            except ftplib.error_perm:
                raise missing(folder, self._config.host) from None

    def _rename(self, path: str, to: str) -> None:
        try:
            self._server.rename(path, to)
        except ftplib.error_perm:
            # Some servers do not replace a file that is there.
            with suppress(ftplib.error_perm):
                self._server.delete(to)
            self._server.rename(path, to)

    def move(self, path: str, folder: str, name: str) -> None:
        self._existing(folder)
        with translated(self._config, path, writing=True):
            self._rename(self._at(path), self._at(joined(folder, name)))

    def remove(self, path: str) -> None:
        with translated(self._config, path, writing=True):
            self._server.delete(self._at(path))


def _entry(folder: str, name: str, facts: Mapping[str, str]) -> Entry:
    """Of the facts of RFC 3659. Fractions of seconds are left out: servers tell them here and not there."""
    modified = facts.get("modify", "").partition(".")[0]
    return Entry(name, joined(folder, name), int(facts["size"]), modified)


def _new(config: FtpConfig) -> ftplib.FTP:
    if config.protocol == Protocol.FTP:
        # Unencrypted, as who made the connection wants it.
        return ftplib.FTP(encoding="utf-8")  # noqa: S321 - said above
    context = ssl.create_default_context(cadata=pem.tidy(config.ca_certificate) or None)
    if not config.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return _Ftps(context=context, encoding="utf-8")


class _Ftps(ftplib.FTP_TLS):
    """Data connections go on with the session of the control connection: many servers want to see that."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - TLS comes below
        session = getattr(self.sock, "session", None)
        try:
            wrapped = self.context.wrap_socket(connection, server_hostname=self.host, session=session)
        except BaseException:
            connection.close()
            raise
        return wrapped, size

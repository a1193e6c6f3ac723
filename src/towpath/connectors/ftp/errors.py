"""Translates what sockets, ftplib and paramiko raise: the only place that does."""

import errno
import ftplib
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from towpath.connectors.ftp.config import FtpConfig
from towpath.sdk import (
    AuthError,
    ConfigError,
    DataError,
    NotFoundError,
    ResourceError,
    TowpathError,
    UnreachableError,
)

_LOGIN = ("530", "331", "332")
_BUSY = ("421", "425", "426")
_NO_ROOM = ("452", "552")
_WANTS_TLS = ("521", "522", "533", "534")
_NOT_TAKEN = ("450", "451", "501", "532", "550", "553")
_TLS = re.compile(r"\b(AUTH|TLS|SSL)\b")
_DENIED = re.compile(r"permission|denied|not allowed|read.?only|not enough privileges|access", re.IGNORECASE)
_FULL = re.compile(r"no space|quota|disk full|exceeded storage", re.IGNORECASE)


@contextmanager
def translated(config: FtpConfig, path: str = "", *, writing: bool = False) -> Iterator[None]:
    """Whatever is raised within leaves as a `TowpathError`."""
    try:
        yield
    except TowpathError:
        raise
    except (OSError, EOFError, ftplib.Error, ValueError) as error:
        raise translate(error, config, path, writing=writing) from error


def translate(
    error: BaseException, config: FtpConfig, path: str = "", *, writing: bool = False
) -> TowpathError:
    """The error that says what this one says. Texts of servers hold no passwords."""
    where = f"{config.host}:{config.number}"
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ftplib.error_perm | ftplib.error_temp):
        return _replied(text, where, path, writing=writing)
    if isinstance(error, ftplib.Error):
        return protocol(where, text)
    if isinstance(error, OSError):
        return _of_file(error, where, path, writing=writing) or _of_network(error, where, text)
    if isinstance(error, ValueError):
        return _of_text(error, where, path, text)
    return _of_network(error, where, text)


def _of_file(error: OSError, where: str, path: str, *, writing: bool) -> TowpathError | None:
    """What SFTP says of files in the words of the system; None if it is something else."""
    if isinstance(error, FileNotFoundError):
        return missing(path or where, where)
    if isinstance(error, PermissionError):
        return denied(path or where, where, writing=writing)
    return full(path, where) if error.errno in (errno.ENOSPC, errno.EDQUOT) else None


def _of_text(error: ValueError, where: str, path: str, text: str) -> TowpathError:
    if isinstance(error, UnicodeDecodeError):
        return protocol(where, f"it names files in another encoding than UTF-8 ({text})")
    if isinstance(error, UnicodeError) and not path:
        return _unresolved(where)
    return DataError(
        "file.name",
        f"{path!r} cannot be a path on {where}: {text}.",
        hint="Correct the directory, or its template.",
    )


def _of_network(error: BaseException, where: str, text: str) -> TowpathError:
    if isinstance(error, ssl.SSLError):
        return ConfigError(
            "connection.tls",
            f"{where} and we agree on no TLS: {text}.",
            hint="Check protocol, the server's certificate, ca_certificate and verify_certificate.",
            field="protocol",
        )
    if isinstance(error, socket.gaierror):
        return _unresolved(where)
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            "connection.refused",
            f"Nothing answers at {where}.",
            hint="Check host, port and protocol, and that the server runs.",
        )
    if isinstance(error, TimeoutError):
        return UnreachableError(
            "connection.timeout",
            f"{where} does not answer in time.",
            hint="Check host and port, passive mode, and the firewalls between here and the server.",
        )
    return UnreachableError(
        "connection.lost",
        f"The connection to {where} broke: {text}.",
        hint="It is tried again; if it goes on, see the server's own log.",
    )


def _unresolved(where: str) -> UnreachableError:
    return UnreachableError(
        "connection.unresolved",
        f"The host of {where} has no address.",
        hint="Check the spelling of the host name and the DNS.",
    )


def _replied(text: str, where: str, path: str, *, writing: bool) -> TowpathError:
    """What an answer of an FTP server says. Numbers are of RFC 959, 2228 and 4217; texts are anybody's."""
    code = text[:3]
    if code in _LOGIN:
        return refused(where)
    if code in _BUSY:
        return UnreachableError(
            "connection.lost",
            f"{where} gave up: {text}.",
            hint="It is tried again; check passive mode, and how many connections the server allows.",
        )
    if code in _NO_ROOM or _FULL.search(text):
        return full(path, where)
    if code in _WANTS_TLS or _TLS.search(text):
        return ConfigError(
            "connection.tls",
            f"{where} and we agree on no TLS: {text}.",
            hint="Use protocol ftps where the server wants TLS, and ftp or sftp where it has none.",
            field="protocol",
        )
    if code in _NOT_TAKEN:
        return denied(path, where, writing=writing) if _DENIED.search(text) else missing(path, where)
    return protocol(where, text)


def refused(where: str) -> AuthError:
    return AuthError(
        "connection.auth_failed",
        f"{where} refused the login.",
        hint="Check user name, password and key, and that the user may use this protocol.",
    )


def missing(path: str, where: str) -> NotFoundError:
    return NotFoundError(
        "path.not_found",
        f"{path} cannot be found on {where}.",
        hint="Check the directory, and whether paths begin in the user's own (user_directory_is_root).",
        path=path,
    )


def denied(path: str, where: str, *, writing: bool) -> ResourceError:
    return ResourceError(
        "path.read_only" if writing else "path.forbidden",
        f"{path} on {where} may not be {'written' if writing else 'read'}.",
        hint="Give the user the right on the server.",
        path=path,
    )


def full(path: str, where: str) -> ResourceError:
    return ResourceError(
        "disk.full",
        f"{where} has no room for {path}.",
        hint="Free space there, or raise the quota.",
        retryable=True,
    )


def protocol(where: str, text: str) -> ConfigError:
    return ConfigError(
        "connection.protocol",
        f"{where} does not speak the protocol as it should: {text[:200]}.",
        hint="Check port and protocol.",
        field="protocol",
    )

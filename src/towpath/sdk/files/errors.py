"""Turns what file systems raise into errors that say what to do. The only place that reads their texts."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from towpath.core.errors import (
    AuthError,
    ConfigError,
    DataError,
    NotFoundError,
    ResourceError,
    TowpathError,
    UnreachableError,
)

_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_AUTH = ("INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_DENIED = ("ACCESS_DENIED", "AccessDenied", "Forbidden")
_NO_BUCKET = ("NO_SUCH_BUCKET", "NoSuchBucket")


@contextmanager
def translated(where: str, *, writing: bool = False) -> Iterator[None]:
    """Raise every `OSError` and Arrow error of the block as one of ours; ``where`` is what users know."""
    try:
        yield
    except TowpathError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise translate(error, where, writing=writing) from error


def translate(error: Exception, where: str, *, writing: bool = False) -> TowpathError:
    """The error to raise instead of ``error``."""
    number = getattr(error, "errno", None)
    if number is None and "AWS Error" in str(error):
        return _of_s3(str(error), where)
    if number in _FORBIDDEN:
        return _forbidden(number, where, writing=writing)
    if number in _KNOWN:
        return _KNOWN[number](_reason(number), where)
    if isinstance(error, pa.ArrowInvalid | pa.ArrowTypeError | pa.ArrowNotImplementedError):
        return DataError(
            "file.invalid",
            f"{where} cannot be read or written: {error}.",
            hint="The file is damaged, or not of the format it is taken for.",
        )
    return ResourceError(
        "path.failed",
        f"{where} could not be {'written' if writing else 'read'}: {_reason(number) or error}.",
        hint="Check the disk or network share that holds it.",
        retryable=True,
    )


def _full(reason: str, where: str) -> TowpathError:
    return ResourceError(
        "disk.full",
        f"There is no room to write {where}: {reason}.",
        hint="Free some space (or raise the quota or file size limit), then run again: "
        "nothing of this run is visible yet.",
        retryable=True,
    )


def _missing(reason: str, where: str) -> TowpathError:
    return NotFoundError(
        "path.not_found",
        f"{where} cannot be found: {reason}.",
        hint="Check the path; it is seen from the machine that runs the worker.",
    )


def _not_a_folder(reason: str, where: str) -> TowpathError:
    return ConfigError(
        "path.not_a_folder",
        f"{where} cannot be: a part of the path is a file ({reason}).",
        hint="Set path to a folder.",
        field="path",
    )


_KNOWN: dict[int | None, Callable[[str, str], TowpathError]] = {
    errno.ENOSPC: _full,
    errno.EDQUOT: _full,
    errno.EFBIG: _full,
    errno.ENOENT: _missing,
    errno.ENOTDIR: _not_a_folder,
}


def _forbidden(number: int | None, where: str, *, writing: bool) -> TowpathError:
    if writing:
        return ResourceError(
            "path.read_only",
            f"{where} cannot be written: {_reason(number)}.",
            hint="Give the user that runs the worker write permission on the folder.",
        )
    return ResourceError(
        "path.forbidden",
        f"{where} cannot be read: {_reason(number)}.",
        hint="Give the user that runs the worker read permission on the folder and its files.",
    )


def _of_s3(text: str, where: str) -> TowpathError:
    if any(word in text for word in _AUTH):
        return AuthError(
            "connection.auth_failed",
            f"The storage refused the keys for {where}.",
            hint="Check access_key and secret_key.",
        )
    if any(word in text for word in _DENIED):
        return AuthError(
            "connection.denied",
            f"The storage denied the access to {where}.",
            hint="The keys need leave to list, read, write and delete under the path.",
        )
    if any(word in text for word in _NO_BUCKET):
        return ConfigError(
            "bucket.not_found",
            f"There is no such bucket: {where}.",
            hint="Check the bucket's name and the region, or create the bucket.",
            field="path",
        )
    if "NETWORK_CONNECTION" in text:
        return UnreachableError(
            "connection.tls" if "SSL" in text else "connection.refused",
            f"The storage does not answer for {where}: {text.rpartition('Details: ')[2]}.",
            hint="Check endpoint (http or https, host, port) and the network.",
        )
    return UnreachableError(
        "connection.failed",
        f"The storage failed for {where}: {text.partition('AWS Error ')[2].partition(' (Request ID')[0]}.",
        hint="Try again; if it goes on, look at the storage's own log.",
    )


def _reason(number: int | None) -> str:
    return os.strerror(number) if number else ""

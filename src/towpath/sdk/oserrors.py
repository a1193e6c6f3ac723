"""Errors of the local file system in our words: one place for all connectors that keep files."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from towpath.core.errors import ConfigError, ResourceError, TowpathError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Within, an `OSError` comes out as the error that `translate` makes of it."""
    try:
        yield
    except OSError as error:
        raise translate(error, path) from error


def translate(error: OSError, path: Path) -> TowpathError:
    """``disk.full``, ``path.not_found``, ``path.not_a_folder``, ``path.read_only`` or ``path.failed``."""
    if error.errno in _FULL:
        return ResourceError(
            "disk.full", f"No space is left for {path}.", hint="Free space on that disk.", path=str(path)
        )
    if error.errno in _FORBIDDEN:
        return ResourceError(
            "path.read_only",
            f"{path} cannot be written: {error.strerror}.",
            hint="Give the user that runs Towpath the right to write there, or choose another path.",
            path=str(path),
        )
    if error.errno == errno.ENOTDIR:
        return ConfigError(
            "path.not_a_folder",
            f"{path} cannot be: a part of the path is a file.",
            hint="Correct the path.",
            field="path",
            path=str(path),
        )
    if error.errno == errno.ENOENT:
        return ConfigError(
            "path.not_found", f"There is no {path}.", hint="Correct the path.", field="path", path=str(path)
        )
    return ResourceError(
        "path.failed",
        f"{path}: {error.strerror or error}.",
        hint="Check the disk.",
        retryable=True,
        path=str(path),
    )

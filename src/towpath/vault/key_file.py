"""The master keys in a file that only its owner can read."""

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from towpath.core.errors import BusyError, ConfigError, IntegrityError, ResourceError, TowpathError
from towpath.vault.keyring import Keyring, malformed

_HEADER = """\
# The master key of Towpath: without it no stored secret can be read again. Keep a copy in a safe place,
# apart from the backups of the store. The first key is the current one; a second one is there only while
# `towpath secrets rotate` is at work.
"""

#: More than any number of keys needs, less than a mistaken path could fill the memory with.
_MAX_BYTES = 65_536

#: How long another process may keep the lock, in seconds.
_PATIENCE = 10.0

_Mark = tuple[int, int, int, int]


class FileKeys:
    """Keys in a file of mode 0600 that the user who runs towpath owns.

    ``create=False`` for a file that somebody else brings: it must then be there, and is never changed.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.place = str(path)
        self.writable = create
        self._path = path
        self._guard = threading.Lock()
        self._seen: tuple[_Mark, Keyring] | None = None

    def load(self) -> Keyring | None:
        with self._guard:
            try:
                mark = _mark(self._path.stat())
                if self._seen is None or self._seen[0] != mark:
                    self._seen = self._read()
            except FileNotFoundError:
                return None
            except OSError as error:
                raise self._unusable(f"cannot be read: {error.strerror}") from error
            return self._seen[1]

    def create(self, ring: Keyring) -> Keyring:
        with self.locked():
            present = self.load()
            if present is None:
                self.replace(ring)
        return present or ring

    def replace(self, ring: Keyring) -> None:
        if not self.writable:
            raise ConfigError(
                "vault.key_given",
                f"The key file {self._path} is kept by somebody else and not changed from here.",
                hint="Put a new key above the present one in it, restart all processes, then run "
                "`towpath secrets rotate`; when it has finished take the old key out.",
                field="TOWPATH_MASTER_KEY_FILE",
            )
        new = self._path.with_name(f".{self._path.name}.new")
        try:
            _write(new, _HEADER + "".join(f"{key.text}\n" for key in ring))
            new.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            raise self._not_written(error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        if not self.writable:
            yield
            return
        try:
            lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise self._not_written(error) from error
        try:
            _wait_for(lock)
            yield
        finally:
            os.close(lock)

    def _read(self) -> tuple[_Mark, Keyring]:
        file = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            status = os.fstat(file)
            self._check(status)
            text = os.read(file, _MAX_BYTES)
        finally:
            os.close(file)
        with suppress(UnicodeDecodeError):
            return _mark(status), Keyring.parse(text.decode())
        raise malformed(f"{self._path} is not text")

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise self._unusable("is not a file")
        if status.st_uid != os.geteuid():
            raise self._unusable(f"belongs to user {status.st_uid}, not to {os.geteuid()}, who runs towpath")
        if status.st_mode & 0o077:
            raise self._unusable(f"can be read by others (mode {stat.S_IMODE(status.st_mode):04o})")

    def _unusable(self, why: str) -> IntegrityError:
        return IntegrityError(
            "vault.key_permissions",
            f"The key file {self._path} {why}.",
            hint=f"Run `chown $(id -u) {self._path} && chmod 600 {self._path}` as the user that owns the "
            "store. If others may have read the key, run `towpath secrets rotate` then.",
            path=str(self._path),
        )

    def _not_written(self, error: OSError) -> TowpathError:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return ResourceError(
            "disk.full" if full else "path.read_only",
            f"The key file {self._path} cannot be written: {error.strerror}.",
            hint="Free disk space."
            if full
            else "Make its folder writable for the user that runs towpath. A file that is mounted by itself "
            "cannot be replaced: keep it outside of the home folder, and name it in TOWPATH_MASTER_KEY_FILE.",
            path=str(self._path),
        )


def _mark(status: os.stat_result) -> _Mark:
    """Changes whenever the file, its mode or its owner does."""
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _write(path: Path, text: str) -> None:
    """The whole text is on the disk when this returns, readable for the owner only at any moment."""
    with suppress(FileNotFoundError):
        path.unlink()  # left by a killed process
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(file, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(file)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _wait_for(lock: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise BusyError(
                    "vault.busy",
                    "Another process is changing the master key.",
                    hint="Wait until its `towpath secrets rotate` has ended.",
                ) from error
            time.sleep(0.02)
        else:
            return

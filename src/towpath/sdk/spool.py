"""Staging beside a database file: one Arrow IPC file for each attempt at a slice.

Databases in a file take one writer at a time, and slices are many processes. So slices write files in a
hidden folder beside the database, without touching it, and the commit reads the files that its receipts
name into one transaction. The folder is
``.<name>.towpath/<lineage and stream>/<run>/<slice>.<attempt>.arrow``.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from towpath.core.errors import BusyError, IntegrityError
from towpath.core.model import Batch, Receipt, Rejected, Slice, Target
from towpath.sdk.oserrors import translated
from towpath.sdk.rejects import Fault, arrow_face, null_keys, split

#: Finds the records of a batch that the system cannot hold.
Check = Callable[[pa.RecordBatch], Iterable[Fault]]

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
_LOCK = "lock"
_POLL = 0.05
_TRIES = 100


class Spool:
    """The staging folder of one database file. Any number of processes may use it at once."""

    def __init__(self, database: Path) -> None:
        self._root = database.parent / f".{database.name}.towpath"

    def prepare(self, target: Target) -> None:
        """Sweep what other runs of the same lineage and stream left; what this run staged stays."""
        stream, run = self._stream(target), self._run(target)
        with translated(self._root):
            for other in stream.iterdir() if stream.is_dir() else ():
                if other != run:
                    shutil.rmtree(other, ignore_errors=True)
            _make(run)

    def writer(self, target: Target, slice: Slice, check: Check = lambda _: ()) -> "SpoolWriter":
        """A writer for one attempt at the slice."""
        run = self._run(target)
        with translated(self._root):
            _make(run)
        return SpoolWriter(run / f"{slice.id}.{secrets.token_hex(4)}.arrow", target, slice, check)

    def read(self, target: Target, receipts: Sequence[Receipt]) -> Iterator[pa.RecordBatch]:
        """The staged batches that the receipts name, in the order of their slices.

        Raises `IntegrityError` ``staging.lost`` if a file is gone.
        """
        for receipt in sorted(receipts, key=lambda receipt: receipt.slice):
            path = self._run(target) / Path(receipt.detail["file"]).name
            try:
                with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
                    yield from reader
            except (OSError, pa.ArrowInvalid) as error:
                raise IntegrityError(
                    "staging.lost",
                    f"The staged records of slice {receipt.slice} cannot be read: {path}: {error}.",
                    hint="Something removed or damaged the staging folder. Run the flow again.",
                ) from error

    def discard(self, target: Target) -> None:
        """Sweep all that this run staged of this stream, and the folders that are empty then."""
        shutil.rmtree(self._run(target), ignore_errors=True)
        with suppress(OSError):  # not empty, or gone already
            self._stream(target).rmdir()
        with suppress(OSError):
            self._root.rmdir()

    @contextmanager
    def lock(self, patience: float) -> Iterator[None]:
        """Hold this database's lock among Towpath's own processes; waits up to ``patience`` seconds.

        Raises `BusyError` ``lock.timeout``. The kernel frees the lock of a process that dies.
        """
        path = self._root / _LOCK
        with translated(self._root):
            held = self._acquire(path, time.monotonic() + patience)
        try:
            yield
        finally:
            with suppress(OSError):  # swept while held: who waits for it notices that the file is another
                path.unlink()
            os.close(held)
            with suppress(OSError):
                self._root.rmdir()

    def _acquire(self, path: Path, deadline: float) -> int:
        while True:
            held = _open(path)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is(path, held):
                    return held
            except BlockingIOError:
                _check_deadline(path, deadline)
            except BaseException:
                os.close(held)
                raise
            os.close(held)

    def _stream(self, target: Target) -> Path:
        key = hashlib.blake2b(f"{target.lineage}\0{target.stream}".encode(), digest_size=12)
        return self._root / key.hexdigest()

    def _run(self, target: Target) -> Path:
        return self._stream(target) / target.run


def _make(folder: Path) -> None:
    """Make the folder and those above it, while other processes may sweep empty ones away."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            return
    folder.mkdir(parents=True, exist_ok=True)


def _open(path: Path) -> int:
    for _ in range(_TRIES):
        _make(path.parent)
        with suppress(FileNotFoundError):  # the folder was swept in between
            return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _is(path: Path, held: int) -> bool:
    """Whether the path still names the file that is open, and not a later one."""
    try:
        return path.stat().st_ino == os.fstat(held).st_ino
    except FileNotFoundError:
        return False


def _check_deadline(path: Path, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise BusyError(
            "lock.timeout",
            f"Another run is still committing to the database of {path.parent}.",
            hint="It is tried again; run fewer flows into one database file at a time if it lasts.",
        )
    time.sleep(_POLL)


class SpoolWriter:
    """Writes one slice into its own file. Records without their key are rejected in an upsert."""

    def __init__(self, path: Path, target: Target, slice: Slice, check: Check) -> None:
        self._path, self._target, self._slice, self._check = path, target, slice, check
        self._rows = 0
        with translated(path):
            self._file = path.open("xb")
            self._stream = pa.ipc.new_stream(self._file, target.schema, options=_OPTIONS)

    def write(self, batch: Batch) -> Sequence[Rejected]:
        arrow, rejected = arrow_face(batch)
        arrow = arrow.select(self._target.schema.names)
        kept, more = split(arrow, [*null_keys(arrow, self._target), *self._check(arrow)])
        with translated(self._path):
            self._stream.write_batch(kept)
        self._rows += kept.num_rows
        return [*rejected, *more]

    def close(self) -> Receipt:
        with translated(self._path):
            self._stream.close()
            size = self._file.tell()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return Receipt(self._slice.id, self._rows, size, {"file": self._path.name})

    def abandon(self) -> None:
        with suppress(OSError, ValueError, pa.ArrowException):  # even if it is closed already
            self._stream.close()
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

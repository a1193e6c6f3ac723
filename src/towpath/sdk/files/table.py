"""One target in a place: its visible folder, its hidden one, its lock, its life in two phases."""

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from towpath.core.errors import BusyError, ConflictError, IntegrityError, UnreachableError
from towpath.core.model import Slice, Target
from towpath.sdk.files import manifest as manifests
from towpath.sdk.files import names, show
from towpath.sdk.files.errors import translate
from towpath.sdk.files.manifest import DataFile, Manifest
from towpath.sdk.files.place import Place

HIDDEN = "_towpath"
_LOCK_SECONDS = 120
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


def key(name: str, namespace: str | None) -> str:
    """What a target or stream is called in full."""
    return f"{namespace}.{name}" if namespace else name


class FileTable:
    """A target as files."""

    def __init__(self, place: Place, folder: str) -> None:
        self.place = place
        self.folder = folder
        self.hidden = f"{HIDDEN}/{folder}"

    @classmethod
    def of(cls, place: Place, target: Target) -> "FileTable":
        return cls(place, names.encode(key(target.name, target.namespace)))

    def latest(self) -> Manifest | None:
        """The newest manifest."""
        return manifests.latest(self.place, self.folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One at a time in prepare, commit and discard, on this machine and wherever the share has locks.

        S3 has none: there the engine's promise of one run per flow must do. # Invariant 5
        """
        if not self.place.local:
            yield
            return
        folder = self.place.at(self.hidden)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise translate(error, self.place.where(self.hidden), writing=True) from error
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        end = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise BusyError(
                        "target.busy",
                        f"Another run has been publishing to {self.place.where(self.folder)} "
                        f"for {_LOCK_SECONDS} seconds.",
                        hint="Give each flow a target of its own.",
                    ) from None
                time.sleep(0.01)
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    return
                raise translate(error, self.place.where(self.hidden), writing=True) from error
            else:
                return

    # ── staging ──────────────────────────────────────────────────────────────────────────────────

    def staged_name(self, target: Target, slice: Slice, suffix: str, part: int, attempt: str) -> str:
        """Path, below the hidden folder, of one staged file; no plain pattern for data files matches it."""
        return f"{_staging(target)}/{slice.id}-{attempt}-{part:04}{suffix}.part"

    def make_staging(self, target: Target) -> None:
        """Make the folder, and so learn early that nothing can be written."""
        if self.place.local:
            path = f"{self.hidden}/{_staging(target)}"
            try:
                self.place.at(path).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise translate(error, self.place.where(path), writing=True) from error

    def check_staged(self, files: Sequence[DataFile]) -> None:
        """Raise `IntegrityError` if staged files have vanished: nothing half may be published."""
        cut = len(self.hidden) + 1
        there = {found.path[cut:] for found in self.place.files(f"{self.hidden}/staging")} if files else set()
        lost = [file.staged for file in files if file.staged not in there]
        if lost:
            raise IntegrityError(
                "staging.lost",
                f"{len(lost)} staged files of {self.place.where(self.folder)} have vanished, with {lost[0]}.",
                hint="Somebody has cleaned the staging folder while the run went on. Run again.",
            )

    def sweep_staging(self, target: Target, *, others: bool) -> None:
        """Remove this run's staging, or that of the other runs of its lineage and stream.

        The newest manifest must be settled: it may name staged files.
        """
        mine = _staging(target)
        line, _, run = mine.rpartition("/")
        for name in self.place.entries(f"{self.hidden}/{line}")[0]:
            if (name != run) is others:
                self.place.remove_tree(f"{self.hidden}/{line}/{name}")
        if self.place.local and not others:
            self._prune(line)

    def _prune(self, line: str) -> None:
        for path in (line, "staging"):
            folder = self.place.at(f"{self.hidden}/{path}")
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    # ── publishing ───────────────────────────────────────────────────────────────────────────────

    def settle(self) -> Manifest | None:
        """Finish what a killed commit may have left; the newest manifest, settled."""
        current = self.latest()
        if current is not None:
            show.settle(self.place, self.folder, self.hidden, current)
        return current and current.settled()

    def publish(self, manifest: Manifest) -> None:
        """Make it the newest manifest, and show it."""
        manifests.publish(self.place, self.folder, manifest)
        show.settle(self.place, self.folder, self.hidden, manifest)
        manifests.forget(self.place, self.folder)
        show.sweep_old(self.place, self.hidden)

    def sweep_old(self) -> None:
        show.sweep_old(self.place, self.hidden)

    def check_ours(self) -> None:
        """Raise `ConflictError` if the folder has files that are not ours: they would be mixed with ours."""
        if self.place.files(self.folder):
            raise ConflictError(
                "target.foreign",
                f"{self.place.where(self.folder)} holds files that Towpath has not written.",
                hint="Choose another target name, or move these files away.",
            )

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def open(self, file: DataFile) -> pa.NativeFile:
        """A file of some recent manifest, wherever it is at this moment of a commit.

        Raises `UnreachableError` (``source.snapshot_lost``) once it is gone for good.
        """
        for _ in range(2):
            for path in self._places(file):
                try:
                    return self.place.open(path)
                except FileNotFoundError:
                    continue
            kept = show.find_old(self.place, self.hidden, file.path)
            if kept is not None:
                return self.place.open(kept)
        raise UnreachableError(
            "source.snapshot_lost",
            f"{self.place.where(f'{self.folder}/{file.path}')} was replaced while it was to be read.",
            hint="The run starts again from the new version. If it goes on, somebody deletes files.",
        )

    def opener(self, file: DataFile) -> Callable[[], pa.NativeFile]:
        """`open` of this file, for later."""
        return lambda: self.open(file)

    def _places(self, file: DataFile) -> list[str]:
        visible = f"{self.folder}/{file.path}" if self.folder else file.path
        return [visible, f"{self.hidden}/{file.staged}"] if file.staged else [visible]


def _staging(target: Target) -> str:
    line = names.short_digest(target.lineage, target.stream)
    return f"staging/{line}/{names.short_digest(target.run)}"


def new_attempt() -> str:
    """Tells the files of two attempts of one slice apart."""
    return secrets.token_hex(6)

"""A folder on disk or a prefix on S3, and the few things we do there; paths are relative, with slashes."""

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from towpath.core.errors import ConflictError
from towpath.sdk.endpoints import check_endpoint
from towpath.sdk.files.config import S3, FilesConfig
from towpath.sdk.files.errors import translated

_CONNECT_SECONDS = 2
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}


@dataclass(frozen=True)
class Found:
    """One file of a listing."""

    path: str
    bytes: int


class Place:
    """Where a connection points. Every method raises our own errors, or what it says."""

    def __init__(self, config: FilesConfig) -> None:
        self.local = not config.remote
        self.title = config.path.rstrip("/") or "/"
        if self.local:
            self.root = str(Path(config.path).expanduser().absolute())
            self.fs: Any = pafs.LocalFileSystem()
        else:
            self.root = config.path.removeprefix(S3).strip("/")
            self.fs = _s3(config)

    def full(self, path: str) -> str:
        """The path as ``fs`` wants it."""
        return f"{self.root}/{path}" if path else self.root

    def where(self, path: str) -> str:
        """The path as users know it."""
        return f"{self.title}/{path}" if path else self.title

    def at(self, path: str) -> Path:
        """The path on disk. For local places only."""
        return Path(self.full(path))

    def exists(self) -> bool:
        """Whether the folder is there; a prefix is if its bucket is."""
        if self.local:
            return self.at("").is_dir()
        self.entries()
        return True

    def is_file(self, path: str) -> bool:
        with translated(self.where(path)):
            return bool(self.fs.get_file_info(self.full(path)).type == pafs.FileType.File)

    def files(self, path: str) -> list[Found]:
        """All files below the folder, by path; none if there is no such folder."""
        cut = len(self.root) + 1
        found = (info for info in self._infos(path, recursive=True) if info.type == pafs.FileType.File)
        return sorted((Found(info.path[cut:], info.size) for info in found), key=lambda one: one.path)

    def entries(self, path: str = "") -> tuple[list[str], list[str]]:
        """Names of the folders and of the files directly in the folder, sorted; none if it is missing."""
        infos = self._infos(path, recursive=False)
        folders = sorted(info.base_name for info in infos if info.type == pafs.FileType.Directory)
        # A zero-byte object named like its prefix stands for the prefix itself.
        return folders, sorted(info.base_name for info in infos if info.type == pafs.FileType.File)

    def _infos(self, path: str, *, recursive: bool) -> list[Any]:
        with translated(self.where(path)):
            try:
                return list(self.fs.get_file_info(pafs.FileSelector(self.full(path), recursive=recursive)))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def read(self, path: str) -> bytes:
        """The file's bytes. Raises `FileNotFoundError`."""
        with self.open(path) as file, translated(self.where(path)):
            return bytes(file.read())

    def open(self, path: str) -> pa.NativeFile:
        """The file for random reads. Raises `FileNotFoundError`."""
        with translated(self.where(path)):
            try:
                return self.fs.open_input_file(self.full(path))
            except FileNotFoundError as missing:
                gone = missing
        raise gone

    def create(self, path: str) -> pa.NativeFile:
        """A new file to write; on S3 it appears when it is closed."""
        with translated(self.where(path), writing=True):
            if self.local:
                self.at(path).parent.mkdir(parents=True, exist_ok=True)
            return self.fs.open_output_stream(self.full(path))

    def sync(self, path: str) -> None:
        """Make the closed file, and that it is there, survive a loss of power. S3 has done so already."""
        if self.local:
            with translated(self.where(path), writing=True):
                _fsync(self.at(path))
                _fsync(self.at(path).parent)

    def publish(self, path: str, data: bytes) -> None:
        """Write a whole new file in one atomic act; raises `ConflictError` if there is one.

        On S3 two writers at the very same time may both succeed (the last one wins): a target has one
        flow, and a flow has one run at a time. # Invariant 5
        """
        if self.local:
            self._publish_local(path, data)
        elif self.is_file(path):
            raise self._taken(path)
        else:
            with translated(self.where(path), writing=True), self.create(path) as file:
                file.write(data)

    def _publish_local(self, path: str, data: bytes) -> None:
        final = self.at(path)
        draft = final.with_name(f".{final.name}.{os.getpid()}")
        with translated(self.where(path), writing=True):
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                draft.write_bytes(data)
                _fsync(draft)
                _link(draft, final)
            except FileExistsError:
                raise self._taken(path) from None
            finally:
                draft.unlink(missing_ok=True)
            _fsync(final.parent)

    def _taken(self, path: str) -> ConflictError:
        return ConflictError(
            "target.changed",
            f"Somebody else has just written {self.where(path)}.",
            hint="Two flows write this target at once. Try again, and give each flow a target of its own.",
            retryable=True,
        )

    def move(self, path: str, to: str) -> None:
        """Rename; on S3 copy and delete. A missing file is one that was moved already."""
        with translated(self.where(to), writing=True), suppress(FileNotFoundError):
            if self.local:
                self.at(to).parent.mkdir(parents=True, exist_ok=True)
                self.at(path).rename(self.at(to))
            else:
                self.fs.copy_file(self.full(path), self.full(to))
                self.fs.delete_file(self.full(path))

    def remove(self, path: str) -> None:
        """Delete a file, if it is there."""
        with translated(self.where(path), writing=True), suppress(FileNotFoundError):
            self.fs.delete_file(self.full(path))

    def remove_tree(self, path: str) -> None:
        """Delete a folder with all that is in it, if it is there."""
        with translated(self.where(path), writing=True), suppress(FileNotFoundError):
            if self.local:
                shutil.rmtree(self.at(path))
            else:
                self.fs.delete_dir(self.full(path))


def _s3(config: FilesConfig) -> Any:
    if config.endpoint:
        check_endpoint(config.endpoint, "endpoint")
    keys = {"access_key": config.access_key, "secret_key": config.secret_key.get_secret_value()}
    return pafs.S3FileSystem(
        **(keys if config.access_key else {}),
        region=config.region or ("us-east-1" if config.endpoint else None),
        endpoint_override=config.endpoint or None,
        connect_timeout=_CONNECT_SECONDS,
    )


def _link(draft: Path, final: Path) -> None:
    """Give the draft its final name unless that is taken. Raises `FileExistsError`."""
    try:
        os.link(draft, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if final.exists():
            raise FileExistsError(final) from None
        draft.rename(final)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Buckets as folders. Paths are ``bucket/key``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow.fs as pafs

from towpath.connectors.s3.config import S3Config
from towpath.sdk import AuthError, ConfigError
from towpath.sdk.fileapp import Check, Entry
from towpath.sdk.fileapp.folder import CHUNK, Write
from towpath.sdk.files.config import FilesConfig
from towpath.sdk.files.errors import translated
from towpath.sdk.files.place import Place


class S3Folder:
    """The buckets of one region. Every request stands for itself: there is no connection to keep."""

    def __init__(self, config: S3Config, region: str) -> None:
        self._config, self._region = config, region

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    @contextmanager
    def session(self) -> Iterator[None]:
        yield

    @cached_property
    def _fs(self) -> Any:
        """The client of the file connectors: it checks the endpoint's address first."""
        settings = FilesConfig(
            path="s3://bucket",
            endpoint=self._config.endpoint,
            region=self._region,
            access_key=self._config.access_key,
            secret_key=self._config.secret_key,
        )
        return Place(settings).fs

    def check(self) -> str:
        bucket = self._config.bucket
        if bucket:
            self.entries(bucket, "")
            return f"S3: the bucket {bucket} can be listed"
        try:
            with translated("the list of buckets"):
                found = self._fs.get_file_info(pafs.FileSelector("", recursive=False))
        except AuthError as error:
            if error.code != "connection.denied":
                raise
            return "S3: the keys are good, and may not list the buckets"
        return f"S3: {len(found)} buckets"

    def join(self, folder: str, name: str) -> str:
        return f"{folder}/{name}"

    def entries(self, folder: str, starts: str) -> Sequence[Entry]:
        """All files whose keys begin so, however deep."""
        base = starts.rpartition("/")[0]
        root = f"{folder}/{base}" if base else folder
        selector = pafs.FileSelector(root, recursive=True, allow_not_found=bool(base))
        with _translated(folder):
            try:
                found = self._fs.get_file_info(selector)
            except FileNotFoundError:
                raise _no_bucket(folder) from None
        cut = len(folder) + 1
        return [_entry(info.path[cut:], info) for info in found if info.type == pafs.FileType.File]

    def entry(self, folder: str, name: str) -> Entry | None:
        path = self.join(folder, name)
        with _translated(path):
            info = self._fs.get_file_info(path)
        return _entry(name, info) if info.type == pafs.FileType.File else None

    def fetch(self, path: str, write: Write, check: Check) -> None:
        with _translated(path), self._fs.open_input_stream(path) as file:
            while data := file.read(CHUNK):
                check()
                write(data)

    def put(self, local: Path, folder: str, name: str, draft: str, check: Check) -> None:
        """One put or a multipart upload: the file appears when it is complete, so no draft is needed.

        Once begun it is not stopped by ``check``: closing the stream would publish a half.
        """
        check()
        path = self.join(folder, name)
        with _translated(path, writing=True), local.open("rb") as source:
            try:
                with self._fs.open_output_stream(path) as file:
                    while data := source.read(CHUNK):
                        file.write(data)
            except FileNotFoundError:
                raise _no_bucket(folder) from None

    def move(self, path: str, folder: str, name: str) -> None:
        with _translated(self.join(folder, name), writing=True), suppress(FileNotFoundError):
            self._fs.copy_file(path, self.join(folder, name))
            self._fs.delete_file(path)

    def remove(self, path: str) -> None:
        with _translated(path, writing=True), suppress(FileNotFoundError):
            self._fs.delete_file(path)


def _translated(path: str, *, writing: bool = False) -> Any:
    return translated(f"s3://{path}", writing=writing)


def _entry(name: str, info: Any) -> Entry:
    return Entry(name, info.path, info.size, str(info.mtime_ns or ""))


def _no_bucket(bucket: str) -> ConfigError:
    return ConfigError(
        "bucket.not_found",
        f"There is no such bucket: {bucket}.",
        hint="Check the bucket's name and the region, or create the bucket.",
        field="bucket",
    )

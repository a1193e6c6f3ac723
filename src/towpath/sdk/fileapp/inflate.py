"""Compressed files, opened as what they hold. Archives that would blow up are refused."""

import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from towpath.core.errors import DataError
from towpath.sdk.fileapp.folder import check_name
from towpath.sdk.fileapp.formats import Compression

#: Below this nothing is taken for a bomb; above it no honest data shrinks as much as this.
_HARMLESS = 64 * 1024 * 1024
_RATIO = 200
_MAX_MEMBERS = 10_000


def members(file: BinaryIO, compression: Compression, name: str) -> Iterator[tuple[str, BinaryIO]]:
    """The files in the file, with their names, one after the other; each is open until the next.

    Raises, then or from their reads, `DataError` ``file.invalid``, ``file.bomb``, ``file.name``.
    """
    if compression == "zip":
        yield from _zipped(file, name)
    elif compression == "gzip":
        size = _size(file)
        with _damage(name), gzip.GzipFile(fileobj=file, mode="rb") as opened:
            yield name, _guarded(opened, size, name)
    else:
        yield name, file


def check_archive(file: BinaryIO, name: str) -> None:
    """Raises `DataError` ``file.bomb`` or ``file.invalid`` for an archive better left closed."""
    with _damage(name), zipfile.ZipFile(file) as archive:
        _check(archive, _size(file), name)
    file.seek(0)


@contextmanager
def seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or a copy on disk of what is unpacked while it is read."""
    if not (isinstance(file, io.BufferedReader) and isinstance(file.raw, _Guarded)):
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield cast("BinaryIO", copy)


def _zipped(file: BinaryIO, name: str) -> Iterator[tuple[str, BinaryIO]]:
    with _damage(name), zipfile.ZipFile(file) as archive:
        _check(archive, _size(file), name)
        for info in archive.infolist():
            if info.is_dir():
                continue
            check_name(info.filename, deep=True)
            if info.flag_bits & 1:
                raise DataError(
                    "file.invalid",
                    f"{info.filename} in {name} is encrypted.",
                    hint="Use archives without a password.",
                )
            with archive.open(info) as member:
                inner = f"{info.filename} in {name}"
                yield inner, _guarded(member, info.compress_size, inner)


def _check(archive: zipfile.ZipFile, size: int, name: str) -> None:
    infos = archive.infolist()
    total = sum(info.file_size for info in infos)
    if len(infos) > _MAX_MEMBERS or _is_bomb(total, size):
        raise _bomb(name)


def _is_bomb(inflated: int, packed: int) -> bool:
    return inflated > _HARMLESS and inflated > packed * _RATIO


def _bomb(name: str) -> DataError:
    return DataError(
        "file.bomb",
        f"{name} holds far more than its size can: it is not unpacked.",
        hint="If it is what you want, send it unpacked or in smaller pieces.",
        file=name,
    )


def _size(file: BinaryIO) -> int:
    here = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(here)
    return size


def _guarded(file: Any, packed: int, name: str) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Guarded(file, packed, name)))


class _Guarded(io.RawIOBase):
    """What is unpacked, counted: sizes that archives tell of themselves may be lies."""

    def __init__(self, file: Any, packed: int, name: str) -> None:
        self._file, self._packed, self._name = file, packed, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        with _damage(self._name):
            data = self._file.read(len(buffer))
        if _is_bomb(self._file.tell(), self._packed):
            raise _bomb(self._name)
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise DataError(
            "file.invalid",
            f"{name} cannot be unpacked: {' '.join(str(error).split()) or type(error).__name__}.",
            hint="The file is damaged, or not compressed as the settings say.",
            file=name,
        ) from error

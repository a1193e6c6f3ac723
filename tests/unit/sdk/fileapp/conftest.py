"""A disk that plays the server, and helpers to read from it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.filefolder import DiskFolder, application
from towpath.core.application import Page
from towpath.sdk.fileapp import FileReading
from towpath.sdk.testing.tools import PlainTools

Read = Callable[..., list[Page]]


@pytest.fixture
def disk(tmp_path: Path) -> DiskFolder:
    for name in ("in", "backup", "work"):
        (tmp_path / name).mkdir()
    return DiskFolder(tmp_path)


@pytest.fixture
def tools(tmp_path: Path, disk: DiskFolder) -> PlainTools:
    return PlainTools(tmp_path / "work", words={"page": "0/1"})


@pytest.fixture
def put(disk: DiskFolder) -> Callable[[str, bytes], None]:
    def put(name: str, data: bytes) -> None:
        (disk.root / "in" / name).write_bytes(data)

    return put


@pytest.fixture
def read(disk: DiskFolder, tools: PlainTools) -> Read:
    """All pages of the folder, by an application of its own."""

    def read(size: int = 100, after: Mapping[str, Any] | None = None, **request: Any) -> list[Page]:
        reading = FileReading.model_validate(request)
        return list(application(disk).pages(reading, size, tools, after=after))

    return read

"""Full disks, read-only folders, wrong paths: errors that say what to do."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from support.files import run, target_of
from towpath.connectors.parquet.config import ParquetConfig
from towpath.connectors.parquet.destination import ParquetDestination
from towpath.sdk import ConfigError, ConflictError, ResourceError
from towpath.sdk.files.config import FilesConfig
from towpath.sdk.files.place import Place

LARGE = pa.table({"b": [os.urandom(1000) for _ in range(4000)]})


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A tiny file system of its own; needs root."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("only root may mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_and_leaves_the_target(tmp_path: Path):
    small = pa.table({"b": [b"x"]})
    with (
        mounted(tmp_path / "disk", "size=1m") as disk,
        ParquetDestination(ParquetConfig(path=str(disk))) as one,
    ):
        run(one, target_of(small), small)
        before = sorted((disk / "people").rglob("*"))
        with pytest.raises(ResourceError) as caught:
            run(one, target_of(LARGE, run="run_02"), LARGE)
        one.discard(target_of(LARGE, run="run_02"))
        assert sorted((disk / "people").rglob("*")) == before
        assert caught.value.code == "disk.full"
        assert caught.value.hint
        run(one, target_of(small, run="run_03"), small)


def test_a_file_size_limit_is_told(tmp_path: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ParquetDestination(ParquetConfig(path=str(tmp_path / "lake"))) as one:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(ResourceError) as caught:
                run(one, target_of(LARGE), LARGE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "disk.full"


def test_a_read_only_folder_is_told(tmp_path: Path):
    small = pa.table({"b": [b"x"]})
    with (
        mounted(tmp_path / "disk", "size=1m") as disk,
        ParquetDestination(ParquetConfig(path=str(disk))) as one,
    ):
        run(one, target_of(small), small)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for act in (one.check, lambda: one.prepare(target_of(small, run="run_02"))):
            with pytest.raises(ResourceError) as caught:
                act()
            assert caught.value.code == "path.read_only"
            assert str(disk) in str(caught.value)


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with (
        ParquetDestination(ParquetConfig(path=str(tmp_path / "file"))) as one,
        pytest.raises(ConfigError) as caught,
    ):
        one.check()
    assert caught.value.code == "path.not_a_folder"


def test_a_manifest_is_written_once(tmp_path: Path):
    place = Place(FilesConfig(path=str(tmp_path)))
    place.publish("a/000001.json", b"one")
    with pytest.raises(ConflictError) as caught:
        place.publish("a/000001.json", b"two")
    assert caught.value.code == "target.changed"
    assert place.read("a/000001.json") == b"one"
    assert [found.path for found in place.files("a")] == ["a/000001.json"]


@pytest.mark.parametrize(
    "settings",
    [
        {"path": ""},
        {"path": "gs://bucket/x"},
        {"path": "s3://"},
        {"path": "/x", "endpoint": "localhost:9000"},
        {"path": "s3://b", "access_key": "only"},
        {"path": "/x", "unknown": 1},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, str]):
    with pytest.raises(ValidationError):
        FilesConfig(**settings)

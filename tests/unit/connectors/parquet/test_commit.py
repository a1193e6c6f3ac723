"""A commit is whole or has not happened, wherever it is killed and whoever reads meanwhile."""

import errno
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.files import read_all, run, stage, target_of
from towpath.connectors.parquet import connector
from towpath.connectors.parquet.config import ParquetConfig
from towpath.connectors.parquet.destination import ParquetDestination
from towpath.sdk import Checkpoint, ConflictError, IntegrityError, Selection, UnreachableError, WriteMode
from towpath.sdk.files import show

STEPS = {"open", "os.mkdir", "os.link", "os.rename", "os.remove", "os.rmdir", "os.listdir", "shutil.rmtree"}
OLD = pa.table({"id": list(range(6)), "v": ["old"] * 6})
NEW = pa.table({"id": list(range(6, 10)), "v": ["new"] * 4})


class Killed(BaseException):
    """Stands for the death of the process: nothing that writes works after it."""


class Killer:
    """Kills at a chosen step, counted in system calls that the interpreter announces."""

    def __init__(self) -> None:
        self.left: int | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.left is None or event not in STEPS:
            return
        if self.left <= 0:
            raise Killed(event)
        self.left -= 1


KILLER = Killer()


@pytest.fixture
def config(tmp_path: Path) -> ParquetConfig:
    return ParquetConfig(path=str(tmp_path / "lake"))


@pytest.fixture
def destination(config: ParquetConfig) -> Iterator[ParquetDestination]:
    with ParquetDestination(config) as destination:
        yield destination


def plain(config: ParquetConfig) -> set[tuple[int, str]]:
    """What anybody finds with a pattern."""
    files = sorted(Path(config.path, "people").rglob("*.parquet"))
    return {(row["id"], row["v"]) for file in files for row in pq.read_table(file).to_pylist()}


def ours(config: ParquetConfig) -> set[tuple[int, str]]:
    return {(row["id"], row["v"]) for row in read_all(connector, config)}


def rows(*tables: pa.Table) -> set[tuple[int, str]]:
    return {(row["id"], row["v"]) for table in tables for row in table.to_pylist()}


def staging(config: ParquetConfig) -> list[Path]:
    return [path for path in Path(config.path, "_towpath").rglob("*.part") if path.is_file()]


def first_run(destination: ParquetDestination) -> None:
    run(destination, target_of(OLD), OLD.slice(0, 2), OLD.slice(2, 2), OLD.slice(4, 2))


@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "moves"])
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.OVERWRITE])
def test_a_commit_killed_at_any_step_is_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: WriteMode, *, exchange: bool
):
    """# Invariant 2"""
    if not exchange:
        monkeypatch.setattr(show, "_swap", no_exchange)
    after = rows(OLD, NEW) if mode is WriteMode.APPEND else rows(NEW)
    for step in range(500):
        config = ParquetConfig(path=str(tmp_path / f"lake{step}"))
        with ParquetDestination(config) as destination:
            first_run(destination)
            target = target_of(NEW, mode=mode, run="run_02")
            destination.prepare(target)
            receipts = [
                stage(destination, target, NEW.slice(0, 2), "s0000"),
                stage(destination, target, NEW.slice(2, 2), "s0001"),
            ]
            checkpoint = Checkpoint("run_02", 1, {"x": 1})
            KILLER.left = step
            try:
                destination.commit(target, receipts, checkpoint)
                killed = False
            except Killed:
                killed = True
            finally:
                KILLER.left = None
        done = ParquetDestination(config).committed(target) == checkpoint
        assert ours(config) == (after if done else rows(OLD))
        if exchange:
            assert plain(config) in (rows(OLD), after)
        with ParquetDestination(config) as again:
            if step % 2:
                again.commit(target, receipts, checkpoint)
                done = True
            again.discard(target)
        assert ours(config) == plain(config) == (after if done else rows(OLD))
        assert staging(config) == []
        assert not list(Path(config.path, "_towpath").rglob("next-*"))
        if not killed:
            return
    pytest.fail("the commit never came to its end")


def no_exchange(one: Path, other: Path) -> None:
    raise OSError(errno.EINVAL, "not on this file system")


READER = """
import json, sys, time
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq

folder, stop, ready = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[4])
seen, wrong, retried = 0, [], 0
end = time.monotonic() + 60
while not stop.exists() and time.monotonic() < end:
    try:
        files = sorted(folder.rglob("*.parquet"))
        found = [pq.read_table(file, partitioning=None).column("version").to_pylist() for file in files]
    except (FileNotFoundError, OSError):
        retried += 1
        continue
    flat = [one for part in found for one in part]
    counts = {version: flat.count(version) for version in set(flat)}
    if sys.argv[3] == "overwrite" and len(counts) > 1 or any(count != 30 for count in counts.values()):
        wrong.append(counts)
    seen += bool(flat)
    if seen == 1:
        ready.touch()
print(json.dumps({"seen": seen, "wrong": wrong[:3], "retried": retried}))
"""


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.OVERWRITE])
def test_a_plain_reader_sees_whole_versions_only(tmp_path: Path, config: ParquetConfig, mode: WriteMode):
    """Another process lists and reads the folder in a loop while we publish many versions of three files."""
    stop = tmp_path / "stop"
    folder = Path(config.path, "people")
    ready = tmp_path / "ready"
    command = [sys.executable, "-c", textwrap.dedent(READER), str(folder), str(stop), str(mode), str(ready)]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        with ParquetDestination(config) as destination:
            for version in range(25):
                pieces = [pa.table({"version": [version] * 10}) for _ in range(3)]
                run(destination, target_of(pieces[0], mode=mode, run=f"run_{version}"), *pieces)
                while not ready.exists() and reader.poll() is None:
                    time.sleep(0.01)  # the first version stays until the reader has seen it
    finally:
        stop.touch()
        output, _ = reader.communicate(timeout=60)
    result = json.loads(output)
    assert result["wrong"] == []
    assert result["seen"] > 0


def test_a_reader_in_flight_reads_its_version_to_the_end(
    config: ParquetConfig, destination: ParquetDestination
):
    first_run(destination)
    assert connector.source is not None
    with connector.source(config) as source:
        [stream] = source.discover()
        plan = source.plan(Selection(stream), None)
        run(destination, target_of(NEW, run="run_02"), NEW)
        found = [
            row
            for slice in plan.slices
            for batch in source.read(Selection(stream), slice, None)
            for row in batch.records
        ]
    assert {(row["id"], row["v"]) for row in found} == rows(OLD)
    assert ours(config) == plain(config) == rows(NEW)


def test_a_version_that_is_gone_says_start_again(config: ParquetConfig, destination: ParquetDestination):
    first_run(destination)
    assert connector.source is not None
    with connector.source(config) as source:
        [stream] = source.discover()
        plan = source.plan(Selection(stream), None)
        for number in range(2, 6):
            run(destination, target_of(NEW, run=f"run_{number}"), NEW)
        with pytest.raises(UnreachableError) as caught:
            list(source.read(Selection(stream), plan.slices[0], None))
    assert caught.value.code == "source.snapshot_lost"
    assert caught.value.retryable


def test_files_of_others_are_neither_mixed_nor_lost(config: ParquetConfig, destination: ParquetDestination):
    folder = Path(config.path, "people")
    folder.mkdir(parents=True)
    (folder / "theirs.parquet").write_bytes(b"theirs")
    with pytest.raises(ConflictError) as caught:
        destination.prepare(target_of(OLD))
    assert caught.value.code == "target.foreign"
    (folder / "theirs.parquet").unlink()
    first_run(destination)
    (folder / "notes.txt").write_text("mine")
    run(destination, target_of(NEW, run="run_02"), NEW.slice(0, 2), NEW.slice(2, 2))
    assert (folder / "notes.txt").read_text() == "mine"


def test_nothing_is_published_of_staging_that_vanished(
    config: ParquetConfig, destination: ParquetDestination
):
    first_run(destination)
    target = target_of(NEW, run="run_02")
    destination.prepare(target)
    receipt = stage(destination, target, NEW)
    for path in staging(config):
        path.unlink()
    with pytest.raises(IntegrityError) as caught:
        destination.commit(target, [receipt], Checkpoint("run_02", 1, None))
    assert caught.value.code == "staging.lost"
    assert ours(config) == plain(config) == rows(OLD)


def test_a_damaged_manifest_is_named(config: ParquetConfig, destination: ParquetDestination):
    first_run(destination)
    path = Path(config.path, "people/_manifest/000001.json")
    path.write_text("{")
    with pytest.raises(IntegrityError) as caught:
        destination.committed(target_of(OLD))
    assert caught.value.code == "manifest.damaged"
    assert "000001.json" in str(caught.value)


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
import pyarrow as pa
from support.files import run, target_of
from towpath.connectors.parquet.config import ParquetConfig
from towpath.connectors.parquet.destination import ParquetDestination
with ParquetDestination(ParquetConfig(path=sys.argv[1])) as destination:
    print("ready", flush=True)
    for version in range(10_000):
        pieces = [pa.table({"version": [version] * 10}) for _ in range(3)]
        run(destination, target_of(pieces[0], run=f"run_{sys.argv[3]}_{version}"), *pieces)
"""


def test_writers_killed_for_real_leave_whole_versions(config: ParquetConfig):
    for life in range(3):
        command = [sys.executable, "-c", WRITER, config.path, str(Path(__file__).parents[3]), str(life)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        with suppress(subprocess.TimeoutExpired):
            writer.wait(0.2 + life * 0.077)
        writer.kill()
        writer.communicate(timeout=30)
        files = sorted(Path(config.path, "people").rglob("*.parquet"))
        versions = [one for file in files for one in pq.read_table(file).column("version").to_pylist()]
        assert len(set(versions)) <= 1
        assert len(versions) in (0, 30)
    final = pa.table({"version": [-1]})
    with ParquetDestination(config) as destination:
        run(destination, target_of(final, run="final"), final)
    assert read_all(connector, config) == [{"version": -1}]
    assert staging(config) == []

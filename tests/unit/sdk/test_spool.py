"""The staging folder, used by processes that die and come back."""

import io
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from towpath.sdk import Batch, BusyError, ConfigError, IntegrityError, ResourceError, Slice, Target, WriteMode
from towpath.sdk.oserrors import translate
from towpath.sdk.rejects import Fault, split
from towpath.sdk.spool import Spool

SCHEMA = pa.schema({"id": pa.int64()})
TARGET = Target("t", SCHEMA, WriteMode.APPEND, run="run_1", stream="s/../odd name", lineage="flw_1:0")


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "some.db")


def stage(spool, *ids, slice="s0001", target=TARGET):
    writer = spool.writer(target, Slice(slice))
    rejected = writer.write(Batch(pa.record_batch([pa.array(ids, pa.int64())], schema=SCHEMA)))
    return writer.close(), rejected


def ids(spool, *receipts, target=TARGET):
    return [id for batch in spool.read(target, receipts) for id in batch.column("id").to_pylist()]


def test_only_what_receipts_name_is_read_in_the_order_of_slices(spool):
    second, _ = stage(spool, 3, 4, slice="s0002")
    stage(spool, 99, slice="s0001")
    first, _ = stage(spool, 1, 2, slice="s0001")
    assert ids(spool, second, first) == [1, 2, 3, 4]
    assert (first.rows, first.slice) == (2, "s0001")
    assert first.bytes > 0


def test_names_cannot_lead_out_of_the_folder(spool, tmp_path):
    receipt, _ = stage(spool, 1)
    outside = replace(receipt, detail={"file": "../../../" + receipt.detail["file"]})
    assert ids(spool, outside) == [1]
    assert [path.name for path in tmp_path.iterdir()] == [".some.db.towpath"]


def test_prepare_sweeps_other_runs_of_the_stream_only(spool):
    other_stream, other_lineage = replace(TARGET, stream="other"), replace(TARGET, lineage="flw_2:0")
    kept = [(target, stage(spool, 1, target=target)[0]) for target in (TARGET, other_stream, other_lineage)]
    dead, _ = stage(spool, 2, target=replace(TARGET, run="run_0"))
    spool.prepare(TARGET)
    for target, receipt in kept:
        assert ids(spool, receipt, target=target) == [1]
    with pytest.raises(IntegrityError):
        ids(spool, dead, target=replace(TARGET, run="run_0"))


def test_discard_leaves_no_folder(spool, tmp_path):
    stage(spool, 1)
    spool.discard(TARGET)
    spool.discard(TARGET)
    assert list(tmp_path.iterdir()) == []


def test_abandon_removes_its_file_only(spool):
    receipt, _ = stage(spool, 1)
    writer = spool.writer(TARGET, Slice("s0001"))
    writer.abandon()
    writer.abandon()
    assert ids(spool, receipt) == [1]


def test_a_damaged_file_is_an_error(spool, tmp_path):
    receipt, _ = stage(spool, *range(1000))
    (path,) = tmp_path.rglob("*.arrow")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(IntegrityError) as caught:
        ids(spool, receipt)
    assert caught.value.code == "staging.lost"


def test_records_that_do_not_fit_the_schema_are_rejected(spool):
    writer = spool.writer(TARGET, Slice("s0001"))
    rejected = writer.write(Batch.of_records([{"id": 1}, {"id": "x"}, {"id": 2**70}, {}], SCHEMA))
    receipt = writer.close()
    assert [(one.index, one.code, one.record) for one in rejected] == [
        (1, "value.unrepresentable", {"id": "x"}),
        (2, "value.unrepresentable", {"id": 2**70}),
    ]
    assert ids(spool, receipt) == [1, None]


def test_each_record_is_rejected_once_with_the_first_reason():
    batch = pa.record_batch({"n": [0, 1, 2, 3]})
    faults = [
        Fault(pa.array([True, None, False, True]), "a", "first"),
        Fault(pa.array([True, False, True, False]), "b", "second"),
    ]
    kept, rejected = split(batch, faults)
    assert kept.to_pydict() == {"n": [1]}
    assert [(one.index, one.code) for one in rejected] == [(0, "a"), (3, "a"), (2, "b")]
    assert split(batch, []) == (batch, [])


def test_one_at_a_time(spool):
    inside, most = [0], [0]

    def work():
        for _ in range(10):
            with spool.lock(30):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_who_waits_too_long_is_told(spool):
    with spool.lock(0), pytest.raises(BusyError) as caught, spool.lock(0.1):
        pytest.fail("two at once")
    assert caught.value.code == "lock.timeout"
    with spool.lock(0):
        pass


def test_a_process_that_dies_frees_the_lock(spool, tmp_path):
    code = """
        import os, sys
        from pathlib import Path
        from towpath.sdk.spool import Spool
        with Spool(Path(sys.argv[1])).lock(0):
            os.kill(os.getpid(), 9)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "some.db")]
    assert subprocess.run(command, check=False).returncode == -9
    with spool.lock(0):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (28, ResourceError, "disk.full"),
        (122, ResourceError, "disk.full"),
        (13, ResourceError, "path.read_only"),
        (30, ResourceError, "path.read_only"),
        (2, ConfigError, "path.not_found"),
        (20, ConfigError, "path.not_a_folder"),
        (5, ResourceError, "path.failed"),
    ],
)
def test_what_the_operating_system_says(number, kind, code):
    error = translate(OSError(number, "says"), Path("/some/where"))
    assert isinstance(error, kind)
    assert error.code == code
    assert "/some/where" in error.message


def test_a_full_disk_is_said_so(spool, monkeypatch):
    """On a device that is always full."""
    monkeypatch.setattr(Path, "open", lambda *_: io.FileIO("/dev/full", "w"))
    writer = spool.writer(TARGET, Slice("s0001"))
    with pytest.raises(ResourceError) as caught:
        writer.write(Batch(pa.record_batch([pa.array(range(100_000), pa.int64())], schema=SCHEMA)))
    writer.abandon()
    assert caught.value.code == "disk.full"

"""Cancelled runs end within seconds, wherever they hang, and leave nothing behind."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from e2e.rig import Rig, eventually, is_alive
from towpath.core.flows import Policy, StreamRead
from towpath.core.records import Flow, Run, RunStatus

pytestmark = pytest.mark.slow

#: A query that SQLite never comes back from.
_ENDLESS = (
    "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT count(*) AS i FROM n"
)
_SOON = 5.0


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("cancel")
    store = f"sqlite:///{folder / 'store.sqlite'}"
    with Rig(folder, store, f"sqlite:///{folder / 'engine.sqlite'}") as rig:
        yield rig


@pytest.fixture(autouse=True)
def nobody_left(rig: Rig) -> None:
    """A test that failed leaves nothing for the next one."""
    for fault in rig.faults.glob("*.json"):
        fault.unlink()
    assert rig.worker.runs
    eventually(lambda: not children(rig), "the end of all children")


def cancelled(rig: Rig, run: Run) -> None:
    """Cancel the run; fails unless it is over soon."""
    rig.desk.cancel(rig.org, run.id)
    rig.finished(run, RunStatus.CANCELLED, patience=_SOON)


def children(rig: Rig) -> Sequence[psutil.Process]:
    """Those that do the work, without the nursery."""
    return rig.worker.family()[1:]


def sharing_a_source(rig: Rig, first: Flow, second: Flow) -> None:
    with rig.store.begin() as work:
        export = work.exports.get(rig.org, first.exports[0])
        work.exports.update(rig.org, second.exports[0], connection=export.connection)


def test_a_source_that_hangs_in_its_driver_is_no_obstacle(rig: Rig, tmp_path: Path):
    with sqlite3.connect(tmp_path / "endless.db") as database:
        database.execute(_ENDLESS)
    database.close()
    flow = rig.flow(StreamRead(name="endless"), source=("sqlite", {"path": str(tmp_path / "endless.db")}))
    assert rig.worker.runs
    run = rig.submit(flow)
    eventually(lambda: any(child.cpu_times().user > 1 for child in children(rig)), "the endless query")
    cancelled(rig, run)
    assert children(rig) == []
    assert rig.staging("endless") == []


def test_slices_that_wait_for_a_connection_are_no_obstacle(rig: Rig):
    name = rig.table(6)
    fault = rig.fault(f"batch:{name}", "wait")
    first, second = (rig.flow(StreamRead(name=name), max_parallel=1) for _ in range(2))
    sharing_a_source(rig, first, second)
    assert rig.worker.runs
    run, waiting = rig.submit(first), rig.submit(second)
    rig.struck(fault)
    eventually(lambda: "stream.planned" in rig.events(waiting), "the plan of the second")
    cancelled(rig, waiting)
    assert not rig.run(run.id).status.final
    cancelled(rig, run)
    fault.unlink()
    assert rig.staging(name) == []
    assert rig.ids(name) == []


def test_a_snapshot_is_let_go(rig: Rig):
    name = rig.table(8)
    fault = rig.fault(f"batch:{name}:s000002", "wait")
    assert rig.worker.runs
    run = rig.submit(rig.flow(StreamRead(name=name), policy=Policy(parallel=1), pinned=True))
    rig.struck(fault)
    everybody = [child.pid for child in children(rig)]
    cancelled(rig, run)
    eventually(lambda: not any(map(is_alive, everybody)), "the end of the keeper", _SOON)
    fault.unlink()


@pytest.mark.parametrize("point", ["close:{}", "commit:{}:1"])
def test_a_destination_that_hangs_is_no_obstacle(rig: Rig, point: str):
    name = rig.table(3)
    fault = rig.fault(point.format(name), "wait")
    assert rig.worker.runs
    run = rig.submit(rig.flow(StreamRead(name=name)))
    rig.struck(fault)
    cancelled(rig, run)
    assert children(rig) == []
    fault.unlink()
    assert rig.staging(name) == []
    assert rig.ids(name) == []


def test_who_sweeps_slowly_does_so_after_the_end(rig: Rig):
    name = rig.table(6)
    reading = rig.fault(f"batch:{name}:s000002", "wait")
    sweeping = rig.fault(f"discard:{name}", "wait")
    flow = rig.flow(StreamRead(name=name))
    assert rig.worker.runs
    run, following = rig.submit(flow), rig.submit(flow)
    rig.struck(reading)
    cancelled(rig, run)
    reading.unlink()
    assert rig.staging(name) == [run.id]
    assert rig.run(following.id).status is RunStatus.QUEUED
    sweeping.unlink()
    rig.finished(following)
    assert rig.staging(name) == []
    assert rig.ids(name) == list(range(6))

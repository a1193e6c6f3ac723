"""Several workers on PostgreSQL: workers, the database and snapshots killed at the worst moments."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from e2e.rig import Rig, WorkerProcess, eventually
from support.postgres import PostgresServer
from towpath.core.flows import Policy, StreamRead, StreamWrite
from towpath.core.model import ReadMode, WriteMode
from towpath.core.records import Attempt, Run

pytestmark = [pytest.mark.slow, pytest.mark.service("postgres")]

PATIENT = Policy(parallel=2, max_attempts=20)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of our own: it is killed."""
    with PostgresServer({"synchronous_commit": "on"}) as server:  # what is committed survives a kill
        yield server


@pytest.fixture(scope="module")
def cluster(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    store = server.url(server.create_database())
    engine = server.url(server.create_database(), driver="postgresql+psycopg")
    with Rig(tmp_path_factory.mktemp("cluster"), store, engine) as rig:
        yield rig


@pytest.fixture
def rig(cluster: Rig) -> Rig:
    """The cluster with three workers that run."""
    missing = 3 - sum(worker.runs for worker in cluster.workers)
    cluster.start(missing)
    return cluster


def worker_of(rig: Rig, attempt: Attempt) -> WorkerProcess:
    pid = int(attempt.worker.rsplit("-", 2)[1])
    return next(worker for worker in rig.workers if worker.runs and worker.pid == pid)


def tries(rig: Rig, run: Run) -> Counter[str]:
    return Counter(attempt.task for attempt in rig.attempts(run, "slice/"))


def test_three_workers_share_a_run(rig: Rig):
    name = rig.table(40)
    run = rig.submit(rig.flow(StreamRead(name=name), policy=Policy(parallel=8), max_parallel=8))
    rig.finished(run)
    assert rig.ids(name) == list(range(40))
    assert len({attempt.worker for attempt in rig.attempts(run)}) > 1
    assert set(tries(rig, run).values()) == {1}


def test_the_worker_that_conducts_and_keeps_the_snapshot_is_killed(rig: Rig):
    name = rig.table(12)
    fault = rig.fault(f"batch:{name}:s000008", "wait")
    run = rig.submit(rig.flow(StreamRead(name=name), policy=PATIENT, pinned=True))
    rig.struck(fault)
    done_before = eventually(
        lambda: {a.task for a in rig.attempts(run, "slice/") if a.outcome == "done"}, "a slice's end"
    )
    [plan] = rig.attempts(run, "plan/")
    worker_of(rig, plan).kill()
    fault.unlink()
    rig.finished(run)
    assert rig.ids(name) == list(range(12))
    assert rig.commits(name) == [(run.id, 1)]
    assert rig.streams(run)[0].epoch == 0
    assert {task for task, count in tries(rig, run).items() if count == 1} >= done_before


def test_a_worker_that_hangs_and_wakes_up_doubles_nothing(rig: Rig):
    parallel, ordered = rig.table(8), rig.table(2)
    by_id = StreamRead(name=ordered, mode=ReadMode.INCREMENTAL, cursor="id")
    append = StreamWrite(name=ordered, mode=WriteMode.APPEND)
    flow = rig.flow(StreamRead(name=parallel), by_id, writes=[append], policy=PATIENT)
    rig.finished(rig.submit(flow))
    rig.fill(ordered, 8, start=2)
    faults = [rig.fault(point, "wait") for point in (f"batch:{parallel}:s000004", f"batch:{ordered}:s0:2")]
    run = rig.submit(flow)
    rig.struck(faults[0])
    [held] = [a for a in rig.attempts(run, "slice/") if a.task.endswith("s000004")]
    hung = worker_of(rig, held)
    hung.freeze()
    eventually(lambda: tries(rig, run)[held.task] > 1, "the take-over", 40)
    for fault in faults:
        fault.unlink()
    rig.finished(run)
    hung.thaw()
    time.sleep(2)  # what it does when it wakes up must change nothing
    assert rig.ids(parallel) == list(range(8))
    assert rig.ids(ordered) == list(range(10))
    assert rig.commits(parallel)[1:] == [(run.id, 1)]
    counters = {stream.stream: stream.counters for stream in rig.streams(run)}
    assert (counters[parallel].read, counters[ordered].read) == (8, 8)
    assert hung.runs
    again = rig.submit(flow)
    rig.finished(again)
    assert rig.ids(ordered) == list(range(10))


def test_the_database_of_store_and_engine_is_killed(rig: Rig, server: PostgresServer):
    name = rig.table(8)
    fault = rig.fault(f"batch:{name}:s000004", "wait")
    run = rig.submit(rig.flow(StreamRead(name=name), policy=PATIENT))
    rig.struck(fault)
    done_before = eventually(
        lambda: {a.task for a in rig.attempts(run, "slice/") if a.outcome == "done"}, "a slice's end"
    )
    server.kill()
    time.sleep(3)
    fault.unlink()
    server.start()
    rig.finished(run)
    assert rig.ids(name) == list(range(8))
    assert rig.commits(name) == [(run.id, 1)]
    assert {task for task, count in tries(rig, run).items() if count == 1} >= done_before
    assert sum(worker.runs for worker in rig.workers) == 3


def test_a_source_database_that_is_killed_takes_its_snapshot_with_it(rig: Rig, server: PostgresServer):
    source, tables = server.create_database(), ("one", "two")
    with server.connect(source) as connection:
        for table in tables:
            connection.execute(f"create table {table} (id bigint primary key, value text)")
            connection.execute(
                f"insert into {table} select n, repeat('x', 20) from generate_series(0, 999) n"
            )
    faults = {table: rig.fault(f"write:public.{table}", "wait") for table in tables}
    streams = [StreamRead(name=f"public.{table}") for table in tables]
    policy = Policy(parallel=1, max_attempts=20)
    run = rig.submit(rig.flow(*streams, policy=policy, source=("postgres", server.config(source))))
    # One at a time, in any order: the first has been read when it is struck, the other waits for its turn.
    early = eventually(lambda: rig.first_struck(faults), "a slice that is about to write")
    late = next(table for table in tables if table != early)
    # Both are planned, so the snapshot is older than this row: only a read under a new one sees it.
    eventually(lambda: len(rig.streams(run)) == len(streams), "the plan of both streams")
    with server.connect(source) as connection:
        connection.execute(f"insert into {late} values (1000, 'after the snapshot')")
    server.kill()
    server.start()
    for fault in faults.values():
        fault.unlink()
    rig.finished(run)
    assert rig.ids(early) == list(range(1000))
    assert rig.ids(late) == list(range(1001))
    assert {stream.stream: stream.epoch for stream in rig.streams(run)} == {
        f"public.{early}": 0,
        f"public.{late}": 1,
    }
    assert "stream.snapshot_lost" in rig.events(run)

"""One process on SQLite, its children and itself killed at the worst moments."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from e2e.rig import Rig, eventually, is_alive
from towpath.core.errors import SchemaError, UnreachableError
from towpath.core.flows import Every, Policy, StreamRead, StreamWrite
from towpath.core.model import ReadMode, WriteMode
from towpath.core.records import Run, RunStatus, StreamStatus, now

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("embedded")
    store = f"sqlite:///{folder / 'store.sqlite'}"
    with Rig(folder, store, f"sqlite:///{folder / 'engine.sqlite'}", minimum_interval=1) as rig:
        yield rig


def full(name: str) -> StreamRead:
    return StreamRead(name=name)


def by_id(name: str) -> StreamRead:
    return StreamRead(name=name, mode=ReadMode.INCREMENTAL, cursor="id")


def tries(rig: Rig, run: Run, kind: str = "slice/") -> Counter[str]:
    return Counter(attempt.task for attempt in rig.attempts(run, kind))


def test_a_full_refresh_moves_everything(rig: Rig):
    name = rig.table(7)
    run = rig.submit(rig.flow(full(name)))
    assert rig.worker.runs
    rig.finished(run)
    assert rig.ids(name) == list(range(7))
    [stream] = rig.streams(run)
    assert (stream.counters.read, stream.counters.written) == (7, 7)
    assert stream.rows_expected == 7
    assert rig.staging(name) == []
    events = rig.events(run)
    assert events[:2] == ["run.started", "stream.planned"]
    assert events[-2:] == ["stream.committed", "run.finished"]
    assert set(tries(rig, run).values()) == {1}


def test_a_killed_slice_is_done_again(rig: Rig):
    name = rig.table(6)
    fault = rig.fault(f"batch:{name}:s000002", "wait")
    run = rig.submit(rig.flow(full(name)))
    assert rig.worker.runs
    os.kill(rig.struck(fault), signal.SIGKILL)
    fault.unlink()
    rig.finished(run)
    assert rig.ids(name) == list(range(6))
    assert rig.commits(name) == [(run.id, 1)]
    outcomes = [attempt.outcome for attempt in rig.attempts(run, f"slice/{name}/0/s000002")]
    assert outcomes == ["died", "done"]
    assert "slice.retried" in rig.events(run)


def test_a_slice_that_kills_its_process_fails_its_stream_only(rig: Rig):
    poisoned, healthy = rig.table(4), rig.table(4)
    fault = rig.fault(f"batch:{poisoned}:s000002", "kill")
    run = rig.submit(rig.flow(full(poisoned), full(healthy), policy=Policy(max_attempts=3)))
    assert rig.worker.runs
    final = rig.finished(run, RunStatus.FAILED)
    fault.unlink()
    assert final.error is not None
    assert final.error["code"] == "task.died"
    assert "memory" in final.error["hint"]
    assert tries(rig, run)[f"slice/{poisoned}/0/s000002"] == 3
    assert rig.ids(healthy) == list(range(4))
    assert rig.commits(poisoned) == []
    assert rig.staging(poisoned) == []


def test_transient_errors_pass_and_others_fail_the_stream(rig: Rig):
    shaky, broken = rig.table(4), rig.table(4)
    away = UnreachableError("connection.lost", "The server went away.", hint="Wait.")
    gone = SchemaError("stream.not_found", "The table is gone.", hint="Look.")
    first = rig.fault(f"batch:{shaky}:s000000", "error", error=away.to_json(), times=2)
    second = rig.fault(f"batch:{broken}:s000000", "error", error=gone.to_json())
    run = rig.submit(rig.flow(full(shaky), full(broken)))
    assert rig.worker.runs
    final = rig.finished(run, RunStatus.FAILED)
    first.unlink()
    second.unlink()
    assert final.error is not None
    assert final.error["code"] == "stream.not_found"
    assert rig.ids(shaky) == list(range(4))
    assert tries(rig, run)[f"slice/{shaky}/0/s000000"] == 3
    assert tries(rig, run)[f"slice/{broken}/0/s000000"] == 1
    status = {stream.stream: stream.status for stream in rig.streams(run)}
    assert status == {shaky: StreamStatus.COMMITTED, broken: StreamStatus.FAILED}


def test_a_killed_server_goes_on_where_it_was(rig: Rig):
    name = rig.table(8)
    fault = rig.fault(f"batch:{name}:s000004", "wait")
    run = rig.submit(rig.flow(full(name), policy=Policy(parallel=1)))
    child = rig.struck(fault) if rig.worker.runs else 0
    rig.worker.kill()
    eventually(lambda: not is_alive(child), "the end of the orphan", 5)
    fault.unlink()
    assert rig.commits(name) == []
    assert rig.worker.runs
    rig.finished(run)
    assert rig.ids(name) == list(range(8))
    assert rig.commits(name) == [(run.id, 1)]
    assert tries(rig, run) == {
        f"slice/{name}/0/s000000": 1,
        f"slice/{name}/0/s000002": 1,
        f"slice/{name}/0/s000004": 2,
        f"slice/{name}/0/s000006": 1,
    }
    assert tries(rig, run, "plan/") == {"plan/0": 1}


def test_a_server_killed_right_after_a_commit_does_not_commit_again(rig: Rig):
    name = rig.table(5)
    flow = rig.flow(by_id(name), writes=[StreamWrite(name=name, mode=WriteMode.APPEND)])
    fault = rig.fault(f"committed:{name}:1", "wait")
    run = rig.submit(flow)
    assert rig.worker.runs
    rig.struck(fault)
    rig.worker.kill()
    fault.unlink()
    assert rig.worker.runs
    rig.finished(run)
    assert rig.ids(name) == list(range(5))
    assert rig.commits(name) == [(run.id, 1)]
    with rig.store.read() as work:
        assert work.states.get(rig.org, flow.id, name).state == {"at": 5}


def test_a_snapshot_outlives_the_server(rig: Rig):
    name = rig.table(8)
    fault = rig.fault(f"batch:{name}:s000004", "wait")
    run = rig.submit(rig.flow(full(name), policy=Policy(parallel=1), pinned=True))
    assert rig.worker.runs
    rig.struck(fault)
    keepers = [process.pid for process in rig.worker.family()]
    rig.worker.kill()
    fault.unlink()
    assert rig.worker.runs
    rig.finished(run)
    assert rig.ids(name) == list(range(8))
    [stream] = rig.streams(run)
    assert stream.epoch == 0
    assert tries(rig, run)[f"slice/{name}/0/s000000"] == 1
    eventually(lambda: not any(map(is_alive, keepers)), "the end of the keeper", 10)


def test_a_lost_snapshot_is_planned_again(rig: Rig):
    name = rig.table(8)
    fault = rig.fault(f"batch:{name}:s000004", "wait")
    run = rig.submit(rig.flow(full(name), policy=Policy(parallel=1), pinned=True))
    assert rig.worker.runs
    slice_process = rig.struck(fault)
    rig.fill(name, 2, start=8)
    for process in rig.worker.family()[1:]:
        if process.pid != slice_process:
            process.kill()
    fault.unlink()
    rig.finished(run)
    assert rig.ids(name) == list(range(10))
    [stream] = rig.streams(run)
    assert stream.epoch == 1
    assert rig.commits(name) == [(f"{run.id}~1", 1)]
    assert stream.counters.read == 10
    assert "stream.snapshot_lost" in rig.events(run)
    assert rig.staging(name) == []


def test_a_cancelled_run_ends_soon_and_leaves_nothing(rig: Rig):
    name = rig.table(6)
    fault = rig.fault(f"batch:{name}:s000002", "wait")
    flow = rig.flow(full(name))
    run, following = rig.submit(flow), rig.submit(flow)
    assert rig.worker.runs
    child = rig.struck(fault)
    assert rig.run(following.id).status is RunStatus.QUEUED
    assert rig.desk.cancel(rig.org, run.id).status is RunStatus.RUNNING
    rig.finished(run, RunStatus.CANCELLED, patience=5)
    assert not is_alive(child)
    assert rig.ids(name) == []
    assert rig.staging(name) == []
    fault.unlink()
    rig.finished(following)
    assert rig.ids(name) == list(range(6))
    first, second = rig.run(run.id), rig.run(following.id)
    assert first.ended_at is not None
    assert second.started_at is not None
    assert second.started_at >= first.ended_at  # Invariant 5


def test_a_queued_run_is_cancelled_at_once(rig: Rig):
    name = rig.table(2)
    fault = rig.fault(f"batch:{name}", "wait")
    flow = rig.flow(full(name))
    run, queued = rig.submit(flow), rig.submit(flow)
    assert rig.worker.runs
    rig.struck(fault)
    assert rig.desk.cancel(rig.org, queued.id).status is RunStatus.CANCELLED
    fault.unlink()
    rig.finished(run)
    assert rig.attempts(queued) == []


def test_micro_batches_survive_a_killed_server(rig: Rig):
    name = rig.table(3)
    flow = rig.flow(by_id(name), writes=[StreamWrite(name=name, mode=WriteMode.APPEND)])
    assert rig.worker.runs
    rig.finished(rig.submit(flow))
    rig.fill(name, 9, start=3)
    fault = rig.fault(f"batch:{name}:s0:3", "wait")
    run = rig.submit(flow)
    rig.struck(fault)
    rig.worker.kill()
    fault.unlink()
    assert rig.worker.runs
    rig.finished(run)
    assert rig.ids(name) == list(range(12))
    [stream] = rig.streams(run)
    assert (stream.counters.read, stream.counters.written) == (9, 9)
    with rig.store.read() as work:
        assert work.states.get(rig.org, flow.id, name).state == {"at": 12}
    assert rig.staging(name) == []


def test_a_full_run_reads_everything_again(rig: Rig):
    name = rig.table(4)
    flow = rig.flow(by_id(name))
    assert rig.worker.runs
    rig.finished(rig.submit(flow))
    again = rig.submit(flow, full=True)
    rig.finished(again)
    [stream] = rig.streams(again)
    assert stream.counters.read == 4
    assert rig.ids(name) == list(range(4))
    with rig.store.read() as work:
        assert work.states.get(rig.org, flow.id, name).generation == 1
    nothing_new = rig.submit(flow)
    rig.finished(nothing_new)
    assert rig.streams(nothing_new)[0].counters.read == 0


def test_a_polite_stop_leaves_no_process_and_loses_no_run(rig: Rig):
    name = rig.table(8)
    fault = rig.fault(f"batch:{name}:s000004", "wait")
    run = rig.submit(rig.flow(full(name), policy=Policy(parallel=1)))
    worker = rig.worker
    rig.struck(fault)
    family = worker.family()
    worker.stop()
    assert not any(is_alive(process.pid) for process in family)
    assert rig.run(run.id).status is RunStatus.RUNNING
    fault.unlink()
    assert rig.worker.runs
    rig.finished(run)
    assert rig.ids(name) == list(range(8))
    assert tries(rig, run)[f"slice/{name}/0/s000000"] == 1
    outcomes = [attempt.outcome for attempt in rig.attempts(run, f"slice/{name}/0/s000004")]
    assert outcomes == ["cancelled", "done"]


def test_runs_submitted_while_nobody_works_run_in_their_order(rig: Rig):
    name = rig.table(2)
    flow = rig.flow(full(name))
    rig.worker.stop()
    runs = [rig.submit(flow) for _ in range(3)]
    assert rig.worker.runs
    finals = [rig.finished(run) for run in runs]
    starts = [run.started_at for run in finals if run.started_at is not None]
    assert len(starts) == 3
    assert starts == sorted(starts)


def test_a_flow_that_is_due_is_started(rig: Rig):
    name = rig.table(2)
    flow = rig.flow(full(name), schedule=Every(every=3600))
    with rig.store.begin() as work:
        work.flows.update(rig.org, flow.id, next_due=now() - timedelta(hours=5))

    def runs() -> list[Run]:
        with rig.store.read() as work:
            return list(work.runs.list(rig.org, flow=flow.id))

    assert rig.worker.runs
    [run] = eventually(runs, "the scheduled run")
    assert run.cause == "schedule"
    rig.finished(run)
    assert len(runs()) == 1
    with rig.store.read() as work:
        then = work.flows.get(rig.org, flow.id).next_due
    assert then is not None
    assert then > now()

"""Retries whose worker is killed, or that are cancelled, at the worst moments."""

from collections.abc import Iterator

import pytest

from e2e.rig import Rig, eventually
from towpath.core.flows import StreamRead, StreamWrite
from towpath.core.model import ReadMode, WriteMode
from towpath.core.records import Flow, RecordError, Run, RunStatus

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("retry")
    store = f"sqlite:///{folder / 'store.sqlite'}"
    with Rig(folder, store, f"sqlite:///{folder / 'engine.sqlite'}") as rig:
        yield rig


def ran(rig: Rig, name: str, mode: WriteMode) -> tuple[Flow, Run]:
    """An incremental flow of three records, after its first run."""
    read = StreamRead(name=name, mode=ReadMode.INCREMENTAL, cursor="id")
    flow = rig.flow(read, writes=[StreamWrite(name=name, mode=mode)])
    run = rig.submit(flow)
    assert rig.worker.runs
    rig.finished(run)
    return flow, run


def rejected(rig: Rig, run: Run, name: str, *ids: int | str) -> list[str]:
    """Errors as if the run had rejected records with these ids."""
    errors = [
        RecordError(
            org=rig.org,
            run=run.id,
            flow=run.flow,
            stream=name,
            code="x",
            message="x",
            record={"id": id, "value": "fixed"},
        )
        for id in ids
    ]
    with rig.store.begin() as work:
        work.record_errors.report(rig.org, errors)
    return [error.id for error in errors]


def retry(rig: Rig, parent: Run, errors: list[str]) -> Run:
    run = Run(org=rig.org, flow=parent.flow, cause="retry", parent=parent.id)
    with rig.store.begin() as work:
        assert work.record_errors.claim(rig.org, errors, run.id) == len(errors)
        work.runs.add(rig.org, run)
    rig.desk.submit(run)
    return run


def statuses(rig: Rig, errors: list[str]) -> list[tuple[str, str | None]]:
    with rig.store.read() as work:
        found = [work.record_errors.get(rig.org, id) for id in errors]
    return [(str(error.status), error.retry) for error in found]


def state(rig: Rig, flow: Flow, name: str) -> object:
    with rig.store.read() as work:
        saved = work.states.get(rig.org, flow.id, name)
    return saved.state, saved.run, saved.generation


def checkpoint(rig: Rig, flow: Flow, name: str) -> object:
    """What the target remembers of the flow itself."""
    return rig.there.look().checkpoints.get((f"{flow.id}:0", name))


@pytest.mark.parametrize(
    ("point", "mode"),
    [
        ("prepare:{}", WriteMode.APPEND),
        ("write:{}:inbox", WriteMode.APPEND),
        ("closed:{}:inbox", WriteMode.UPSERT),
        ("commit:{}:1", WriteMode.UPSERT),
        ("committed:{}:1", WriteMode.APPEND),
    ],
)
def test_a_retry_survives_a_killed_server(rig: Rig, point: str, mode: WriteMode) -> None:
    name = rig.table(3)
    flow, parent = ran(rig, name, mode)
    before = state(rig, flow, name), checkpoint(rig, flow, name)
    errors = rejected(rig, parent, name, 70, "seventy", 71)
    fault = rig.fault(point.format(name), "wait")
    run = retry(rig, parent, errors)
    rig.struck(fault)
    assert statuses(rig, errors) == [("retrying", run.id)] * 3
    rig.worker.kill()
    fault.unlink()
    assert rig.worker.runs
    rig.finished(run)
    assert rig.ids(name) == [0, 1, 2, 70, 71]
    assert rig.commits(name) == [(parent.id, 1), (run.id, 1)]
    assert rig.staging(name) == []
    [stream] = rig.streams(run)
    assert (stream.counters.read, stream.counters.written, stream.counters.rejected) == (3, 2, 1)
    assert statuses(rig, errors) == [("resolved", run.id)] * 3
    with rig.store.read() as work:
        [again] = work.record_errors.list(rig.org, run=run.id)
    assert (again.code, again.record["id"]) == ("value.unrepresentable", "seventy")
    assert (state(rig, flow, name), checkpoint(rig, flow, name)) == before
    assert before[1] is not None
    # The flow itself goes on from there.
    rig.fill(name, 1, start=3)
    following = rig.submit(flow)
    rig.finished(following)
    assert rig.streams(following)[0].counters.read == 1


def test_a_cancelled_retry_opens_its_errors_again(rig: Rig) -> None:
    name = rig.table(3)
    flow, parent = ran(rig, name, WriteMode.APPEND)
    errors = rejected(rig, parent, name, 70, "seventy")
    fault = rig.fault(f"write:{name}:inbox", "wait")
    run = retry(rig, parent, errors)
    rig.struck(fault)
    more = rejected(rig, parent, name, 80)
    queued = retry(rig, parent, more)
    # Nobody ever claims it: whoever cancels it settles it.
    rig.desk.cancel(rig.org, queued.id)
    assert statuses(rig, more) == [("open", None)]
    rig.desk.cancel(rig.org, run.id)
    rig.finished(run, RunStatus.CANCELLED)
    fault.unlink()
    assert statuses(rig, errors) == [("open", None)] * 2
    with rig.store.read() as work:
        # It was said again already; the record waits in one place only.
        assert {str(error.status) for error in work.record_errors.list(rig.org, run=run.id)} == {"resolved"}
    assert rig.ids(name) == [0, 1, 2]
    again = retry(rig, parent, errors[:1])
    rig.finished(again)
    assert rig.ids(name) == [0, 1, 2, 70]
    assert state(rig, flow, name) == ({"at": 3}, parent.id, 0)


def test_a_retry_that_was_deleted_opens_its_errors_again(rig: Rig) -> None:
    name = rig.table(3)
    _, parent = ran(rig, name, WriteMode.APPEND)
    errors = rejected(rig, parent, name, 70)
    with rig.store.begin() as work:
        work.record_errors.claim(rig.org, errors, "run_gone")
    eventually(lambda: statuses(rig, errors) == [("open", None)], "that they are open again")

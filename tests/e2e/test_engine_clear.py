"""Runs that clear: what was written goes, what was read is forgotten, whatever dies in between."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from e2e.rig import Rig
from towpath.core.flows import StreamRead, StreamWrite
from towpath.core.ids import new_id
from towpath.core.model import ReadMode, WriteMode
from towpath.core.records import Flow, Run, RunStatus, StreamStatus

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("clear")
    store = f"sqlite:///{folder / 'store.sqlite'}"
    with Rig(folder, store, f"sqlite:///{folder / 'engine.sqlite'}") as rig:
        yield rig


def ran(rig: Rig, name: str, mode: WriteMode) -> Flow:
    """A flow of one stream, after its first run."""
    read = StreamRead(name=name)
    if mode is not WriteMode.OVERWRITE:
        read = StreamRead(name=name, mode=ReadMode.INCREMENTAL, cursor="id")
    flow = rig.flow(read, writes=[StreamWrite(name=name, mode=mode)])
    run = rig.submit(flow)
    assert rig.worker.runs
    rig.finished(run)
    return flow


def clear(rig: Rig, flow: Flow, *streams: str) -> Run:
    return rig.submit(flow, clear=True, cause="clear", streams=streams or None)


def generation(rig: Rig, flow: Flow, name: str) -> int:
    with rig.store.read() as work:
        saved = work.states.get(rig.org, flow.id, name)
    assert saved.state is None
    return saved.generation


def without_source(rig: Rig, flow: Flow) -> None:
    """The source is gone; not even its connector is known any more."""
    with rig.store.begin() as work:
        export = work.exports.get(rig.org, flow.exports[0])
        work.connections.update(rig.org, export.connection, connector="gone", config={})


@pytest.mark.parametrize("mode", WriteMode)
def test_what_was_written_goes_and_is_read_again(rig: Rig, mode: WriteMode):
    name = rig.table(5)
    flow = ran(rig, name, mode)
    run = clear(rig, flow)
    rig.finished(run)
    assert rig.ids(name) == []
    assert generation(rig, flow, name) == 1
    assert rig.events(run) == ["run.started", "clear.started", "stream.cleared", "run.finished"]
    again = rig.submit(flow)
    rig.finished(again)
    assert rig.ids(name) == list(range(5))
    assert rig.streams(again)[0].counters.written == 5


def test_the_source_is_not_needed(rig: Rig):
    name = rig.table(3)
    flow = ran(rig, name, WriteMode.UPSERT)
    without_source(rig, flow)
    rig.finished(clear(rig, flow))
    assert rig.ids(name) == []


def test_what_bears_the_same_name_elsewhere_stays(rig: Rig):
    """The flow writes to another connection now, which has a table of that name, too."""
    name = rig.table(3)
    flow = ran(rig, name, WriteMode.UPSERT)
    with rig.store.begin() as work:
        import_ = work.imports.get(rig.org, flow.imports[0])
        here = work.connections.get(rig.org, import_.connection)
        there = work.connections.add(rig.org, replace(here, id=new_id("con"), name=f"{here.name} too"))
        work.imports.update(rig.org, import_.id, connection=there.id)
    run = clear(rig, flow)
    rig.finished(run)
    assert rig.ids(name) == [0, 1, 2]
    assert "run.empty" in rig.events(run)
    with rig.store.begin() as work:
        work.imports.update(rig.org, import_.id, connection=here.id)
    rig.finished(clear(rig, flow))
    assert rig.ids(name) == []


def test_what_is_clear_can_be_cleared_again(rig: Rig):
    name = rig.table(3)
    flow = ran(rig, name, WriteMode.APPEND)
    first, second = clear(rig, flow), clear(rig, flow)
    rig.finished(first)
    rig.finished(second)
    assert rig.ids(name) == []
    assert generation(rig, flow, name) == 2


def test_a_flow_that_never_ran_has_nothing_to_clear(rig: Rig):
    flow = rig.flow(StreamRead(name=rig.table(3)))
    run = clear(rig, flow)
    assert rig.worker.runs
    rig.finished(run)
    assert rig.events(run) == ["run.started", "run.empty", "run.finished"]
    assert rig.attempts(run) == []


def test_only_the_chosen_streams_are_cleared(rig: Rig):
    kept, cleared = rig.table(2), rig.table(3)
    flow = rig.flow(StreamRead(name=kept), StreamRead(name=cleared))
    first = rig.submit(flow)
    assert rig.worker.runs
    rig.finished(first)
    rig.finished(clear(rig, flow, cleared))
    assert (rig.ids(kept), rig.ids(cleared)) == ([0, 1], [])


def test_what_is_emptied_is_what_was_written_last(rig: Rig):
    name = rig.table(3)
    flow = ran(rig, name, WriteMode.APPEND)
    with rig.store.begin() as work:
        imported = work.imports.get(rig.org, flow.imports[0])
        spec = imported.spec.model_copy(update={"streams": (StreamWrite(name=name, target="elsewhere"),)})
        work.imports.update(rig.org, imported.id, spec=spec)
        work.states.reset(rig.org, flow.id, name)
    rig.finished(clear(rig, flow))
    assert rig.ids(name) == []
    assert "elsewhere" not in rig.there.look().tables


def test_a_clear_waits_for_the_run_before_it(rig: Rig):
    name = rig.table(4)
    fault = rig.fault(f"batch:{name}:s000002", "wait")
    flow = rig.flow(StreamRead(name=name))
    run, clearing = rig.submit(flow), clear(rig, flow)
    assert rig.worker.runs
    rig.struck(fault)
    assert rig.run(clearing.id).status is RunStatus.QUEUED
    fault.unlink()
    rig.finished(run)
    rig.finished(clearing)
    assert rig.ids(name) == []
    first, second = rig.run(run.id), rig.run(clearing.id)
    assert first.ended_at is not None
    assert second.started_at is not None
    assert second.started_at >= first.ended_at  # Invariant 5


@pytest.mark.parametrize("point", ["commit:{}:1", "committed:{}:1", "discard:{}"])
def test_a_killed_server_ends_cleared(rig: Rig, point: str):
    name = rig.table(4)
    flow = ran(rig, name, WriteMode.APPEND)
    fault = rig.fault(point.format(name), "wait")
    run = clear(rig, flow)
    rig.struck(fault)
    rig.worker.kill()
    fault.unlink()
    assert rig.worker.runs
    rig.finished(run)
    assert rig.ids(name) == []
    assert generation(rig, flow, name) == 1
    assert rig.commits(name)[1:] == [(run.id, 1)]
    assert rig.staging(name) == []
    rig.finished(rig.submit(flow))
    assert rig.ids(name) == list(range(4))


def test_a_cancelled_clear_leaves_what_it_has_not_emptied(rig: Rig):
    name = rig.table(4)
    flow = ran(rig, name, WriteMode.UPSERT)
    fault = rig.fault(f"commit:{name}:1", "wait")
    run = clear(rig, flow)
    rig.struck(fault)
    rig.desk.cancel(rig.org, run.id)
    rig.finished(run, RunStatus.CANCELLED, patience=5)
    fault.unlink()
    assert rig.ids(name) == list(range(4))
    assert rig.staging(name) == []
    with rig.store.read() as work:
        assert work.states.get(rig.org, flow.id, name).state == {"at": 4}


def test_a_clear_that_was_done_when_it_was_cancelled_is_done(rig: Rig):
    name = rig.table(4)
    flow = ran(rig, name, WriteMode.UPSERT)
    fault = rig.fault(f"committed:{name}:1", "wait")
    run = clear(rig, flow)
    rig.struck(fault)
    rig.desk.cancel(rig.org, run.id)
    rig.finished(run, RunStatus.SUCCEEDED, patience=5)
    fault.unlink()
    assert rig.ids(name) == []
    assert generation(rig, flow, name) == 1
    assert [stream.status for stream in rig.streams(run)] == [StreamStatus.COMMITTED]

"""Runs of the records lane over the real engine: what goes where, and what survives which death."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from e2e.pages import PagesRig
from e2e.rig import eventually
from towpath.core.records import RunStatus, StreamStatus, now

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagesRig]:
    with PagesRig(tmp_path_factory.mktemp("pages")) as rig:
        assert rig.worker.runs
        yield rig


def orders(count: int) -> list[dict[str, object]]:
    return [{"id": number, "kind": "odd" if number % 2 else "even"} for number in range(count)]


def ids(records: list[dict[str, object]]) -> list[object]:
    return [record["id"] for record in records]


def test_a_flow_moves_all_pages(rig: PagesRig) -> None:
    flow, export, imported = rig.simple("plain", orders(10))
    run = rig.submit(flow)
    rig.finished(run)
    assert ids(rig.sink("plain")) == list(range(10))
    assert rig.counters(run, export) == rig.counters(run, imported) == (10, 10, 0, 0)
    rows = [(row.selection, row.status) for row in sorted(rig.streams(run), key=lambda row: row.id)]
    assert rows == [
        ({"kind": "export", "position": 0}, StreamStatus.COMMITTED),
        ({"kind": "import", "position": 1}, StreamStatus.COMMITTED),
    ]
    assert rig.errors(run) == []


def test_failed_records_are_kept_and_sent_again(rig: PagesRig) -> None:
    records = orders(7)
    records[2]["refuse"] = records[5]["refuse"] = True
    flow, _, imported = rig.simple("kept", records)
    run = rig.submit(flow)
    rig.finished(run)
    assert rig.counters(run, imported) == (7, 5, 0, 2)
    errors = rig.errors(run)
    assert [(error.stream, error.record["id"], error.detail["trace_key"]) for error in errors] == [
        (imported.id, 2, "2"),
        (imported.id, 5, "5"),
    ]
    with rig.store.begin() as work:
        assert work.record_errors.amend(rig.org, errors[0].id, {"id": 2})
    retry = rig.retry(run)
    rig.finished(retry)
    assert rig.counters(retry, imported) == (2, 1, 0, 1)
    assert ids(rig.sink("kept")) == [0, 1, 3, 4, 6, 2]
    assert rig.errors(run) == []
    assert [error.record["id"] for error in rig.errors(retry)] == [5]


@pytest.mark.parametrize(
    ("victim", "point"),
    [
        ("child", "page:{}:3"),
        ("child", "sent:{}:8"),
        ("child", "finish:{}"),
        ("worker", "send:{}:4"),
        ("worker", "sent:{}:9"),
    ],
)
def test_nothing_is_lost_or_miscounted(rig: PagesRig, point: str, victim: str) -> None:
    name = f"{victim}-{point[:4]}{point[-1]}"
    flow, export, imported = rig.simple(name, orders(10))
    fault = rig.fault(point.format(name), "kill" if victim == "child" else "wait", times=1)
    run = rig.submit(flow)
    rig.struck(fault)
    if victim == "worker":
        rig.worker.kill()
        fault.unlink()
        assert rig.worker.runs
    rig.finished(run)
    assert rig.counters(run, export) == rig.counters(run, imported) == (10, 10, 0, 0)
    assert set(ids(rig.sink(name))) == set(range(10))
    assert len(rig.sink(name)) <= 10 + 3  # the page on its way, once more
    assert len(rig.attempts(run, "pages/0")) == 2


def test_a_cancelled_run_ends_whatever_it_waits_for(rig: PagesRig) -> None:
    flow, _, _ = rig.simple("cancelled", orders(5))
    fault = rig.fault("send:cancelled:1", "wait")
    run = rig.submit(flow)
    rig.struck(fault)
    rig.desk.cancel(rig.org, run.id)
    rig.finished(run, RunStatus.CANCELLED, patience=5)
    fault.unlink()
    assert ids(rig.sink("cancelled")) == [0]


def test_a_retry_that_is_killed_sends_the_rest(rig: PagesRig) -> None:
    records = [{"id": number, "refuse": True} for number in range(4)]
    flow, _, imported = rig.simple("again", records)
    run = rig.submit(flow)
    rig.finished(run)
    errors = rig.errors(run)
    with rig.store.begin() as work:
        for error in errors:
            work.record_errors.amend(rig.org, error.id, {"id": error.record["id"]})
    rig.fault("sent:again:2", "kill", times=1)
    retry = rig.retry(run)  # nobody chose any of them: all
    rig.finished(retry)
    assert set(ids(rig.sink("again"))) == {0, 1, 2, 3}
    assert rig.counters(retry, imported) == (4, 4, 0, 0)
    assert rig.errors(run) == rig.errors(retry) == []


def test_a_connection_that_goes_down_stops_the_flow(rig: PagesRig) -> None:
    records = orders(5)
    records[1]["down"] = True
    flow, export, imported = rig.simple("down", records)
    run = rig.submit(flow)
    failed = rig.finished(run, RunStatus.FAILED)
    assert failed.error is not None
    assert failed.error["code"] == "connection.refused_us"
    assert [error.record["id"] for error in rig.errors(run)] == [1]
    assert ids(rig.sink("down")) == [0, 2]
    assert rig.step(run, imported).status is StreamStatus.FAILED
    assert rig.saved(flow, export).state is None
    again = rig.finished(rig.submit(flow), RunStatus.FAILED)
    assert again.error is not None
    assert again.error["code"] == "connection.offline"
    assert ids(rig.sink("down")) == [0, 2]


def test_a_delta_then_the_flow_that_follows(rig: PagesRig) -> None:
    second, _, _ = rig.simple("following", orders(1))
    first, export, _ = rig.simple(
        "delta", [{"id": 1, "at": "2020-01-01"}], kind="delta", delta={"field": "at"}
    )
    with rig.store.begin() as work:
        assert first.pipeline is not None
        pipeline = first.pipeline.model_copy(update={"run_next": (second.id,)})
        work.flows.update(rig.org, first.id, pipeline=pipeline)
    rig.finished(rig.submit(first))
    eventually(lambda: ids(rig.sink("following")) == [0], "the flow that follows")
    assert rig.saved(first, export).state is not None
    rig.records("delta", [{"id": 1, "at": "2020-01-01"}, {"id": 2, "at": "2999-01-01"}])
    run = rig.submit(first)
    rig.finished(run)
    assert rig.counters(run, export) == (2, 1, 1, 0)
    assert ids(rig.sink("delta")) == [1, 2]


def test_what_is_held_back_is_published_once_and_a_debugger_sees_all(rig: PagesRig) -> None:
    rig.records("held", orders(7))
    connection = rig.memory("held-from")
    with rig.store.begin() as work:
        work.connections.update(rig.org, connection.id, debug_until=now() + timedelta(minutes=5))
    export = rig.export(connection, {"name": "held"})
    imported = rig.import_(rig.memory("held-to", "there"), {"name": "held", "held": True})
    rig.fault("sent:held:4", "kill", times=1)
    run = rig.submit(rig.pipeline([export], [(imported, {})]))
    rig.finished(run)
    assert ids(rig.sink("held")) == list(range(7)), "nothing twice: the page replaced itself"
    files = [{"name": "held", "records": 7}]
    assert rig.step(run, imported).state_after == {"files": files}
    assert (Path(rig.settings["folder"]) / "runs" / run.id / imported.id).is_dir()
    with rig.store.read() as work:
        lines = work.debug_lines.read(rig.org, connection.id)
    assert {line.detail["start"] for line in lines} == {0, 3, 6}
    assert {line.step for line in lines} == {export.id}

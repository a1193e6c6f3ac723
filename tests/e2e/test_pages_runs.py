"""Runs of the records lane over the real engine: what goes where, and what survives which death."""

from collections.abc import Iterator

import pytest

from e2e.pages import PagesRig
from towpath.core.records import RunStatus, StreamStatus

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


@pytest.mark.parametrize("point", ["page:{}:3", "send:{}:4", "sent:{}:8", "sent:{}:9", "finish:{}"])
@pytest.mark.parametrize("victim", ["child", "worker"])
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

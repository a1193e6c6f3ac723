"""Flows that write documents: both ways to read, and what is rejected on the way."""

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest

from e2e.rig import Rig
from towpath.core.flows import StreamRead, StreamWrite
from towpath.core.model import ReadMode
from towpath.core.records import Run
from towpath.sdk.testing.memory import Table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("documents")
    store = f"sqlite:///{folder / 'store.sqlite'}"
    with Rig(folder, store, f"sqlite:///{folder / 'engine.sqlite'}") as rig:
        yield rig


def found(rig: Rig, name: str) -> list[tuple[int, dict[str, object]]]:
    rows = rig.there.look().tables[name].rows
    assert rows.schema.names == ["id", "data"]
    return sorted((row["id"], json.loads(row["data"])) for row in rows.to_pylist())


def expected(rows: int) -> list[tuple[int, dict[str, object]]]:
    return [(id, {"id": id, "value": f"v{id}"}) for id in range(rows)]


def test_documents_are_written_in_slices_and_in_micro_batches(rig: Rig):
    name = rig.table(5)
    flow = rig.flow(
        StreamRead(name=name, mode=ReadMode.INCREMENTAL, cursor="id"),
        writes=[StreamWrite(name=name, document=True)],
    )
    assert rig.worker.runs
    first = rig.submit(flow)
    rig.finished(first)
    assert found(rig, name) == expected(5)
    rig.fill(name, 4, start=5)
    second = rig.submit(flow)
    rig.finished(second)
    assert found(rig, name) == expected(9)
    assert [rig.streams(run)[0].ordered for run in (first, second)] == [False, True]
    assert rig.streams(second)[0].counters.written == 4


def test_a_rejected_document_is_sent_again_as_it_was(rig: Rig):
    name = rig.table(2)
    with rig.here.change() as world:
        odd = pa.table({"id": pa.array([None], pa.int64()), "value": ["no key"]})
        world.tables[name] = Table(pa.concat_tables([world.tables[name].rows, odd]), ("id",))
    flow = rig.flow(StreamRead(name=name), writes=[StreamWrite(name=name, document=True, mode="upsert")])
    assert rig.worker.runs
    run = rig.submit(flow)
    rig.finished(run)
    [error] = errors(rig, run)
    assert error.record == {"id": None, "data": '{"id":null,"value":"no key"}'}
    again = Run(org=rig.org, flow=flow.id, cause="retry", parent=run.id)
    with rig.store.begin() as work:
        assert work.record_errors.amend(rig.org, error.id, {**error.record, "id": 2})
        work.record_errors.claim(rig.org, [error.id], again.id)
        work.runs.add(rig.org, again)
    rig.finished(again)
    assert found(rig, name) == [*expected(2), (2, {"id": None, "value": "no key"})]


def errors(rig: Rig, run: Run):
    with rig.store.read() as work:
        return work.record_errors.list(rig.org, run=run.id)

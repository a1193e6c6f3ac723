"""The worker's side of a run in the records lane: what it tells the child, and what it keeps."""

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from towpath.core.errors import AuthError, ConflictError, DataError
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.pipelines import GIVEN, WINDOW, Generator, Pipeline, Processor
from towpath.core.records import (
    Connection,
    ConnectionStatus,
    ErrorStatus,
    Export,
    Flow,
    Import,
    Organization,
    RecordError,
    Run,
    RunStatus,
    RunStream,
    StreamStatus,
)
from towpath.core.repositories import Store
from towpath.core.steps import Delta, PageRead, RecordWrite
from towpath.engine.board import Board
from towpath.engine.books import Books
from towpath.engine.children import Nursery
from towpath.engine.context import Context
from towpath.engine.diary import Diary
from towpath.engine.ends import finish, unheard
from towpath.engine.settings import EngineSettings
from towpath.engine.work_pages import PagesWork

PAGE: dict[str, Any] = {
    "kind": "page",
    "step": None,
    "progress": None,
    "counters": {},
    "errors": [],
    "passed": {},
    "sent": [],
    "published": {},
    "lines": [],
}


@dataclass
class Scene:
    store: Store
    context: Context
    org: str
    flow: Flow
    export: Export
    imported: Import
    connection: Connection

    def run(self, **more: Any) -> PagesWork:
        run = Run(org=self.org, flow=self.flow.id, **more)
        with self.store.begin() as work:
            work.runs.add(self.org, run)
            work.runs.claim(self.org, run.id)
        return PagesWork(self.context, self.org, run.id)

    def finish(self, run: PagesWork, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        with self.store.begin() as work:
            finish(work, unheard, self.org, run.run, status)

    def succeed(self, run: PagesWork) -> dict[str, Any]:
        task = run.brief()
        run.done({"discarded": {}}, SimpleNamespace())
        self.finish(run)
        return task

    def streams(self, run: PagesWork) -> dict[str, RunStream]:
        with self.store.read() as work:
            return {row.stream: row for row in work.streams.list(self.org, run.run)}

    def errors(self, **equals: Any) -> list[RecordError]:
        with self.store.read() as work:
            return list(work.record_errors.list(self.org, **equals))

    def give(self, run: PagesWork, key: str, value: Any) -> None:
        with self.store.begin() as work:
            work.values.put(self.org, run.run, key, value)

    def set_spec(self, **pages: Any) -> None:
        with self.store.begin() as work:
            work.exports.update(self.org, self.export.id, spec=ExportSpec(pages=PageRead(**pages)))


@pytest.fixture
def tokens() -> SimpleNamespace:
    return SimpleNamespace(lent=[], spent=[])


@pytest.fixture
def scene(store: Store, tmp_path: Path, tokens: SimpleNamespace) -> Scene:
    def token(org: str, run: str, step: str) -> tuple[str, str]:
        tokens.lent.append(step)
        return f"key_{len(tokens.lent)}", "text"

    with store.begin() as work:
        org = work.organizations.add(Organization(name="test")).id
        connection = work.connections.add(org, Connection(org=org, name="c", connector="memory", config={}))
        export = Export(
            org=org, name="orders", connection=connection.id, spec=ExportSpec(pages=PageRead(kind="delta"))
        )
        imported = Import(
            org=org, name="sink", connection=connection.id, spec=ImportSpec(records=RecordWrite())
        )
        work.exports.add(org, export)
        work.imports.add(org, imported)
        pipeline = Pipeline(
            generators=(Generator(step=export.id),),
            processors=(Processor(step=imported.id, kind="import"),),
        )
        flow = Flow(org=org, name="f", exports=(export.id,), imports=(imported.id,), pipeline=pipeline)
        work.flows.add(org, flow)
    stopping = threading.Event()
    books = Books(store, stopping)
    context = Context(
        worker="worker",
        books=books,
        resolve=lambda *_: ("memory", {}),
        settings=EngineSettings(
            url="",
            folder=tmp_path / "work",
            token=token,
            spend=lambda _, key: tokens.spent.append(key),
        ),
        nursery=Nursery(),
        stopping=stopping,
        diary=Diary(books),
        board=Board(books),
        slots=threading.BoundedSemaphore(2),
    )
    return Scene(store, context, org, flow, export, imported, connection)


def test_the_child_is_told_all_and_the_same_again(scene: Scene) -> None:
    run = scene.run()
    task = run.brief()
    assert run.brief() == task
    assert task["generators"] == [scene.export.id]
    assert task["connections"][scene.connection.id]["level"] == 4
    assert [
        (row.selection, row.status) for row in sorted(scene.streams(run).values(), key=lambda r: r.id)
    ] == [
        ({"kind": "export", "position": 0}, StreamStatus.PLANNED),
        ({"kind": "import", "position": 1}, StreamStatus.PLANNED),
    ]
    run.hear({"kind": "began", "steps": [scene.export.id]})
    assert scene.streams(run)[scene.export.id].status is StreamStatus.RUNNING
    assert _over(scene, run) is None


def test_a_page_that_is_told_twice_counts_once(scene: Scene) -> None:
    run = scene.run()
    run.brief()
    error = {"stream": scene.imported.id, "key": "0.1/x#1", "code": "c", "message": "m", "record": {"id": 1}}
    page = PAGE | {
        "step": scene.export.id,
        "progress": {"after": {"page": 1}, "page": 1},
        "counters": {scene.imported.id: {"read": 3, "written": 2, "rejected": 1}},
        "errors": [error | {"detail": {"stage": "map"}}],
    }
    run.hear(page)
    run.hear(page)
    rows = scene.streams(run)
    assert rows[scene.imported.id].counters.read == 3
    assert rows[scene.export.id].state_after == page["progress"]
    assert [(one.stream, one.record, one.flow) for one in scene.errors()] == [
        (scene.imported.id, {"id": 1}, scene.flow.id)
    ]
    assert run.brief()["progress"] == {scene.export.id: page["progress"]}
    with scene.store.read() as work:
        assert run.since(work) is not None


def test_a_delta_goes_on_where_the_last_success_began(scene: Scene) -> None:
    scene.set_spec(kind="delta", delta=Delta(start=datetime(2026, 1, 1, tzinfo=UTC), lag=60))

    def since(run: PagesWork) -> str:
        return run.brief()["steps"][scene.export.id]["since"]

    first = scene.run()
    assert since(first) == "2026-01-01T00:00:00+00:00"
    scene.finish(first, RunStatus.FAILED)
    second = scene.run()
    assert since(second) == "2026-01-01T00:00:00+00:00", "a failed run does not advance"
    scene.succeed(second)
    with scene.store.read() as work:
        began = work.runs.get(scene.org, second.run).started_at
    assert began is not None
    third = scene.run()
    assert datetime.fromisoformat(since(third)).timestamp() == pytest.approx(began.timestamp() - 60)
    scene.finish(third, RunStatus.CANCELLED)
    chosen = scene.run()
    scene.give(chosen, WINDOW, {"since": "2020-01-01T00:00:00+00:00", "until": None})
    assert since(chosen) == "2020-01-01T00:00:00+00:00"
    scene.succeed(chosen)
    full = scene.run(full=True)
    assert since(full) == "2026-01-01T00:00:00+00:00"
    scene.finish(full, RunStatus.CANCELLED)
    last = scene.run()
    assert since(last) == since(third), "a chosen window changes nothing for the next run"


def test_a_reset_in_the_middle_of_a_run_stays(scene: Scene) -> None:
    run = scene.run()
    run.brief()
    with scene.store.begin() as work:
        work.states.reset(scene.org, scene.flow.id, scene.export.id)
    scene.succeed(run)
    with scene.store.read() as work:
        assert work.states.get(scene.org, scene.flow.id, scene.export.id).state is None


def test_an_offline_connection_is_not_tried(scene: Scene) -> None:
    with scene.store.begin() as work:
        work.connections.update(
            scene.org, scene.connection.id, status=ConnectionStatus.ERROR, error="Signed out"
        )
    run = scene.run()
    with pytest.raises(AuthError, match="Signed out") as caught:
        run.brief()
    assert caught.value.code == "connection.offline"
    assert run.give_up(caught.value)["outcome"] == "failed"
    rows = scene.streams(run)
    assert rows[scene.export.id].status is StreamStatus.FAILED
    assert rows[scene.export.id].error["code"] == "connection.offline"
    assert _over(scene, run) == "failed"


def test_a_connection_that_refused_us_is_marked(scene: Scene) -> None:
    run = scene.run()
    run.brief()
    run.hear({"kind": "down", "connection": scene.connection.id, "message": "No."})
    with scene.store.read() as work:
        row = work.connections.get(scene.org, scene.connection.id)
    assert (row.status, row.error) == (ConnectionStatus.ERROR, "No.")


def test_posted_records_survive_a_run_that_fails(scene: Scene) -> None:
    scene.set_spec(kind="webhook")
    run = scene.run()
    scene.give(run, f"{GIVEN}000001", {"step": scene.export.id, "records": [{"id": 3}]})
    scene.give(run, f"{GIVEN}000000", {"step": scene.export.id, "records": [{"id": 1}, {"id": 2}]})
    assert run.brief()["given"] == {scene.export.id: [{"id": 1}, {"id": 2}, {"id": 3}]}
    progress = {"after": {"app": {"offset": 1}}, "page": 1}
    run.hear(PAGE | {"step": scene.export.id, "progress": progress})
    for _ in range(2):
        run.give_up(DataError("x.y", "No.", step=scene.imported.id))
    assert [(one.record, one.detail["stage"]) for one in scene.errors(run=run.run)] == [
        ({"id": 2}, "read"),
        ({"id": 3}, "read"),
        ({}, "done"),
    ]
    assert scene.streams(run)[scene.imported.id].status is StreamStatus.FAILED
    assert scene.streams(run)[scene.export.id].counters.rejected == 2


def test_a_retry_without_any_choice_sends_all_that_is_open(scene: Scene) -> None:
    parent = scene.run()
    scene.succeed(parent)
    errors = [_error(scene, parent, number) for number in range(4)]
    errors[3] = replace(errors[3], status=ErrorStatus.RESOLVED)
    with scene.store.begin() as work:
        work.record_errors.report(scene.org, errors)
    run = scene.run(parent=parent.run, cause="retry")
    task = run.brief()
    assert [one["record"]["id"] for one in task["retry"]] == [0, 1, 2]
    assert task["generators"] == []
    assert set(scene.streams(run)) == {scene.imported.id}
    again = _error(scene, run, 9)
    run.hear(PAGE | {"sent": [errors[0].id, errors[1].id], "errors": [_told(again)]})
    assert [one["record"]["id"] for one in run.brief()["retry"]] == [2]
    scene.finish(run, RunStatus.CANCELLED)
    assert [one.status for one in scene.errors(run=parent.run)] == [
        ErrorStatus.RESOLVED,
        ErrorStatus.RESOLVED,
        ErrorStatus.OPEN,
        ErrorStatus.RESOLVED,
    ]
    assert [one.status for one in scene.errors(run=run.run)] == [ErrorStatus.OPEN], "it tells of another one"


def test_a_record_that_gets_through_resolves_what_was_open(scene: Scene) -> None:
    parent = scene.run()
    scene.succeed(parent)
    with scene.store.begin() as work:
        work.record_errors.report(scene.org, [_error(scene, parent, number) for number in range(2)])
    run = scene.run()
    assert run.brief()["open_keys"] == {scene.imported.id: ["0", "1"]}
    run.hear(PAGE | {"passed": {scene.imported.id: ["1"]}})
    assert [one.status for one in scene.errors()] == [ErrorStatus.OPEN, ErrorStatus.RESOLVED]


def test_tokens_end_with_the_function_or_with_the_child(scene: Scene, tokens: SimpleNamespace) -> None:
    run = scene.run()
    assert run.hear({"kind": "token", "step": "s"}) == ("key_1", "text")
    assert run.hear({"kind": "token", "step": "s"}) == ("key_2", "text")
    run.hear({"kind": "spend", "key": "key_1"})
    run.released()
    assert tokens.spent == ["key_1", "key_2"]


def test_files_of_a_run_are_on_its_machine(scene: Scene, tmp_path: Path) -> None:
    run = scene.run()
    folder = Path(run.brief()["folder"])
    run.hear({"kind": "folder", "step": scene.imported.id})
    run.brief()
    (folder / "here").unlink()
    with pytest.raises(ConflictError) as caught:
        run.brief()
    assert caught.value.code == "run.files_lost"


def test_flows_that_follow_start_once(scene: Scene) -> None:
    with scene.store.begin() as work:
        follower = Flow(org=scene.org, name="next", exports=(), imports=(), pipeline=Pipeline())
        work.flows.add(scene.org, follower)
        pipeline = scene.flow.pipeline.model_copy(update={"run_next": (follower.id, "flw_gone")})
        work.flows.update(scene.org, scene.flow.id, pipeline=pipeline)
    run = scene.run()
    scene.finish(run, RunStatus.FAILED)
    for _ in range(2):
        run = scene.run()
        scene.finish(run)
        scene.finish(run)
    with scene.store.read() as work:
        runs = work.runs.list(scene.org, flow=follower.id)
    assert [(one.cause, one.status) for one in runs] == [("next", RunStatus.QUEUED)]


def test_what_a_lookup_cache_has(scene: Scene) -> None:
    run = scene.run()
    with scene.store.begin() as work:
        work.values.put(scene.org, "itm_1", "a", {"price": 1})
    assert run.hear({"kind": "cached", "scope": "itm_1", "key": "a"}) == {"price": 1}
    assert run.hear({"kind": "cached", "scope": "itm_1", "key": "b"}) is None


def _over(scene: Scene, run: PagesWork) -> str | None:
    with scene.store.read() as work:
        ending = run.over(work, run.look(work))
    return None if ending is None else ending["outcome"]


def _error(scene: Scene, run: PagesWork, number: int) -> RecordError:
    return RecordError(
        org=scene.org,
        run=run.run,
        flow=scene.flow.id,
        stream=scene.imported.id,
        key=str(number),
        code="c",
        message="m",
        record={"id": number},
        detail={"stage": "map", "trace_key": str(number)},
    )


def _told(error: RecordError) -> dict[str, Any]:
    names = ("stream", "key", "code", "message", "record", "detail")
    return {name: getattr(error, name) for name in names}

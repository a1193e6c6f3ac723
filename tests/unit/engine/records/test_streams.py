"""Streams read as pages, and pages written as a stream."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import BaseModel

from support.records import PlainHost
from towpath.core.errors import ConfigError
from towpath.core.flows import ExportSpec, ImportSpec, StreamRead, StreamWrite
from towpath.core.model import ReadMode, WriteMode
from towpath.core.steps import PageRead, RecordWrite
from towpath.engine.records import End, open_export, open_import
from towpath.sdk.testing.memory import MemoryConfig, Table, World, connector


@pytest.fixture
def config(tmp_path: Path) -> MemoryConfig:
    return MemoryConfig(path=tmp_path / "world", slice_rows=3, batch_rows=2)


def fill(world: World, rows: int) -> None:
    with world.change() as state:
        ids = pa.array(range(rows), pa.int64())
        state.tables["t"] = Table(pa.table({"id": ids, "value": [f"v{n}" for n in range(rows)]}), ("id",))


def end(config: BaseModel) -> dict[str, End]:
    return {"con_1": End(id="con_1", connector=connector, config=config)}


def reading(mode: ReadMode, **more: Any) -> ExportSpec:
    read = StreamRead(name="t", mode=mode, cursor="id" if mode is ReadMode.INCREMENTAL else None)
    return ExportSpec(streams=(read,), pages=PageRead(page_size=2, **more))


@pytest.mark.parametrize("mode", [ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL])
@pytest.mark.parametrize("ordered", [True, False])
def test_reading_goes_on_behind_every_page(config, host, mode, ordered) -> None:
    config = config.model_copy(update={"ordered": ordered})
    fill(config.world, 11)
    with open_export("e", reading(mode), end(config), "con_1", host, {}) as step:
        pages = list(step.pages())
        remember = step.remember
    assert [record["id"] for page in pages for record in page.records] == list(range(11))
    assert pages[0].records[0] == {"id": 0, "value": "v0"}
    assert pages[-1].after is None
    for number, page in enumerate(pages[:-1]):
        after = json.loads(json.dumps(page.after))
        with open_export("e", reading(mode), end(config), "con_1", host, {}) as step:
            rest = [record["id"] for one in step.pages(after=after) for record in one.records]
        seen = [record["id"] for one in pages[: number + 1] for record in one.records]
        assert seen + rest == list(range(11))
    if mode is ReadMode.INCREMENTAL:
        state = json.loads(json.dumps(remember))
        assert pages[-1].remember == state
        fill(config.world, 14)
        with open_export("e", reading(mode), end(config), "con_1", host, {}, state=state) as step:
            assert [record["id"] for page in step.pages() for record in page.records] == [11, 12, 13]


def test_a_lost_snapshot_is_read_from_the_beginning(config, host) -> None:
    config = config.model_copy(update={"pinned": True})
    fill(config.world, 5)
    spec = reading(ReadMode.FULL_REFRESH)
    with open_export("e", spec, end(config), "con_1", host, {}) as step:
        first = next(iter(step.pages()))
    with open_export("e", spec, end(config), "con_1", host, {}) as step:
        pages = list(step.pages(after=first.after))
    assert [record["id"] for page in pages for record in page.records] == list(range(5))
    assert ["beginning" in page.warnings[0] for page in pages[:1]] == [True]


def test_a_log_of_changes_is_no_series_of_pages(config, host) -> None:
    fill(config.world, 1)
    spec = ExportSpec(streams=(StreamRead(name="t", mode=ReadMode.CDC),), pages=PageRead())
    with open_export("e", spec, end(config), "con_1", host, {}) as step, pytest.raises(ConfigError) as caught:
        list(step.pages())
    assert caught.value.code == "read_mode.unsupported"


def writing(**more: Any) -> ImportSpec:
    return ImportSpec(streams=(StreamWrite(name="out", **more),), records=RecordWrite())


def sent(
    config: MemoryConfig, host: PlainHost, spec: ImportSpec, *pages: list[Any], run: str = "run_1"
) -> Any:
    words = {"job": {"id": run}, "flow": {"id": "flw_1"}}
    with open_import("i", spec, end(config), "con_1", host, words) as step:
        statuses = []
        for number, page in enumerate(pages):
            step.turn(f"0.{number:08}")
            statuses += [outcome.status for outcome in step.write(page)]
        return statuses, step.finish()


def rows(config: MemoryConfig) -> list[dict[str, Any]]:
    return config.world.look().tables["out"].rows.to_pylist()


def test_nothing_is_written_before_the_end(config, host) -> None:
    words = {"job": {"id": "run_1"}}
    with open_import("i", writing(), end(config), "con_1", host, words) as step:
        assert [one.status for one in step.write([{"a": 1}, "text"])] == [200, 422]
        assert config.world.look().tables == {}
        assert step.finish() == {"rows": 1, "rejected": []}
        assert step.finish() == {"rows": 1, "rejected": []}
    assert rows(config) == [{"a": 1}]


def test_columns_hold_all_of_their_values(config, host) -> None:
    pages = [{"n": 1, "x": 1, "d": {"a": [1]}, "b": True}], [{"n": 2.5, "x": "a", "new": "y", "none": None}]
    sent(config, host, writing(), *pages)
    assert [row["n"] for row in rows(config)] == [1.0, 2.5]
    assert [json.loads(row["x"]) for row in rows(config)] == [1, "a"]
    assert json.loads(rows(config)[0]["d"]) == {"a": [1]}
    assert [row["new"] for row in rows(config)] == [None, "y"]
    assert [row["none"] for row in rows(config)] == [None, None]


def test_a_page_that_comes_again_is_written_once(config, host) -> None:
    words = {"job": {"id": "run_1"}}
    for pages in ([1], [1, 2]):
        with open_import("i", writing(), end(config), "con_1", host, words) as step:
            for page in pages:
                step.turn(f"0.{page}")
                step.write([{"id": page}])
    with open_import("i", writing(), end(config), "con_1", host, words) as step:
        step.finish()
    assert [row["id"] for row in rows(config)] == [1, 2]


def test_the_columns_that_are_there_keep_their_types(config, host) -> None:
    with config.world.change() as state:
        state.tables["out"] = Table(pa.table({"id": pa.array([1], pa.int64())}), ("id",))
    spec = writing(mode=WriteMode.UPSERT, primary_key=("id",))
    _, done = sent(config, host, spec, [{"id": 1, "v": "a"}, {"id": "two", "v": "b"}])
    assert [(one["code"], one["record"]["id"]) for one in done["rejected"]] == [
        ("value.unrepresentable", "two")
    ]
    assert rows(config) == [{"id": 1, "v": "a"}]


def test_dynamic_lookups_have_nobody_to_ask(config, host) -> None:
    lookups = ({"name": "l", "query": "x"},)
    mapping = {"fields": [{"extract": "id", "generate": "id", "lookupName": "l"}]}
    spec = ImportSpec(
        streams=(StreamWrite(name="out"),), records=RecordWrite(mapping=mapping, lookups=lookups)
    )
    with open_import("i", spec, end(config), "con_1", host, {}) as step:
        [outcome] = step.write([{"id": 1}])
    assert [error.code for error in outcome.errors] == ["lookup.unsupported"]

"""What the engine asks of destinations beyond their contract: documents, and targets that are cleared."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from towpath.core.ports import Category
from towpath.core.records import Counters
from towpath.engine.documents import DocumentWriter, document_schema
from towpath.engine.move import empty
from towpath.sdk import Batch, Checkpoint, Selection, Slice, Target, WriteMode
from towpath.sdk.registry import Registry, parse_config

ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "name": ["plain", 'a "quoted"\n\\ text, with commas', "zero \0 and ünïcode ✓"],
        "at": pa.array([0, None, 10**15], pa.timestamp("us", "UTC")),
    }
)
_numbers = itertools.count()


@contextmanager
def settings(name: str, tmp_path, request) -> Iterator[dict[str, Any]]:
    match name:
        case "postgres":
            server = request.getfixturevalue("postgres")
            yield server.config(request.getfixturevalue("postgres_database"))
        case "mysql":
            server = request.getfixturevalue("mariadb")
            with server.database(f"engine_{next(_numbers)}") as database:
                yield {"host": server.host, "port": server.port, "database": database, "username": "root"}
        case _:
            file = {"sqlite": "there.db", "duckdb": "there.duckdb"}.get(name, "lake")
            yield {"path": str(tmp_path / file)}


@pytest.fixture(
    params=[
        "sqlite",
        "duckdb",
        "parquet",
        "jsonl",
        "csv",
        pytest.param("postgres", marks=pytest.mark.service("postgres")),
        pytest.param("mysql", marks=pytest.mark.service("mysql")),
    ]
)
def place(request, tmp_path):
    with settings(request.param, tmp_path, request) as config:
        yield Place(request.param, config)


class Heard:
    """A worker that hears what a child tells."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def committing(self) -> None:
        self.said.append("committing")

    def saved(self, state, counters) -> None:
        assert (state, counters) == (None, Counters())
        self.said.append("saved")


class Place:
    """One real destination."""

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        self.connector = Registry.installed().get(name)
        self.config = parse_config(self.connector, config)

    def target(self, schema: pa.Schema, run: int, generation: int, **changes: Any) -> Target:
        upsert = WriteMode.UPSERT in self.connector.write_modes
        made = Target(
            "things",
            schema,
            WriteMode.UPSERT if upsert else WriteMode.APPEND,
            f"run_{run}",
            "things",
            f"flw_1:{generation}",
            primary_key=("id",),
        )
        return replace(made, **changes)

    def write(self, target: Target) -> None:
        with self.connector.destination(self.config) as there:
            there.prepare(target)
            writer = DocumentWriter(there.writer(target, Slice("s0")), target.schema)
            for batch in ROWS.to_batches():
                assert list(writer.write(Batch(batch))) == []
            there.commit(target, [writer.close()], Checkpoint(target.run, 1, {"at": 3}))
            there.discard(target)

    def clear(self, target: Target, run: int) -> None:
        heard = Heard()
        with self.connector.destination(self.config) as there:
            empty(there, replace(target, mode=WriteMode.OVERWRITE, run=f"run_{run}"), heard)
            assert there.committed(target) == Checkpoint(f"run_{run}", 1, None)
        assert heard.said == ["committing", "saved"]

    def records(self) -> list[dict[str, Any]]:
        with self.connector.source(self.config) as here:
            found = [stream for stream in here.discover() if stream.name == "things"]
            if not found:  # files of nothing
                return []
            selection = Selection(found[0])
            slices = here.plan(selection, None).slices
            read = [batch for piece in slices for batch in here.read(selection, piece, None)]
        return sorted((one for batch in read for one in batch.records), key=lambda one: int(one["id"]))


def test_documents_arrive_as_they_were_written(place):
    schema = document_schema("things", ROWS.schema, ["id"])
    place.write(place.target(schema, 1, 0))
    found = place.records()
    assert [int(one["id"]) for one in found] == [1, 2, 3]
    texts = [one["data"] for one in found]
    parsed = [json.loads(text) if isinstance(text, str) else text for text in texts]
    assert [one["name"] for one in parsed] == ROWS["name"].to_pylist()
    assert [one["at"] for one in parsed] == [
        "1970-01-01T00:00:00.000000Z",
        None,
        "2001-09-09T01:46:40.000000Z",
    ]


@pytest.mark.parametrize("partitions", [(), ("id",)])
def test_what_is_cleared_is_empty_and_fills_again(place, partitions):
    if partitions and Category.DATABASE in place.connector.categories:
        pytest.skip("it has no partitions")
    schema = document_schema("things", ROWS.schema, ["id"])
    first = place.target(schema, 1, 0, partition_by=partitions)
    place.write(first)
    assert len(place.records()) == 3
    place.clear(first, 2)
    assert place.records() == []
    place.clear(first, 2)
    place.write(place.target(schema, 3, 1, partition_by=partitions))
    assert len(place.records()) == 3
    place.clear(place.target(schema, 4, 1, partition_by=partitions), 4)
    assert place.records() == []

"""A fresh database for each test, and the source in both of its forms."""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from support.mariadb import PASSWORD, USER, MariaDB
from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.reading import COMPILED
from towpath.connectors.mysql.source import MySQLSource
from towpath.sdk import Batch, Selection, Slice, State, Stream

_numbers = itertools.count()


class Place:
    """A fresh database, with root's hands to prepare it and the source's settings to read it."""

    def __init__(self, mariadb: MariaDB, database: str) -> None:
        self.server = mariadb
        self.root = mariadb.connect(database)
        self.config = MySQLConfig(
            host=mariadb.host, port=mariadb.port, database=database, username=USER, password=PASSWORD
        )

    def sql(self, *statements: str) -> Sequence[tuple[Any, ...]]:
        """Run the statements as root; the rows of the last one."""
        with self.root.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def settings(self, **more: Any) -> MySQLConfig:
        return MySQLConfig(**self.config.model_dump() | more)

    def as_root(self, **more: Any) -> MySQLConfig:
        return self.settings(username="root", password="", **more)

    def source(self, config: MySQLConfig | None = None, **more: Any) -> MySQLSource:
        return MySQLSource(config or self.config, **more)

    def stream(self, name: str = "t") -> Stream:
        (found,) = [stream for stream in self.source().discover() if stream.name == name]
        return found

    def numbers(self, rows: int) -> Stream:
        """A table of so many rows: ``id`` from 1, and 1 as ``v``."""
        self.sql(
            "CREATE TABLE t (id INT PRIMARY KEY, v INT)",
            f"INSERT INTO t SELECT seq, 1 FROM seq_1_to_{rows}",
            "ANALYZE TABLE t",
        )
        return self.stream()

    def endless(self) -> Stream:
        """A gigabyte that takes no room: no buffer between here and the server holds it."""
        self.sql("CREATE VIEW w AS SELECT seq AS id, REPEAT('x', 1000) AS v FROM seq_1_to_1000000")
        return self.stream("w")

    def another(self, mariadb: MariaDB, database: str) -> "Place":
        """The same on a server of the test's own."""
        return Place(mariadb, database)

    @staticmethod
    def batches(source: MySQLSource, selection: Selection, state: State | None = None) -> Iterator[Batch]:
        for slice in source.plan(selection, state).slices:
            yield from source.read(selection, Slice.from_json(json.loads(json.dumps(slice.to_json()))), state)

    @classmethod
    def read(cls, source: MySQLSource, selection: Selection) -> list[dict[str, Any]]:
        """All records of a full refresh."""
        return [record for batch in cls.batches(source, selection) for record in batch.records]

    @staticmethod
    def follow(
        source: MySQLSource, selection: Selection, state: State | None
    ) -> tuple[list[dict[str, Any]], State | None]:
        """One incremental run: its records, and the state after it."""
        plan = source.plan(selection, state)
        found = [batch for slice in plan.slices for batch in source.read(selection, slice, state)]
        after = found[-1].state if plan.ordered and found else state if plan.ordered else plan.state
        return [record for batch in found for record in batch.records], after


@pytest.fixture
def place(mariadb: MariaDB) -> Iterator[Place]:
    with mariadb.database(f"service_{next(_numbers)}") as database:
        made = Place(mariadb, database)
        yield made
        made.root.close()


_DECODERS = [
    pytest.param(
        True, id="compiled", marks=pytest.mark.skipif(not COMPILED, reason="built without a compiler")
    ),
    pytest.param(False, id="rows"),
]


@pytest.fixture(params=_DECODERS)
def compiled(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)

"""The application contract of the databases, over real ones."""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest

from support.mariadb import MariaDB
from support.postgres import PostgresServer
from towpath.connectors.duckdb import connector as duckdb
from towpath.connectors.mysql import connector as mysql
from towpath.connectors.postgres import connector as postgres
from towpath.connectors.sqlite import connector as sqlite
from towpath.sdk import DataError, Outcome, Sending
from towpath.sdk.sqlapp.values import record_of
from towpath.sdk.testing.application import ApplicationContract
from towpath.sdk.testing.tools import PlainTools

_numbers = itertools.count()
_COLUMNS = "id int PRIMARY KEY CHECK (id >= 0), name varchar(40)"
_DAMAGED = "\\'; DROP TABLE target; --"


class SqlContract(ApplicationContract):
    """What they have in common; and what only databases do."""

    placeholder = "?"

    def connected(self, config: Any) -> Any:
        """A DB-API connection by another way than the connector's, closed at the end of the block."""
        raise NotImplementedError

    def execute(self, config: Any, *statements: str, rows: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self.connected(config) as connection:
            cursor = connection.cursor()
            for statement in statements:
                if rows:
                    cursor.executemany(statement, rows)
                else:
                    cursor.execute(statement)
            found = (
                [record_of([column[0] for column in cursor.description], row) for row in cursor.fetchall()]
                if cursor.description
                else []
            )
            connection.commit()
        return found

    def fill(self, config: Any, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        table = f"source_{next(_numbers)}"
        self.execute(config, f"CREATE TABLE {table} (id int PRIMARY KEY, name varchar(40))")
        if records:
            values = f"({self.placeholder}, {self.placeholder})"
            rows = [(one["id"], one["name"]) for one in records]
            self.execute(config, f"INSERT INTO {table} VALUES {values}", rows=rows)
        return {"query": f"SELECT id, name FROM {table} ORDER BY id"}

    def writing(self, config: Any) -> Mapping[str, Any]:
        self.execute(config, f"CREATE TABLE IF NOT EXISTS target ({_COLUMNS})")
        query = "INSERT INTO target (id, name) VALUES ({{record.id}}, {{record.name}})"
        return {"actions": [{"kind": "per_record", "query": query}]}

    def written(self, config: Any) -> Sequence[Mapping[str, Any]]:
        return self.execute(config, "SELECT id, name FROM target ORDER BY id")

    def refused(self, number: int) -> Mapping[str, Any]:
        return {"id": -1 - number, "name": f"No. {number}"}

    # ── what only databases do ───────────────────────────────────────────────────────────────────

    def act(self, config: Any, records: Sequence[Any], tools: PlainTools, **request: Any) -> list[Outcome]:
        self.writing(config)
        write = self.writing_of(request)
        with self.open(config) as application:
            sendings = [Sending(data=one, record=one) for one in records]
            return list(application.send(write, sendings, tools))

    def test_rows_in_bulk(self, config: Any, tools: PlainTools) -> None:
        """All at once; where one is wrong, it alone fails."""
        records: list[dict[str, Any]] = [{"id": n, "name": f"No. {n}"} for n in range(5)]
        action = {"kind": "bulk_insert", "table": "target", "batch_size": 3}
        assert {one.status for one in self.act(config, records, tools, actions=[action])} == {200}
        again: list[dict[str, Any]] = [{"id": 9, "name": _DAMAGED}, {"id": 1, "name": "there already"}]
        done = self.act(config, again, tools, actions=[action])
        assert [one.status for one in done] == [200, 422]
        assert done[1].errors
        assert [row["id"] for row in self.written(config)] == [0, 1, 2, 3, 4, 9]
        assert self.written(config)[-1]["name"] == _DAMAGED

    def test_rows_are_replaced_by_their_keys(self, config: Any, tools: PlainTools) -> None:
        action = {"kind": "bulk_load", "table": "target", "primary_keys": ["id"]}
        self.act(config, [{"id": 1, "name": "old"}, {"id": 2, "name": "stays"}], tools, actions=[action])
        self.act(config, [{"id": 1, "name": "new"}, {"id": 3, "name": "more"}], tools, actions=[action])
        assert [row["name"] for row in self.written(config)] == ["new", "stays", "more"]

    def test_values_stay_values(self, config: Any, tools: PlainTools) -> None:
        """Two braces make a literal, whatever the value holds."""
        self.send(config, [{"id": 1, "name": _DAMAGED}], tools)
        assert self.written(config) == [{"id": 1, "name": _DAMAGED}]

    def test_what_is_there_decides(self, config: Any, tools: PlainTools) -> None:
        update = "UPDATE target SET name = {{record.name}} WHERE id = {{record.id}}"
        insert = "INSERT INTO target (id, name) VALUES ({{record.id}}, {{record.name}})"
        request: dict[str, Any] = {
            "actions": [{"kind": "per_record", "query": sql} for sql in (update, insert)],
            "lookups": [{"name": "there", "query": "SELECT id FROM target WHERE id = {{record.id}}"}],
            "existing_lookup": "there",
        }
        self.act(config, [{"id": 1, "name": "one"}], tools, **request)
        done = self.act(config, [{"id": 1, "name": "uno"}, {"id": 2, "name": "dos"}], tools, **request)
        assert [one.operation for one in done] == ["update", "create"]
        assert [row["name"] for row in self.written(config)] == ["uno", "dos"]
        kept = self.act(
            config, [{"id": 1, "name": "x"}, {"id": 3, "name": "y"}], tools, **request, ignore_existing=True
        )
        assert [one.ignored for one in kept] == [True, False]
        lost = self.act(
            config, [{"id": 1, "name": "un"}, {"id": 4, "name": "y"}], tools, **request, ignore_missing=True
        )
        assert [one.ignored for one in lost] == [False, True]
        assert [row["name"] for row in self.written(config)] == ["un", "dos", "y"]

    def test_a_page_is_one_statement(self, config: Any, tools: PlainTools) -> None:
        first = {"kind": "first_page", "query": "INSERT INTO target (id, name) VALUES (100, 'begun')"}
        values = ", ".join(f"({{{{batch_of_records.{n}.record.id}}}}, 'a')" for n in range(2))
        page = {"kind": "per_page", "query": f"INSERT INTO target (id, name) VALUES {values}"}
        for start in (1, 3):
            records = [{"id": start}, {"id": start + 1}]
            assert {one.status for one in self.act(config, records, tools, actions=[first, page])} == {200}
        assert [row["id"] for row in self.written(config)] == [1, 2, 3, 4, 100]
        assert {one.status for one in self.act(config, [{"id": 7}, {"id": 1}], tools, actions=[page])} == {
            422
        }
        assert len(self.written(config)) == 5

    def test_lookups_find_values(self, config: Any, tools: PlainTools) -> None:
        query = self.fill(config, [{"id": n, "name": f"No. {n}"} for n in range(3)])["query"]
        with self.open(config) as application:
            for extract, found in ((None, [0, 1, 2]), ("name", ["No. 0", "No. 1", "No. 2"]), ("1.id", [1])):
                assert application.look({"query": query, "extract": extract}, {}, tools) == found

    def test_flags_are_set(self, config: Any, tools: PlainTools) -> None:
        request = self.fill(config, [{"id": n, "name": "new"} for n in range(3)])
        table = request["query"].split()[4]
        once = f"UPDATE {table} SET name = 'done' WHERE id = {{{{record.id}}}}"
        read = self.reading_of({**request, "once_query": once})
        with self.open(config) as application:
            assert application.read_back(read, [{"id": 0}, {"id": 2}], tools) == [None, None]
        names = [record["name"] for page in self.pages(config, request, tools) for record in page.records]
        assert names == ["done", "new", "done"]

    def test_a_statement_without_rows_is_no_export(self, config: Any, tools: PlainTools) -> None:
        self.writing(config)
        with self.open(config) as application, pytest.raises(Exception) as refused:  # noqa: PT011 - below
            list(application.pages(self.reading_of({"query": "DELETE FROM target"}), 5, tools))
        assert getattr(refused.value, "code", None)


class TestSqlite(SqlContract):
    connector = sqlite

    @pytest.fixture
    def config(self, tmp_path: Any) -> Any:
        import sqlite3

        self.path = tmp_path / "shop.db"
        with closing(sqlite3.connect(self.path)) as made:
            made.execute("PRAGMA user_version = 1")
        return sqlite.config(path=self.path)

    def dead(self, config: Any) -> Any:
        return sqlite.config(path=config.path.with_name("nowhere.db"))

    def connected(self, config: Any) -> Any:
        import sqlite3

        return closing(sqlite3.connect(config.path))


class TestDuckdb(SqlContract):
    connector = duckdb

    @pytest.fixture
    def config(self, tmp_path: Any) -> Any:
        import duckdb as driver

        driver.connect(tmp_path / "shop.duckdb").close()
        return duckdb.config(path=tmp_path / "shop.duckdb")

    def dead(self, config: Any) -> Any:
        return duckdb.config(path=config.path.with_name("no folder") / "nowhere.duckdb")

    def connected(self, config: Any) -> Any:
        import duckdb as driver

        return driver.connect(config.path)

    def test_a_statement_without_rows_is_no_export(self, config: Any, tools: PlainTools) -> None:
        """Here every statement gives rows: how many it has changed."""
        self.writing(config)
        (page,) = self.pages(config, {"query": "DELETE FROM target"}, tools)
        assert page.records == [{"Count": 0}]


@pytest.mark.service("postgres")
class TestPostgres(SqlContract):
    connector = postgres
    placeholder = "%s"

    @pytest.fixture
    def config(self, postgres: PostgresServer, postgres_database: str) -> Any:
        self.server = postgres
        return self.connector.config(**postgres.config(postgres_database))

    def dead(self, config: Any) -> Any:
        return config.model_copy(update={"port": 1})

    def connected(self, config: Any) -> Any:
        return self.server.connect(config.database)

    def test_types_stay_exact(self, config: Any, tools: PlainTools) -> None:
        query = (
            "SELECT 12.50::numeric AS price, 9223372036854775807 AS big, 'NaN'::float8 AS odd,"
            " '2024-02-29 12:00:00.000001+02'::timestamptz AS at, '{\"a\": [1]}'::jsonb AS doc,"
            " '\\x00ff'::bytea AS raw"
        )
        ((page),) = self.pages(config, {"query": query}, tools)
        assert page.records == [
            {
                "price": "12.50",
                "big": 2**63 - 1,
                "odd": "nan",
                "at": "2024-02-29T10:00:00.000001Z",
                "doc": {"a": [1]},
                "raw": "AP8=",
            }
        ]

    def test_a_broken_query_is_said(self, config: Any, tools: PlainTools) -> None:
        with self.open(config) as application, pytest.raises(Exception) as refused:  # noqa: PT011 - below
            list(application.pages(self.reading_of({"query": "SELEC 1"}), 5, tools))
        assert "SELEC" in str(refused.value)
        assert not isinstance(refused.value, DataError) or refused.value.hint


@pytest.mark.service("mysql")
class TestMySQL(SqlContract):
    connector = mysql
    placeholder = "%s"

    @pytest.fixture
    def config(self, mariadb: MariaDB) -> Any:
        self.server = mariadb
        with mariadb.database(f"application_{next(_numbers)}") as database:
            yield mysql.config(host=mariadb.host, port=mariadb.port, database=database, username="root")

    def dead(self, config: Any) -> Any:
        return config.model_copy(update={"port": 1})

    def connected(self, config: Any) -> Any:
        return closing(self.server.connect(config.database))

"""Snowflake beyond the contract: crashes between the steps of a commit, evolution, sign-in."""

import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from support.snowflake import SnowflakeServer
from towpath.connectors.snowflake import destination as module
from towpath.connectors.snowflake import session
from towpath.connectors.snowflake.config import SnowflakeConfig
from towpath.connectors.snowflake.destination import SnowflakeDestination
from towpath.sdk import (
    Batch,
    Checkpoint,
    IntegrityError,
    Receipt,
    SchemaError,
    Slice,
    Target,
    UnreachableError,
    WriteMode,
)

pytestmark = pytest.mark.service("snowflake")

TABLE = pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", "b"]})
ROWS = [(1, "a"), (2, "b")]


class CrashError(Exception):
    """Stands for the end of our process."""


@pytest.fixture
def config(snowflake_server: SnowflakeServer, monkeypatch: pytest.MonkeyPatch) -> SnowflakeConfig:
    monkeypatch.setattr(session, "_NETWORK", 10)
    return SnowflakeConfig(**snowflake_server.config(f"DB_{uuid.uuid4().hex.upper()}"))


def target(table: pa.Table = TABLE, **changes: Any) -> Target:
    plain = Target("t", table.schema, WriteMode.APPEND, run="run_1", stream="t", lineage="flw_1:0")
    return replace(plain, **changes)


def stage(open_: SnowflakeDestination, where: Target, table: pa.Table) -> Receipt:
    open_.prepare(where)
    writer = open_.writer(where, Slice("s0001"))
    for batch in table.to_batches():
        writer.write(Batch(batch))
    return writer.close()


def run(config: SnowflakeConfig, where: Target, table: pa.Table = TABLE) -> None:
    with SnowflakeDestination(config) as open_:
        receipt = stage(open_, where, table)
        open_.commit(where, [receipt], Checkpoint(where.run, 1, None))
        open_.discard(where)


def sql(server: SnowflakeServer, config: SnowflakeConfig, query: str) -> list[tuple[Any, ...]]:
    with server.connect(config.database) as connection, connection.cursor() as cursor:
        return [tuple(row) for row in cursor.execute(query).fetchall()]


def rows(server: SnowflakeServer, config: SnowflakeConfig) -> list[tuple[Any, ...]] | None:
    names = sql(server, config, "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 't'")
    return sorted(sql(server, config, 'SELECT * FROM "t"')) if names else None


def crash_at(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """End the process, so to say, before the first statement that holds the text."""
    original = getattr(session.Session, name)

    def end(self: session.Session, statement: str) -> Any:
        if text in statement:
            raise CrashError
        return original(self, statement)

    monkeypatch.setattr(session.Session, name, end)


@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize("step", ["DELETE FROM", "COMMIT"])
def test_a_crash_within_the_transaction(
    snowflake_server: SnowflakeServer, config: SnowflakeConfig, mode: WriteMode, step: str
):
    run(config, target(mode=WriteMode.OVERWRITE, run="run_0"))
    where = target(mode=mode, primary_key=("id",))
    change = pa.table({"id": [2, 3], "name": ["B", "c"]}, TABLE.schema)
    with SnowflakeDestination(config) as open_, pytest.MonkeyPatch.context() as patch:
        receipt = stage(open_, where, change)
        crash_at(patch, "run", step)
        with pytest.raises(CrashError):
            open_.commit(where, [receipt], Checkpoint("run_1", 1, None))
    assert rows(snowflake_server, config) == ROWS
    with SnowflakeDestination(config) as open_:
        assert open_.committed(where) == Checkpoint("run_0", 1, None)
        open_.commit(where, [receipt], Checkpoint("run_1", 1, None))
        open_.discard(where)
    wanted = {
        WriteMode.APPEND: [*ROWS, (2, "B"), (3, "c")],
        WriteMode.OVERWRITE: [(2, "B"), (3, "c")],
        WriteMode.UPSERT: [(1, "a"), (2, "B"), (3, "c")],
    }
    assert rows(snowflake_server, config) == sorted(wanted[mode])


def test_a_new_shape_and_a_crash_before_the_checkpoint(
    snowflake_server: SnowflakeServer, config: SnowflakeConfig
):
    run(config, target(mode=WriteMode.OVERWRITE))
    other = pa.table({"x": [1.5]})
    where = target(other, mode=WriteMode.OVERWRITE, run="run_2")
    with SnowflakeDestination(config) as open_, pytest.MonkeyPatch.context() as patch:
        receipt = stage(open_, where, other)
        crash_at(patch, "changed", "UPDATE")
        with pytest.raises(CrashError):
            open_.commit(where, [receipt], Checkpoint("run_2", 1, None))
    assert rows(snowflake_server, config) == [(1.5,)]  # complete already; only the checkpoint is missing
    with SnowflakeDestination(config) as open_:
        assert open_.committed(where) == Checkpoint("run_1", 1, None)
        open_.commit(where, [receipt], Checkpoint("run_2", 1, None))
        assert open_.committed(where) == Checkpoint("run_2", 1, None)
        open_.discard(where)
    assert rows(snowflake_server, config) == [(1.5,)]


def test_a_target_that_was_never_filled_goes_again(
    snowflake_server: SnowflakeServer, config: SnowflakeConfig
):
    """# Invariant 2"""
    where = target()
    with SnowflakeDestination(config) as open_, pytest.MonkeyPatch.context() as patch:
        receipt = stage(open_, where, TABLE)
        crash_at(patch, "run", "INSERT INTO")
        with pytest.raises(CrashError):
            open_.commit(where, [receipt], Checkpoint("run_1", 1, None))
    assert rows(snowflake_server, config) == []
    with SnowflakeDestination(config) as open_:
        open_.discard(where)
    assert rows(snowflake_server, config) is None


@pytest.mark.parametrize("count", [0, 2])
def test_a_target_that_was_filled_stays_even_if_its_mark_does(
    snowflake_server: SnowflakeServer, config: SnowflakeConfig, count: int
):
    where = target()
    with SnowflakeDestination(config) as open_, pytest.MonkeyPatch.context() as patch:
        receipt = stage(open_, where, TABLE.slice(0, count))
        crash_at(patch, "run", "COMMENT ON TABLE")
        with pytest.raises(CrashError):
            open_.commit(where, [receipt], Checkpoint("run_1", 1, None))
    with SnowflakeDestination(config) as open_:
        open_.discard(where)
    assert rows(snowflake_server, config) == ROWS[:count]


def test_the_second_of_two_commits_finds_that_it_is_done(
    snowflake_server: SnowflakeServer, config: SnowflakeConfig, monkeypatch: pytest.MonkeyPatch
):
    """It has looked for the checkpoint, and for the staged rows, before the first one was there."""
    where = target()
    with SnowflakeDestination(config) as one, SnowflakeDestination(config) as two:
        receipt = stage(one, where, TABLE)
        one.commit(where, [receipt], Checkpoint("run_1", 1, None))
        monkeypatch.setattr(module.checkpoints, "read", lambda *_: None)
        monkeypatch.setattr(module.staging, "verify", lambda *_: None)
        two.commit(where, [receipt], Checkpoint("run_1", 1, None))
    assert rows(snowflake_server, config) == ROWS


def test_staging_that_somebody_emptied_is_an_error(
    snowflake_server: SnowflakeServer, config: SnowflakeConfig
):
    where = target()
    with SnowflakeDestination(config) as open_:
        receipt = stage(open_, where, TABLE)
        (name,) = sql(
            snowflake_server,
            config,
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME LIKE '%TOWPATH_S_%'",
        )[0]
        sql(snowflake_server, config, f'DELETE FROM "{name}" WHERE C0 = 1')
        with pytest.raises(IntegrityError) as caught:
            open_.commit(where, [receipt], Checkpoint("run_1", 1, None))
        assert caught.value.code == "staging.lost"
        open_.discard(where)
    assert rows(snowflake_server, config) is None


def test_numbers_get_more_digits(snowflake_server: SnowflakeServer, config: SnowflakeConfig):
    old = pa.table({"n": pa.array([Decimal("1.25")], pa.decimal128(5, 2))})
    new = pa.table({"n": pa.array([Decimal("12345678.5")], pa.decimal128(9, 1))})
    run(config, target(old), old)
    run(config, target(new, run="run_2"), new)
    assert rows(snowflake_server, config) == [(Decimal("1.25"),), (Decimal("12345678.50"),)]


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (pa.table({"n": pa.array([Decimal("0.001")], pa.decimal128(5, 3))}), "n"),
        (pa.table({"n": [b"x"]}), "n"),
        (pa.table({"n": pa.array([1], pa.decimal128(38, 0))}), "n"),
    ],
)
def test_what_would_lose_digits_is_refused(config: SnowflakeConfig, table: pa.Table, name: str):
    old = pa.table({"n": pa.array([Decimal("1.25")], pa.decimal128(5, 2))})
    run(config, target(old), old)
    with SnowflakeDestination(config) as open_, pytest.raises(SchemaError) as caught:
        open_.prepare(target(table, run="run_2"))
    assert caught.value.code == "schema.incompatible"
    assert caught.value.context["column"] == name


def test_other_schemas_are_made(snowflake_server: SnowflakeServer, config: SnowflakeConfig):
    run(config, target(namespace="sales"))
    assert len(sql(snowflake_server, config, 'SELECT * FROM SALES."t"')) == 2
    with SnowflakeDestination(config) as open_:
        assert open_.committed(target(namespace="sales")) == Checkpoint("run_1", 1, None)
        assert open_.committed(target()) is None


def test_nobody_answers(snowflake_server: SnowflakeServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "_LOGIN", 1)
    config = SnowflakeConfig(**snowflake_server.config("X") | {"port": 9})
    with SnowflakeDestination(config) as open_, pytest.raises(UnreachableError) as caught:
        open_.check()
    assert caught.value.code == "connection.refused"
    assert "any" not in str(caught.value.to_json())  # the password

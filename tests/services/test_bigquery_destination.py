"""BigQuery beyond the contract: crashes between the steps of a commit, twins, evolution, large files."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from support.bigquery import BigqueryServer, RefusedError, bigquery_service
from support.loopback import loopback
from towpath.connectors.bigquery import client, destination
from towpath.connectors.bigquery.config import BigqueryConfig
from towpath.connectors.bigquery.destination import BigqueryDestination
from towpath.sdk import (
    Batch,
    BusyError,
    Checkpoint,
    IntegrityError,
    Receipt,
    SchemaError,
    Slice,
    Target,
    TowpathError,
    WriteMode,
)

pytestmark = pytest.mark.service("bigquery")

TABLE = pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", "b"]})
ROWS = [(1, "a"), (2, "b")]


@pytest.fixture
def server() -> Iterator[BigqueryServer]:
    with loopback(), bigquery_service() as found:
        yield found


@pytest.fixture
def config(server: BigqueryServer) -> BigqueryConfig:
    return BigqueryConfig(**server.config("ds"))


def target(table: pa.Table = TABLE, **changes: Any) -> Target:
    plain = Target("t", table.schema, WriteMode.APPEND, run="run_1", stream="t", lineage="flw_1:0")
    return replace(plain, **changes)


def stage(open_: BigqueryDestination, where: Target, table: pa.Table, slice: str = "s0001") -> Receipt:
    open_.prepare(where)
    writer = open_.writer(where, Slice(slice))
    for batch in table.to_batches():
        writer.write(Batch(batch))
    return writer.close()


def run(config: BigqueryConfig, where: Target, table: pa.Table = TABLE) -> None:
    with BigqueryDestination(config) as open_:
        receipt = stage(open_, where, table)
        open_.commit(where, [receipt], Checkpoint(where.run, 1, None))
        open_.discard(where)


def rows(server: BigqueryServer, table: str = "t") -> list[tuple[Any, ...]] | None:
    found = server.rows("ds", table)
    return None if found is None else sorted(tuple(row.values()) for row in found)


def staging(server: BigqueryServer) -> list[str]:
    return [name for _, name in server.tables if name.startswith("_towpath_s_")]


def refuse_when(text: str, reason: str = "backendError", status: int = 500) -> Any:
    """Fail whatever query holds the text, before anything of it happens."""

    def fail(kind: str, what: str) -> None:
        if kind == "query" and text in what:
            raise RefusedError(status, reason, "The backend gave up.")

    return fail


# ── crashes ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_commit_that_fails_is_made_good_by_the_next(
    config: BigqueryConfig, server: BigqueryServer, mode: WriteMode
):
    run(config, target(mode=WriteMode.OVERWRITE, run="run_0"))
    where = target(mode=mode, primary_key=("id",))
    change = pa.table({"id": [2, 3], "name": ["B", "c"]}, TABLE.schema)
    with BigqueryDestination(config) as open_:
        receipt = stage(open_, where, change)
        server.fail = refuse_when("COMMIT", "stopped", 400)
        with pytest.raises(BusyError) as caught:
            open_.commit(where, [receipt], Checkpoint("run_1", 1, {"n": 1}))
        assert caught.value.code == "query.cancelled"
        assert rows(server) == ROWS
        server.fail = lambda *_: None
        open_.commit(where, [receipt], Checkpoint("run_1", 1, {"n": 1}))
        open_.discard(where)
    wanted = {
        WriteMode.APPEND: [*ROWS, (2, "B"), (3, "c")],
        WriteMode.OVERWRITE: [(2, "B"), (3, "c")],
        WriteMode.UPSERT: [(1, "a"), (2, "B"), (3, "c")],
    }
    assert rows(server) == sorted(wanted[mode])


def test_a_script_that_breaks_in_the_middle_takes_everything_back(
    config: BigqueryConfig, server: BigqueryServer
):
    """A value that the target's column does not take shows up after the first statements of the script."""
    run(config, target())
    where = target(run="run_2")
    with BigqueryDestination(config) as open_:
        receipt = stage(open_, where, TABLE)
        server.do('CREATE OR REPLACE TABLE "ds"."t" (id BIGINT CHECK (id < 2), name VARCHAR)')
        server.do("""INSERT INTO "ds"."t" VALUES (1, 'kept')""")
        with pytest.raises(TowpathError):
            open_.commit(where, [receipt], Checkpoint("run_2", 1, None))
        assert rows(server) == [(1, "kept")]
        assert open_.committed(where) == Checkpoint("run_1", 1, None)


def test_a_new_shape_and_a_crash_before_the_checkpoint(config: BigqueryConfig, server: BigqueryServer):
    run(config, target(mode=WriteMode.OVERWRITE))
    other = pa.table({"x": [1.5]})
    where = target(other, mode=WriteMode.OVERWRITE, run="run_2")
    with BigqueryDestination(config) as open_:
        receipt = stage(open_, where, other)
        server.fail = refuse_when("COMMIT", "stopped", 400)
        with pytest.raises(BusyError):
            open_.commit(where, [receipt], Checkpoint("run_2", 1, None))
        assert rows(server) == [(1.5,)]  # complete already; only the checkpoint is missing
        assert open_.committed(where) == Checkpoint("run_1", 1, None)
        server.fail = lambda *_: None
        open_.commit(where, [receipt], Checkpoint("run_2", 1, None))
        assert open_.committed(where) == Checkpoint("run_2", 1, None)
        open_.discard(where)
    assert rows(server) == [(1.5,)]


def test_a_target_that_was_never_filled_goes_again(config: BigqueryConfig, server: BigqueryServer):
    """# Invariant 2"""
    where = target()
    with BigqueryDestination(config) as open_:
        receipt = stage(open_, where, TABLE)
        server.fail = refuse_when("COMMIT", "stopped", 400)
        with pytest.raises(BusyError):
            open_.commit(where, [receipt], Checkpoint("run_1", 1, None))
        assert rows(server) == []
        server.fail = lambda *_: None
        open_.discard(where)
    assert rows(server) is None


def test_a_target_that_was_filled_with_nothing_stays(config: BigqueryConfig, server: BigqueryServer):
    run(config, target(), TABLE.slice(0, 0))
    assert rows(server) == []


def test_the_second_of_two_commits_finds_that_it_is_done(
    config: BigqueryConfig, server: BigqueryServer, monkeypatch: pytest.MonkeyPatch
):
    """It has looked for the checkpoint before the first one has written it."""
    where = target()
    with BigqueryDestination(config) as one, BigqueryDestination(config) as two:
        receipt = stage(one, where, TABLE)
        one.commit(where, [receipt], Checkpoint("run_1", 1, None))
        monkeypatch.setattr(destination.checkpoints, "read", lambda *_: None)
        two.commit(where, [receipt], Checkpoint("run_1", 1, None))
    assert rows(server) == ROWS


def test_staging_that_somebody_emptied_is_an_error(config: BigqueryConfig, server: BigqueryServer):
    where = target()
    with BigqueryDestination(config) as open_:
        receipt = stage(open_, where, TABLE)
        server.do(f'DELETE FROM "ds"."{staging(server)[0]}" WHERE c0 = 1')
        with pytest.raises(IntegrityError) as caught:
            open_.commit(where, [receipt], Checkpoint("run_1", 1, None))
        assert caught.value.code == "staging.lost"
        open_.discard(where)
    assert rows(server) is None


WORKER = """
    import os, sys
    import pyarrow as pa
    from towpath.connectors.bigquery import destination as module
    from towpath.connectors.bigquery.config import BigqueryConfig
    from towpath.sdk import Batch, Checkpoint, Slice, Target, WriteMode, guard

    guard.configure(guard.AllowedHosts.parse("127.0.0.1"))
    endpoint, kill = sys.argv[1:]
    config = BigqueryConfig(bq_dataset="ds", destination_project_id="towpath-test", endpoint=endpoint)
    table = pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", "b"]})
    target = Target("t", table.schema, WriteMode.APPEND, run="run_1", stream="t", lineage="flw_1:0")
    if kill == "before":
        module.publish.script = lambda *_: os.kill(os.getpid(), 9)
    with module.BigqueryDestination(config) as open_:
        open_.prepare(target)
        writer = open_.writer(target, Slice("s0001"))
        for batch in table.to_batches():
            writer.write(Batch(batch))
        open_.commit(target, [writer.close()], Checkpoint("run_1", 1, None))
        if kill == "after":
            os.kill(os.getpid(), 9)
        open_.discard(target)
"""


@pytest.mark.parametrize("kill", ["before", "after"])
def test_kill_9_around_the_commit(server: BigqueryServer, config: BigqueryConfig, kill: str):
    def work(kill: str) -> int:
        command = [sys.executable, "-c", textwrap.dedent(WORKER), server.url, kill]
        return subprocess.run(command, timeout=120, check=False, env=os.environ).returncode

    assert work(kill) == -signal.SIGKILL
    assert rows(server) == ([] if kill == "before" else ROWS)
    assert work("never") == 0
    assert rows(server) == ROWS
    assert staging(server) == []


# ── loading ──────────────────────────────────────────────────────────────────────────────────────


def test_large_files_go_up_in_pieces(config: BigqueryConfig, server: BigqueryServer):
    """More than the client sends at once: an upload that can be resumed."""
    text = os.urandom(6 * 2**20).hex()
    table = pa.table({"id": [1], "name": [text]}, TABLE.schema)
    run(config, target(table), table)
    assert rows(server) == [(1, text)]
    assert any(asked.startswith("PUT /upload/sessions/") for asked in server.asked)


def test_a_load_job_that_was_sent_already_is_waited_for(
    config: BigqueryConfig, server: BigqueryServer, monkeypatch: pytest.MonkeyPatch
):
    where, load = target(), client.load

    def twice(*given: Any) -> None:
        load(*given)
        load(*given)

    monkeypatch.setattr("towpath.connectors.bigquery.writer.load", twice)
    run(config, where)
    assert rows(server) == ROWS


def test_a_refused_load_stages_nothing(config: BigqueryConfig, server: BigqueryServer):
    def fail(kind: str, _: str) -> None:
        if kind == "load":
            raise RefusedError(403, "quotaExceeded", "Quota exceeded: load jobs per table.")

    server.fail = fail
    with BigqueryDestination(config) as open_, pytest.raises(BusyError) as caught:
        stage(open_, target(), TABLE)
    assert caught.value.code == "connection.limit"
    assert rows(server) is None


# ── evolution and names ──────────────────────────────────────────────────────────────────────────


def test_narrow_types_are_widened(config: BigqueryConfig, server: BigqueryServer):
    old = pa.table({"i": pa.array([1], pa.int32()), "n": pa.array([Decimal("1.5")], pa.decimal128(10, 2))})
    new = pa.table(
        {
            "i": pa.array([2**64 - 1], pa.uint64()),
            "n": pa.array([Decimal("0.0000000001")], pa.decimal128(38, 10)),
        }
    )
    run(config, target(old), old)
    run(config, target(new, run="run_2"), new)
    types = [one["type"] for one in server.tables["ds", "t"]["schema"]["fields"]]
    assert types == ["NUMERIC", "BIGNUMERIC"]
    assert rows(server) == [(1, Decimal("1.5")), (2**64 - 1, Decimal("0.0000000001"))]


def test_a_wide_column_takes_narrow_values(config: BigqueryConfig, server: BigqueryServer):
    wide = pa.table({"i": pa.array([2**64 - 1], pa.uint64())})
    narrow = pa.table({"i": pa.array([7], pa.int16())})
    run(config, target(wide), wide)
    run(config, target(narrow, run="run_2"), narrow)
    assert rows(server) == [(7,), (2**64 - 1,)]


def test_names_are_matched_as_bigquery_does(config: BigqueryConfig, server: BigqueryServer):
    run(config, target())
    shouted = pa.table({"ID": pa.array([3], pa.int64()), "NAME": ["c"]})
    run(config, target(shouted, run="run_2"), shouted)
    assert rows(server) == [*ROWS, (3, "c")]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (pa.table({"a.b": [1], "a/b": [2]}), "column.duplicate"),
        (pa.table({"a": [1], "A": [2]}), "column.duplicate"),
        (pa.table({"name": [1.5]}), "schema.incompatible"),
    ],
)
def test_what_cannot_be_is_said_in_prepare(config: BigqueryConfig, table: pa.Table, code: str):
    run(config, target())
    with BigqueryDestination(config) as open_, pytest.raises(SchemaError) as caught:
        open_.prepare(target(table, run="run_2"))
    assert caught.value.code == code


def test_a_view_is_no_table(config: BigqueryConfig, server: BigqueryServer):
    run(config, target())
    server.tables["ds", "t"]["type"] = "VIEW"
    with BigqueryDestination(config) as open_, pytest.raises(SchemaError) as caught:
        open_.prepare(target(run="run_2"))
    assert caught.value.code == "target.not_a_table"


def test_only_the_latest_checkpoint_is_kept(config: BigqueryConfig, server: BigqueryServer):
    for number in range(3):
        run(config, target(run=f"run_{number}"))
    (kept,) = server.rows("ds", "_towpath_checkpoints") or []
    assert kept["run"] == "run_2"


def test_other_datasets_are_made(config: BigqueryConfig, server: BigqueryServer):
    run(config, target(namespace="other"))
    assert len(server.rows("other", "t") or []) == 2
    assert server.rows("ds", "t") is None

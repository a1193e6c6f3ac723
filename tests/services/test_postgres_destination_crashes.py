"""Processes that are killed, hang or meet a full disk in the middle: the target is as before, or as after."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from support.postgres import PostgresServer
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.destination import PostgresDestination
from towpath.sdk import (
    Batch,
    Checkpoint,
    IntegrityError,
    Receipt,
    ResourceError,
    Slice,
    Target,
    TowpathError,
    WriteMode,
)

pytestmark = pytest.mark.service("postgres")

ROWS = 20_000
TABLE = pa.table({"id": pa.array(range(ROWS)), "v": pa.array(["value " * 5] * ROWS)})
OLD_ROWS = 7

#: Does one step of a run in a process of its own, and says on stdout how far it is.
CHILD = """
import json, sys, time
import pyarrow as pa
from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.destination import PostgresDestination
from towpath.sdk import Batch, Checkpoint, Receipt, Slice, Target

asked = json.loads(sys.stdin.readline())
target = Target.from_json(asked["target"])
rows = asked["rows"]
table = pa.table({"id": pa.array(range(rows)), "v": pa.array(["value " * 5] * rows)})
with PostgresDestination(PostgresConfig(**asked["config"])) as destination:
    if asked["step"] == "slice":
        writer = destination.writer(target, Slice("s0"))
        for batch in table.to_batches(max_chunksize=500):
            writer.write(Batch(batch))
            print("wrote", flush=True)
            time.sleep(asked["pause"])
        print(json.dumps(writer.close().to_json()), flush=True)
    else:
        print("commits", flush=True)
        receipts = [Receipt.from_json(one) for one in asked["receipts"]]
        destination.commit(target, receipts, Checkpoint(target.run, 1, {"n": 1}))
        print("committed", flush=True)
"""


class Child:
    """A step of a run, in another process."""

    def __init__(self, config: PostgresConfig, target: Target, step: str, **more: Any) -> None:
        asked = {"step": step, "target": target.to_json(), "rows": ROWS, "pause": 0, "receipts": []} | more
        settings = config.model_dump(mode="json") | {"password": config.password.get_secret_value()}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked | {"config": settings}) + "\n")
        self.process.stdin.flush()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)

    def finish(self) -> str:
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0
        return str(out).strip().splitlines()[-1]


@pytest.fixture
def config(postgres: PostgresServer, postgres_database: str) -> PostgresConfig:
    return PostgresConfig(**postgres.config(postgres_database))


@pytest.fixture
def db(postgres: PostgresServer, postgres_database: str) -> Iterator[psycopg.Connection]:
    with postgres.connect(postgres_database) as connection:
        connection.prepare_threshold = None
        yield connection


@pytest.fixture
def destination(config: PostgresConfig) -> Iterator[PostgresDestination]:
    with PostgresDestination(config) as made:
        yield made


def target(mode: WriteMode, **changes: Any) -> Target:
    plain = Target("t", TABLE.schema, mode, "run_1", "public.t", "flw_1:0", primary_key=("id",))
    return replace(plain, **changes)


def stage(
    destination: PostgresDestination, where: Target, table: pa.Table = TABLE, slice: str = "s0"
) -> Receipt:
    writer = destination.writer(where, Slice(slice))
    for batch in table.to_batches(max_chunksize=5_000):
        writer.write(Batch(batch))
    return writer.close()


def old_rows(db: psycopg.Connection) -> None:
    """A target of the user's own: rows that no run touches, beyond those of the runs."""
    db.execute("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
    db.execute("INSERT INTO t SELECT -n, 'old' FROM generate_series(1, %s) AS n", [OLD_ROWS])


def count(db: psycopg.Connection) -> int:
    row = db.execute("SELECT count(*) FROM t").fetchone()
    assert row is not None
    return int(row[0])


def leftovers(db: psycopg.Connection) -> list[str]:
    query = "SELECT relname FROM pg_class WHERE relname ~ '^_towpath_[sm]_' AND relkind = 'r'"
    return [name for (name,) in db.execute(query)]


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def waiting(db: psycopg.Connection) -> bool:
    """Somebody waits for the table of checkpoints."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '_towpath_checkpoints'::regclass"
    return db.execute(query).fetchone() == (1,)


def after(mode: WriteMode) -> int:
    """Rows of the target after a commit on top of `old_rows`."""
    return ROWS if mode is WriteMode.OVERWRITE else ROWS + OLD_ROWS


@pytest.mark.parametrize("mode", WriteMode)
def test_a_killed_slice_leaves_nothing_and_can_be_done_again(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig, mode: WriteMode
):
    """# Invariant 2, # Invariant 3"""
    old_rows(db)
    destination.prepare(target(mode))
    child = Child(config, target(mode), "slice", pause=0.005)
    for _ in range(10):
        assert child.line() == "wrote"
    child.kill()
    assert count(db) == OLD_ROWS
    child = Child(config, target(mode), "slice")
    receipt = Receipt.from_json(json.loads(child.finish()))
    assert receipt.rows == ROWS
    destination.commit(target(mode), [receipt], Checkpoint("run_1", 1, None))
    assert count(db) == after(mode)
    destination.discard(target(mode))
    assert leftovers(db) == []


@pytest.mark.parametrize("mode", WriteMode)
def test_a_commit_killed_at_its_last_lock_leaves_the_target_as_it_was(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig, mode: WriteMode
):
    """Everything is done but the checkpoint, whose table is locked."""
    old_rows(db)
    where = target(mode)
    destination.prepare(where)
    receipt = stage(destination, where)
    with db.transaction():
        db.execute("LOCK TABLE _towpath_checkpoints IN SHARE MODE")
        child = Child(config, where, "commit", receipts=[receipt.to_json()])
        assert child.line() == "commits"
        wait_until(lambda: waiting(db))
        child.kill()
        # The server notices by itself that nobody waits for the answer any more.
        wait_until(lambda: not waiting(db))
    assert count(db) == OLD_ROWS
    assert destination.committed(where) is None
    destination.commit(where, [receipt], Checkpoint("run_1", 1, None))
    assert count(db) == after(mode)


def destination_is_alone(db: psycopg.Connection) -> bool:
    query = "SELECT FROM pg_stat_activity WHERE application_name = 'towpath' AND state <> 'idle'"
    return db.execute(query + " AND datname = current_database()").fetchone() is None


@pytest.mark.parametrize("mode", WriteMode)
def test_commits_killed_at_any_moment_publish_all_or_nothing_once(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig, mode: WriteMode
):
    old_rows(db)
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    where = target(mode)
    destination.prepare(where)
    receipt = stage(destination, where)
    for _ in range(6):
        child = Child(config, where, "commit", receipts=[receipt.to_json()])
        assert child.line() == "commits"
        time.sleep(chance.random() * 0.25)
        child.kill()
        wait_until(lambda: destination_is_alone(db))
        done = destination.committed(where)
        assert count(db) == (OLD_ROWS if done is None else after(mode))
    destination.commit(where, [receipt], Checkpoint("run_1", 1, {"n": 1}))
    assert count(db) == after(mode)
    assert destination.committed(where) == Checkpoint("run_1", 1, {"n": 1})
    destination.discard(where)
    assert leftovers(db) == []


def test_two_commits_at_once_publish_once(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig
):
    old_rows(db)
    where = target(WriteMode.APPEND)
    destination.prepare(where)
    receipt = stage(destination, where)
    children = [Child(config, where, "commit", receipts=[receipt.to_json()]) for _ in range(3)]
    assert [child.finish() for child in children] == ["committed"] * 3
    assert count(db) == after(WriteMode.APPEND)


def test_twins_of_one_slice_at_once_count_once(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig
):
    """# Invariant 3"""
    where = target(WriteMode.OVERWRITE)
    destination.prepare(where)
    children = [Child(config, where, "slice") for _ in range(3)]
    receipts = {child.finish() for child in children}
    assert len(receipts) == 1
    destination.commit(where, [Receipt.from_json(json.loads(receipts.pop()))], Checkpoint("run_1", 1, None))
    assert count(db) == ROWS


def test_slices_loaded_at_once_by_many_processes(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig
):
    where = target(WriteMode.OVERWRITE)
    destination.prepare(where)

    def load(number: int) -> Receipt:
        with PostgresDestination(config) as own:
            return stage(own, where, TABLE.slice(number * 5_000, 5_000), f"s{number}")

    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(load, range(4)))
    destination.commit(where, receipts, Checkpoint("run_1", 1, None))
    assert count(db) == ROWS
    assert db.execute("SELECT sum(id) FROM t").fetchone() == (sum(range(ROWS)),)


@pytest.mark.parametrize("end", ["commit", "discard", "next run"])
def test_a_hung_twin_holds_nobody_up_and_adds_nothing(
    destination: PostgresDestination, db: psycopg.Connection, config: PostgresConfig, end: str
):
    where = target(WriteMode.OVERWRITE)
    destination.prepare(where)
    with PostgresDestination(config) as other:
        hung = other.writer(where, Slice("s0"))
        hung.write(Batch(TABLE.to_batches()[0]))
        wait_until(lambda: db.execute("SELECT 1 FROM pg_stat_progress_copy").fetchone())
        receipt = stage(destination, where)
        if end == "commit":
            destination.commit(where, [receipt], Checkpoint("run_1", 1, None))
            assert count(db) == ROWS
        elif end == "discard":
            destination.discard(where)
        else:
            destination.prepare(target(WriteMode.OVERWRITE, run="run_2"))
        with pytest.raises(TowpathError):
            hung.close()
        hung.abandon()
    destination.discard(where)
    destination.discard(target(WriteMode.OVERWRITE, run="run_2"))
    assert leftovers(db) == []


def test_abandoning_in_the_middle_gives_the_connection_back(
    destination: PostgresDestination, db: psycopg.Connection
):
    where = target(WriteMode.APPEND)
    destination.prepare(where)
    for _ in range(5):
        writer = destination.writer(where, Slice("s0"))
        writer.write(Batch(TABLE.to_batches()[0]))
        writer.abandon()
    destination.writer(where, Slice("s1")).abandon()
    sessions = db.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'towpath' AND datname = current_database()"
    ).fetchone()
    assert sessions is not None
    assert sessions[0] <= 2
    destination.commit(where, [stage(destination, where)], Checkpoint("run_1", 1, None))
    assert count(db) == ROWS


# ── the server itself ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def test_a_server_that_crashes_loses_staging_but_never_quietly(own_server: PostgresServer):
    """Unlogged staging is empty after a crash: the commit must say so instead of publishing nothing."""
    config = PostgresConfig(**own_server.config())
    where = target(WriteMode.APPEND)
    with own_server.connect() as db:
        old_rows(db)
    with PostgresDestination(config) as destination:
        destination.prepare(where)
        receipt = stage(destination, where)
    own_server.kill()
    own_server.start()
    with PostgresDestination(config) as destination, own_server.connect() as db:
        with pytest.raises(IntegrityError) as caught:
            destination.commit(where, [receipt], Checkpoint("run_1", 1, None))
        assert caught.value.code == "staging.lost"
        assert count(db) == OLD_ROWS
        destination.prepare(where)
        destination.commit(where, [stage(destination, where)], Checkpoint("run_1", 1, None))
        assert count(db) == after(WriteMode.APPEND)


def test_a_server_that_dies_under_a_writer_is_an_error_that_passes(own_server: PostgresServer):
    config = PostgresConfig(**own_server.config())
    where = target(WriteMode.OVERWRITE)
    with PostgresDestination(config) as destination:
        destination.prepare(where)
        writer = destination.writer(where, Slice("s0"))
        writer.write(Batch(TABLE.to_batches()[0]))
        own_server.kill()
        with pytest.raises(TowpathError) as caught:
            writer.close()
        assert caught.value.retryable
        writer.abandon()
        own_server.start()
        destination.prepare(where)
        destination.commit(where, [stage(destination, where)], Checkpoint("run_1", 1, None))
        assert destination.committed(where) == Checkpoint("run_1", 1, None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB that the server may write to."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=1777", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let us mount")
    try:
        for folder in (place, *place.parents):
            if str(folder).startswith("/tmp/"):  # noqa: S108 - pytest's own folders, closed to the server's user
                folder.chmod(0o777)
        (place / "space").mkdir()
        (place / "space").chmod(0o777)
        yield place / "space"
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(own_server: PostgresServer, small_disk: Path):
    import shutil

    shutil.chown(small_disk, "nobody")
    config = PostgresConfig(**own_server.config())
    where = target(WriteMode.OVERWRITE)
    with own_server.connect() as db:
        db.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        db.execute("ALTER ROLE towpath SET default_tablespace = small")
    with own_server.connect() as db, PostgresDestination(config) as destination:
        db.execute(
            "CREATE TABLE t (id bigint, v text) TABLESPACE pg_default; INSERT INTO t VALUES (1, 'old')"
        )
        destination.prepare(where)
        writer = destination.writer(where, Slice("s0"))
        with pytest.raises(ResourceError) as caught:
            fill(writer)
        writer.abandon()
        assert caught.value.code == "disk.full"
        destination.discard(where)
        assert db.execute("SELECT * FROM t").fetchall() == [(1, "old")]
        assert leftovers(db) == []
        db.execute("ALTER ROLE towpath RESET default_tablespace")


def fill(writer: Any) -> None:
    """Write more than the small disk holds."""
    for _ in range(40):
        writer.write(Batch(TABLE.to_batches()[0]))
    writer.close()

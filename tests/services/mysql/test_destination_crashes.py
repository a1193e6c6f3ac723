"""Processes that are killed or hang in the middle of writing: the target is as before, or as after."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from services.mysql.conftest import Place
from support.mariadb import MariaDB, server
from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.destination import MySQLDestination
from towpath.sdk import Batch, Checkpoint, IntegrityError, Receipt, Slice, Target, TowpathError, WriteMode

pytestmark = pytest.mark.service("mysql")

ROWS = 20_000
TABLE = pa.table({"id": pa.array(range(ROWS)), "v": pa.array(["value " * 5] * ROWS)})
OLD_ROWS = 7

#: Does one step of a run in a process of its own, and says on stdout how far it is.
CHILD = """
import json, sys, time
import pyarrow as pa
from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.destination import MySQLDestination
from towpath.sdk import Batch, Checkpoint, Receipt, Slice, Target

asked = json.loads(sys.stdin.readline())
target = Target.from_json(asked["target"])
rows = asked["rows"]
table = pa.table({"id": pa.array(range(rows)), "v": pa.array(["value " * 5] * rows)})
with MySQLDestination(MySQLConfig(**asked["config"])) as destination:
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

    def __init__(self, config: MySQLConfig, target: Target, step: str, **more: Any) -> None:
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
def destination(place: Place) -> Iterator[MySQLDestination]:
    with MySQLDestination(place.as_root()) as made:
        yield made


def target(mode: WriteMode, **changes: Any) -> Target:
    plain = Target("t", TABLE.schema, mode, "run_1", "public.t", "flw_1:0", primary_key=("id",))
    return replace(plain, **changes)


def stage(
    destination: MySQLDestination, where: Target, table: pa.Table = TABLE, slice: str = "s0"
) -> Receipt:
    writer = destination.writer(where, Slice(slice))
    for batch in table.to_batches(max_chunksize=5_000):
        writer.write(Batch(batch))
    return writer.close()


def old_rows(place: Place) -> None:
    """A target of the user's own: rows that no run touches, beyond those of the runs."""
    place.sql(
        "CREATE TABLE t (id BIGINT PRIMARY KEY, v LONGTEXT CHARACTER SET utf8mb4)",
        f"INSERT INTO t SELECT -seq, 'old' FROM seq_1_to_{OLD_ROWS}",
    )


def count(place: Place) -> int:
    return int(place.sql("SELECT COUNT(*) FROM t")[0][0])


def leftovers(place: Place) -> list[str]:
    rows = place.sql("SHOW TABLES LIKE '\\_towpath\\_%'")
    return [name for (name,) in rows if name != "_towpath_checkpoints"]


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def busy(place: Place) -> list[str]:
    """What the sessions of others in this database are doing."""
    rows = place.sql(
        "SELECT COALESCE(STATE, '') FROM information_schema.PROCESSLIST"
        " WHERE DB = DATABASE() AND COMMAND <> 'Sleep' AND ID <> CONNECTION_ID()"
    )
    return [state for (state,) in rows]


def waiting(place: Place) -> bool:
    """Somebody waits for the table that this session has locked."""
    return any("lock" in state.lower() for state in busy(place))


def after(mode: WriteMode) -> int:
    """Rows of the target after a commit on top of `old_rows`."""
    return ROWS if mode is WriteMode.OVERWRITE else ROWS + OLD_ROWS


@pytest.mark.parametrize("mode", WriteMode)
def test_a_killed_slice_leaves_nothing_and_can_be_done_again(
    destination: MySQLDestination, place: Place, mode: WriteMode
):
    """# Invariant 2, # Invariant 3"""
    old_rows(place)
    destination.prepare(target(mode))
    child = Child(place.as_root(), target(mode), "slice", pause=0.005)
    for _ in range(10):
        assert child.line() == "wrote"
    child.kill()
    assert count(place) == OLD_ROWS
    child = Child(place.as_root(), target(mode), "slice")
    receipt = Receipt.from_json(json.loads(child.finish()))
    assert receipt.rows == ROWS
    destination.commit(target(mode), [receipt], Checkpoint("run_1", 1, None))
    assert count(place) == after(mode)
    destination.discard(target(mode))
    assert leftovers(place) == []


@pytest.mark.parametrize("mode", WriteMode)
def test_a_commit_killed_while_it_waits_for_the_target_happens_once(
    destination: MySQLDestination, place: Place, mode: WriteMode
):
    """The server goes on with the last statement of a process that is dead; a RENAME may still happen."""
    old_rows(place)
    where = target(mode)
    destination.prepare(where)
    receipt = stage(destination, where)
    place.sql("LOCK TABLES t READ")
    child = Child(place.as_root(), where, "commit", receipts=[receipt.to_json()])
    assert child.line() == "commits"
    wait_until(lambda: waiting(place))
    child.kill()
    assert count(place) == OLD_ROWS
    place.sql("UNLOCK TABLES")
    destination.commit(where, [receipt], Checkpoint("run_1", 1, {"n": 1}))
    assert count(place) == after(mode)
    assert destination.committed(where) == Checkpoint("run_1", 1, {"n": 1})
    destination.discard(where)
    assert leftovers(place) == []


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False], ids=["replaces", "first"])
@pytest.mark.parametrize("mode", WriteMode)
def test_commits_killed_at_any_moment_publish_all_or_nothing_once(
    destination: MySQLDestination, place: Place, mode: WriteMode, there: bool
):
    if there:
        old_rows(place)
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    where = target(mode)
    destination.prepare(where)
    receipt = stage(destination, where)
    whole = after(mode) if there else ROWS
    for _ in range(6):
        child = Child(place.as_root(), where, "commit", receipts=[receipt.to_json()])
        assert child.line() == "commits"
        time.sleep(chance.random() * 0.3)
        child.kill()
        wait_until(lambda: not busy(place))
        done = destination.committed(where)
        if there or done:
            assert count(place) == (OLD_ROWS if done is None else whole)
        else:
            assert not place.sql("SHOW TABLES LIKE 't'")
    destination.commit(where, [receipt], Checkpoint("run_1", 1, {"n": 1}))
    assert count(place) == whole
    assert destination.committed(where) == Checkpoint("run_1", 1, {"n": 1})
    destination.discard(where)
    assert leftovers(place) == []


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False], ids=["replaces", "first"])
@pytest.mark.parametrize("mode", WriteMode)
def test_a_commit_that_ends_after_any_of_its_statements(
    place: Place, monkeypatch: pytest.MonkeyPatch, mode: WriteMode, there: bool
):
    """Every statement of a commit is once the last one; the next process finds out what became of it."""
    import pymysql

    if there:
        old_rows(place)
    config, query = place.as_root(), pymysql.Connection.query
    small, whole = TABLE.slice(0, 10), 10 + (OLD_ROWS if there and mode is not WriteMode.OVERWRITE else 0)
    outcomes = set()
    for stop in range(200):
        where = target(mode, run=f"run_{stop}", lineage=f"flw_1:{stop}")
        before = count(place) if place.sql("SHOW TABLES LIKE 't'") else None
        with MySQLDestination(config) as destination:
            destination.prepare(where)
            receipt = stage(destination, where, small)
            left = [stop]

            def stopping(self: Any, *given: Any, left: list[int] = left, **more: Any) -> Any:
                if left[0] == 0:
                    self._force_close()
                    raise Killed
                left[0] -= 1
                return query(self, *given, **more)

            with monkeypatch.context() as patch, suppress(Killed):
                patch.setattr(pymysql.Connection, "query", stopping)
                destination.commit(where, [receipt], Checkpoint(where.run, 1, {"n": stop}))
        wait_until(lambda: not busy(place))
        with MySQLDestination(config) as destination:
            done = destination.committed(where)
            outcomes.add(done is not None)
            if done is None:
                assert (count(place) if place.sql("SHOW TABLES LIKE 't'") else None) == before
            destination.commit(where, [receipt], Checkpoint(where.run, 1, {"n": stop}))
            assert destination.committed(where) == Checkpoint(where.run, 1, {"n": stop})
            destination.discard(where)
        assert count(place) == whole
        assert leftovers(place) == []
        if left[0] > 0:
            break
        place.sql("DELETE FROM t WHERE id >= 0")
        if not there:
            place.sql("DROP TABLE t")
        elif mode is WriteMode.OVERWRITE:
            place.sql("DROP TABLE t")
            old_rows(place)
    assert left[0] > 0
    assert outcomes == {True, False}


def test_two_commits_at_once_publish_once(destination: MySQLDestination, place: Place):
    old_rows(place)
    where = target(WriteMode.APPEND)
    destination.prepare(where)
    receipt = stage(destination, where)
    children = [Child(place.as_root(), where, "commit", receipts=[receipt.to_json()]) for _ in range(3)]
    assert [child.finish() for child in children] == ["committed"] * 3
    assert count(place) == after(WriteMode.APPEND)


def test_twins_of_one_slice_at_once_count_once(destination: MySQLDestination, place: Place):
    """# Invariant 3"""
    where = target(WriteMode.OVERWRITE)
    destination.prepare(where)
    children = [Child(place.as_root(), where, "slice") for _ in range(3)]
    receipts = {child.finish() for child in children}
    assert len(receipts) == 1
    destination.commit(where, [Receipt.from_json(json.loads(receipts.pop()))], Checkpoint("run_1", 1, None))
    assert count(place) == ROWS


def test_slices_loaded_at_once_by_many_processes(destination: MySQLDestination, place: Place):
    where = target(WriteMode.UPSERT)
    destination.prepare(where)

    def load(number: int) -> Receipt:
        with MySQLDestination(place.as_root()) as own:
            return stage(own, where, TABLE.slice(number * 5_000, 5_000), f"s{number}")

    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(load, range(4)))
    destination.commit(where, receipts, Checkpoint("run_1", 1, None))
    assert count(place) == ROWS
    assert place.sql("SELECT SUM(id) FROM t")[0][0] == sum(range(ROWS))


@pytest.mark.parametrize("end", ["commit", "discard", "next run"])
def test_a_hung_twin_holds_nobody_up_and_adds_nothing(destination: MySQLDestination, place: Place, end: str):
    where = target(WriteMode.OVERWRITE)
    destination.prepare(where)
    with MySQLDestination(place.as_root()) as other:
        hung = other.writer(where, Slice("s0"))
        hung.write(Batch(TABLE.to_batches()[0]))
        receipt = stage(destination, where)
        if end == "commit":
            destination.commit(where, [receipt], Checkpoint("run_1", 1, None))
            assert count(place) == ROWS
        elif end == "discard":
            destination.discard(where)
        else:
            destination.prepare(target(WriteMode.OVERWRITE, run="run_2"))
        with pytest.raises(TowpathError) as caught:
            hung.close()
        assert caught.value.retryable
        hung.abandon()
    destination.discard(where)
    destination.discard(target(WriteMode.OVERWRITE, run="run_2"))
    assert leftovers(place) == []


def test_what_is_staged_and_not_in_a_receipt_is_not_published(destination: MySQLDestination, place: Place):
    where = target(WriteMode.APPEND)
    destination.prepare(where)
    stage(destination, where, TABLE.slice(0, 10), "s0")
    receipt = stage(destination, where, TABLE.slice(10, 5), "s1")
    destination.commit(where, [receipt], Checkpoint("run_1", 1, None))
    assert count(place) == 5


def test_staging_that_is_gone_is_an_error(destination: MySQLDestination, place: Place):
    old_rows(place)
    where = target(WriteMode.APPEND)
    destination.prepare(where)
    receipt = stage(destination, where)
    destination.discard(where)
    with pytest.raises(IntegrityError) as caught:
        destination.commit(where, [receipt], Checkpoint("run_1", 1, None))
    assert caught.value.code == "staging.lost"
    assert count(place) == OLD_ROWS


# ── the server itself ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def own(place: Place) -> Iterator[tuple[MariaDB, Place]]:
    with server() as made, made.database("own") as database:
        yield made, place.another(made, database)


def test_a_server_that_dies_and_comes_back_keeps_what_is_staged(own: tuple[MariaDB, Place]):
    maria, place = own
    where = target(WriteMode.OVERWRITE)
    with MySQLDestination(place.as_root()) as destination:
        destination.prepare(where)
        receipt = stage(destination, where, slice="s0")
        writer = destination.writer(where, Slice("s1"))
        writer.write(Batch(TABLE.to_batches()[0]))
        maria.kill()
        with pytest.raises(TowpathError) as caught:
            writer.close()
        assert caught.value.retryable
        writer.abandon()
    place.root.close()
    maria.start()
    place = place.another(maria, "own")
    with MySQLDestination(place.as_root()) as destination:
        again = stage(destination, where, TABLE.slice(0, 3), "s1")
        destination.commit(where, [receipt, again], Checkpoint("run_1", 1, {"n": 1}))
        assert destination.committed(where) == Checkpoint("run_1", 1, {"n": 1})
        assert count(place) == ROWS + 3
        destination.discard(where)
    assert leftovers(place) == []
    place.root.close()

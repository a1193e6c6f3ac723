"""Runs from the command line: alone, beside a server, cancelled, failing."""

import os
import re
import signal
import socket
import sqlite3
import time

import pytest

from support.command import PATIENCE, connection, flow, get

pytestmark = pytest.mark.slow

#: A view without end: whoever copies it goes on until somebody stops it.
ENDLESS = (
    "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
)


def rows(path, table="items"):
    with sqlite3.connect(path) as database:
        found = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    database.close()
    return found


def sql(path, *statements):
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


@pytest.fixture
def shop(tmp_path):
    sql(tmp_path / "shop.db", "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.executemany("INSERT INTO items VALUES (?, ?)", [(n, f"item {n}") for n in range(1000)])
    database.close()
    return tmp_path / "shop.db"


@pytest.fixture
def copying(towpath, shop, tmp_path):
    """A home with a flow ``copy`` from the shop to ``copy.db``."""
    text = connection("shop", "sqlite", path=str(shop)) + connection(
        "copy", "sqlite", path=str(tmp_path / "copy.db")
    )
    (tmp_path / "documents.yaml").write_text(
        text
        + flow("copy", "shop", "copy", streams=[{"name": "items"}])
        + flow("endless", "shop", "copy", streams=[{"name": "endless", "target": "items"}])
    )
    towpath("apply", "-f", tmp_path / "documents.yaml")
    return towpath


def wait_until_reading(towpath, run):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        detail = towpath.json("runs", "show", run)
        if any(stream["read"] for stream in detail["streams"]):
            return
        assert detail["status"] in ("queued", "running"), detail
        time.sleep(0.2)
    raise AssertionError("the run never read anything")


def test_without_a_server_the_command_does_the_work_itself(copying, tmp_path):
    done = copying("run", "copy")
    assert re.search(r"items +committed +1,000 +1,000 +0 +0 ", done.stdout)
    assert rows(tmp_path / "copy.db") == 1000
    assert "\r" not in done.stderr
    # The home is free again, and nothing of the engine is left.
    with copying.serving():
        pass


def test_what_a_flow_has_written_is_cleared_though_its_source_is_gone(copying, shop, tmp_path):
    copying("run", "copy")
    away = shop.rename(tmp_path / "away.db")
    cleared = copying.json("flows", "clear", "copy", "--yes")
    assert (cleared["status"], cleared["cause"]) == ("succeeded", "clear")
    assert rows(tmp_path / "copy.db") == 0
    assert "items is cleared" in copying("logs", cleared["id"]).stdout
    away.rename(shop)
    copying("run", "copy")
    assert rows(tmp_path / "copy.db") == 1000


def test_beside_a_server_the_run_is_the_servers(copying, tmp_path):
    with copying.serving() as (url, server):
        done = copying("run", "copy", "--follow")
        assert "committed" in done.stdout
        run = copying("run", "copy").stdout.strip()
        assert run.startswith("run_")
        log = copying("logs", run, "-f").stdout
        assert "succeeded" in log
        assert copying.json("runs", "show", "copy")["status"] == "succeeded"
        assert get(f"{url}/healthz")[0] == 200
        assert get(f"{url}/nowhere?token=canary") == (404, '{"detail":"Not Found"}')
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 143
        assert "canary" not in server.stderr.read()


@pytest.mark.parametrize("words", [("worker",), ("up", "--port", "0")])
def test_two_towpaths_in_one_home(copying, words):
    with copying.serving():
        printed = copying(*words, code=75).stderr
        assert "home.in_use" in printed
        # Reading and writing the store goes on beside it.
        copying("flows", "list")


def test_cancel_ends_a_run_and_leaves_the_target_as_it_was(copying, shop, tmp_path):
    copying("run", "copy")
    sql(shop, ENDLESS)
    with copying.serving():
        run = copying("run", "endless").stdout.strip()
        wait_until_reading(copying, run)
        copying("runs", "cancel", run)
        until = time.monotonic() + PATIENCE
        while not (ended := copying.json("runs", "show", run)["ended_at"]) and time.monotonic() < until:
            time.sleep(0.2)
        assert ended
        assert copying.json("runs", "show", run)["status"] == "cancelled"
        assert "run.ended" in copying("runs", "cancel", run, code=1).stderr
    assert rows(tmp_path / "copy.db") == 1000


def test_ctrl_c_cancels_the_run_and_is_130(copying, shop, tmp_path):
    copying("run", "copy")
    sql(shop, ENDLESS)
    with copying.started("run", "endless") as process:
        until = time.monotonic() + PATIENCE
        while not copying.json("runs", "list", "--flow", "endless") and time.monotonic() < until:
            time.sleep(0.2)
        run = copying.json("runs", "list", "--flow", "endless")[0]["id"]
        wait_until_reading(copying, run)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert "was cancelled" in process.stderr.read()
    assert rows(tmp_path / "copy.db") == 1000
    assert copying.json("runs", "show", run)["status"] == "cancelled"


def test_a_dead_host_is_4_with_a_hint(towpath, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        (tmp_path / "documents.yaml").write_text(
            connection("dead", "postgres", host="127.0.0.1", port=port, database="d", username="u")
            + connection("copy", "sqlite", path=str(tmp_path / "copy.db"))
            + document_flow(max_attempts=1)
        )
        towpath("apply", "-f", tmp_path / "documents.yaml")
        for words in (("check", "dead"), ("discover", "dead"), ("run", "f")):
            done = towpath(*words, code=4)
            assert "connection.refused" in done.stderr
            assert "Traceback" not in done.stderr
    assert not (tmp_path / "copy.db").exists()


def document_flow(**policy):
    return flow("f", "dead", "copy", streams=[{"name": "public.t"}], policy=policy)


def test_a_missing_stream_fails_the_run_and_leaves_the_target(copying, shop, tmp_path):
    copying("run", "copy")
    sql(shop, "DROP TABLE items")
    done = copying("run", "copy", code=1)
    assert "stream.not_found" in done.stderr
    assert rows(tmp_path / "copy.db") == 1000


def test_rejected_records_are_5_and_wait_in_the_inbox(copying, shop, tmp_path):
    sql(shop, "CREATE TABLE loose (id INTEGER, name TEXT)", "INSERT INTO loose VALUES (1, 'a'), (NULL, 'b')")
    stream = {"name": "loose", "write": "upsert", "primary_key": ["id"]}
    (tmp_path / "loose.yaml").write_text(flow("loose", "shop", "copy", streams=[stream]))
    copying("apply", "-f", tmp_path / "loose.yaml")
    assert "Rejected records: 1" in copying("run", "loose", code=5).stderr
    (error,) = copying.json("errors", "list", "--flow", "loose")
    assert error["record"] == {"id": None, "name": "b"}
    copying("errors", "resolve", error["id"])
    assert copying.json("errors", "list") == []
    assert rows(tmp_path / "copy.db", "loose") == 1


@pytest.mark.service("postgres")
def test_a_store_in_postgresql_is_shared_by_any_number_of_workers(copying, postgres, tmp_path):
    url = postgres.url(postgres.create_database())
    copying.environment["TOWPATH_DATABASE_URL"] = url
    copying("apply", "-f", tmp_path / "documents.yaml")
    # Nobody works yet: the command does it itself.
    assert "committed" in copying("run", "copy").stdout
    with copying.serving(), copying.serving():
        run = copying("run", "copy").stdout.strip()
        assert run.startswith("run_")
        assert "succeeded" in copying("logs", run, "-f").stdout
    assert rows(tmp_path / "copy.db") == 1000

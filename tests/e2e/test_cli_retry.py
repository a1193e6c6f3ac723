"""Rejected records from the command line: corrected, sent again, resolved."""

import json
import sqlite3
from contextlib import closing

import pytest

from support.command import connection, flow

pytestmark = pytest.mark.slow

_LOOSE = [{"name": "loose", "mode": "incremental", "cursor": "at", "write": "upsert", "primary_key": ["id"]}]


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as database:
        rows = [database.execute(statement).fetchall() for statement in statements]
        database.commit()
    return rows[-1]


@pytest.fixture
def loose(towpath, tmp_path):
    """A home with an incremental flow ``loose`` whose source has two records without a key."""
    execute(
        tmp_path / "shop.db",
        "CREATE TABLE loose (id INTEGER, at INTEGER, name TEXT, body BLOB)",
        "INSERT INTO loose VALUES (1, 1, 'a', x'00ff'), (NULL, 2, 'b', x'01fe'), (NULL, 3, 'c', NULL)",
    )
    (tmp_path / "documents.yaml").write_text(
        connection("shop", "sqlite", path=str(tmp_path / "shop.db"))
        + connection("copy", "sqlite", path=str(tmp_path / "copy.db"))
        + flow("loose", "shop", "copy", streams=_LOOSE)
    )
    towpath("apply", "-f", tmp_path / "documents.yaml")
    towpath("run", "loose", code=5)
    return towpath


def test_a_record_is_corrected_sent_again_and_resolved(loose, tmp_path):
    second, first = loose.json("errors", "list", "--flow", "loose")
    assert first["record"] == {"id": None, "at": 2, "name": "b", "body": "Af4="}
    states = loose.json("state", "get", "loose")
    checkpoints = execute(
        tmp_path / "copy.db", "SELECT * FROM _towpath_checkpoints WHERE lineage NOT LIKE '%:retry'"
    )
    edited = loose.json("errors", "edit", first["id"], "--set", "id=7", "--set", 'name="é \\u2603"')
    assert edited["record"] == {"id": 7, "at": 2, "name": "é ☃", "body": "Af4="}

    (run,) = loose.json("errors", "retry", first["id"])

    assert (run["status"], run["cause"], run["parent"]) == ("succeeded", "retry", first["run"])
    (stream,) = run["streams"]
    assert (stream["read"], stream["written"], stream["rejected"]) == (1, 1, 0)
    assert execute(tmp_path / "copy.db", "SELECT * FROM loose ORDER BY id") == [
        (1, 1, "a", b"\x00\xff"),
        (7, 2, "é ☃", b"\x01\xfe"),
    ]
    status = {error["id"]: error["status"] for error in loose.json("errors", "list", "--all")}
    assert status == {first["id"]: "resolved", second["id"]: "open"}
    # The flow goes on where it was, here and there.
    assert loose.json("state", "get", "loose") == states
    assert checkpoints == execute(
        tmp_path / "copy.db", "SELECT * FROM _towpath_checkpoints WHERE lineage NOT LIKE '%:retry'"
    )
    execute(tmp_path / "shop.db", "INSERT INTO loose VALUES (9, 9, 'z', NULL)")
    (stream,) = loose.json("run", "loose")["streams"]
    assert stream["read"] == 1

    # Once is enough: it is not sent a second time.
    assert "nothing is sent" in loose("errors", "retry", first["id"]).stderr
    assert "error.not_open" in loose("errors", "edit", first["id"], "--set", "id=8", code=1).stderr


def test_what_is_rejected_again_is_a_new_error_of_the_child_run(loose, tmp_path):
    second, first = loose.json("errors", "list")
    loose("errors", "edit", second["id"], "--set", 'id="seven"')
    done = loose("errors", "retry", "--flow", "loose", "--json", code=5)
    (run,) = json.loads(done.stdout)
    (stream,) = run["streams"]
    assert (stream["read"], stream["written"], stream["rejected"]) == (2, 0, 2)
    again = {error["record"]["name"]: error for error in loose.json("errors", "list")}
    assert {name: error["code"] for name, error in again.items()} == {
        "b": "key.null",
        "c": "value.unrepresentable",
    }
    assert {error["run"] for error in again.values()} == {run["id"]}
    assert loose.json("errors", "show", first["id"])["status"] == "resolved"

    # A child of the child: the same again.
    for id, error in enumerate(again.values(), 10):
        loose("errors", "edit", error["id"], "--set", f"id={id}")
    (run,) = loose.json("errors", "retry", "--all")
    assert run["parent"] == error["run"]
    assert execute(tmp_path / "copy.db", "SELECT count(*) FROM loose") == [(3,)]
    assert loose.json("errors", "list") == []


def test_a_retry_that_fails_opens_its_errors_again(loose, tmp_path):
    (tmp_path / "copy.db").rename(tmp_path / "away.db")
    (tmp_path / "copy.db").mkdir()
    before = loose.json("errors", "list")
    assert loose("errors", "retry", "--run", "loose", code=3).stderr
    assert loose.json("errors", "list") == before
    (tmp_path / "copy.db").rmdir()
    (tmp_path / "away.db").rename(tmp_path / "copy.db")
    for id, error in enumerate(before, 20):
        loose("errors", "edit", error["id"], "--set", f"id={id}")
    loose("errors", "retry", "--run", before[0]["run"])
    assert execute(tmp_path / "copy.db", "SELECT count(*) FROM loose") == [(3,)]


def test_beside_a_server_the_retry_is_the_servers(loose):
    (error, _) = loose.json("errors", "list")
    loose("errors", "edit", error["id"], "--set", "id=5")
    with loose.serving():
        run = loose("errors", "retry", error["id"]).stdout.strip()
        assert run.startswith("run_")
        assert "succeeded" in loose("logs", run, "-f").stdout
        assert len(loose.json("errors", "list")) == 1


def test_wrong_use_is_said(loose):
    (error, _) = loose.json("errors", "list")
    assert loose("errors", "retry", code=2).stderr
    assert loose("errors", "retry", error["id"], "--all", code=2).stderr
    assert "record_error.not_found" in loose("errors", "retry", "err_nothing", code=6).stderr
    assert "run.not_found" in loose("errors", "retry", "--run", "nothing", code=6).stderr
    for wrong in ("name=Ada", "name", "=1", "id=NaN"):
        assert "COLUMN=JSON" in loose("errors", "edit", error["id"], "--set", wrong, code=2).stderr
    unknown = loose("errors", "edit", error["id"], "--set", "nam=1", code=6).stderr
    assert "column.not_found" in unknown
    assert "'name'" in unknown


@pytest.mark.service("postgres")
def test_a_text_that_postgresql_cannot_hold(towpath, postgres, tmp_path):
    database = postgres.create_database()
    execute(
        tmp_path / "shop.db",
        "CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT)",
        "INSERT INTO texts VALUES (1, 'good'), (2, 'nul ' || char(0))",
    )
    settings = postgres.config(database) | {"password": "${env:PG_PASSWORD}"}
    towpath.environment["PG_PASSWORD"] = postgres.password
    (tmp_path / "documents.yaml").write_text(
        connection("shop", "sqlite", path=str(tmp_path / "shop.db"))
        + connection("pg", "postgres", **settings)
        + flow("texts", "shop", "pg", streams=[{"name": "texts"}])
    )
    towpath("apply", "-f", tmp_path / "documents.yaml")
    towpath("run", "texts", code=5)
    (error,) = towpath.json("errors", "list")
    assert error["record"] == {"id": 2, "text": "nul \0"}
    towpath("errors", "edit", error["id"], "--set", 'text="none"')
    # The flow overwrites; the retry leaves what is there.
    towpath("errors", "retry", "--all")
    with postgres.connect(database) as server:
        rows = server.execute("SELECT id, text FROM texts ORDER BY id").fetchall()
    assert rows == [(1, "good"), (2, "none")]
    assert towpath.json("errors", "list") == []

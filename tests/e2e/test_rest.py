"""From an API to a database with the command alone: first everything, then what is new."""

from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from support.command import Towpath, connection, flow
from support.pms import TOKEN, Pms, reservation, too_many
from support.postgres import PostgresServer

pytestmark = pytest.mark.slow

STREAM = {
    "name": "guesty_reservations",
    "mode": "incremental",
    "cursor": "lastUpdatedAt",
    "write": "upsert",
    "target": "reservations",
}


@pytest.fixture
def towpath(towpath: Towpath) -> Towpath:
    towpath.environment |= {"TOWPATH_ALLOWED_HOSTS": "127.0.0.1", "TOKEN": TOKEN}
    return towpath


def apply(towpath: Towpath, tmp_path: Path, pms: Pms, sink: str) -> None:
    hotel = connection("hotel", "guesty_enterprise", integration_token="${env:TOKEN}", base_url=pms.url)
    (tmp_path / "documents.yaml").write_text(hotel + sink + flow("sync", "hotel", "sink", streams=[STREAM]))
    towpath("apply", "-f", tmp_path / "documents.yaml")


def change(pms: Pms) -> None:
    pms.change(
        "reservations", reservation(3)["_id"], status="closed", lastUpdatedAt="2026-03-01T00:00:00.000Z"
    )
    pms.add("reservations", reservation(900, "2026-03-02T00:00:00.000Z"))


def read_and_written(towpath: Towpath) -> tuple[int, int]:
    newest = towpath.json("runs", "list")[0]["id"]
    (stream,) = towpath.json("runs", "show", newest)["streams"]
    return stream["read"], stream["written"]


def test_reservations_into_duckdb(towpath: Towpath, tmp_path: Path, pms: Pms) -> None:
    file = tmp_path / "warehouse.duckdb"
    apply(towpath, tmp_path, pms, connection("sink", "duckdb", path=str(file)))
    pms.faults = [too_many()]
    towpath("run", "sync")
    assert read_and_written(towpath) == (250, 250)
    change(pms)
    towpath("run", "sync")
    assert read_and_written(towpath) == (2, 2)
    with duckdb.connect(str(file), read_only=True) as database:
        rows: Any = database.execute(
            "SELECT count(*), count(DISTINCT _id), count(*) FILTER (status = 'closed') FROM reservations"
        ).fetchone()
        assert rows == (251, 251, 1)
        money = "SELECT (money->>'fareAccommodation')::DECIMAL(9,2)::VARCHAR FROM reservations LIMIT 1"
        assert database.execute(money).fetchone() == ("480.40",)
    towpath("run", "sync")
    assert towpath.json("runs", "list")[0]["status"] == "succeeded"


@pytest.mark.service("postgres")
def test_reservations_into_postgres(
    towpath: Towpath, tmp_path: Path, pms: Pms, postgres: PostgresServer, postgres_database: str
) -> None:
    config = postgres.config(postgres_database) | {"password": "${env:PG_PASSWORD}"}
    towpath.environment["PG_PASSWORD"] = postgres.password
    apply(towpath, tmp_path, pms, connection("sink", "postgres", **config))
    towpath("run", "sync")
    change(pms)
    towpath("run", "sync")
    assert read_and_written(towpath) == (2, 2)
    with psycopg.connect(postgres.url(postgres_database)) as server:
        rows = server.execute('SELECT count(*), max("lastUpdatedAt")::text FROM reservations').fetchone()
    assert rows is not None
    assert rows[0] == 251
    assert rows[1].startswith("2026-03-02")


def test_a_file_of_the_operator_is_a_connector(towpath: Towpath, tmp_path: Path, pms: Pms) -> None:
    """For the command, and for the processes in which its runs move data."""
    folder = towpath.home / "connectors"
    folder.mkdir(parents=True)
    (folder / "ours.yaml").write_text(
        "name: ours\n"
        "title: Ours\n"
        f"base_url: {pms.url}\n"
        "fields: {token: {title: Token, secret: true}}\n"
        "auth: [{type: api_key, header: Authorization, value: 'Bearer {token}'}]\n"
        "streams:\n"
        "  houses: {path: /listings, records: results, schema: {title: string}}\n"
    )
    (folder / "broken.yaml").write_text("name: broken\ntitle: [")
    listed = {one["name"]: one for one in towpath.json("connectors", "list")}
    assert listed["ours"]["reads"] == ["full_refresh"]
    assert "broken.yaml: line 2" in listed["broken"]["summary"]
    file = tmp_path / "warehouse.duckdb"
    (tmp_path / "documents.yaml").write_text(
        connection("hotel", "ours", token="${env:TOKEN}")
        + connection("sink", "duckdb", path=str(file))
        + flow("copy", "hotel", "sink", streams=[{"name": "houses"}])
    )
    towpath("apply", "-f", tmp_path / "documents.yaml")
    towpath("check", "hotel")
    assert [row["title"] for row in towpath.json("preview", "hotel", "houses")][:1] == ["House 0"]
    towpath("run", "copy")
    with duckdb.connect(str(file), read_only=True) as database:
        assert database.execute("SELECT title FROM houses ORDER BY 1").fetchall() == [
            ("House 0",),
            ("House 1",),
            ("House 2",),
        ]

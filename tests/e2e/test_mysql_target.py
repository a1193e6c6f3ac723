"""A flow from PostgreSQL into MariaDB, from the command line: all of it, and then what is new."""

import datetime as dt
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from support.command import Towpath, connection, flow
from support.mariadb import MariaDB
from support.postgres import PostgresServer

pytestmark = [pytest.mark.service("postgres"), pytest.mark.service("mysql")]

PEOPLE = """
CREATE TABLE people (
  id uuid PRIMARY KEY, name text, age smallint, wage numeric(12, 2), tags text[], about jsonb, photo bytea,
  born date, seen timestamptz NOT NULL
);
INSERT INTO people SELECT gen_random_uuid(), 'Zoë ☃ ' || n, n % 90, n / 7.0, ARRAY['a', n::text],
  jsonb_build_object('n', n), decode('00ff', 'hex'), date '1990-01-01' + n,
  timestamptz '2024-01-01' + n * interval '1 s'
FROM generate_series(1, 2500) AS n"""


def test_from_postgres_into_mariadb(
    towpath: Towpath, tmp_path: Path, postgres: PostgresServer, postgres_database: str, mariadb: MariaDB
):
    towpath.environment["PG_PASSWORD"] = postgres.password
    source = postgres.config(postgres_database) | {"password": "${env:PG_PASSWORD}"}
    with (
        psycopg.connect(postgres.url(postgres_database), autocommit=True) as server,
        mariadb.database("e2e") as database,
        closing(mariadb.connect(database)) as root,
        root.cursor() as cursor,
    ):
        server.execute(PEOPLE)
        sink = {"host": mariadb.host, "port": mariadb.port, "database": database, "username": "root"}
        streams = [{"name": "public.people", "mode": "incremental", "cursor": "seen"}]
        documents = connection("source", "postgres", **source) + connection("sink", "mysql", **sink)
        (tmp_path / "flow.yaml").write_text(documents + flow("copy", "source", "sink", streams=streams))
        towpath("apply", "-f", tmp_path / "flow.yaml")
        towpath("check", "sink")
        towpath("run", "copy")
        cursor.execute("SHOW TABLES")
        tables = [name for (name,) in cursor.fetchall()]
        assert tables == ["_towpath_checkpoints", "people"]
        cursor.execute("SELECT COUNT(*), COUNT(DISTINCT id), SUM(age), SUM(wage), MAX(seen) FROM people")
        summed = server.execute(
            "SELECT count(*), count(id), sum(age), sum(wage), max(seen) FROM people"
        ).fetchone()
        assert summed is not None
        assert cursor.fetchone() == (*summed[:-1], summed[-1].astimezone(dt.UTC).replace(tzinfo=None))
        server.execute("UPDATE people SET name = 'new', seen = '2025-01-01Z' WHERE age = 3")
        towpath("run", "copy")
        cursor.execute("SELECT COUNT(*), SUM(name = 'new'), SUM(age = 3) FROM people")
        rows, changed, wanted = cursor.fetchall()[0]
        assert (rows, changed) == (2500, wanted)

"""What a console does for its user, over HTTP alone: from signing up to files that equal the tables."""

import json
import time

import httpx2
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.command import PATIENCE

PROJECT, DOORS = "/api/v1/project/123", ("/login", "/signup", "/auth", "/logout")
PASSWORD = "correct horse battery"
ROWS = 20_000
#: Seconds. Far more than it takes: what is promised is what is tested.
CANCELLED_WITHIN = 5


class Console:
    """Speaks HTTP and JSON, and keeps cookies as a browser does."""

    def __init__(self, url):
        self.client = httpx2.Client(base_url=url, timeout=PATIENCE, trust_env=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def __call__(self, method, path, body=None):
        where = path if path.startswith(DOORS) else f"{PROJECT}{path}"
        answer = self.client.request(method, where, json=body)
        assert answer.is_success, (method, path, answer.text)
        return answer.json()["data"]

    def events(self, path):
        """The events of a stream until it ends: (name, data, id)."""
        with self.client.stream("GET", f"{PROJECT}{path}") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            event = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if line == "" and "data" in event:
                    yield event.get("event", "message"), json.loads(event["data"]), event.get("id")
                    event = {}
                elif name in ("event", "data", "id"):
                    event[name] = value


def fill(config):
    with psycopg.connect(config) as connection:
        connection.execute(
            "CREATE TABLE orders "
            "(id bigint PRIMARY KEY, placed date, at timestamptz, amount numeric(12,2), note text)"
        )
        connection.execute(
            "INSERT INTO orders SELECT i, DATE '2026-01-01' + i % 365, "
            "timestamptz '2026-01-01 00:00:00+00' + i * interval '1 minute', i / 100.0, 'note ' || i "
            f"FROM generate_series(1, {ROWS}) i"
        )
        connection.execute("CREATE TABLE shops (code text PRIMARY KEY, name text)")
        connection.execute("INSERT INTO shops VALUES ('ams', 'Amsterdam'), ('uty', 'Utrecht')")
        # A table of which every row takes its time to read.
        connection.execute("CREATE SCHEMA slow")
        connection.execute(
            "CREATE VIEW slow.waits AS "
            "SELECT i AS id, pg_sleep(0.1)::text AS wait FROM generate_series(1, 6000) i"
        )


def eventually(look, what):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen")


@pytest.fixture
def dsn(postgres, postgres_database):
    fill(postgres.url(postgres_database))
    return postgres.url(postgres_database)


@pytest.mark.slow
@pytest.mark.service("postgres")
def test_a_console_from_sign_up_to_files(towpath, tmp_path, postgres, postgres_database, dsn):
    place = postgres.config(postgres_database) | {"ssl": {"mode": "disable"}}
    with towpath.serving() as (url, _), Console(url) as console:
        sign_up(console)
        sides = keep(console, place, tmp_path / "lake")
        streams = console("POST", "/sources/streams", sides["source"] | {"job_id": -1, "job_name": "nightly"})
        catalogue = {space: select(streams["streams"], space) for space in ("public", "slow")}
        job = {"frequency": "1-hours", **sides}

        console("POST", "/jobs", job | {"name": "nightly", "streams_config": catalogue["public"]})
        [nightly] = console("GET", "/jobs")
        sync(console, nightly["id"])
        for table, key in (("orders", "id"), ("shops", "code")):
            assert files_of(tmp_path / "lake", table, key) == rows_of(dsn, table, key)
        console("POST", f"/jobs/{nightly['id']}/activate", {"activate": False})
        assert console("GET", f"/jobs/{nightly['id']}")["activate"] is False

        console("POST", "/jobs", job | {"name": "long", "streams_config": catalogue["slow"]})
        [long] = [one for one in console("GET", "/jobs") if one["name"] == "long"]
        cancel(console, long["id"])

        console("POST", "/logout")
        assert console.client.get("/auth").status_code == 401
    kept = b"".join(path.read_bytes() for path in towpath.home.rglob("*") if path.is_file())
    assert not [secret for secret in (PASSWORD, place["password"]) if secret.encode() in kept]


def sign_up(console):
    person = {"username": "ann", "password": PASSWORD, "email": "ann@bakery.example"}
    console("POST", "/signup", person)
    console("POST", "/login", person)
    assert console("GET", "/auth")["username"] == "ann"


def keep(console, place, lake):
    """The source and the destination, as the console shows them: without the source's password."""
    asked = {"type": "postgres", "version": "latest"}
    spec = console("POST", "/sources/spec", asked)["spec"]["jsonschema"]
    assert set(place) <= set(spec["properties"])
    shop = {"type": "postgres", "version": "v1.0.0", "config": json.dumps(place)}
    wrong = shop | {"config": json.dumps(place | {"database": "nowhere"})}
    failed = console("POST", "/sources/test", wrong)["connection_result"]
    assert failed["status"] == "FAILED"
    assert "nowhere" in failed["message"]
    assert console("POST", "/sources/test", shop)["connection_result"]["status"] == "SUCCEEDED"
    console("POST", "/sources", shop | {"name": "shop"})
    config = {"type": "PARQUET", "writer": {"local_path": str(lake)}}
    files = {"type": "parquet", "version": "v1.0.0", "config": json.dumps(config)}
    assert console("POST", "/destinations/test", files)["connection_result"]["status"] == "SUCCEEDED"
    console("POST", "/destinations", files | {"name": "lake"})
    [source], [destination] = console("GET", "/sources"), console("GET", "/destinations")
    assert place["password"] not in source["config"]
    return {"source": source, "destination": destination}


def select(streams, namespace):
    """The catalogue of one namespace, every stream chosen to be copied as a whole."""
    own = [item for item in streams if item["stream"]["namespace"] == namespace]
    chosen = []
    for item in own:
        item["stream"]["sync_mode"] = "full_refresh"
        one = {"stream_name": item["stream"]["name"], "normalization": True, "append_mode": False}
        chosen.append(one | {"partition_regex": "", "filter": ""})
    return json.dumps({"selected_streams": {namespace: chosen}, "streams": own})


def sync(console, job):
    """Run it, and watch it to its end; then read its log from both ends."""
    console("POST", f"/jobs/{job}/sync", {})
    [task] = console("GET", f"/jobs/{job}/tasks")
    seen = list(console.events(f"/jobs/{job}/tasks/{task['id']}/events"))
    assert {"progress", "log", "status"} == {name for name, _, _ in seen}
    assert seen[-1][0] == "status"
    [task] = console("GET", f"/jobs/{job}/tasks")
    assert (task["status"].lower(), task["rows"]) == ("completed", ROWS + 2)
    logs, file = f"/jobs/{job}/tasks/1/logs", {"file_path": task["file_path"]}
    page = console("POST", f"{logs}?cursor=-1&limit=5&direction=older", file)
    assert (len(page["logs"]), page["has_more_older"]) == (5, True)
    first = console("POST", f"{logs}?cursor={page['older_cursor']}&limit=1000&direction=older", file)
    assert first["logs"]
    assert not first["has_more_older"]


def cancel(console, job):
    """Start it, and end it while it reads."""

    def state():
        return console("GET", f"/jobs/{job}/tasks")[0]["status"].lower()

    console("POST", f"/jobs/{job}/sync", {})
    eventually(lambda: state() == "running", "the start of the long run")
    # It sleeps inside of the database by now.
    time.sleep(2)
    asked = time.monotonic()
    assert console("GET", f"/jobs/{job}/cancel")["message"]
    eventually(lambda: state() == "canceled", "the end of the cancelled run")
    assert time.monotonic() - asked < CANCELLED_WITHIN


def files_of(folder, table, key):
    """The rows of all Parquet files that a reader of the folder sees."""
    files = [path for path in folder.rglob("*.parquet") if path.parent.name == table]
    seen = [path for path in files if not any(part.startswith((".", "_")) for part in path.parts)]
    return pa.concat_tables(pq.read_table(path) for path in seen).sort_by(key).to_pylist()


def rows_of(dsn, table, key):
    with psycopg.connect(dsn, row_factory=psycopg.rows.dict_row) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        return connection.execute(f"SELECT * FROM {table} ORDER BY {key}").fetchall()

"""What a source offers, and what a job makes of it, against a real PostgreSQL."""

import json
import time

import pyarrow.parquet as pq
import pytest

from support.api import PATIENCE

pytestmark = pytest.mark.service("postgres")

TABLES = """
    CREATE TABLE orders (
        id bigint PRIMARY KEY, amount numeric(10, 2), note text, open boolean,
        made_at timestamptz NOT NULL, changed_at timestamptz, lines jsonb
    );
    CREATE SCHEMA sales;
    CREATE TABLE sales.orders (id integer NOT NULL, day date);
    INSERT INTO orders VALUES
        (1, 1.5, 'a', true, '2026-01-01', '2026-02-02', '{}'), (2, 9, 'b', null, '2026-01-02', null, null);
"""
PROJECT = "/api/v1/project/bakery"


class Person:
    """Somebody who has signed in, with a database to read and a folder to write to."""

    def __init__(self, api, config, folder):
        self.api, self.config, self.folder = api, config, folder
        self.org = api.container.organization.id
        self.token = api.session(self.org)

    def ask(self, method, path, body=None, **more):
        content = {} if body is None else {"json": body}
        return self.api.call(method, PROJECT + path, self.token, **content, **more)

    def data(self, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    @property
    def source(self):
        return {"name": "shop", "type": "postgres", "version": "v1.0.0", "config": json.dumps(self.config)}

    def streams(self, **more):
        return self.data("POST", "/sources/streams", self.source | more)

    def job(self, streams_config):
        """Number of a new job."""
        lake = {"type": "PARQUET", "writer": {"local_path": str(self.folder)}}
        body = {
            "name": "nightly",
            "source": self.source,
            "destination": {"name": "lake", "type": "parquet", "version": "v1.0.0", "config": lake},
            "frequency": "",
            "streams_config": json.dumps(streams_config),
        }
        self.data("POST", "/jobs", body)
        return self.data("GET", "/jobs")[0]["id"]


@pytest.fixture
def ann(api_sqlite, postgres, postgres_database, tmp_path):
    with postgres.connect(postgres_database) as shop:
        shop.execute(TABLES)
    given = postgres.config(postgres_database)
    config = {name: given[name] for name in ("host", "port", "database", "username", "password")}
    return Person(api_sqlite, config | {"ssl": {"mode": "disable"}}, tmp_path / "lake")


def offer(found, namespace, name="orders"):
    entries = [entry["stream"] for entry in found["streams"]]
    return next(one for one in entries if (one["namespace"], one["name"]) == (namespace, name))


def test_what_a_source_offers(ann):
    found = ann.streams(job_id=-1, job_name="nightly", max_discover_threads=7)
    assert found["streams_config"] == {name: found[name] for name in ("selected_streams", "streams")}
    orders = offer(found, "public")
    words = {name: column["type"] for name, column in orders["type_schema"]["properties"].items()}
    assert words == {
        "id": ["integer"],
        "amount": ["number", "null"],
        "note": ["string", "null"],
        "open": ["boolean", "null"],
        "made_at": ["timestamp_micro", "null"],
        "changed_at": ["timestamp_micro", "null"],
        "lines": ["object", "null"],
    }
    assert orders["supported_sync_modes"] == ["full_refresh", "incremental"]
    assert orders["source_defined_primary_key"] == ["id"]
    assert "made_at" in orders["available_cursor_fields"]
    assert (orders["sync_mode"], orders["destination_table"]) == ("full_refresh", "public_orders")
    assert offer(found, "sales")["destination_table"] == "sales_orders"
    assert [one["stream_name"] for one in found["selected_streams"]["sales"]] == ["orders"]
    assert found["selected_streams"]["public"][0]["selected_columns"]["columns"] == list(words)


@pytest.mark.parametrize("path", ["/sources/streams", "/source/streams", "/source/streams/"])
def test_whichever_way_it_is_asked_the_answer_is_one(ann, path):
    asked = {name: ann.source[name] for name in ("type", "version", "config")}
    wanted = ann.streams()
    for method, body, query in (("GET", asked, {}), ("POST", asked, {}), ("GET", None, asked)):
        answer = ann.ask(method, path, body, params=query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"] == wanted
    whole = {**asked, "config": json.loads(asked["config"])}
    assert ann.data("POST", path, whole) == wanted


def test_a_job_keeps_its_choices_and_learns_what_is_new(ann, postgres, postgres_database):
    found = ann.streams()
    chosen = {
        "selected_streams": {"public": found["selected_streams"]["public"]},
        "streams": found["streams"],
    }
    orders, selected = offer(chosen, "public"), chosen["selected_streams"]["public"][0]
    orders |= {"sync_mode": "incremental", "cursor_field": "changed_at:made_at", "destination_table": "o"}
    selected["filter"] = "amount >= 1.5"
    selected["selected_columns"]["columns"].remove("note")
    number = ann.job(chosen)
    with postgres.connect(postgres_database) as shop:
        shop.execute(
            "CREATE TABLE fresh (id int); ALTER TABLE orders ADD extra text; ALTER TABLE orders DROP lines"
        )
    again = ann.streams(job_id=number)
    assert list(again["selected_streams"]) == ["public"]
    (kept,) = again["selected_streams"]["public"]
    assert kept["filter"] == "amount >= 1.5"
    assert set(kept["selected_columns"]["columns"]) == {
        "id",
        "amount",
        "open",
        "made_at",
        "changed_at",
        "extra",
    }
    orders = offer(again, "public")
    assert (orders["sync_mode"], orders["cursor_field"]) == ("incremental", "changed_at:made_at")
    assert orders["destination_table"] == "o"
    assert offer(again, "public", "fresh")["sync_mode"] == "full_refresh"
    # The job's own source serves as well as settings that are sent.
    assert ann.data("POST", "/sources/streams", {"job_id": number}) == again


def test_what_an_update_makes_wrong(ann):
    found = ann.streams()
    found["selected_streams"].pop("sales")
    orders, selected = offer(found, "public"), found["selected_streams"]["public"][0]
    orders |= {"sync_mode": "incremental", "cursor_field": "made_at"}
    number = ann.job(found)

    def difference(update):
        body = {"updated_streams_config": update}
        return ann.data("POST", f"/jobs/{number}/stream-difference", body)["difference_streams"]

    assert difference(json.dumps(found)) == {"selected_streams": {}, "streams": []}
    selected["append_mode"] = True
    changed = difference(found)
    assert changed["selected_streams"] == {"public": [selected]}
    assert [entry["stream"]["name"] for entry in changed["streams"]] == ["orders"]
    orders["sync_mode"] = "hourly"
    refused = ann.ask("POST", f"/jobs/{number}/stream-difference", {"updated_streams_config": found})
    assert refused.status_code == 400
    assert refused.json()["field"].endswith(".stream.sync_mode")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"type": "postgres", "version": ""}, 400, "config"),
        ({"type": "never", "config": {"a": 1}}, 400, "type"),
        ({"type": "postgres", "config": "no JSON"}, 400, None),
        ({"type": "postgres", "config": {"host": 5}}, 400, "config.host"),
        ({"job_id": 77}, 404, None),
        ({"job_id": 2**40}, 400, None),
    ],
)
def test_what_cannot_be_answered(ann, body, status, field):
    for method in ("GET", "POST"):
        answer = ann.ask(method, "/sources/streams", body)
        assert answer.status_code == status, answer.text
        assert answer.json()["success"] is False
        assert answer.json().get("field") == field


def test_a_query_is_read_as_strictly_as_a_body(ann):
    answer = ann.ask("POST", "/sources/streams?type=postgres&config=no-json")
    assert answer.status_code == 400
    assert "config" in answer.json()["message"]


@pytest.mark.parametrize(
    "query", [{"type": "postgres", "config": "["}, {"type": "postgres", "config": "5"}, {"version": "\0"}]
)
def test_queries_that_say_nothing(ann, query):
    for method in ("GET", "POST"):
        answer = ann.ask(method, "/source/streams", params=query)
        assert answer.status_code == 400, answer.text


def test_a_source_that_does_not_answer(ann):
    gone = ann.config | {"port": 1}
    answer = ann.ask("POST", "/sources/streams", {"type": "postgres", "config": gone})
    assert answer.status_code == 503
    assert answer.json()["code"] == "connection.refused"
    wrong = ann.config | {"password": "canary"}
    answer = ann.ask("POST", "/sources/streams", {"type": "postgres", "config": wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "connection.auth_failed")
    assert "canary" not in answer.text


def test_jobs_of_others_are_missing(ann):
    number = ann.job(ann.streams())
    there = {"updated_streams_config": "{}"}
    assert (
        ann.api.call(
            "POST", f"/api/v1/project/other/jobs/{number}/stream-difference", ann.token, json=there
        ).status_code
        == 404
    )
    assert ann.api.post(f"{PROJECT}/sources/streams", json={"job_id": number}).status_code == 401


def test_a_job_does_what_its_streams_say(ann):
    found = ann.streams()
    found["selected_streams"].pop("sales")
    orders, selected = offer(found, "public"), found["selected_streams"]["public"][0]
    orders |= {"sync_mode": "incremental", "cursor_field": "changed_at:made_at", "destination_table": "all"}
    orders["destination_database"] = "shop:public"
    selected["filter"] = "amount > 1000 or note = b"
    selected["partition_regex"] = "/{made_at,,month}"
    selected["selected_columns"] = {"columns": ["id", "note", "made_at", "changed_at"]}
    number = ann.job(found)
    ann.data("POST", f"/jobs/{number}/sync", {})
    ann.api.container.work()
    deadline = time.monotonic() + PATIENCE
    while (status := ann.data("GET", f"/jobs/{number}/tasks")[0]["status"]) == "Running":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert status == "Completed", ann.data("GET", f"/jobs/{number}/tasks")
    (file,) = ann.folder.rglob("*.parquet")
    assert "made_at_month=2026-01" in str(file)
    (row,) = pq.ParquetFile(file).read().to_pylist()
    assert (row["id"], row["note"], row["changed_at"]) == (2, "b", None)
    assert "amount" not in row

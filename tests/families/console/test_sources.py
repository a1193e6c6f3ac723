"""What a project reads from."""

import json
import socket
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import event

from support.projects import InProject
from towpath.core.ports import Category, Connector
from towpath.core.records import RunStatus
from towpath.services.connections import Connections
from towpath.services.workspace.tryout import tried

PASSWORD = "canary-0f3a-of-the-shop"


def sqlite(path, name="shop", **more):
    return {"name": name, "type": "sqlite", "version": "v1.0.0", "config": {"path": str(path)}, **more}


def of_postgres(config, name="shop"):
    known = {name: config[name] for name in ("host", "port", "database", "username")}
    return {
        "name": name,
        "type": "postgres",
        "version": "v1.0.0",
        "config": json.dumps({**known, "password": config.get("password", "")}),
    }


@pytest.fixture
def ann(server):
    return InProject(server, org=server.organization(), name="ann")


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as found:
        found.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    return path


def made(person, name, path="shop.db", kind="sources"):
    """The row of a new source or destination."""
    return person.connection(person.data("POST", f"/{kind}", sqlite(path, name))["id"])


def test_a_source_comes_and_goes(ann):
    first = ann.data("POST", "/sources", sqlite("a.db"))
    assert first == {
        "id": 1,
        "name": "shop",
        "type": "sqlite",
        "version": "v1.0.0",
        "config": '{"path": "a.db"}',
    }
    [listed] = ann.data("GET", "/sources")
    assert listed.items() >= first.items()
    assert (listed["created_by"], listed["updated_by"], listed["jobs"]) == ("ann", "ann", [])
    assert ann.data("GET", "/sources/1") == listed

    bob = InProject(ann.api, org=ann.org, name="bob")
    changed = bob.data("PUT", "/sources/1", sqlite("b.db", "renamed"))
    assert changed == {**first, "name": "renamed", "config": '{"path": "b.db"}'}
    [listed] = ann.data("GET", "/sources")
    assert (listed["created_by"], listed["updated_by"]) == ("ann", "bob")

    assert ann.data("DELETE", "/sources/1") == {"name": "renamed"}
    assert ann.data("GET", "/sources") == []
    assert ann.connection(1).deleted_at is not None
    for method, body in (("GET", None), ("PUT", sqlite("c.db")), ("DELETE", None)):
        ann.refused(404, method, "/sources/1", body)
    assert ann.data("POST", "/sources", sqlite("a.db", "renamed"))["id"] == 2


def test_settings_come_as_text_or_object_and_go_as_text(ann):
    as_text = ann.data("POST", "/sources", sqlite("a.db", "one") | {"config": ' {"path": "ä.db"} '})
    as_object = ann.data("POST", "/sources", sqlite("ä.db", " two ", owner="console", tags=[1]))
    assert as_text["config"] == as_object["config"] == '{"path": "ä.db"}'
    assert as_object["name"] == "two"


@pytest.mark.parametrize(
    ("part", "value", "told"),
    [
        ("config", "[]", "config: "),
        ("config", "{", "config: "),
        ("config", '{"path": "a", "path": "b"}', "config: "),
        ("config", 7, "config: "),
        ("config", None, "config: "),
        ("config", {}, "config.path"),
        ("config", {"path": "a.db", "wrong": 1}, "config.wrong"),
        ("config", {"path": {"$secret": "path"}}, "config.path"),
        ("name", "  ", "name: "),
        ("name", "x" * 256, "name: "),
        ("name", "a\0b", ""),
        ("type", "postgress", "postgres"),
        ("type", "", "type: "),
        ("version", "x" * 65, "version: "),
    ],
)
def test_what_is_wrong_is_named(ann, part, value, told):
    refused = ann.refused(400, "POST", "/sources", sqlite("a.db") | {part: value})
    assert told in refused["message"]
    assert ann.data("GET", "/sources") == []


def test_the_type_of_a_source_in_use_stays(ann, tmp_path):
    shop, lake = made(ann, "shop"), made(ann, "lake", tmp_path / "lake.db", "destinations")
    other = {"name": "shop", "type": "jsonl", "version": "", "config": {"path": str(tmp_path)}}
    ann.job("nightly", shop, lake)
    refused = ann.refused(409, "PUT", "/sources/1", other)
    assert refused["message"].startswith("The source 'shop' is used by the job 'nightly'.")
    assert ann.connection(1).connector == "sqlite"


def test_the_type_of_a_source_that_nobody_uses_may_change(ann, tmp_path):
    made(ann, "shop")
    other = {"name": "files", "type": "jsonl", "version": "", "config": {"path": str(tmp_path)}}
    assert ann.data("PUT", "/sources/1", other)["type"] == "jsonl"
    assert ann.config("/sources/1") == {"path": str(tmp_path)}


def test_a_source_in_use_is_not_deleted(ann):
    ann.job("nightly", made(ann, "shop"), made(ann, "lake", "lake.db", "destinations"))
    refused = ann.refused(409, "DELETE", "/sources/1")
    assert "'nightly'" in refused["message"]
    assert refused["code"] == "connection.in_use"
    assert len(ann.data("GET", "/sources")) == 1


def test_the_jobs_of_a_source(ann):
    shop, lake = made(ann, "shop"), made(ann, "lake", "lake.db", "destinations")
    nightly, idle = ann.job("nightly", shop, lake), ann.job("idle", shop, lake)
    run = ann.run(nightly)
    with ann.api.container.store.begin() as work:
        work.runs.finish(ann.org, run.id, RunStatus.FAILED)
        work.flows.update(ann.org, idle.id, enabled=False)
    [row] = ann.data("GET", "/sources")
    first, second = row["jobs"]
    assert first.pop("last_run_time").endswith("Z")
    side = {"dest_name": "lake", "destination_name": "lake", "destination_type": "sqlite"}
    assert first == {
        "id": 1,
        "name": "nightly",
        "activate": True,
        "last_run_state": "failed",
        "last_run_type": "sync",
        **side,
    }
    never = {"last_run_time": "", "last_run_state": "", "last_run_type": ""}
    assert second == {"id": 2, "name": "idle", "activate": False, **never, **side}


def test_many_sources_take_as_many_queries_as_one(ann):
    lake = made(ann, "lake", "lake.db", "destinations")

    def queries():
        # The first call numbers what is new.
        ann.data("GET", "/sources")
        statements = []

        def heard(_connection, _cursor, text, *_):
            statements.append(text)

        engine = ann.api.container.store._engine
        event.listen(engine, "before_cursor_execute", heard)
        ann.data("GET", "/sources")
        event.remove(engine, "before_cursor_execute", heard)
        return statements

    ann.run(ann.job("first", made(ann, "source"), lake))
    one = len(queries())
    for number in range(5):
        ann.run(ann.job(f"job {number}", made(ann, f"source {number}"), lake))
    assert len(queries()) == one > 0


def test_runs_with_other_settings_end(ann):
    flow = ann.job("nightly", made(ann, "shop"), made(ann, "lake", "lake.db", "destinations"))
    run = ann.run(flow)

    def asked():
        with ann.api.container.store.read() as work:
            return work.runs.get(ann.org, run.id).cancel_requested

    ann.data("PUT", "/sources/1", sqlite("shop.db", "renamed"))
    assert not asked()
    ann.data("PUT", "/sources/1", sqlite("moved.db", "renamed"))
    assert asked()


def test_projects_see_their_own_and_what_is_everybodys(ann):
    container, sqlite_path = ann.api.container, {"path": "a.db"}
    connections = Connections(container)
    connections.create(ann.org, "everybody's", "sqlite", sqlite_path)
    customer = ann.api.customer(ann.org)
    connections.create(ann.org, "a customer's", "sqlite", sqlite_path, customer=customer)
    made(ann, "shop")
    made(ann, "lake", "lake.db", "destinations")
    other = InProject(ann.api, "mill", ann.org)
    made(other, "mill's")
    assert [row["name"] for row in ann.data("GET", "/sources")] == ["everybody's", "shop"]
    assert [row["name"] for row in ann.data("GET", "/destinations")] == ["everybody's", "lake"]
    assert [row["name"] for row in other.data("GET", "/sources")] == ["everybody's", "mill's"]


def test_what_is_anothers_reads_as_missing(ann):
    shop, lake = made(ann, "shop"), made(ann, "lake", "lake.db", "destinations")
    numbers = {row.name: item for item, row in enumerate((shop, lake), 1)}
    foreign = InProject(ann.api, org=ann.api.organization())
    neighbour = InProject(ann.api, "mill", ann.org)
    for person, path in (
        (neighbour, f"/sources/{numbers['shop']}"),
        (foreign, f"/sources/{numbers['shop']}"),
        (ann, f"/sources/{numbers['lake']}"),
        (ann, f"/destinations/{numbers['shop']}"),
    ):
        for method, body in (("GET", None), ("PUT", sqlite("c.db")), ("DELETE", None)):
            there = person.ask(method, path, body)
            missing = person.ask(method, path.rpartition("/")[0] + "/99", body)
            assert (there.status_code, there.content) == (404, missing.content)
    assert ann.connection(1) == shop


def test_what_was_made_elsewhere_is_shown_and_changed(ann):
    Connections(ann.api.container).create(ann.org, "cli", "sqlite", {"path": "a.db"}, max_parallel=2)
    [row] = ann.data("GET", "/sources")
    assert (row["type"], row["version"], row["created_by"]) == ("sqlite", "v1.0.0", "")
    assert json.loads(row["config"]) == {"path": "a.db"}
    ann.data("PUT", f"/sources/{row['id']}", sqlite("b.db", "cli"))
    after = ann.connection(row["id"])
    assert (after.config, after.max_parallel, after.project) == ({"path": "b.db"}, 2, None)


# ── forms ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["sources", "destinations"])
def test_the_form_of_a_type(ann, kind):
    asked = {"type": "sqlite", "version": "v1.0.0", "catalog": "rest"}
    by_query = ann.data("GET", f"/{kind}/spec?type=sqlite&version=v1.0.0&catalog=rest")
    assert by_query["spec"]["jsonschema"]["required"] == ["path"]
    assert "path" in json.loads(by_query["spec"]["uischema"])["ui:grid"][0]
    assert by_query.get("catalog") == ("rest" if kind == "destinations" else None)
    for method in ("GET", "POST"):
        assert ann.data(method, f"/{kind}/spec", asked) == by_query
    newest = ann.data("GET", f"/{kind}/versions?type=sqlite")["version"][0]
    assert ann.data("POST", f"/{kind}/spec", {"type": "sqlite"})["version"] == newest
    assert "type: " in ann.refused(400, "POST", f"/{kind}/spec", {})["message"]
    ann.refused(400, "GET", f"/{kind}/versions?type=nothing")
    ann.refused(400, "GET", f"/{kind}/versions")


def test_who_has_not_signed_in_sees_nothing(ann):
    for method, path in (("GET", "/sources"), ("POST", "/sources/test"), ("GET", "/sources/spec?type=csv")):
        assert ann.api.call(method, f"/api/v1/project/bakery{path}").status_code == 401


# ── trials ───────────────────────────────────────────────────────────────────────────────────────


def test_a_trial(ann, shop):
    data = ann.data("POST", "/sources/test", sqlite(shop))
    assert data["connection_result"]["status"] == "SUCCEEDED"
    assert "SQLite" in data["connection_result"]["message"]
    assert (data["type"], data["version"]) == ("sqlite", "v1.0.0")
    assert json.loads(data["config"]) == {"path": str(shop)}
    assert [set(line) for line in data["logs"]] == [{"level", "time", "message"}] * len(data["logs"])
    assert ann.data("GET", "/sources") == []


def test_a_trial_that_fails_is_an_answer(ann, tmp_path):
    data = ann.data("POST", "/sources/test", sqlite(tmp_path / "none" / "shop.db"))
    assert data["connection_result"]["status"] == "FAILED"
    assert data["logs"][-1]["level"] == "error"
    ann.refused(400, "POST", "/sources/test", sqlite("a.db") | {"config": {}})


@pytest.mark.service("postgres")
def test_a_trial_at_a_real_server(ann, postgres):
    good = of_postgres(postgres.config())
    data = ann.data("POST", "/sources/test", good)
    assert data["connection_result"]["status"] == "SUCCEEDED", data
    assert "PostgreSQL" in data["connection_result"]["message"]
    config = json.loads(good["config"]) | {"database": "nowhere", "password": PASSWORD}
    answer = ann.ask("POST", "/sources/test", good | {"config": config})
    assert answer.json()["data"]["connection_result"]["status"] == "FAILED"
    assert PASSWORD not in answer.text


def test_a_host_that_is_silent(ann):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        config = {"host": host, "port": port, "database": "d", "username": "u", "password": PASSWORD}
        answer = ann.ask("POST", "/sources/test", of_postgres(config))
    assert answer.status_code == 200
    result = answer.json()["data"]["connection_result"]
    assert result["status"] == "FAILED"
    assert result["message"].strip()
    assert PASSWORD not in answer.text


class Settings(BaseModel):
    secret: SecretStr


def trial_of(source, patience):
    connector = Connector("probe", "Probe", "1.0.0", (Category.DATABASE,), Settings, source=source)
    return tried(connector, Settings(secret=PASSWORD), "source", patience)


def test_a_trial_ends_in_time():
    go_on = threading.Event()

    @contextmanager
    def source(_config):
        go_on.wait(60)
        yield

    try:
        outcome = trial_of(source, 0.05)
    finally:
        go_on.set()
    assert outcome.error.code == "connection.timeout"


def test_a_connector_that_breaks_is_told_without_its_text(caplog):
    def source(config):
        raise RuntimeError(config.secret.get_secret_value())

    outcome = trial_of(source, 60)
    assert outcome.error.code == "task.crashed"
    assert PASSWORD not in str(outcome)

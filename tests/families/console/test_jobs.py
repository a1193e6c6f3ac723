"""Jobs: made with their ends in one piece, changed, run, cancelled, cleared and deleted."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import event

from towpath.core.flows import Cron, Every, FlowStream
from towpath.core.ids import new_id
from towpath.core.model import ReadMode
from towpath.core.records import RunStatus
from towpath.services.connections import Connections
from towpath.services.documents import FlowSpec
from towpath.services.flows import Flows

PROJECT = "bakery"


class Person:
    """Somebody who has signed in, and what a job of theirs may be made of."""

    def __init__(self, api, folder, org=None, name="ann", project=PROJECT):
        self.api, self.folder, self.project = api, folder, project
        self.org = org or api.container.organization.id
        self.token = api.session(self.org, name)
        with sqlite3.connect(folder / "shop.db") as shop:
            shop.executescript(
                "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, at TEXT);"
                "CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, name TEXT);"
            )
        shop.close()

    def ask(self, method, path, body=None):
        content = {} if body is None else {"json": body}
        return self.api.call(method, f"/api/v1/project/{self.project}{path}", self.token, **content)

    def data(self, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found.keys() == {"success", "message", "data"}
        assert found["success"] is True
        return found["data"]

    def refused(self, status, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.status_code == status, answer.text
        assert answer.json()["success"] is False
        return answer.json()

    @property
    def shop(self):
        config = json.dumps({"path": str(self.folder / "shop.db")})
        return {"name": "shop", "type": "sqlite", "version": "v1.0.0", "config": config}

    @property
    def lake(self):
        config = json.dumps({"path": str(self.folder / "lake.db")})
        return {"name": "lake", "type": "sqlite", "version": "v1.0.0", "config": config}

    def job(self, name="nightly", **more):
        body = {"name": name, "source": self.shop, "destination": self.lake, "frequency": "1-days"}
        return body | {"streams_config": json.dumps(streams("orders"))} | more

    def make(self, name="nightly", **more):
        return self.data("POST", "/jobs", self.job(name, **more))

    def names(self, path):
        return [row["name"] for row in self.data("GET", path)]


def streams(*names, mode="full_refresh", **selected):
    """A ``streams_config`` that selects these tables."""
    columns = {"id": {"type": ["integer"]}, "at": {"type": ["string", "null"]}}
    offers = [
        {
            "stream": {
                "name": name,
                "namespace": "",
                "type_schema": {"properties": columns},
                "supported_sync_modes": ["full_refresh", "incremental"],
                "source_defined_primary_key": ["id"],
                "available_cursor_fields": ["id", "at"],
                "cursor_field": "id" if mode == "incremental" else "",
                "sync_mode": mode,
            }
        }
        for name in names
    ]
    chosen = [{"stream_name": name, "normalization": True, **selected} for name in names]
    return {"selected_streams": {"": chosen}, "streams": offers}


@pytest.fixture
def ann(api_sqlite, tmp_path):
    return Person(api_sqlite, tmp_path)


@pytest.fixture
def anybody(api, tmp_path):
    """On both stores."""
    return Person(api, tmp_path)


def test_a_job_is_made_with_its_ends(ann):
    made = ann.make()
    assert (made["name"], made["frequency"], made["activate"]) == ("nightly", "1-days", True)
    assert json.loads(made["streams_config"]) == streams("orders")
    assert made["source"] == ann.shop | {"id": made["source"]["id"]}
    assert made["destination"] == ann.lake | {"id": made["destination"]["id"]}
    assert (made["created_by"], made["updated_by"]) == ("ann", "ann")
    assert (made["last_run_time"], made["last_run_state"], made["last_run_type"]) == ("", "", "")
    assert ann.data("GET", "/jobs") == [made] == [ann.data("GET", f"/jobs/{made['id']}")]
    assert ann.names("/sources") == ["shop"]
    assert ann.names("/destinations") == ["lake"]


# ── one piece ────────────────────────────────────────────────────────────────────────────────────


def nothing_is_there(ann):
    return [ann.data("GET", path) for path in ("/jobs", "/sources", "/destinations")] == [[], [], []]


def test_a_stream_that_cannot_be_read_so_leaves_nothing_behind(ann):
    wanted = streams("orders", "customers")
    wanted["streams"][1]["stream"] |= {"sync_mode": "cdc", "supported_sync_modes": ["cdc"]}
    refused = ann.refused(400, "POST", "/jobs", ann.job(streams_config=wanted))
    assert "customers" in refused["message"]
    assert refused["field"].startswith("streams_config")
    assert nothing_is_there(ann)


def test_what_connectors_cannot_do_names_the_stream(ann):
    # The catalogue claims it; the connector knows better.
    wanted = streams("orders", mode="cdc")
    wanted["streams"][0]["stream"]["supported_sync_modes"] = ["cdc"]
    refused = ann.refused(400, "POST", "/jobs", ann.job(streams_config=wanted))
    assert refused["code"] == "read_mode.unsupported"
    assert refused["field"] == "streams_config.orders"
    assert "orders" in refused["message"]
    assert nothing_is_there(ann)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"frequency": "every now and then"}, "frequency"),
        ({"frequency": "30-seconds"}, "frequency"),
        ({"frequency": "0 0 30 2 *"}, "frequency"),
        ({"frequency": "9" * 40 + "-weeks"}, "frequency"),
        ({"source": {"name": "s", "type": "sqlite", "config": {}}}, "source.config.path"),
        ({"source": {"name": "s", "type": "sqlite"}}, "source.config"),
        ({"source": {"name": "s", "config": {}}}, "source.type"),
        ({"source": {"name": "s", "type": "nothing", "config": {}}}, "source.type"),
        ({"source": {"id": 77}}, "source.id"),
        ({"destination": {"id": 77}}, "destination.id"),
        ({"streams_config": "["}, "streams_config"),
        ({"streams_config": streams()}, "streams_config.selected_streams"),
    ],
)
def test_what_is_wrong_is_named(ann, change, field):
    refused = ann.refused(400, "POST", "/jobs", ann.job() | change)
    assert refused["field"] == field
    assert nothing_is_there(ann)


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": " "},
        {"source": None},
        {"source": "shop"},
        {"source": {"id": "x"}},
        {"frequency": 5},
        {"streams_config": [1]},
        {"advanced_settings": "many"},
        {"activate": "perhaps"},
    ],
)
def test_bodies_of_another_shape_are_refused(ann, change):
    refused = ann.refused(400, "POST", "/jobs", ann.job() | change)
    assert next(iter(change)) in refused["message"]


def test_a_name_that_is_taken_leaves_nothing_behind(ann):
    ann.make()
    other = ann.job(source=ann.shop | {"name": "other shop"})
    assert "nightly" in ann.refused(409, "POST", "/jobs", other)["message"]
    assert ann.names("/sources") == ["shop"]
    # The name of a source that is set up otherwise.
    other = ann.job("weekly", source=ann.shop | {"config": {"path": str(ann.folder / "other.db")}})
    assert "shop" in ann.refused(409, "POST", "/jobs", other)["message"]
    assert ann.names("/jobs") == ["nightly"]


def test_one_of_many_equal_jobs_is_made(anybody):
    def make(_):
        return anybody.ask("POST", "/jobs", anybody.job()).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(make, range(6)))
    assert sorted(statuses) == [200] + [409] * 5
    for path in ("/jobs", "/sources", "/destinations"):
        assert len(anybody.data("GET", path)) == 1


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_end_with_an_id_is_used_as_it_is(ann):
    source = ann.data("POST", "/sources", ann.shop)
    spoilt = {"id": source["id"], "name": "x", "type": "postgres", "version": "v9", "config": "{}"}
    made = ann.make(source=spoilt)
    assert made["source"] == ann.shop | {"id": source["id"]}
    assert ann.make("weekly", source={"id": source["id"]})["source"] == made["source"]
    assert ann.names("/sources") == ["shop"]


def test_an_end_said_in_full_is_the_one_that_is_so(ann):
    source, lake = ann.data("POST", "/sources", ann.shop), ann.data("POST", "/destinations", ann.lake)
    made = ann.make()
    assert (made["source"]["id"], made["destination"]["id"]) == (source["id"], lake["id"])


def test_an_id_of_the_other_role_or_another_project_is_none(ann):
    lake = ann.data("POST", "/destinations", ann.lake)
    assert ann.refused(400, "POST", "/jobs", ann.job(source={"id": lake["id"]}))["field"] == "source.id"
    elsewhere = Person(ann.api, ann.folder, ann.org, "ben", "elsewhere")
    foreign = elsewhere.data("POST", "/sources", elsewhere.shop)
    assert ann.refused(400, "POST", "/jobs", ann.job(source={"id": foreign["id"]}))["field"] == "source.id"


def test_secrets_are_references_that_may_be_sent_back(ann):
    config = {"host": "db.invalid", "database": "shop", "username": "ann", "password": "canary"}
    source = {"name": "pg", "type": "postgres", "version": "v1.0.0", "config": config}
    made = ann.make(source=source)
    assert "canary" not in json.dumps(made)
    shown = json.loads(made["source"]["config"])["password"]
    assert shown.startswith("tp_ref_")
    # A client without ids sends what it was shown.
    again = {name: made["source"][name] for name in ("name", "type", "version", "config")}
    body = ann.job("monthly", source=again)
    assert ann.data("PUT", f"/jobs/{made['id']}", body)["source"] == made["source"]
    assert ann.make("weekly", source=again)["source"] == made["source"]
    assert ann.names("/sources") == ["pg"]
    moved = again | {"name": "other", "config": config | {"username": shown}}
    assert ann.refused(400, "POST", "/jobs", ann.job("x", source=moved))["code"] == "secret.reference"


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


def test_jobs_are_found_by_their_ends(ann):
    first = ann.make()
    ann.make("weekly", destination=ann.lake | {"name": "pond", "config": {"path": str(ann.folder / "p.db")}})
    source, lake = first["source"]["id"], first["destination"]["id"]
    for name, number, found in [
        ("source_id", source, ["nightly", "weekly"]),
        ("dest_id", lake, ["nightly"]),
        ("destination_id", lake, ["nightly"]),
        ("dest_id", 99, []),
        ("source_id", "some_id", []),
    ]:
        paths = [f"/jobs?{name}={number}", f"/jobs/{name}={number}", f'/jobs/{name}="{number}"']
        paths += [f"/jobs/{name}=%22{number}%22", f"/jobs/{name}%3D%22{number}%22/"]
        for path in paths:
            assert ann.names(path) == found, path
    assert ann.names(f"/jobs?source_id={source}&dest_id={lake}") == ["nightly"]


def test_a_job_shows_how_it_went_last(ann):
    id = ann.make()["id"]
    flow = flow_of(ann)
    store = ann.api.container.store
    for status, word in [
        (RunStatus.SUCCEEDED, "completed"),
        (RunStatus.FAILED, "failed"),
        (RunStatus.CANCELLED, "canceled"),
    ]:
        ann.data("POST", f"/jobs/{id}/sync")
        assert ann.data("GET", f"/jobs/{id}")["last_run_state"] == "running"
        with store.begin() as work:
            [run] = work.runs.list(ann.org, flow=flow.id, newest_first=True, limit=1)
            began = work.runs.claim(ann.org, run.id).started_at
        assert ann.data("GET", f"/jobs/{id}")["last_run_state"] == "running"
        with store.begin() as work:
            work.runs.finish(ann.org, run.id, status)
        [job] = ann.data("GET", "/jobs")
        assert (job["last_run_state"], job["last_run_type"]) == (word, "sync")
        shown = datetime.fromisoformat(job["last_run_time"])
        assert shown == began.replace(microsecond=0)


def test_a_list_of_many_jobs_asks_no_more_than_one_of_few(ann):
    store = ann.api.container.store
    ann.make("job 0")
    counts = []
    for number in range(1, 4):
        ann.make(f"job {number}", source=ann.shop | {"name": f"shop {number}"})
        with counted(store) as count:
            ann.data("GET", "/jobs")
        counts.append(len(count))
    assert len(set(counts[1:])) == 1


# ── changes ──────────────────────────────────────────────────────────────────────────────────────


def test_streams_are_shown_as_they_were_sent(ann):
    text = json.dumps(streams("orders"), indent=3)
    made = ann.make(streams_config=text)
    assert made["streams_config"] == text
    sent = streams("orders", "customers")
    changed = ann.data("PUT", f"/jobs/{made['id']}", {"streams_config": sent})
    assert json.loads(changed["streams_config"]) == sent
    # Nothing said is every stream, and what consoles can parse.
    assert ann.make("all", streams_config="")["streams_config"] == "{}"


def test_all_of_a_job_can_be_changed(ann):
    made = ann.make()
    body = ann.job("weekly", frequency="CRON_TZ=Europe/Amsterdam 0 6 * * 1", activate=False)
    body["destination"] |= {"name": "pond", "config": {"path": str(ann.folder / "pond.db")}}
    body["streams_config"] = streams("orders", "customers", mode="incremental")
    body["advanced_settings"] = {"max_discover_threads": 3}
    ben = Person(ann.api, ann.folder, ann.org, "ben")
    changed = ben.data("PUT", f"/jobs/{made['id']}", body)
    assert (changed["id"], changed["name"], changed["activate"]) == (made["id"], "weekly", False)
    assert changed["frequency"] == body["frequency"]
    assert changed["source"] == made["source"]
    assert changed["destination"]["name"] == "pond"
    assert json.loads(changed["streams_config"]) == body["streams_config"]
    assert changed["advanced_settings"] == body["advanced_settings"]
    assert (changed["created_by"], changed["updated_by"]) == ("ann", "ben")
    assert ann.data("GET", "/jobs") == [changed]
    flow = flow_of(ann)
    assert (flow.name, flow.schedule, flow.next_due) == (
        "weekly",
        Cron(cron="0 6 * * 1", timezone="Europe/Amsterdam"),
        None,
    )
    spec = Flows(ann.api.container).spec(ann.org, flow)
    assert [(one.name, one.mode, one.cursor) for one in spec.streams] == [
        ("orders", ReadMode.INCREMENTAL, "id"),
        ("customers", ReadMode.INCREMENTAL, "id"),
    ]


def test_what_is_left_out_of_a_change_stays(ann):
    made = ann.make(advanced_settings={"max_discover_threads": 3})
    changed = ann.data("PUT", f"/jobs/{made['id']}", {"name": "weekly"})
    assert without(changed, "updated_at") == without(made | {"name": "weekly"}, "updated_at")
    changed = ann.data("PUT", f"/jobs/{made['id']}", {"frequency": ""})
    assert (changed["frequency"], flow_of(ann).schedule) == ("", None)


def test_a_change_that_is_refused_changes_nothing(ann):
    made = ann.make()
    ann.make("weekly")
    path = f"/jobs/{made['id']}"
    pond = {"name": "pond", "type": "sqlite", "version": "v1.0.0", "config": {"path": "p.db"}}
    for status, change in [
        (409, {"name": "weekly", "destination": pond}),
        (400, {"destination": pond, "frequency": "10-seconds"}),
        (400, {"destination": pond, "streams_config": streams("orders", mode="cdc")}),
        (400, {"destination": pond | {"config": {}}}),
    ]:
        ann.refused(status, "PUT", path, change)
    assert ann.data("GET", path) == made
    assert ann.names("/destinations") == ["lake"]


def test_a_change_ends_what_runs_and_clears_what_differs(ann):
    made = ann.make(streams_config=streams("orders", "customers", mode="incremental"))
    path = f"/jobs/{made['id']}"
    ann.data("POST", f"{path}/sync")
    ann.data("POST", f"{path}/sync")
    wanted = streams("orders", "customers", mode="incremental")
    wanted["selected_streams"][""][0]["append_mode"] = True
    difference = {
        "selected_streams": {"": wanted["selected_streams"][""][:1]},
        "streams": wanted["streams"][:1],
    }
    ann.data("PUT", path, {"streams_config": wanted, "difference_streams": json.dumps(difference)})
    runs = runs_of(ann)
    assert [(run.status, run.clear) for run in runs[:2]] == [(RunStatus.CANCELLED, False)] * 2
    [clear] = runs[2:]
    assert (clear.status, clear.clear, clear.streams) == (RunStatus.QUEUED, True, ("orders",))
    [shown] = ann.data("GET", "/jobs")
    assert (shown["last_run_state"], shown["last_run_type"]) == ("running", "clear")


@pytest.mark.parametrize(
    "nothing",
    ["", "{}", "[]", {}, None, {"selected_streams": {"": []}, "streams": []}, {"selected_streams": None}],
)
def test_no_difference_clears_nothing(ann, nothing):
    made = ann.make()
    ann.data("PUT", f"/jobs/{made['id']}", {"difference_streams": nothing, "frequency": "2-days"})
    assert runs_of(ann) == []


def test_what_cannot_be_cleared_is_not_changed(ann):
    config = {"url": "https://api.invalid/"}
    made = ann.make(
        destination={"name": "api", "type": "http", "config": config},
        streams_config=streams("orders", append_mode=True),
    )
    path = f"/jobs/{made['id']}"
    difference = streams("orders", append_mode=True)
    refused = ann.refused(400, "PUT", path, {"frequency": "2-days", "difference_streams": difference})
    assert refused["code"] == "clear.unsupported"
    assert ann.data("GET", path) == made
    assert runs_of(ann) == []


# ── running ──────────────────────────────────────────────────────────────────────────────────────


def test_a_paused_job_is_not_synced(ann):
    path = f"/jobs/{ann.make()['id']}"
    assert ann.data("POST", f"{path}/activate", {"activate": False}) == {"activate": False}
    assert ann.data("GET", path)["activate"] is False
    assert "paused" in ann.refused(409, "POST", f"{path}/sync")["message"]
    assert flow_of(ann).next_due is None
    assert ann.data("POST", f"{path}/activate", {"activate": True}) == {"activate": True}
    assert flow_of(ann).next_due is not None
    assert ann.data("POST", f"{path}/sync", {})["message"]
    assert [run.cause for run in runs_of(ann)] == ["manual"]
    ann.refused(400, "POST", f"{path}/activate", {})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_all_that_runs_or_waits_is_cancelled(ann, method):
    path = f"/jobs/{ann.make()['id']}"
    assert ann.refused(409, method, f"{path}/cancel")["code"] == "job.idle"
    for _ in range(3):
        ann.data("POST", f"{path}/sync")
    with ann.api.container.store.begin() as work:
        work.runs.claim(ann.org, runs_of(ann)[0].id)
    assert ann.data(method, f"{path}/cancel")["message"]
    first, *waiting = runs_of(ann)
    assert (first.status, first.cancel_requested) == (RunStatus.RUNNING, True)
    assert [run.status for run in waiting] == [RunStatus.CANCELLED] * 2
    # Asking twice is no mistake while it ends.
    ann.data(method, f"{path}/cancel")


def test_what_was_written_is_cleared(ann):
    path = f"/jobs/{ann.make()['id']}/clear-destination"
    assert ann.data("GET", path) == {"running": False}
    assert ann.data("POST", path) == {"running": True}
    assert ann.data("GET", path) == {"running": True}
    [run] = runs_of(ann)
    assert (run.clear, run.cause, run.streams) == (True, "clear", None)
    with ann.api.container.store.begin() as work:
        work.runs.finish(ann.org, run.id, RunStatus.SUCCEEDED)
    assert ann.data("GET", path) == {"running": False}


def test_a_deleted_job_is_gone_and_its_ends_stay(ann):
    path = f"/jobs/{ann.make()['id']}"
    ann.data("POST", f"{path}/sync")
    assert ann.data("DELETE", path) == {"name": "nightly"}
    for method, more in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/sync"), ("GET", "/cancel")]:
        body = {"name": "x"} if method == "PUT" else None
        assert ann.refused(404, method, path + more, body)["message"] == "Resource not found"
    assert ann.names("/sources") == ["shop"]
    assert ann.make()["id"] != int(path.rpartition("/")[2])


def test_a_job_whose_run_does_not_end_stays(ann, monkeypatch):
    monkeypatch.setattr("towpath.services.jobs.PATIENCE", 0.2)
    path = f"/jobs/{ann.make()['id']}"
    ann.data("POST", f"{path}/sync")
    with ann.api.container.store.begin() as work:
        work.runs.claim(ann.org, runs_of(ann)[0].id)
    assert ann.refused(409, "DELETE", path)["code"] == "flow.in_use"
    assert runs_of(ann)[0].cancel_requested
    assert ann.names("/jobs") == ["nightly"]


# ── others' jobs ─────────────────────────────────────────────────────────────────────────────────


def test_other_projects_and_organizations_see_nothing(ann):
    id = ann.make()["id"]
    others = [
        Person(ann.api, ann.folder, ann.org, "ben", "elsewhere"),
        Person(ann.api, ann.folder, ann.api.organization(), "eve"),
    ]
    for other in others:
        assert other.data("GET", "/jobs") == []
        for method, path, body in [
            ("GET", "", None),
            ("PUT", "", {"name": "x"}),
            ("DELETE", "", None),
            ("POST", "/sync", None),
            ("POST", "/activate", {"activate": False}),
            ("POST", "/cancel", None),
            ("GET", "/clear-destination", None),
            ("POST", "/clear-destination", None),
        ]:
            refused = other.refused(404, method, f"/jobs/{id}{path}", body)
            assert refused["message"] == "Resource not found"
        other.make()
    assert ann.names("/jobs") == ["nightly"]
    assert ann.data("GET", f"/jobs/{id}")["activate"] is True


def test_a_flow_made_elsewhere_is_a_job_everywhere(ann):
    container = ann.api.container
    connections, flows = Connections(container), Flows(container)
    connections.create(ann.org, "shop", "sqlite", {"path": str(ann.folder / "shop.db")})
    connections.create(ann.org, "lake", "sqlite", {"path": str(ann.folder / "lake.db")})
    spec = FlowSpec.model_validate(
        {
            "source": {"connection": "shop"},
            "destination": {"connection": "lake"},
            "streams": [{"name": "orders", "mode": "incremental", "cursor": "id", "lookback": 5}],
            "schedule": {"every": 5400},
            "policy": {"parallel": 7},
        }
    )
    flow = flows.create(ann.org, "by hand", spec)
    [job] = ann.data("GET", "/jobs")
    assert (job["name"], job["frequency"], job["created_by"]) == ("by hand", "90-minutes", "")
    assert job["source"]["type"] == "sqlite"
    config = json.loads(job["streams_config"])
    assert [one["stream_name"] for some in config["selected_streams"].values() for one in some] == ["orders"]
    # Sent back as shown, it stays; changed, it is as it was changed, and the rest stays.
    back = {name: job[name] for name in ("name", "source", "destination", "frequency", "streams_config")}
    ann.data("PUT", f"/jobs/{job['id']}", back)
    assert flows.spec(ann.org, flows.get(ann.org, "by hand")) == spec
    ann.data("PUT", f"/jobs/{job['id']}", {"frequency": "0 6 * * *", "name": "by console"})
    changed = flows.spec(ann.org, flows.get(ann.org, flow.id))
    assert changed == spec.model_copy(update={"schedule": Cron(cron="0 6 * * *")})
    elsewhere = Person(ann.api, ann.folder, ann.org, "ben", "elsewhere")
    assert elsewhere.names("/jobs") == ["by console"]


def test_a_job_is_a_flow_elsewhere(ann):
    made = ann.make()
    flows = Flows(ann.api.container)
    flow = flows.get(ann.org, "nightly")
    spec = flows.spec(ann.org, flow)
    assert [stream.name for stream in spec.streams] == ["orders"]
    assert (spec.source.connection, spec.destination.connection) == ("shop", "lake")
    # What was changed there counts here.
    wanted = spec.model_copy(
        update={"streams": (FlowStream(name="customers"),), "schedule": Every(every=7200)}
    )
    flows.update(ann.org, "nightly", wanted)
    shown = ann.data("GET", f"/jobs/{made['id']}")
    config = json.loads(shown["streams_config"])
    assert [one["stream_name"] for some in config["selected_streams"].values() for one in some] == [
        "customers"
    ]
    assert shown["frequency"] == "2-hours"
    assert (shown["created_by"], shown["updated_by"]) == ("ann", "")


def test_a_flow_of_several_exports_or_of_a_customers_connection_is_no_job(ann):
    number = ann.make()["id"]
    flow = flow_of(ann)
    with ann.api.container.store.begin() as work:
        export = work.exports.get(ann.org, flow.exports[0])
        other = work.exports.add(ann.org, replace(export, id=new_id("exp"), name="another"))
        work.flows.update(ann.org, flow.id, exports=(export.id, other.id))
    assert ann.data("GET", "/jobs") == []
    ann.refused(404, "GET", f"/jobs/{number}")
    customer = ann.api.customer(ann.org)
    with ann.api.container.store.begin() as work:
        source = work.connections.get(ann.org, export.connection)
        lent = replace(source, id=new_id("con"), customer=customer, project=None, role=None)
        work.connections.add(ann.org, lent)
        work.flows.update(ann.org, flow.id, exports=(export.id,))
        work.exports.update(ann.org, export.id, connection=lent.id)
    assert ann.data("GET", "/jobs") == []
    ann.refused(404, "GET", f"/jobs/{number}")


@contextmanager
def counted(store):
    """The statements that are sent to the store meanwhile."""
    statements = []

    def count(*call):
        statements.append(call[2])

    event.listen(store._engine, "before_cursor_execute", count)
    yield statements
    event.remove(store._engine, "before_cursor_execute", count)


def flow_of(ann):
    with ann.api.container.store.read() as work:
        [flow] = work.flows.list(ann.org)
    return flow


def runs_of(ann):
    with ann.api.container.store.read() as work:
        return work.runs.list(ann.org)


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}

"""Jobs: made with their ends in one piece, and how they are shown."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from support.jobs import Person, counted, flow_of, streams
from towpath.core.records import RunStatus


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
        (
            {
                "destination": {"name": "api", "type": "http", "config": {"url": "https://api.invalid/"}},
                "streams_config": "",
            },
            "streams_config",
        ),
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

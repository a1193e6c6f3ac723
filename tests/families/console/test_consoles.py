"""What web consoles of this dialect call beyond the published document, and what they read of the answers."""

import json
import re
from typing import Any

import pytest

from towpath.services.runs import Runs

SEMVER = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


def data(answer) -> Any:
    """What a console takes of an answer: there always is an object or a list, and a message to show."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["success"] is True
    assert body["message"]
    assert isinstance(body["data"], dict | list)
    return body["data"]


def keep(console) -> tuple[dict[str, Any], dict[str, Any]]:
    """A source and a destination, as the lists show them."""
    data(console.ask("POST", "/sources", console.shop))
    data(console.ask("POST", "/destinations", console.lake))
    [source], [destination] = (data(console.ask("GET", path)) for path in ("/sources", "/destinations"))
    return source, destination


def test_before_anybody_signs_in(api_sqlite):
    assert data(api_sqlite.get("/api/v1/platform/opt/status")) == {"enabled": False}
    assert data(api_sqlite.get("/api/v1/platform/releases")) == {}
    assert data(api_sqlite.get("/telemetry-id"))["user_id"] == ""
    data(api_sqlite.get("/health"))


def test_forms(console):
    for path, type in (("sources", "postgres"), ("destinations", "parquet")):
        versions = data(console.ask("GET", f"/{path}/versions?type={type}"))["version"]
        # Column selection needs 0.4 and structured filters 0.6.
        assert tuple(map(int, SEMVER.fullmatch(versions[0]).groups())) >= (0, 6, 0)
        asked = {"type": type, "version": versions[0], "source_type": "", "source_version": ""}
        spec = data(console.ask("POST", f"/{path}/spec", asked))["spec"]
        layout = json.loads(spec["uischema"])
        shown = {name for row in layout["ui:grid"] for name in row}
        # What the grid leaves out is not shown.
        assert set(spec["jsonschema"]["properties"]) == shown


def test_a_trial(console):
    asked = {name: console.lake[name] for name in ("type", "version", "config")}
    sources = {"source_type": "sqlite", "source_version": "v1.0.0"}
    found = data(console.ask("POST", "/destinations/test", asked | sources))
    assert found["connection_result"]["status"] == "SUCCEEDED"
    wrong = asked | {"config": {"type": "PARQUET", "writer": {"local_path": "/dev/null/lake"}}}
    found = data(console.ask("POST", "/destinations/test", wrong | sources))
    assert found["connection_result"]["status"] == "FAILED"
    assert found["connection_result"]["message"]
    assert {"level", "time", "message"} <= set(found["logs"][-1])


def test_lists_of_sources_and_destinations(console):
    console.made_job()
    for path, other in (("sources", "destination"), ("destinations", "source")):
        [item] = data(console.ask("GET", f"/{path}"))
        assert isinstance(json.loads(item["config"]), dict)
        [job] = item["jobs"]
        assert {"id", "name", "activate", "last_run_time", "last_run_state"} <= set(job)
        assert (job[f"{other}_name"], job[f"{other}_type"]) in [("lake", "parquet"), ("shop", "sqlite")]
        assert data(console.ask("GET", f"/{path}/{item['id']}")) == item


@pytest.mark.parametrize("kind", ["job", "source", "destination"])
def test_names(console, kind):
    console.made_job()
    taken = {"job": "nightly", "source": "shop", "destination": "lake"}[kind]
    assert data(console.ask("POST", "/check-unique", {"name": "free", "entity_type": kind})) == {
        "unique": True
    }
    refused = console.ask("POST", "/check-unique", {"name": taken, "entity_type": kind})
    assert (refused.status_code, refused.json()["success"]) == (409, False)


def test_streams(console):
    source, _ = keep(console)
    asked = {name: source[name] for name in ("name", "type", "version", "config")}
    asked |= {"job_id": -1, "job_name": "nightly", "max_discover_threads": 50}
    found = data(console.ask("POST", "/sources/streams", asked))
    [stream] = [item["stream"] for item in found["streams"]]
    assert {
        "name",
        "namespace",
        "type_schema",
        "supported_sync_modes",
        "available_cursor_fields",
        "source_defined_primary_key",
        "sync_mode",
        "destination_database",
        "destination_table",
        "default_stream_properties",
    } <= set(stream)
    assert stream["type_schema"]["properties"]["id"]["type"][0] == "integer"
    [chosen] = found["selected_streams"][stream["namespace"]]
    assert chosen["stream_name"] == "orders"


def test_a_job_of_what_is_there(console):
    """By id, with everything else that consoles send beside it."""
    source, destination = keep(console)
    sides = {"source": source, "destination": destination}
    body = console.job() | sides | {"advanced_settings": {"max_discover_threads": 50}}
    data(console.ask("POST", "/jobs", body))
    [listed] = data(console.ask("GET", "/jobs"))
    assert (listed["source"]["id"], listed["destination"]["id"]) == (source["id"], destination["id"])
    assert len(data(console.ask("GET", "/sources"))) == 1
    one = data(console.ask("GET", f"/jobs/{listed['id']}"))
    assert isinstance(json.loads(one["streams_config"]), dict)
    assert isinstance(json.loads(one["source"]["config"]), dict)
    assert one["advanced_settings"] == {"max_discover_threads": 50}
    assert (one["last_run_type"], one["activate"]) == ("", True)
    # The edit form sends all of it again.
    again = {name: one[name] for name in ("name", "source", "destination", "frequency", "streams_config")}
    again |= {"difference_streams": "", "activate": False, "advanced_settings": one["advanced_settings"]}
    data(console.ask("PUT", f"/jobs/{listed['id']}", again))
    assert data(console.ask("GET", f"/jobs/{listed['id']}"))["activate"] is False


def test_a_difference(console):
    id = console.made_job()
    kept = json.loads(data(console.ask("GET", f"/jobs/{id}"))["streams_config"])
    same = data(
        console.ask("POST", f"/jobs/{id}/stream-difference", {"updated_streams_config": json.dumps(kept)})
    )
    assert same["difference_streams"]["selected_streams"] == {}
    for chosen in kept["selected_streams"].values():
        chosen[0]["normalization"] = False
    kept["streams"][0]["stream"]["sync_mode"] = "incremental"
    kept["streams"][0]["stream"]["cursor_field"] = "id"
    changed = data(console.ask("POST", f"/jobs/{id}/stream-difference", {"updated_streams_config": kept}))
    assert {"selected_streams", "streams"} == set(changed["difference_streams"])
    assert changed["difference_streams"]["streams"]


def test_a_task_and_its_end(console):
    id = console.made_job()
    assert data(console.ask("GET", f"/jobs/{id}/tasks")) == []
    assert data(console.ask("POST", f"/jobs/{id}/sync", {}))["message"]
    [task] = data(console.ask("GET", f"/jobs/{id}/tasks"))
    assert [type(task[name]) for name in ("id", "start_time", "status", "file_path", "job_type")] == [str] * 5
    assert task["job_type"] == "sync"
    logs = f"/jobs/{id}/tasks/1/logs?cursor=-1&limit=1000&direction=older"
    page = data(console.ask("POST", logs, {"file_path": task["file_path"]}))
    assert set(page) >= {"logs", "older_cursor", "newer_cursor", "has_more_older", "has_more_newer"}
    [job] = data(console.ask("GET", "/jobs"))
    assert (job["last_run_state"], job["last_run_type"]) == ("running", "sync")
    # This one is read by consoles without looking whether it is there.
    assert data(console.ask("GET", f"/jobs/{id}/cancel"))["message"]
    [task] = data(console.ask("GET", f"/jobs/{id}/tasks"))
    assert task["status"].lower() in ("canceled", "running")


def test_clearing(console):
    id = console.made_job()
    assert data(console.ask("GET", f"/jobs/{id}/clear-destination")) == {"running": False}
    data(console.ask("POST", f"/jobs/{id}/clear-destination"))
    assert data(console.ask("GET", f"/jobs/{id}/clear-destination")) == {"running": True}
    [task] = data(console.ask("GET", f"/jobs/{id}/tasks"))
    assert task["job_type"] == "clear"


def test_a_download(console):
    id = console.made_job()
    [task] = data(console.ask("POST", f"/jobs/{id}/sync", {})) and data(
        console.ask("GET", f"/jobs/{id}/tasks")
    )
    org = console.api.container.organization.id
    Runs(console.api.container).cancel(org, task["file_path"])
    path = f"{console.project}/jobs/{id}/logs/download?file_path={task['file_path']}"
    probe = console.api.get(path, headers={"Cookie": console.cookie, "Range": "bytes=0-0"})
    assert (probe.status_code, probe.content) == (206, b"\x1f")
    whole = console.api.get(path, headers={"Cookie": console.cookie})
    assert whole.status_code == 200
    assert whole.content.startswith(b"\x1f\x8b")


def test_settings(console):
    found = data(console.ask("GET", "/settings"))
    assert (found["project_id"], found["webhook_alert_url"]) == ("123", "")
    data(console.ask("PUT", "/settings", found))
    foreign = console.ask("PUT", "/settings", found | {"project_id": "other"})
    assert foreign.status_code == 400

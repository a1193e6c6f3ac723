"""Jobs: changed, run, cancelled, cleared and deleted."""

import json

import pytest

from support.jobs import Person, flow_of, runs_of, streams, without
from towpath.core.flows import Cron
from towpath.core.model import ReadMode
from towpath.core.records import RunStatus
from towpath.services.flows import Flows

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


def test_a_change_leaves_clears_alone(ann):
    """What they are to empty is wrong without them, whatever the job becomes meanwhile."""
    path = f"/jobs/{ann.make()['id']}"
    ann.data("POST", f"{path}/clear-destination")
    ann.data("POST", f"{path}/sync")
    ann.data("PUT", path, {"frequency": "2-days"})
    assert [(run.clear, run.status) for run in runs_of(ann)] == [
        (True, RunStatus.QUEUED),
        (False, RunStatus.CANCELLED),
    ]


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
    monkeypatch.setattr("towpath.services.jobs.jobs.PATIENCE", 0.2)
    path = f"/jobs/{ann.make()['id']}"
    ann.data("POST", f"{path}/sync")
    with ann.api.container.store.begin() as work:
        work.runs.claim(ann.org, runs_of(ann)[0].id)
    assert ann.refused(409, "DELETE", path)["code"] == "flow.in_use"
    assert runs_of(ann)[0].cancel_requested
    assert ann.names("/jobs") == ["nightly"]

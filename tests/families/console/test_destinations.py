"""What a project writes to: as sources are, but for what follows."""

import json

import pytest

from support.projects import InProject


def sqlite(path, name="lake"):
    return {"name": name, "type": "sqlite", "version": "v1.0.0", "config": {"path": str(path)}}


@pytest.fixture
def ann(server):
    return InProject(server, org=server.organization(), name="ann")


def made(person, kind, name):
    return person.connection(person.data("POST", f"/{kind}", sqlite(f"{name}.db", name))["id"])


def test_a_destination_comes_and_goes(ann):
    first = ann.data("POST", "/destinations", sqlite("a.db"))
    assert (first["id"], first["name"], first["config"]) == (1, "lake", '{"path": "a.db"}')
    [listed] = ann.data("GET", "/destinations")
    assert listed.items() >= first.items()
    assert (listed["created_by"], listed["jobs"]) == ("ann", [])
    assert ann.data("GET", "/sources") == []
    changed = ann.data("PUT", "/destinations/1", sqlite("b.db", "renamed"))
    assert changed == {**first, "name": "renamed", "config": '{"path": "b.db"}'}
    assert ann.data("DELETE", "/destinations/1") == {"name": "renamed"}
    assert ann.data("GET", "/destinations") == []


def test_the_jobs_of_a_destination(ann):
    shop, lake = made(ann, "sources", "shop"), made(ann, "destinations", "lake")
    ann.run(ann.job("nightly", shop, lake))
    [job] = ann.data("GET", "/destinations/2")["jobs"]
    assert job.pop("last_run_time").endswith("Z")
    assert job == {
        "id": 1,
        "name": "nightly",
        "activate": True,
        "last_run_state": "running",
        "last_run_type": "sync",
        "source_name": "shop",
        "source_type": "sqlite",
    }
    refused = ann.refused(409, "DELETE", "/destinations/2")
    assert refused["message"].startswith("The destination 'lake' is used by the job 'nightly'.")


def test_what_one_connection_is_on_both_sides(ann):
    """A connection without a role may be both ends of one job."""
    from towpath.services.connections import Connections

    both = Connections(ann.api.container).create(ann.org, "both", "sqlite", {"path": "a.db"})
    ann.job("copy", both, both, project=None)
    [source], [destination] = ann.data("GET", "/sources"), ann.data("GET", "/destinations")
    assert source["id"] == destination["id"]
    assert source["jobs"][0]["dest_name"] == destination["jobs"][0]["source_name"] == "both"


def test_what_cannot_be_written_to_is_no_destination(ann):
    for path in ("/destinations", "/destinations/test"):
        error = ann.refused(400, "POST", path, sqlite("a.db") | {"type": "woocommerce", "config": {}})
        assert (error["code"], error["field"]) == ("connector.unknown", "type")
    made(ann, "sources", "shop")
    ann.refused(404, "GET", "/destinations/1")


def test_a_trial(ann, tmp_path):
    data = ann.data("POST", "/destinations/test", sqlite(tmp_path / "lake.db") | {"source_type": "postgres"})
    assert data["connection_result"]["status"] == "SUCCEEDED", data
    assert json.loads(data["config"]) == {"path": str(tmp_path / "lake.db")}
    data = ann.data("POST", "/destinations/test", sqlite(tmp_path / "none" / "lake.db"))
    assert data["connection_result"]["status"] == "FAILED"


@pytest.mark.service("postgres")
def test_a_trial_at_a_real_server(ann, postgres):
    body = {"name": "lake", "type": "postgres", "version": "v1.0.0", "config": postgres.config()}
    answer = ann.ask("POST", "/destinations/test", body)
    assert answer.json()["data"]["connection_result"]["status"] == "SUCCEEDED", answer.text
    assert postgres.password not in answer.text
    saved = ann.data("POST", "/destinations", body)
    again = ann.data("POST", "/destinations/test", saved)
    assert again["connection_result"]["status"] == "SUCCEEDED"
    assert again["config"] == saved["config"]

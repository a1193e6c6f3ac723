"""Jobs of others, and flows that other doors made."""

import json
from dataclasses import replace

import pytest

from support.jobs import Person, flow_of
from towpath.core.errors import ConflictError
from towpath.core.flows import Cron, Every, FlowStream
from towpath.core.ids import new_id
from towpath.services.connections import Connections
from towpath.services.documents.models import FlowSpec
from towpath.services.flows import Flows

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


def test_a_name_means_the_organizations_own_flow_before_those_of_projects(ann):
    flows, connections = Flows(ann.api.container), Connections(ann.api.container)
    ann.make()
    assert flows.get(ann.org, "nightly").project is not None
    Person(ann.api, ann.folder, ann.org, "ben", "elsewhere").make()
    with pytest.raises(ConflictError, match="More than one flow"):
        flows.get(ann.org, "nightly")
    with pytest.raises(ConflictError, match="More than one connection"):
        connections.get(ann.org, "shop")
    shop = connections.create(ann.org, "shop", "sqlite", {"path": str(ann.folder / "shop.db")})
    lake = connections.create(ann.org, "lake", "sqlite", {"path": str(ann.folder / "lake.db")})
    assert connections.get(ann.org, "shop") == shop
    spec = FlowSpec.model_validate(
        {"source": {"connection": shop.id}, "destination": {"connection": lake.id}}
    )
    flow = flows.create(ann.org, "nightly", spec)
    assert flows.get(ann.org, "nightly") == flow
    assert flows.spec(ann.org, flow).source.connection == "shop"
    [own] = [one for one in flows.list(ann.org) if one.name == "nightly" and one.created_by == "ann"]
    spec = flows.spec(ann.org, own)
    assert connections.get(ann.org, f"bakery/{spec.source.connection}").project == own.project


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

"""Flows as resources, and how their jobs are asked for."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from support.orders import order_shop
from support.steps import customers_import, orders_export, rest_connection
from towpath.core.errors import ConflictError
from towpath.core.flows import FlowStream
from towpath.core.ids import of_object_id
from towpath.engine import next_due
from towpath.services.connections import Connections
from towpath.services.documents.models import FlowSpec
from towpath.services.flows import Flows, spec_of


@pytest.fixture(scope="module")
def shop():
    with order_shop(3) as found:
        yield found


@pytest.fixture
def connection(program, shop):
    return program.make("/connections", rest_connection(shop.url))["_id"]


@pytest.fixture
def steps(program, connection):
    """An export and an import."""
    return (
        program.make("/exports", orders_export(connection))["_id"],
        program.make("/imports", customers_import(connection))["_id"],
    )


@pytest.fixture
def flow(program, steps):
    return program.make("/flows", {"name": "Orders", "disabled": False, **chain(*steps)})


def chain(export, import_):
    return {
        "pageGenerators": [{"_exportId": export}],
        "pageProcessors": [{"type": "import", "_importId": import_}],
    }


def test_the_flat_shape_is_a_flow_like_others_and_new_ones_are_disabled(program, steps):
    export, import_ = steps
    made = program.make("/flows", {"name": "Flat", "_exportId": export, "_importId": import_})
    assert (made["_exportId"], made["_importId"], made["disabled"]) == (export, import_, True)
    assert "pageGenerators" not in made
    (error,) = program.refused(422, "POST", f"/flows/{made['_id']}/run")
    assert error["code"] == "inactive_flow"
    program.good("PATCH", f"/flows/{made['_id']}", [{"op": "replace", "path": "/disabled", "value": False}])
    ran = program.call("POST", f"/flows/{made['_id']}/run", {})
    assert (ran.status_code, set(ran.json())) == (201, {"_jobId"})
    # A flow without steps may be written, and cannot run.
    empty = program.make("/flows", {"name": "Empty", "disabled": False})
    assert program.refused(422, "POST", f"/flows/{empty['_id']}/run")[0]["code"] == "inactive_flow"


def test_one_job_more_is_enough(program, flow, steps):
    path = f"/flows/{flow['_id']}/run"
    first = program.good("POST", path).json()["_jobId"]
    assert program.good("POST", path, {}).json()["_jobId"] == first
    window = {"export": {"startDate": "2026-01-01T00:00:00Z", "endDate": 1_767_312_000_000}}
    second = program.good("POST", path, window).json()["_jobId"]
    assert second != first
    assert program.good("POST", path, window).json()["_jobId"] == second
    third = program.good("POST", path, {"_exportIds": [steps[0]]}).json()["_jobId"]
    assert third not in (first, second)
    # One that runs is none that waits.
    with program.api.container.store.begin() as work:
        work.runs.claim(program.org, of_object_id("run", first))
    assert program.good("POST", path).json()["_jobId"] not in (first, second, third)
    with program.api.container.store.read() as work:
        kept = work.values.get(program.org, of_object_id("run", second), "window").value
    assert kept == {"since": "2026-01-01T00:00:00+00:00", "until": "2026-01-02T00:00:00+00:00"}
    wrong = (
        {"export": 7},
        {"export": {"startDate": "soon"}},
        {"_exportIds": ["f" * 24]},
        {"_exportIds": "x"},
    )
    for body in wrong:
        program.refused(422, "POST", path, body)
    program.refused(422, "DELETE", f"/flows/{flow['_id']}")


def test_what_is_wrong_with_a_flow_is_told_at_once(program, steps):
    export, _ = steps
    body = {
        **chain(export, "f" * 24),
        "schedule": "0 2 * * *",
        "timezone": "Mars/Olympus",
        "_integrationId": "e" * 24,
        "_runNextFlowIds": ["d" * 24],
        "disabled": "perhaps",
        "routers": [{"id": "a", "branches": [{"name": "x", "pageProcessors": [{"type": "import"}]}]}],
    }
    errors = program.refused(422, "POST", "/flows", body)
    told = {one["field"]: one["message"] for one in errors}
    assert set(told) == {
        "name", "schedule", "disabled", "pageProcessors",
        "routers[0].branches[0].pageProcessors[0]._importId",
    }  # fmt: skip
    assert told["pageProcessors"] == '"pageProcessors" is not allowed when "routers" is present'
    body |= {"name": "x", "schedule": "? 0 2 30 2 ?", "timezone": "UTC", "disabled": True, "routers": []}
    body["pageProcessors"][0]["responseMapping"] = {"fields": [{"extract": "a"}]}
    errors = program.refused(422, "POST", "/flows", body)
    assert {one["field"].partition(".responseMapping")[0] for one in errors} == {
        "_integrationId", "pageProcessors[0]._importId", "_runNextFlowIds[0]", "pageProcessors[0]",
        "schedule",
    }  # fmt: skip
    circle = {"id": "a", "branches": [{"name": "x", "nextRouterId": "a", "pageProcessors": []}]}
    (error,) = program.refused(422, "POST", "/flows", {"name": "x", "routers": [circle]})
    assert error["field"] == "routers[0].branches[0].nextRouterId"


def test_branches_come_back_as_they_were_sent(program, steps):
    export, import_ = steps
    branch = {
        "name": "big",
        "inputFilter": {"version": "1", "rules": ["greaterthan", ["extract", "id"], 1]},
        "pageProcessors": [{"type": "import", "_importId": import_}],
        "nextRouterId": "two",
    }
    routers = [
        {
            "id": "one",
            "routeRecordsTo": "all_matching_branches",
            "routeRecordsUsing": "input_filters",
            "branches": [branch],
        },
        {
            "id": "two",
            "routeRecordsTo": "first_matching_branch",
            "branches": [{"name": "none", "pageProcessors": []}],
        },
    ]
    sent = {"name": "Branched", "pageGenerators": [{"_exportId": export}], "routers": routers}
    made = program.make("/flows", sent)
    assert sent.items() <= made.items()
    assert program.refused(422, "DELETE", f"/imports/{import_}")[0]["code"] == "dependency_conflict"
    follower = program.make("/flows", {"name": "After", "_runNextFlowIds": [made["_id"]]})
    assert program.get(f"/flows/{made['_id']}/dependencies") == {
        "flows": [{"_id": follower["_id"], "name": "After"}]
    }
    assert program.refused(422, "DELETE", f"/flows/{made['_id']}")[0]["code"] == "dependency_conflict"


@pytest.mark.parametrize(
    ("at", "due"),
    [
        # The clocks go forward over 02:30: it is due when they have.
        (datetime(2026, 3, 8, 8, tzinfo=UTC), datetime(2026, 3, 8, 10, tzinfo=UTC)),
        # They go back over 01:30, which comes twice, and is due once.
        (datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 11, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_schedules_follow_the_clocks_of_their_zone(program, flow, at, due):
    body = {**flow, "schedule": "? 30 2 ? * *", "timezone": "America/Los_Angeles"}
    shown = program.good("PUT", f"/flows/{flow['_id']}", body).json()
    assert (shown["schedule"], shown["timezone"]) == ("? 30 2 ? * *", "America/Los_Angeles")
    with program.api.container.store.read() as work:
        row = work.flows.get(program.org, of_object_id("flw", flow["_id"]))
    assert row.next_due > datetime.now(UTC)
    assert abs(next_due(row.schedule, at, at) - due) < timedelta(hours=1)


def test_a_copy_has_steps_of_its_own(program, flow, connection, shop):
    other = program.make("/connections", rest_connection(shop.url))["_id"]
    asked = {"name": "Twin", "connectionMap": {connection: other}}
    made = program.call("POST", f"/flows/{flow['_id']}/clone", asked)
    assert made.status_code == 201
    by_model = {one["model"]: one["_id"] for one in made.json()}
    assert set(by_model) == {"Export", "Import", "Flow"}
    twin = program.get(f"/flows/{by_model['Flow']}")
    assert (twin["name"], twin["disabled"]) == ("Twin", True)
    assert twin["pageGenerators"] == [{"_exportId": by_model["Export"]}]
    assert twin["pageProcessors"] == [{"type": "import", "_importId": by_model["Import"]}]
    assert program.get(f"/exports/{by_model['Export']}")["_connectionId"] == other
    (error,) = program.refused(
        422, "POST", f"/flows/{flow['_id']}/clone", {"connectionMap": {connection: "f" * 24}}
    )
    assert error["code"] == "invalid_connectionMap"

    template = program.get(f"/flows/{by_model['Flow']}/template")
    assert [one["_id"] for one in template["exports"]] == [by_model["Export"]]
    change = {"_connectionId": other, "_newConnectionId": connection}
    program.good("PUT", f"/flows/{by_model['Flow']}/replaceConnection", change)
    assert program.get(f"/imports/{by_model['Import']}")["_connectionId"] == connection
    assert program.get(f"/flows/{flow['_id']}/lastExportDateTime") == {"lastExportDateTime": None}


def test_flows_that_copy_streams_are_flows_here_too(program, tmp_path, steps):
    with sqlite3.connect(tmp_path / "a.db") as source:
        source.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    source.close()
    rooms, org = program.api.container, program.org
    for name in ("a", "b"):
        Connections(rooms).create(org, name, "sqlite", {"path": str(tmp_path / f"{name}.db")})
    spec = {
        "source": {"connection": "a"},
        "destination": {"connection": "b"},
        "streams": [FlowStream(name="orders")],
    }
    Flows(rooms).create(org, "copy", FlowSpec.model_validate(spec))
    (found,) = [one for one in program.get("/flows") if one["name"] == "copy"]
    export = program.get(f"/exports/{found['_exportId']}")
    assert export["towpath"] == {"streams": [{"name": "orders"}]}
    assert program.good("PUT", f"/flows/{found['_id']}", {**found, "schedule": "? 0 * ? * *"}).json()[
        "schedule"
    ]
    with rooms.store.read() as work:
        row = work.flows.get(org, of_object_id("flw", found["_id"]))
        assert row.pipeline is None
        assert spec_of(work, org, row).schedule.cron == "0 * * * *"
    changed = {**export, "towpath": {"streams": [{"name": "others"}]}}
    (error,) = program.refused(422, "PUT", f"/exports/{export['_id']}", changed)
    assert error["code"] == "step.copies"
    (error,) = program.refused(422, "POST", f"/exports/{export['_id']}/invoke")
    assert "copies streams" in error["message"]
    mixed = {"name": "Mixed", "_exportId": found["_exportId"], "_importId": steps[1]}
    assert program.refused(422, "POST", "/flows", mixed)[0]["field"] == "_exportId"
    assert program.call("POST", f"/flows/{found['_id']}/run").status_code == 201


def test_other_families_show_flows_of_steps_and_leave_them_alone(program, flow):
    rooms, org = program.api.container, program.org
    row = Flows(rooms).get(org, "Orders")
    with rooms.store.read() as work, pytest.raises(ConflictError, match="runs records through steps"):
        spec_of(work, org, row)
    other = {"source": {"connection": "Shop"}, "destination": {"connection": "Shop"}}
    with pytest.raises(ConflictError, match="runs records through steps"):
        Flows(rooms).update(org, "Orders", FlowSpec.model_validate(other))
    Flows(rooms).delete(org, "Orders")
    assert len(program.get("/exports")) == len(program.get("/imports")) == 1
    assert program.get("/flows") == []


def test_integrations_group_flows_and_connections(program, stranger, flow, connection, shop):
    sent = {"name": "Shop", "description": "All of it", "settings": {"a": 1}, "install": []}
    made = program.make("/integrations", sent)
    path = f"/integrations/{made['_id']}"
    assert sent.items() <= made.items()
    program.good("PUT", f"/flows/{flow['_id']}", {**flow, "_integrationId": made["_id"]})
    other = program.make("/connections", rest_connection(shop.url))["_id"]
    assert program.good("PUT", f"{path}/connections/register", [other]).status_code == 204
    assert {one["_id"] for one in program.get(f"{path}/connections")} == {other, connection}
    program.good("DELETE", f"{path}/connections/{other}/register")
    assert [one["_id"] for one in program.get(f"{path}/connections")] == [connection]
    program.refused(422, "PUT", f"{path}/connections/register", ["f" * 24])
    assert len(program.get(f"{path}/imports")) == 1

    copies = program.call("POST", f"{path}/clone", {"name": "Second"}).json()
    assert [one["model"] for one in copies] == ["Integration", "Export", "Import", "Flow"]
    (twin,) = program.get(f"/integrations/{copies[0]['_id']}/flows")
    assert (twin["name"], twin["_id"]) == ("Orders", copies[3]["_id"])
    for tail in ("", "/flows", "/exports", "/imports", "/connections", "/audit", "/dependencies"):
        stranger.refused(404, "GET", path + tail)
    program.refused(422, "POST", "/integrations", {"description": "nameless"})
    assert program.refused(422, "DELETE", path)[0]["code"] == "dependency_conflict"

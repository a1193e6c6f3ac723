"""Flows that run on a worker, as they were asked for here."""

import time

import pytest

from support.orders import order_shop
from support.steps import customers_import, orders_export, rest_connection
from towpath.core.ids import of_object_id
from towpath.core.records import RunStatus

PATIENCE = 60


@pytest.fixture(scope="module")
def shop():
    with order_shop(3) as found:
        yield found


@pytest.fixture(scope="module")
def worker(server):
    server.container.work()
    return server


def ended(program, *jobs):
    """The runs, when they have ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with program.api.container.store.read() as work:
            runs = work.runs.list(program.org)
        wanted = [run for run in runs if not jobs or run.id in jobs]
        if wanted and all(run.status.final for run in wanted):
            return wanted
        time.sleep(0.05)
    raise AssertionError("no end")


@pytest.fixture
def target(program, worker, shop):
    shop.customers.clear()
    connection = program.make("/connections", rest_connection(shop.url))["_id"]
    return program.make("/imports", customers_import(connection))


def flow(program, export, target, **more):
    steps = {
        "pageGenerators": [{"_exportId": export}],
        "pageProcessors": [{"type": "import", "_importId": target["_id"]}],
    }
    return program.make("/flows", {"name": "Run", "disabled": False, **steps, **more})["_id"]


def test_a_flow_runs_from_one_end_to_the_other(program, target, shop):
    export = program.make("/exports", orders_export(target["_connectionId"]))["_id"]
    made = flow(program, export, target)
    job = program.good("POST", f"/flows/{made}/run").json()["_jobId"]
    (run,) = ended(program, of_object_id("run", job))
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert sorted(one["name"] for one in shop.customers.values()) == ["No. 0", "No. 1", "No. 2"]
    assert "lastExecutedAt" in program.get(f"/flows/{made}")
    program.good("DELETE", f"/flows/{made}")
    program.good("DELETE", f"/exports/{export}")


def test_what_is_posted_runs_through_its_flows(program, target, shop):
    hook = {"verify": "secret_url", "token": "a-long-token"}
    export = program.make("/exports", {"name": "Hook", "type": "webhook", "webhook": hook})["_id"]
    flow(program, export, target)
    for number in range(3):
        answer = program.api.post(
            f"/v1/exports/{export}/a-long-token/data", json={"name": f"posted {number}"}
        )
        assert answer.status_code == 204
    runs = ended(program)
    assert {run.status for run in runs} == {RunStatus.SUCCEEDED}, [run.error for run in runs]
    assert sorted(one["name"] for one in shop.customers.values()) == ["posted 0", "posted 1", "posted 2"]


def test_a_window_is_asked_for_instead_of_the_saved_one(program, target, shop):
    export = orders_export(target["_connectionId"], type="delta")
    export["http"]["relativeURI"] += "&since={{{lastExportDateTime}}}"
    made = flow(program, program.make("/exports", export)["_id"], target)
    assert program.get(f"/flows/{made}/lastExportDateTime") == {"lastExportDateTime": None}
    window = {"export": {"startDate": "2026-02-03T00:00:00.000Z"}}
    asked = [window, {}, {}]
    for body in asked:
        job = program.good("POST", f"/flows/{made}/run", body).json()["_jobId"]
        ended(program, of_object_id("run", job))
    since = [one.path.rpartition("since=")[2] for one in shop.asked if "since=" in one.path]
    assert [one[:10] for one in since][:2] == ["2026-02-03", "1970-01-01"]
    last = program.get(f"/flows/{made}/lastExportDateTime")["lastExportDateTime"]
    assert last > since[-1] > "2026-02"

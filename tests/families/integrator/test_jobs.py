"""Jobs of flows that really ran: their families, their numbers, their ends."""

import io
import tarfile
import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from support.orders import order_shop, reply
from support.working import Chain, until
from towpath.api.integrator import signing
from towpath.core.ids import as_object_id, of_object_id
from towpath.core.records import Counters, Run, RunStatus, RunStream, StreamStatus
from towpath.services.pipelines.jobs import Jobs, Wanted
from towpath.services.pipelines.jobs_shape import RUNS, Kind

SUMS = ("numSuccess", "numError", "numIgnore", "numResolved", "numOpenError")


@pytest.fixture(scope="module")
def shop():
    with order_shop(5) as found:
        yield found


@pytest.fixture(scope="module")
def worker(server):
    server.container.work()


@pytest.fixture
def chain(program, worker, shop):
    shop.late = 0
    shop.faults.clear()
    shop.orders[:] = [{"id": number, "name": f"No. {number}"} for number in range(5)]
    shop.orders[1]["name"] = shop.orders[4]["name"] = "refuse me"
    return Chain(program, shop)


def test_a_job_is_the_sum_of_its_steps(program, chain):
    job = chain.run()
    moments = ("startedAt", "endedAt", "lastExecutedAt", "createdAt", "lastModified", "purgeAt")
    assert all(job.pop(name) for name in moments)
    assert job.pop("queueTime") >= 0
    assert job == {
        "_id": job["_id"],
        "type": "flow",
        "_exportId": chain.export,
        "_flowId": chain.id,
        "status": "completed",
        "numError": 2,
        "numResolved": 0,
        "numOpenError": 2,
        "numSuccess": 8,
        "numIgnore": 0,
        "numExport": 0,
        "numPagesGenerated": 3,
        "numPagesProcessed": 0,
        "doneExporting": True,
    }
    exported, imported = chain.children(job["_id"])
    assert (exported["type"], exported["_exportId"], exported["oIndex"]) == ("export", chain.export, 0)
    assert (exported["numSuccess"], exported["numPagesGenerated"], exported["retriable"]) == (5, 3, False)
    assert (imported["type"], imported["_importId"], imported["oIndex"]) == ("import", chain.imported, 1)
    assert (imported["numError"], imported["numPagesProcessed"], imported["retriable"]) == (2, 3, True)
    for child in (exported, imported):
        assert (child["_flowJobId"], child["status"]) == (job["_id"], "completed")
        assert program.get(f"/jobs/{child['_id']}") == child
    assert [job[name] for name in SUMS] == [exported[name] + imported[name] for name in SUMS]
    assert program.get(f"/flows/{chain.id}/jobs/latest")[0]["_id"] == job["_id"]
    assert program.call("GET", f"/jobs/{job['_id']}/diagnostics/").json()["signedURL"]

    # What is the same by every filter that fits, and missing by any that does not.
    def found(query):
        return [one["_id"] for one in program.get(f"/jobs?{query}")]

    whole, steps = [job["_id"]], [imported["_id"], exported["_id"]]
    created = program.get(f"/jobs/{job['_id']}")["createdAt"]
    for query, expected in {
        "": whole,
        f"_flowId={chain.id}": whole,
        f"_flowId_in={chain.export},{chain.id}": whole,
        f"_exportId={chain.export}&type=flow": whole,
        f"_flowJobId={job['_id']}": steps,
        f"_parentJobId={job['_id']}&type=import": steps[:1],
        f"type_in=export,import&_flowId={chain.id}": steps,
        "type=import": steps[:1],
        f"type=import&_importId={chain.imported}": steps[:1],
        f"type=export&_importId={chain.imported}": [],
        "type=import&status=running": [],
        "type=import&status=completed&retriable=true": steps[:1],
        "retriable=false": [],
        "type=retry": [],
        "type=bulk_retry": [],
        f"createdAt_lte={created}&createdAt_gte={created}": whole,
        "createdAt_gte=2999-01-01": [],
        "startedAt_lte=2999-01-01T00:00:00Z": whole,
        "startedAt_lte=1600000000000": [],
        "status=completed,failed": whole,
        "status=queued&status=running": [],
        "numSuccess_gte=8&numSuccess_lte=8&numOpenError_gte=2&numError_lte=2": whole,
        "numSuccess_gte=9": [],
        "numIgnore_gte=1": [],
        "numExport_lte=0": whole,
        "numExport_gte=1": [],
        f"_integrationId={chain.id}": [],
        "_flowId=nonsense": [],
        f"_bulkJobId={job['_id']}": [],
        "unknown=1": whole,
    }.items():
        assert found(query) == expected, query
    for query in ("status=cancelled", "type=page", "createdAt_lte=soon", "startedAt_gte=x"):
        assert program.refused(400, "GET", f"/jobs?{query}")[0]["code"] == "invalid_query", query
    for query in ("numSuccess_gte=many", "limit=5000", "retriable=perhaps"):
        program.refused(400, "GET", f"/jobs?{query}")


def test_what_is_left_out_and_what_is_not_kept(program, chain, shop):
    lean = Chain(program, shop, skipRetries=True)
    rules = ["notequals", ["extract", "id"], 0]
    body = program.get(f"/imports/{lean.imported}") | {"filter": {"version": "1", "rules": rules}}
    program.good("PUT", f"/imports/{lean.imported}", body)
    job = lean.run()
    assert [job[name] for name in SUMS] == [7, 2, 1, 0, 2]
    _, imported = lean.children(job["_id"])
    assert [imported[name] for name in SUMS] == [2, 2, 1, 0, 2]
    assert imported["retriable"] is False
    assert {error["_retryId"] for error in program.get(f"/jobs/{job['_id']}/joberrors")} == {None}
    assert program.refused(422, "POST", f"/jobs/{job['_id']}/retry")[0]["code"] == "retry.nothing"
    assert [one["_id"] for one in program.get("/jobs?numIgnore_gte=1")] == [job["_id"]]


def test_the_log_of_a_job_is_behind_a_url_that_ends(program, stranger, chain, monkeypatch):
    job = chain.run()["_id"]
    client = program.api.client
    url = program.get(f"/jobs/{job}/diagnostics")["signedURL"]
    found = client.get(url)
    with tarfile.open(fileobj=io.BytesIO(found.content)) as tar:
        run = of_object_id("run", job)
        assert sorted(tar.getnames()) == [f"logs/{run}.log", "run.json", "state.json"]
    assert found.headers["content-type"] == "application/gzip"
    other = program.get(f"/jobs/{chain.run()['_id']}/diagnostics")["signedURL"]
    swapped = url.replace(job, other.split("?")[0].rpartition("/")[2])
    changed = [
        swapped,
        url.replace(program.account, stranger.account),
        url.replace("/diagnostics/", "/errors/"),
        url.replace("expires=", "expires=9"),
        url.replace("expires=", "expires=0"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.partition("?")[0],
        url.partition("?")[0] + "?expires=x&signature=y",
    ]
    assert {client.get(one).status_code for one in changed} == {403}
    monkeypatch.setattr(signing, "LIFE", -1)
    ended = client.get(program.get(f"/jobs/{job}/diagnostics")["signedURL"])
    assert (ended.status_code, ended.json()["errors"][0]["code"]) == (403, "access_restricted")
    program.good("DELETE", f"/jobs/{job}")
    assert client.get(url).status_code == 404


def test_a_job_that_is_canceled_leaves_its_finished_steps_as_they_are(program, chain, shop):
    shop.late = 0.4
    job = chain.start()
    until(
        lambda: [one for one in program.get("/jobs?type=import&status=running") if one["numSuccess"]],
        "a page",
    )
    assert program.make(f"/flows/{chain.id}/run", {})["_jobId"] != job
    waiting = program.get("/jobs?status=queued")
    assert [(one["doneExporting"], "startedAt" in one) for one in waiting] == [(False, False)]
    assert chain.children(waiting[0]["_id"]) == []
    current = program.good("POST", "/jobs/current", {"_flowIds": [chain.id]}).json()["jobs"]
    assert [one["_id"] for one in current] == [waiting[0]["_id"], job]
    assert program.refused(422, "DELETE", f"/jobs/{job}")[0]["code"] == "run.unfinished"
    canceled = program.good("POST", f"/flows/{chain.id}/jobs/cancel").json()
    assert {one["status"] for one in canceled} <= {"canceling", "canceled"}
    found = chain.ended(job)
    assert (found["status"], found["canceledBy"]) == ("canceled", program.account)
    assert chain.ended(waiting[0]["_id"])["status"] == "canceled"
    assert {one["status"] for one in chain.children(job)} == {"canceled"}
    assert found["numSuccess"] == sum(one["numSuccess"] for one in chain.children(job)) > 0
    program.refused(422, "PUT", f"/jobs/{job}/cancel")
    child = chain.children(job)[0]["_id"]
    assert program.refused(422, "DELETE", f"/jobs/{child}")[0]["code"] == "run.step"
    assert program.good("PUT", f"/jobs/{job}", {"status": "completed"}).json()["status"] == "canceled"
    program.good("DELETE", f"/jobs/{job}")
    for path in (f"/jobs/{job}", f"/jobs/{child}", f"/jobs/{job}/family"):
        program.refused(404, "GET", path)


def test_an_export_that_fails_fails_the_job(program, chain, shop):
    shop.faults += [reply({"why": "no such orders"}, 404)]
    job = program.make("/jobs", {"type": "flow", "_flowId": chain.id})
    found = chain.ended(job["_id"])
    told = [
        found[name] for name in ("status", "numError", "numSuccess", "numPagesGenerated", "doneExporting")
    ]
    assert told == ["failed", 1, 0, 0, True]
    (export, *_) = chain.children(job["_id"])
    assert (export["type"], export["status"], export["numError"]) == ("export", "failed", 1)
    assert "404" in found["error"]["message"]
    (error,) = program.get(f"/jobs/{job['_id']}/joberrors")
    assert (error["_jobId"], error["_retryId"], "404" in error["message"]) == (export["_id"], None, True)
    assert program.refused(422, "POST", f"/jobs/{job['_id']}/retry")[0]["code"] == "retry.nothing"
    program.good("PUT", f"/jobs/{job['_id']}/joberrors/resolve")
    assert program.get(f"/jobs/{job['_id']}")["numOpenError"] == 0
    for body in ({}, {"_flowId": "nonsense"}, {"type": "import", "_flowId": chain.id}):
        program.refused(422, "POST", "/jobs", body)
    nobody = as_object_id(Run(org="", flow="").id)
    assert program.refused(422, "POST", "/jobs", {"_flowId": nobody})[0]["code"] == "invalid_ref"


def test_a_thousand_jobs_are_a_handful_of_queries(program, chain):
    flow, store = of_object_id("flw", chain.id), program.api.container.store
    ids = (chain.export, "export"), (chain.imported, "import")
    done = {"status": RunStatus.SUCCEEDED}
    with store.begin() as work:
        for _ in range(1000):
            run = work.runs.add(program.org, Run(org=program.org, flow=flow, **done))
            for position, (step, kind) in enumerate(ids):
                row = RunStream(
                    org=program.org,
                    run=run.id,
                    stream=of_object_id(kind[:3], step),
                    selection={"kind": kind, "position": position},
                    target={},
                    status=StreamStatus.COMMITTED,
                    counters=Counters(read=1, written=1),
                )
                work.streams.save_plan(program.org, row, ())
    asked, mine = [], threading.get_ident()

    def note(*_):
        asked.append(threading.get_ident())

    event.listen(Engine, "before_cursor_execute", note)
    try:
        everything = Wanted(kinds=RUNS, limit=1001)
        jobs = Jobs(program.api.container)
        assert len(jobs.list(program.org, everything)) == 1000
        assert asked.count(mine) < 15
        assert len(jobs.list(program.org, replace(everything, kinds=frozenset(Kind)))) == 1001
        assert asked.count(mine) < 45
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    page = program.get(f"/jobs?_flowId={chain.id}&limit=600")
    rest = program.get(f"/jobs?_flowId={chain.id}&createdAt_lte={page[-1]['createdAt']}")
    assert len({one["_id"] for one in (*page, *rest)}) == 1000
    dates = [one["createdAt"] for one in page]
    assert dates == sorted(dates, reverse=True)


def test_what_another_organization_did_never_was(program, stranger, chain):
    job = chain.run()["_id"]
    child = chain.children(job)[1]["_id"]
    (error, *_) = program.get(f"/jobs/{job}/joberrors")
    nobody = as_object_id(Run(org="", flow="").id)
    routes = [
        ("GET", "/jobs/{}"),
        ("PUT", "/jobs/{}"),
        ("DELETE", "/jobs/{}"),
        ("GET", "/jobs/{}/family"),
        ("GET", "/jobs/{}/diagnostics"),
        ("PUT", "/jobs/{}/cancel"),
        ("POST", "/jobs/{}/files/signedURL"),
        ("GET", "/jobs/{}/joberrors"),
        ("GET", "/jobs/{}/jobErrors"),
        ("PUT", "/jobs/{}/joberrors/resolve"),
        ("PUT", "/jobs/{}/joberrors/" + error["_id"] + "/resolve"),
        ("GET", "/jobs/{}/errorFile/signedURL"),
        ("POST", "/jobs/{}/retry"),
        ("PUT", "/jobs/{}/retries/retry"),
        ("POST", "/jobs/{}/retries/" + error["_id"] + "/retry"),
        ("GET", "/retries?_jobId={}"),
    ]
    cases = [(method, path, id) for method, path in routes for id in (job, child)]
    of_error = ("/retries/{}/data", "/retries/{}/signedURL")
    cases += [("GET", path, error["_id"]) for path in of_error] + [("PUT", of_error[0], error["_id"])]
    step = "/flows/" + chain.id + "/" + chain.imported
    for method, path in [
        ("GET", "/flows/{}/jobs/latest"),
        ("POST", "/flows/{}/jobs/cancel"),
        ("GET", "/flows/{}/errors"),
        ("GET", "/flows/{}/" + chain.imported + "/errors"),
        ("GET", "/flows/{}/" + chain.imported + "/resolved"),
        ("PUT", "/flows/{}/" + chain.imported + "/resolved"),
        ("DELETE", "/flows/{}/" + chain.imported + "/resolved"),
        ("POST", "/flows/{}/" + chain.imported + "/retry"),
        ("PUT", "/flows/{}/" + chain.imported + "/tags"),
        ("PUT", "/flows/{}/" + chain.imported + "/errors/assign"),
        ("PUT", "/flows/{}/" + chain.imported + "/errors/unassign"),
    ]:
        cases.append((method, path, chain.id))
    body = {
        "fileIds": ["x"],
        "errors": [error["_id"]],
        "errorIds": [error["_id"]],
        "email": "a@b",
        "tagIds": [],
    }
    for method, path, id in cases:
        sent = None if method == "GET" else body
        foreign = stranger.call(method, path.format(id), sent)
        missing = stranger.call(method, path.format(nobody), sent)
        assert (foreign.status_code, foreign.content) == (404, missing.content), (method, path)
    for tail in ("/data", "/requests"):
        path = f"{step}/{error['_id']}{tail}" if tail == "/data" else f"{step}{tail}/{error['_id']}"
        stranger.refused(404, "GET", path)
        stranger.refused(404, "GET", path.replace(chain.id, nobody))
    for path in (
        "/jobs",
        "/jobs?type=import",
        f"/jobs?_flowJobId={job}",
        f"/jobs?_flowId={chain.id}",
        "/retries",
    ):
        assert stranger.get(path) == []
    assert stranger.good("POST", "/jobs/current", {"_flowIds": [chain.id]}).json() == {"jobs": []}
    assert stranger.refused(422, "POST", "/jobs", {"_flowId": chain.id}) == stranger.refused(
        422, "POST", "/jobs", {"_flowId": nobody}
    )

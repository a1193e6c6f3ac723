"""Records that failed in a job: told, mended, sent again, resolved."""

import sqlite3
import threading

import pytest

from support.orders import order_shop
from support.working import Chain, until
from towpath.core.flows import FlowStream
from towpath.core.model import WriteMode
from towpath.services.connections import Connections
from towpath.services.documents.models import FlowSpec
from towpath.services.flows import Flows

_TEXTS = ("extract", "generate", "extracted", "generated", "exportDataURI", "importDataURI")


@pytest.fixture(scope="module")
def shop():
    with order_shop(5) as found:
        yield found


@pytest.fixture(scope="module")
def worker(server):
    server.container.work()


@pytest.fixture
def chain(program, worker, shop):
    shop.customers.clear()
    shop.late = 0
    shop.orders[:] = [{"id": number, "name": "refuse me" if number < 3 else "fine"} for number in range(5)]
    return Chain(program, shop)


def errors(program, job, **equals):
    found = program.get(f"/jobs/{job}/joberrors")
    return [one for one in found if all(one[name] == value for name, value in equals.items())]


def numbers(program, job):
    found = program.get(f"/jobs/{job}")
    return [found[name] for name in ("numSuccess", "numError", "numResolved", "numOpenError")]


def test_errors_are_told_and_resolved(program, chain, stranger):
    job = chain.run()["_id"]
    _, child = chain.children(job)
    found = errors(program, job)
    assert len(found) == 3
    first = found[0]
    assert {"resolve": False, "retry": False, "code": "422", "source": "application"}.items() <= first.items()
    assert {first[name] for name in _TEXTS} == {""}
    assert "the name is taken" in first["message"]
    assert (first["_jobId"], first["_userId"]) == (child["_id"], program.account)
    assert first["_retryId"] == first["_id"]
    for path in (
        f"/jobs/{job}/jobErrors",
        f"/jobs/{child['_id']}/joberrors/",
        f"/jobs/{child['_id']}/jobErrors",
    ):
        assert program.get(path) == found
    assert errors(program, chain.children(job)[0]["_id"]) == []
    url = program.get(f"/jobs/{job}/errorFile/signedURL")["signedURL"]
    assert program.api.client.get(url).json() == found

    one = program.call("PUT", f"/jobs/{job}/jobErrors/{first['_id']}/resolve")
    assert (one.status_code, one.json()["resolved"]) == (201, True)
    assert program.call("PUT", f"/jobs/{job}/joberrors/{first['_id']}/resolve").status_code == 201
    assert numbers(program, job) == [7, 3, 1, 2]
    assert numbers(program, child["_id"]) == [2, 3, 1, 2]
    other = chain.run()["_id"]
    for digits in ("nonsense", errors(program, other)[0]["_id"]):
        program.refused(404, "PUT", f"/jobs/{job}/joberrors/{digits}/resolve")
    assert program.good("PUT", f"/jobs/{job}/joberrors/resolve").json() == {"numResolved": 2}
    assert numbers(program, job) == [7, 3, 3, 0]
    assert program.get(f"/jobs/{child['_id']}")["retriable"] is False
    assert numbers(program, other) == [7, 3, 0, 3]
    for call in (("POST", f"/jobs/{job}/retry"), ("PUT", f"/jobs/{job}/retries/retry")):
        assert program.refused(422, *call)[0]["code"] == "retry.nothing"


def test_a_record_is_mended_and_sent_again(program, chain, shop):
    job = chain.run()["_id"]
    first, second, third = errors(program, job)
    kept = program.get(f"/retries?_jobId={job}")
    assert [one["_id"] for one in kept] == [third["_id"], second["_id"], first["_id"]]
    assert {one["type"] for one in kept} == {"object"}
    path = f"/retries/{first['_retryId']}/data"
    assert program.get(path) == {"id": 0, "name": "refuse me"}
    assert program.good("PUT", path, {"id": 0, "name": "mended"}).json() == {"id": 0, "name": "mended"}
    signed = program.get(f"/retries/{first['_retryId']}/signedURL")["signedURL"]
    assert program.api.client.get(signed).json() == {"id": 0, "name": "mended"}
    for wrong in ([1], "text", 7):
        assert program.refused(422, "PUT", path, wrong)[0]["field"] == "data"

    retry = program.good("POST", f"/jobs/{job}/retries/{first['_retryId']}/retry").json()
    assert (retry["type"], retry["_retryOfJobId"], retry["_flowJobId"]) == ("retry", job, job)
    assert chain.ended(retry["_jobId"])["status"] == "completed"
    assert "mended" in [one["name"] for one in shop.customers.values()]
    assert numbers(program, job) == [7, 3, 1, 2]
    assert errors(program, job, resolve=True)[0]["_id"] == first["_id"]
    for call in (
        ("POST", f"/jobs/{job}/retries/{first['_retryId']}/retry"),
        ("PUT", path, {"id": 0, "name": "again"}),
    ):
        assert program.refused(422, *call)[0]["code"] == "error.not_open"
    assert [one["_id"] for one in program.get(f"/jobs/{job}/family")["retries"]] == [retry["_id"]]
    assert [one["_id"] for one in program.get("/jobs?type=retry")] == [retry["_id"]]
    assert [one["_id"] for one in program.get("/jobs?type=flow")] == [job]
    assert retry["_id"] in [one["_id"] for one in program.get(f"/jobs?_flowJobId={job}")]


def test_a_retry_that_fails_again_leaves_one_open_error(program, chain, shop):
    job = chain.run()["_id"]
    for attempt in range(1, 3):
        retry = program.good("POST", f"/jobs/{job}/retry").json()["_jobId"]
        again = chain.ended(retry)
        assert (again["numError"], again["numOpenError"], again["numSuccess"]) == (3, 3, 0)
        assert numbers(program, job) == [7, 3, 0, 3]
        assert len(errors(program, job, resolve=False)) == 3
        assert len(errors(program, job)) == 3 * (attempt + 1)
    retries = program.get(f"/jobs/{job}/family")["retries"]
    assert [one["_retryOfJobId"] for one in retries] == [job, job]
    assert [one["numOpenError"] for one in retries] == [0, 3]

    left = errors(program, job, resolve=False)
    for one in left[:2]:
        program.good("PUT", f"/retries/{one['_retryId']}/data", {"id": 9, "name": "at last"})
    chosen = {"_retryIds": [one["_retryId"] for one in left[:2]]}
    done = program.good("PUT", f"/jobs/{job}/retries/retry", chosen).json()["_jobId"]
    assert chain.ended(done)["numSuccess"] == 2
    assert numbers(program, job) == [7, 3, 2, 1]
    assert program.refused(422, "PUT", f"/jobs/{job}/retries/retry", chosen)[0]["code"] == "error.not_open"
    for wrong in ([], "x", ["nonsense"]):
        assert program.call("PUT", f"/jobs/{job}/retries/retry", {"_retryIds": wrong}).status_code in (
            404,
            422,
        )


def test_a_job_that_is_retried_says_so_and_its_retry_can_be_canceled(program, chain, shop):
    job = chain.run()["_id"]
    shop.late = 0.5
    program.good("POST", f"/jobs/{job}/retry")
    found = program.get(f"/jobs/{job}")
    assert (found["status"], found["numOpenError"]) == ("retrying", 3)
    assert [one["_id"] for one in program.get("/jobs?status=retrying")] == [job]
    assert program.get("/jobs?status=completed") == []
    assert program.refused(422, "DELETE", f"/jobs/{job}")[0]["code"] == "run.unfinished"
    (first, *_) = errors(program, job)
    assert first["retry"]
    program.refused(422, "PUT", f"/jobs/{job}/joberrors/{first['_id']}/resolve")
    program.good("PUT", f"/jobs/{job}/cancel")
    until(lambda: program.get(f"/jobs/{job}")["status"] == "completed", "the end of the retry")
    assert len(errors(program, job, resolve=False)) == 3
    shop.late = 0
    program.good("PUT", f"/jobs/{job}/joberrors/resolve")
    program.good("DELETE", f"/jobs/{job}")
    assert program.get("/jobs") == []


def test_two_who_retry_at_once_send_nothing_twice(program, chain, shop):
    job = chain.run()["_id"]
    for one in errors(program, job):
        program.good("PUT", f"/retries/{one['_retryId']}/data", {"name": f"once {one['_id']}"})
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(program.call("POST", f"/jobs/{job}/retry")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found.status_code for found in answers) == [200, 422, 422, 422]
    (retry,) = [found.json()["_jobId"] for found in answers if found.is_success]
    assert chain.ended(retry)["numSuccess"] == 3
    sent = [one["name"] for one in shop.customers.values() if str(one.get("name")).startswith("once")]
    assert len(sent) == len(set(sent)) == 3


def test_records_can_be_added_to_be_sent(program, chain, shop):
    job = chain.run()["_id"]
    child = chain.children(job)[1]["_id"]
    added = program.make("/retries", {"_jobId": child, "type": "object", "data": {"name": "by hand"}})
    assert program.get(f"/retries/{added['_id']}/data") == {"name": "by hand"}
    started = program.good("POST", f"/jobs/{child}/retries/{added['_id']}/retry").json()
    assert chain.ended(started["_jobId"])["status"] == "completed"
    assert "by hand" in [one["name"] for one in shop.customers.values()]
    assert numbers(program, job) == [7, 3, 0, 3]
    for wrong in ({}, {"_jobId": child}, {"_jobId": job, "data": {}}, {"_jobId": child, "data": 7}):
        program.refused(422, "POST", "/retries", wrong)
    program.refused(404, "POST", "/retries", {"_jobId": "nonsense", "data": {"a": 1}})
    program.refused(404, "GET", "/retries/nonsense/data")


def test_flows_that_copy_streams_have_jobs_and_errors_too(program, worker, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as source:
        source.executescript(
            "CREATE TABLE orders (id INTEGER, name TEXT); INSERT INTO orders VALUES (1, 'a'), (NULL, 'b')"
        )
    source.close()
    rooms, org = program.api.container, program.org
    for name in ("a", "b"):
        Connections(rooms).create(org, name, "sqlite", {"path": str(tmp_path / f"{name}.db")})
    stream = FlowStream(name="orders", write=WriteMode.UPSERT, primary_key=("id",))
    ends = {"source": {"connection": "a"}, "destination": {"connection": "b"}}
    Flows(rooms).create(org, "copy", FlowSpec.model_validate({**ends, "streams": [stream]}))
    (flow,) = program.get("/flows")
    job = program.good("POST", f"/flows/{flow['_id']}/run").json()["_jobId"]

    def over(id):
        found = program.get(f"/jobs/{id}")
        return found if found["status"] in ("completed", "failed", "canceled") else None

    found = until(lambda: over(job), "the end of the copy")
    assert (found["status"], numbers(program, job)) == ("completed", [1, 1, 0, 1])
    (child,) = program.get(f"/jobs/{job}/family")["children"]
    assert (child["type"], child["towpath"], child["retriable"]) == ("import", {"stream": "orders"}, True)
    assert (child["_exportId"], child["_importId"]) == (flow["_exportId"], flow["_importId"])
    assert program.get(f"/jobs?type=import&_importId={flow['_importId']}") == [child]
    (error,) = errors(program, child["_id"])
    assert (error["code"], error["_jobId"]) == ("key.null", child["_id"])
    inbox = f"/flows/{flow['_id']}/{flow['_importId']}"
    assert [one["errorId"] for one in program.get(f"{inbox}/errors")["errors"]] == [error["_id"]]
    (standing,) = program.get(f"/flows/{flow['_id']}/errors")["flowErrors"]
    assert (standing["_expOrImpId"], standing["numError"]) == (flow["_importId"], 1)
    data = f"/retries/{error['_retryId']}/data"
    assert program.refused(422, "PUT", data, {"nobody": 1})[0]["field"] == "data"
    program.good("PUT", data, {"id": 2, "name": "b"})
    retry = program.good("POST", f"{inbox}/retry", {"errorIds": [error["_id"]]})
    until(lambda: over(retry.json()["_jobId"]), "the end of the retry")
    assert numbers(program, job) == [1, 1, 1, 0]
    with sqlite3.connect(tmp_path / "b.db") as target:
        assert target.execute("SELECT id, name FROM orders ORDER BY id").fetchall() == [(1, "a"), (2, "b")]
    target.close()

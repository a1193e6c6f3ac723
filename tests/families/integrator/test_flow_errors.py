"""Errors by step: told, resolved, mended and sent again, assigned; and what was sent when they happened."""

from datetime import UTC, datetime, timedelta

import pytest

from support.orders import order_shop
from support.working import Chain
from towpath.core.ids import as_object_id, of_object_id
from towpath.core.records import RecordError, Run


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
    shop.orders[:] = [{"id": number, "name": "refuse me" if number < 3 else "fine"} for number in range(5)]
    return Chain(program, shop)


def step(chain, tail="errors"):
    return f"/flows/{chain.id}/{chain.imported}/{tail}"


def ids(program, path, word="errors"):
    return [one["errorId"] for one in program.get(path)[word]]


def test_a_step_tells_its_errors(program, chain):
    integration = program.make("/integrations", {"name": "Shop"})["_id"]
    program.good(
        "PATCH", f"/flows/{chain.id}", [{"op": "add", "path": "/_integrationId", "value": integration}]
    )
    assert program.get(f"/flows/{chain.id}/errors") == {"flowErrors": []}
    assert program.get(f"/integrations/{integration}/errors") == []
    job = chain.run()["_id"]
    found = program.get(step(chain))["errors"]
    assert [one["traceKey"] for one in found] == ["2", "1", "0"]
    error = found[0]
    assert {
        "source": "application",
        "code": "422",
        "oIndex": 1,
        "_flowJobId": job,
        "classification": "value",
        "classifiedBy": "auto",
        "retryDataKey": error["errorId"],
    }.items() <= error.items()
    assert "the name is taken" in error["message"]
    newest = max(one["occurredAt"] for one in found)
    standing = {"numError": 3, "lastErrorAt": newest}
    assert program.get(f"/flows/{chain.id}/errors") == {
        "flowErrors": [{"_expOrImpId": chain.imported, **standing}]
    }
    assert program.get(f"/integrations/{integration}/errors") == [{"_flowId": chain.id, **standing}]
    assert program.get(f"/flows/{chain.id}/{chain.export}/errors") == {"errors": []}

    everything = [one["errorId"] for one in found]
    for query, expected in {
        f"occurredAt_gte={error['occurredAt'][:10]}": everything,
        "occurredAt_gte=2999-01-01": [],
        f"occurredAt_lte={newest}": everything,
        "source=application,mapping": everything,
        "source=mapping": [],
    }.items():
        assert ids(program, f"{step(chain)}?{query}") == expected, query
    program.refused(400, "GET", f"{step(chain)}?occurredAt_gte=soon")
    program.refused(400, "GET", f"{step(chain)}?limit=0")
    seen, path = [], f"{step(chain)}?limit=2&source=application"
    while path:
        page = program.get(path)
        seen.append([one["errorId"] for one in page["errors"]])
        path = page.get("nextPageURL", "").partition("/v1")[2]
    assert seen == [everything[:2], everything[2:]]
    for wrong in (f"/flows/{chain.id}/{integration}/errors", f"/flows/{chain.id}/x/errors"):
        program.refused(404, "GET", wrong)


def test_errors_are_resolved_and_then_deleted(program, chain):
    chain.run()
    first, second, third = ids(program, step(chain))
    assert program.call("PUT", step(chain, "resolved"), {"errors": [first, second]}).status_code == 204
    assert ids(program, step(chain)) == [third]
    assert ids(program, step(chain, "resolved"), "resolved") == [first, second]
    refused = program.refused(422, "DELETE", step(chain, "resolved"), {"errors": [first, third]})
    assert refused[0]["code"] == "error.not_resolved"
    assert program.call("DELETE", step(chain, "resolved"), {"errors": [first]}).status_code == 204
    assert ids(program, step(chain, "resolved"), "resolved") == [second]
    for wrong in ({}, {"errors": []}, {"errors": "x"}):
        program.refused(422, "PUT", step(chain, "resolved"), wrong)
    for wrong in ("nonsense", first, as_object_id(Run(org="", flow="").id)):
        program.refused(404, "PUT", step(chain, "resolved"), {"errors": [wrong]})
    program.refused(404, "PUT", f"/flows/{chain.id}/{chain.export}/resolved", {"errors": [second]})


def test_a_record_is_mended_and_sent_again_from_its_step(program, chain, shop):
    job = chain.run()["_id"]
    third, second, first = ids(program, step(chain))
    data = step(chain, f"{first}/data")
    assert program.get(data) == {"data": {"id": 0, "name": "refuse me"}, "stage": "map", "traceKey": "0"}
    mended = {"id": 0, "name": "mended"}
    assert program.good("PUT", data, {"data": mended}).json()["data"] == mended
    program.refused(422, "PUT", data, mended)
    program.refused(422, "PUT", data, {"data": [mended]})
    retry = program.good("POST", step(chain, "retry"), {"retryDataKeys": [first]}).json()["_jobId"]
    assert chain.ended(retry)["numSuccess"] == 1
    assert "mended" in [one["name"] for one in shop.customers.values()]
    (resolved,) = program.get(step(chain, "resolved"))["resolved"]
    assert (resolved["errorId"], resolved["_retryJobId"]) == (first, retry)
    assert program.refused(422, "POST", step(chain, "retry"), {"errorIds": [first, second]})[0]["code"] == (
        "error.not_open"
    )
    # All that are left fail again: each leaves one open error.
    again = program.good("POST", step(chain, "retry")).json()["_jobId"]
    assert chain.ended(again)["numError"] == 2
    left = program.get(step(chain))["errors"]
    assert [one["traceKey"] for one in left] == ["2", "1"]
    assert {one["_flowJobId"] for one in left} == {again}
    assert not {second, third} & {one["errorId"] for one in left}
    assert program.get(f"/jobs/{job}")["numResolved"] == 1
    program.refused(422, "POST", step(chain, "retry"), {"errorFileId": "x"})

    # A run in which the same records pass resolves what is open.
    for order in shop.orders:
        order["name"] = "fine"
    chain.run()
    assert ids(program, step(chain)) == []
    assert program.refused(422, "POST", step(chain, "retry"), {})[0]["code"] == "retry.nothing"
    assert program.get(f"/flows/{chain.id}/errors") == {"flowErrors": []}


def test_errors_are_assigned_and_tagged(program, chain):
    chain.run()
    first, second, _ = ids(program, step(chain))

    def error(id):
        return next(one for one in program.get(step(chain))["errors"] if one["errorId"] == id)

    both = {"errorIds": [first, second], "email": "ann@shop.example"}
    program.good("PUT", step(chain, "errors/assign"), both)
    program.good("PUT", step(chain, "errors/unassign"), {"errorIds": [second]})
    program.good("PUT", step(chain, "tags"), {"errors": [{"id": first, "rdk": first}], "tagIds": ["t1"]})
    assert (error(first)["assignedTo"], error(first)["tagIds"]) == ({"email": "ann@shop.example"}, ["t1"])
    assert "assignedTo" not in error(second)
    assert error(first)["retryDataKey"] == first
    program.refused(422, "PUT", step(chain, "errors/assign"), {"errorIds": [first], "email": "nobody"})
    program.refused(422, "PUT", step(chain, "tags"), {"errors": [first], "tagIds": "x"})
    program.refused(422, "PUT", step(chain, "tags"), {"errors": 7, "tagIds": []})
    program.refused(404, "PUT", step(chain, "tags"), {"errors": [{"rdk": 1}], "tagIds": []})


def test_what_was_sent_is_shown_if_somebody_debugged(program, chain):
    chain.run()
    (unseen, *_) = program.get(step(chain))["errors"]
    assert "reqAndResKey" not in unseen
    program.refused(404, "GET", step(chain, f"requests/{unseen['errorId']}"))
    until = (datetime.now(UTC) + timedelta(minutes=15)).isoformat()
    change = [{"op": "replace", "path": "/debugDate", "value": until}]
    program.good("PATCH", f"/connections/{chain.connection}", change)
    chain.run()
    error = program.get(step(chain))["errors"][0]
    found = program.get(step(chain, f"requests/{error['reqAndResKey']}"))
    assert found["key"] == error["errorId"]
    assert {one["type"] for one in found["requests"]} == {"request", "response"}
    assert "tok-canary" not in str(found)


def test_long_inboxes_are_read_page_by_page(program, chain):
    job = chain.run()["_id"]
    run, flow = of_object_id("run", job), of_object_id("flw", chain.id)
    with program.api.container.store.begin() as work:
        errors = [
            RecordError(
                org=program.org, run=run, flow=flow, stream=of_object_id("imp", chain.imported),
                key=f"x.{number}#1", code="x", message="x", record={"n": number}, detail={"stage": "map"},
            )
            for number in range(1500)
        ]  # fmt: skip
        work.record_errors.report(program.org, errors)
    page = program.get(step(chain))
    rest = program.get(page["nextPageURL"].partition("/v1")[2])
    assert (len(page["errors"]), len(rest["errors"]), "nextPageURL" in rest) == (1000, 503, False)
    assert program.refused(422, "GET", f"/jobs/{job}/joberrors")[0]["code"] == "too_many_errors"
    url = program.get(f"/jobs/{job}/errorFile/signedURL")["signedURL"]
    assert len(program.api.client.get(url).json()) == 1503
    assert program.good("PUT", f"/jobs/{job}/joberrors/resolve").json() == {"numResolved": 1503}

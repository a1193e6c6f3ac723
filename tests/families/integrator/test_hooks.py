"""Hooks and wrappers, all the way: programs, Towpath, functions on a real server that call back."""

import time

import pytest

from support.extension import Server
from towpath.core.ids import of_object_id
from towpath.core.records import RunStatus

pytestmark = pytest.mark.service("extension")

PATIENCE = 60


@pytest.fixture
def stack(program, extension: Server):
    server = {"hostURI": extension.url, "systemToken": extension.token}
    return program.make("/stacks", {"name": "functions", "server": server})["_id"]


@pytest.fixture
def wrapper(program, stack):
    """Makes a connection to a place on the extension server."""

    def make(place: str, password: str = "open sesame") -> str:
        body = {
            "type": "wrapper",
            "name": place,
            "wrapper": {
                "_stackId": stack,
                "pingFunction": "ping",
                "encrypted": {"password": password},
                "unencrypted": {"place": place},
            },
        }
        return program.make("/connections", body)["_id"]

    return make


def export(program, connection, function="read", **more):
    body = {
        "name": f"export {function}",
        "_connectionId": connection,
        "wrapper": {"function": function},
        **more,
    }
    return program.make("/exports", body)["_id"]


def test_wrappers_are_pinged_read_and_written(program, wrapper, extension):
    good, bad = wrapper("books"), wrapper("elsewhere", "wrong")
    assert program.get(f"/connections/{good}/ping") == {"code": 200}
    assert program.get(f"/connections/{bad}/ping")["code"] == 401
    assert program.get(f"/connections/{bad}")["offline"] is True
    shown = program.call("GET", f"/connections/{good}")
    assert shown.json()["wrapper"]["encrypted"] == {"password": "******"}

    extension.fill("books", [{"id": number} for number in range(1, 8)])
    found = program.good("POST", f"/exports/{export(program, good)}/invoke").json()
    assert [one["id"] for one in found["data"]] == list(range(1, 8))

    body = {
        "name": "i",
        "_connectionId": good,
        "wrapper": {"function": "write"},
        "mapping": {
            "fields": [{"extract": "id", "generate": "id"}, {"extract": "kind", "generate": "status"}]
        },
    }
    made = program.make("/imports", body)["_id"]
    extension.fill("books", [])
    records = [{"id": "a"}, {"id": "b", "kind": "refuse"}, {"id": "c", "kind": "ignore"}]
    found = program.good("POST", f"/imports/{made}/invoke", records).json()
    assert [(one["statusCode"], one.get("ignored", False)) for one in found] == [
        (200, False),
        (422, False),
        (200, True),
    ]
    assert (found[0]["id"], found[0]["_json"]) == ("a", {"stored": True})
    assert found[1]["errors"][0]["message"] == "not this one"
    [stored] = extension.written("books")
    assert (stored["id"], stored["before"]) == ("a", {"id": "a"})


def test_a_hooks_token_invokes_what_is_there_and_nothing_else(program, stack, wrapper, extension):
    extension.fill("tokens", [{"id": 1}])
    connection = wrapper("tokens")
    other = export(program, connection)
    doors = [
        ["POST", f"/v1/exports/{other}/invoke"],
        ["GET", f"/v1/exports/{other}"],
        ["GET", "/v1/exports"],
        ["DELETE", f"/v1/exports/{other}"],
        ["GET", f"/v1/connections/{connection}"],
        ["POST", f"/v1/connections/{connection}/export", {"wrapper": {"function": "read"}}],
        ["POST", "/v1/stacks", {"name": "s"}],
        ["GET", f"/v1/stacks/{stack}/systemToken"],
        ["GET", "/v1/state"],
        ["POST", "/v1/accesstokens", {"fullAccess": True}],
    ]
    configuration = {"url": program.api.url, "requests": doors}
    hook = {"function": "asks", "_stackId": stack, "configuration": configuration}
    hooked = export(program, connection, hooks={"preSavePage": hook})
    found = program.good("POST", f"/exports/{hooked}/invoke").json()
    assert found["data"] == [{"id": 1}]

    [asked] = extension.written("asked")
    allowed, *refused = [one["status"] for one in asked["answers"]]
    assert allowed == 200
    assert set(refused) == {403}
    dead = program.call("POST", f"/exports/{other}/invoke", token=asked["token"])
    assert (dead.status_code, dead.json()) == (401, {"message": "Bearer Authentication Failed"})
    told = next(one for one in extension.heard() if one["function"] == "asks")
    assert told["type"] == "hook"
    options = told["options"]
    assert (options["_exportId"], options["_connectionId"], options["pageIndex"]) == (hooked, connection, 0)
    assert options["configuration"] == configuration


def test_hooks_of_an_import(program, stack, wrapper, extension):
    """Odd ids are ignored by the first, three fail; the second adds; the third has the last word."""
    extension.fill("hooked", [])
    body = {
        "name": "i",
        "_connectionId": wrapper("hooked"),
        "wrapper": {"function": "write"},
        "mapping": {"fields": [{"extract": "id", "generate": "id"}]},
        "hooks": {
            name: {"function": name, "_stackId": stack} for name in ("preMap", "postMap", "postSubmit")
        },
    }
    made = program.make("/imports", body)["_id"]
    records = [{"id": number} for number in (1, 2, 3, 6)]
    found = program.good("POST", f"/imports/{made}/invoke", records).json()
    assert [one["statusCode"] for one in found] == [200, 200, 422, 200]
    assert found[0]["ignored"] is True
    assert found[2]["errors"][0]["code"] == "three"
    assert [one["code"] for one in found[3]["errors"]] == ["three"], "processed, and told"
    stored = extension.written("hooked")
    assert [one["id"] for one in stored] == [2, 6]

    short = {**body, "hooks": {"preMap": {"function": "short", "_stackId": stack}}}
    program.good("PUT", f"/imports/{made}", short)
    found = program.good("POST", f"/imports/{made}/invoke", records).json()
    assert {one["statusCode"] for one in found} == {422}
    assert len(extension.written("hooked")) == 2


def test_hooks_that_fail(program, stack, wrapper, extension):
    extension.fill("failing", [{"id": 1}])
    connection = wrapper("failing")
    for function in ("fails", "throws", "promises", "missing"):
        hooked = export(program, connection, hooks={"preSavePage": {"function": function, "_stackId": stack}})
        refused = program.call("POST", f"/exports/{hooked}/invoke")
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["code"]
        assert "tp_once_" not in refused.text
    with program.api.container.store.read() as work:
        assert work.keys.list(program.org, kind="once") == []


def test_a_stack_that_refuses_us_is_not_the_connections_fault(program, stack, wrapper, extension):
    connection = wrapper("refused")
    server = {"hostURI": extension.url, "systemToken": "another-token"}
    other = program.make("/stacks", {"name": "strange", "server": server})["_id"]
    hook = {"function": "preMap", "_stackId": other}
    body = {
        "name": "i",
        "_connectionId": connection,
        "wrapper": {"function": "write"},
        "hooks": {"preMap": hook},
    }
    made = program.make("/imports", body)["_id"]
    [found] = program.good("POST", f"/imports/{made}/invoke", [{"id": 1}]).json()
    assert (found["statusCode"], found["errors"][0]["code"]) == (422, "extension.unauthorized")
    assert found["errors"][0]["source"] == "pre_map_hook"
    assert program.get(f"/connections/{connection}")["offline"] is False


def test_a_flow_of_wrappers_and_hooks_runs_on_a_worker(program, stack, wrapper, extension):
    """Its functions call back with tokens that are dead when it has ended, and keep what failed."""
    program.api.container.work()
    extension.fill("from", [{"id": number} for number in range(1, 7)])
    extension.fill("to", [])
    reads, writes = wrapper("from"), wrapper("to")
    doors = [["POST", f"/v1/exports/{export(program, reads)}/invoke"], ["GET", "/v1/flows"]]
    asks = {
        "function": "asks",
        "_stackId": stack,
        "configuration": {"url": program.api.url, "requests": doors},
    }
    delta = {"type": "delta", "delta": {"dateField": "at"}}
    first = export(program, reads, hooks={"preSavePage": asks}, **delta)
    body = {
        "name": "i",
        "_connectionId": writes,
        "wrapper": {"function": "write"},
        "mapping": {"fields": [{"extract": "id", "generate": "id"}]},
        "hooks": {"preMap": {"function": "preMap", "_stackId": stack}},
    }
    second = program.make("/imports", body)["_id"]
    steps = {
        "pageGenerators": [{"_exportId": first}],
        "pageProcessors": [{"type": "import", "_importId": second}],
    }
    made = program.make("/flows", {"name": "wrapped", "disabled": False, **steps})["_id"]
    job = of_object_id("run", program.good("POST", f"/flows/{made}/run").json()["_jobId"])
    run = ended(program, job)
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert [one["id"] for one in extension.written("to")] == [2, 4, 6]

    [asked] = extension.written("asked")
    assert [one["status"] for one in asked["answers"]] == [200, 403]
    assert program.call("GET", "/tokenInfo", token=asked["token"]).status_code == 401
    heard = extension.heard()
    pages = [one["options"] for one in heard if one["function"] == "asks"]
    assert [(one["pageIndex"], one["_flowId"], len(one["data"])) for one in pages] == [
        (0, made, 4),
        (1, made, 2),
    ]
    read = next(one["options"] for one in heard if one["function"] == "read" and "delta" in one["options"])
    assert read["delta"] == {"dateField": "at", "lastExecutionTime": 0}
    with program.api.container.store.read() as work:
        rows = {row.stream: row.counters for row in work.streams.list(program.org, job)}
        errors = work.record_errors.list(program.org, run=job)
        assert work.keys.list(program.org, kind="once") == []
    counted = rows[of_object_id("imp", second)]
    assert (counted.read, counted.written, counted.filtered, counted.rejected) == (6, 3, 2, 1)
    # The second was processed: there is nothing to send again.
    assert [(one.code, one.record) for one in errors] == [("three", {"id": 3}), ("three", {})]


def ended(program, job):
    """The run, when it has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with program.api.container.store.read() as work:
            run = work.runs.get(program.org, job)
        if run.status.final:
            return run
        time.sleep(0.05)
    raise AssertionError("no end")

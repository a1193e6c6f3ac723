"""Organizations see nothing of each other: what is another's reads, byte by byte, as what never was."""

import re

import pytest

from support.api import cases_of
from towpath.api.integrator import family
from towpath.api.integrator.ids import PREFIXES
from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import load
from towpath.core.ids import as_object_id, new_id, of_object_id
from towpath.core.records import RecordError

REST = {"baseURI": "https://x.example", "mediaType": "json"}
CLIENT = {"provider": "google", "oauth2": {"clientId": "c", "clientSecret": "s"}}
STACK = {"name": "s", "type": "server", "server": {"hostURI": "https://x.example", "systemToken": "t"}}
FILE = {"name": "f", "version": "1", "format": "delimited", "rules": []}


def furnished(program):
    """One of each kind: its id, and its document."""
    bodies = {
        "connections": {"name": "c", "type": "rest", "rest": REST},
        "iclients": CLIENT,
        "stacks": STACK,
        "accesstokens": {"name": "a", "fullAccess": True},
        "connectors": {"name": "app"},
        "templates": {"name": "t"},
        "scripts": {"name": "s"},
        "lookupcaches": {"name": "l"},
        "filedefinitions": FILE,
        "asynchelpers": {"name": "h"},
        "integrations": {"name": "i"},
    }
    made = {kind: program.make(f"/{kind}", body) for kind, body in bodies.items()}
    link = {"_connectionId": made["connections"]["_id"]}
    made["exports"] = program.make(
        "/exports", link | {"name": "e", "rest": {"relativeURI": "/o", "method": "GET"}}
    )
    made["imports"] = program.make(
        "/imports", link | {"name": "m", "rest": {"relativeURI": "/o", "method": "POST"}}
    )
    steps = {"_exportId": made["exports"]["_id"], "_importId": made["imports"]["_id"]}
    made["flows"] = program.make("/flows", steps | {"name": "f", "disabled": True})
    running = program.make("/flows", steps | {"name": "r", "disabled": False})
    job = program.make(f"/flows/{running['_id']}/run", {})["_jobId"]
    made["jobs"], made["retries"] = {"_id": job}, {"_id": failed(program, running, made["exports"], job)}
    return made


def failed(program, flow, step, job):
    """The id of a record that failed in the job."""
    error = RecordError(
        org=program.org,
        run=of_object_id("run", job),
        flow=of_object_id("flw", flow["_id"]),
        stream=of_object_id("exp", step["_id"]),
        code="422",
        message="No.",
        record={"a": 1},
    )
    with program.api.container.store.begin() as work:
        work.record_errors.report(program.org, [error])
    return as_object_id(error.id)


def filled(path, ids):
    return re.sub(r"{(\w+)}", lambda part: ids.get(part[1], "x"), path)


@pytest.fixture(scope="module")
def routes(tmp_path_factory):
    app = family.build(Container(load({"home": tmp_path_factory.mktemp("home")}, {})))
    cases = cases_of(app.openapi())
    # Who holds a signed address needs no token, and what it is of is in its signature.
    return [case for case in cases if "{id}" in case[1] and not case[1].startswith("/v1/signed/")]


def test_every_route_hides_what_is_another_organizations(program, stranger, routes):
    made = furnished(program)
    others = {
        "connection": made["connections"]["_id"],
        "resource": made["exports"]["_id"],
        "license": made["connectors"]["_id"],
        "step": made["exports"]["_id"],
        "error": made["retries"]["_id"],
        "retry_id": made["retries"]["_id"],
    }
    unknown = {kind: as_object_id(new_id(prefix)) for kind, prefix in {**PREFIXES, "retries": "err"}.items()}
    assert len(routes) > 80
    for method, path in routes:
        kind = path.split("/")[2]
        there = filled(path, {**others, "id": made[kind]["_id"]})
        nowhere = filled(path, {**others, "id": unknown[kind]})
        whole = method == "PUT" and path.endswith("{id}")
        for body in ({}, made[kind]) if whole else ({},) if method in ("POST", "PUT") else (None,):
            theirs, none = (stranger.call(method, url.removeprefix("/v1"), body) for url in (there, nowhere))
            assert (theirs.status_code, theirs.content) == (none.status_code, none.content), (method, path)
            assert 400 <= theirs.status_code < 500, (method, path, theirs.text)
            if whole and body:
                assert theirs.status_code == 404, (method, path, theirs.text)
    # The run that was asked for waits for its connection.
    made["connections"]["queues"][0]["size"] = 1
    for kind, document in made.items():
        if kind not in ("jobs", "retries", "accesstokens", "flows"):
            assert program.get(f"/{kind}/{document['_id']}") == document
            assert stranger.get(f"/{kind}") == []
    assert {one["name"] for one in program.get("/flows")} == {"f", "r"}


def test_references_to_what_is_another_organizations_are_dangling(program, stranger):
    theirs = furnished(program)
    connection, export = theirs["connections"]["_id"], theirs["exports"]["_id"]
    rest = {"relativeURI": "/o", "method": "GET"}
    for path, body in (
        ("/exports", {"name": "e", "_connectionId": connection, "rest": rest}),
        ("/imports", {"name": "e", "_connectionId": connection, "rest": rest}),
        ("/flows", {"name": "f", "_exportId": export}),
        ("/accesstokens", {"_connectionIds": [connection]}),
        ("/connections", {"type": "rest", "rest": REST, "_borrowConcurrencyFromConnectionId": connection}),
        (
            "/connections",
            {"type": "wrapper", "wrapper": {"pingFunction": "p", "_stackId": theirs["stacks"]["_id"]}},
        ),
    ):
        codes = {fault["code"] for fault in stranger.refused(422, "POST", path, body)}
        assert "invalid_ref" in codes, (path, codes)

"""Connectors, as this family calls apps: kept, licensed, installed by functions of their own."""

import json

import pytest

from support.extension import Server
from towpath.core.ids import of_object_id
from towpath.core.records import User

LICENSE = {
    "email": "Test@Example.com",
    "expires": "2099-11-01T18:29:59.999Z",
    "opts": {
        "connectorEdition": "standard",
        "addonLicenses": [{"type": "store", "licenses": [{"addOnEdition": "standard"}]}],
    },
}
NOTHING = "5f0000000000000000000009"


@pytest.fixture
def somebody(program):
    """A user with an email address."""
    with program.api.container.store.begin() as work:
        work.users.add(program.org, User(org=program.org, name="somebody", email=LICENSE["email"]))


def test_apps_are_kept_whole(program, stranger):
    body = {
        "name": "Acme to Initech",
        "handle": "acme",
        "published": False,
        "contactEmail": "hello@acme.example",
        "applications": ["acme", "initech"],
        "oAuthServerFlow": {"putConnection": True},
    }
    made = program.make("/connectors", body)
    path = f"/connectors/{made['_id']}"
    assert {**body, **made} == made
    assert program.get(path) == made
    changed = program.good("PUT", path, {"name": "Acme"}).json()
    assert "handle" not in changed
    assert [one["_id"] for one in program.get("/connectors")] == [made["_id"]]
    assert program.get(f"{path}/installBase") == []
    assert program.get(f"{path}/audit")[0]["event"] == "update"
    for method in ("GET", "PUT", "DELETE"):
        found = stranger.call(method, path, body if method == "PUT" else None)
        assert found.content == stranger.call("GET", f"/connectors/{NOTHING}").content
    program.good("DELETE", path)
    assert program.call("GET", path).status_code == 404


def test_what_an_app_refers_to_must_be_there(program):
    body = {"_stackId": NOTHING, "_integrationId": "nonsense", "_sharedExportIds": [NOTHING]}
    found = {(one["code"], one["field"]) for one in program.refused(422, "POST", "/connectors", body)}
    assert found == {
        ("missing_required_field", "name"),
        ("invalid_ref", "_stackId"),
        ("invalid_ref", "_integrationId"),
        ("invalid_ref", "_sharedExportIds[0]"),
    }


def test_licenses(program, somebody, stranger):
    app = program.make("/connectors", {"name": "Acme"})
    path = f"/connectors/{app['_id']}/licenses"
    made = program.make(path, LICENSE)
    assert made == {
        **LICENSE,
        "_id": made["_id"],
        "user": {"email": LICENSE["email"]},
        "created": made["created"],
        "lastModified": made["lastModified"],
    }
    assert program.get(path) == [made]
    one = f"{path}/{made['_id']}"
    later = {"expires": "2100-01-01T00:00:00.000Z", "opts": {"connectorEdition": "premium"}}
    changed = program.good("PUT", one, later).json()
    assert changed == {**made, **later, "lastModified": changed["lastModified"]}
    assert program.get(one) == changed

    assert program.refused(422, "POST", path, {**LICENSE, "email": "nobody@example.com"})[0]["code"] == (
        "invalid_user"
    )
    assert program.refused(422, "PUT", one, {}) == [
        {"code": "missing_required_field", "message": "The field expires is required.", "field": "expires"}
    ]
    assert {fault["field"] for fault in program.refused(422, "POST", path, {"opts": []})} == {
        "email",
        "expires",
        "opts",
    }
    assert stranger.call("GET", one).status_code == 404
    other = program.make("/connectors", {"name": "Other"})
    assert program.call("GET", f"/connectors/{other['_id']}/licenses/{made['_id']}").status_code == 404
    program.good("DELETE", one)
    assert program.get(path) == []


@pytest.fixture
def app(program, app_server: Server):
    """An app whose functions lie on a real server."""
    server = {"hostURI": app_server.url, "systemToken": app_server.token}
    stack = program.make("/stacks", {"name": "functions", "server": server})
    app_server.heard()
    return program.make(
        "/connectors",
        {
            "name": "Acme",
            "_stackId": stack["_id"],
            "installerFunction": "furnish",
            "updateFunction": "update",
            "preUninstallFunction": "before",
            "uninstallerFunction": "uninstall",
        },
    )


def licensed(program, app, **opts):
    """A licence that tells the app's functions where to ask, and what besides."""
    opts = {"url": program.api.url, "others": [], **opts}
    return program.make(f"/connectors/{app['_id']}/licenses", {**LICENSE, "opts": opts})


@pytest.mark.service("extension")
def test_an_app_is_installed_used_and_uninstalled(program, somebody, app, app_server):
    foreign = program.make("/templates", {"name": "not the app's"})
    doors = [
        ["GET", "/v1/connections"],
        ["GET", "/v1/stacks"],
        ["GET", f"/v1/templates/{foreign['_id']}"],
        ["GET", f"/v1/connectors/{app['_id']}"],
        ["POST", f"/v1/integrations/{app['_id']}/install"],
    ]
    license = licensed(program, app, others=doors)
    made = program.good("POST", f"/integrations/{app['_id']}/install").json()
    path = f"/integrations/{made['_id']}"
    assert (made["mode"], made["_connectorId"]) == ("install", app["_id"])
    assert [step["completed"] for step in made["install"]] == [False]

    # What the installer could do with its token, and what not; and that it is dead now.
    [asked] = app_server.written("asked")
    put, post, connections, *closed = asked["answers"]
    assert (put["status"], post["status"], connections["status"]) == (200, 201, 200)
    assert [one["name"] for one in json.loads(connections["text"])] == ["of the app"]
    assert json.loads(post["text"])["_connectorId"] == app["_id"]
    assert {one["status"] for one in closed} == {403}
    assert program.call("GET", "/connections", token=asked["token"]).status_code == 401
    [heard] = app_server.heard()
    assert (heard["type"], heard["function"], heard["_connectorId"]) == ("installer", "furnish", app["_id"])
    assert heard["options"]["license"]["email"] == LICENSE["email"]
    used = program.get(f"/connectors/{app['_id']}/licenses/{license['_id']}")
    assert (used["_integrationId"], used["user"]["name"]) == (made["_id"], "somebody")
    assert [one["_integrationId"] for one in program.get(f"/connectors/{app['_id']}/installBase")] == [
        made["_id"]
    ]

    # Its steps, its settings, an update.
    body = {"formSubmission": {"a": 1}, "bearerToken": "of the caller's", "_integrationId": "of the caller's"}
    done = program.good("PUT", f"{path}/installer/stepOne", body).json()
    assert done["told"] == {"a": 1}
    [heard] = app_server.heard()
    assert heard["options"]["_integrationId"] == made["_id"]
    assert heard["options"]["bearerToken"].startswith("tp_once_")
    now = program.get(path)
    assert (now["mode"], now["install"][0]["completed"]) == ("settings", True)
    pending = {"pending": {"id": "x"}}
    assert program.good("PUT", f"{path}/settings/persist", pending).json() == {"success": True, **pending}
    assert program.good("PUT", f"{path}/uninstaller/before").json() == {"success": True}
    program.good("PUT", f"/connectors/{app['_id']}/update", {"_integrationIds": [made["_id"]]})
    [during] = app_server.written("asked")[0]["answers"]
    assert json.loads(during["text"])["updateInProgress"] is True
    assert program.get(path)["updateInProgress"] is False

    # All that the app made goes with it; the licence is free again.
    assert program.refused(422, "DELETE", f"/connectors/{app['_id']}")[0]["code"] == "dependency_conflict"
    assert len(program.get("/connections")) == 1
    assert program.good("DELETE", f"{path}/install").json() == {"success": True}
    assert program.call("GET", path).status_code == 404
    assert program.get("/connections") == []
    free = program.get(f"/connectors/{app['_id']}/licenses/{license['_id']}")
    assert "_integrationId" not in free
    assert free["user"] == license["user"]
    program.good("DELETE", f"/connectors/{app['_id']}")


@pytest.mark.service("extension")
def test_functions_that_fail_leave_things_to_be_tried_again(program, somebody, app, app_server):
    license = licensed(program, app, stuck=True)
    path = f"/connectors/{app['_id']}"
    program.good("PUT", path, {**app, "installerFunction": "fails"})
    failed = program.refused(422, "POST", f"/integrations/{app['_id']}/install")
    assert "no room" in failed[0]["message"]
    [left] = program.get("/integrations")
    assert left["mode"] == "install"
    failed = program.refused(422, "PUT", f"/integrations/{left['_id']}/installer/missing")
    assert failed[0]["code"] == "extension.failed"

    stuck = program.refused(422, "DELETE", f"/integrations/{left['_id']}/install")
    assert "still in use" in stuck[0]["message"]
    assert program.get(f"/integrations/{left['_id']}")["mode"] == "uninstall"
    body = {"expires": LICENSE["expires"], "opts": {}}
    program.good("PUT", f"{path}/licenses/{license['_id']}", body)
    program.good("DELETE", f"/integrations/{left['_id']}/install")
    assert program.get("/integrations") == []
    with program.api.container.store.read() as work:
        assert work.keys.list(program.org, kind="once") == []
        [row] = work.items.list(program.org, kind="license")
        assert row.parent == of_object_id("itm", app["_id"])


def test_what_cannot_be_installed(program, stranger):
    bare = program.make("/connectors", {"name": "bare"})
    assert program.refused(422, "POST", f"/integrations/{bare['_id']}/install")[0]["field"] == "_stackId"
    assert program.refused(422, "PUT", f"/connectors/{bare['_id']}/update", {"_integrationIds": []})[0][
        "field"
    ] == ("updateFunction")
    assert program.refused(422, "PUT", f"/connectors/{bare['_id']}/update", {"_integrationIds": "x"})
    plain = program.make("/integrations", {"name": "made by hand"})
    for method, tail in (("DELETE", "install"), ("PUT", "settings/persist")):
        assert program.call(method, f"/integrations/{plain['_id']}/{tail}").status_code == 404
        assert stranger.call(method, f"/integrations/{plain['_id']}/{tail}").status_code == 404
    assert program.call("POST", f"/integrations/{NOTHING}/install").status_code == 404
    assert stranger.call("POST", f"/integrations/{bare['_id']}/install").status_code == 404

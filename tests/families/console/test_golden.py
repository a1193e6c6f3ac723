"""Every published call: its request as printed, and each answer with at least the printed fields.

Where the document says "json", settings come as JSON text: consoles parse it.
"""

import json
from typing import Any

import jsonschema
import pytest


def fields(**known: Any) -> dict[str, Any]:
    """An object that has these fields, and perhaps more."""
    return {"type": "object", "required": [*known], "properties": known}


def envelope(data: Any) -> dict[str, Any]:
    return fields(success={"const": True}, message=TEXT, data=data) | {"additionalProperties": False}


def rows(**known: Any) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": fields(**known)}


TEXT, NUMBER, SWITCH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
JSON = {"type": "string", "contentMediaType": "application/json", "minLength": 2}
MOMENT = {"type": "string", "format": "date-time"}
MAYBE_MOMENT = {"anyOf": [MOMENT, {"const": ""}, {"type": "null"}]}
THING = {"name": TEXT, "type": TEXT, "version": TEXT, "config": JSON}
SIDE = fields(**THING)
STAMPS = {"created_at": MOMENT, "updated_at": MOMENT, "created_by": TEXT, "updated_by": TEXT}
LAST_RUN = {"last_run_time": MAYBE_MOMENT, "last_run_state": TEXT}
USER = {"type": "array", "items": fields(name=TEXT, id=NUMBER, activate=SWITCH, **LAST_RUN)}
JOB = {"name": TEXT, "source": SIDE, "destination": SIDE, "frequency": TEXT, "streams_config": JSON}
TASK = {"id": TEXT, "start_time": MOMENT, "runtime": NUMBER, "status": TEXT}


def check(answer, data, status=200):
    assert answer.status_code == status, answer.text
    jsonschema.validate(answer.json(), envelope(data), format_checker=jsonschema.FormatChecker())
    return answer.json()["data"]


def test_signing_up_and_in(api_sqlite):
    person = {"email": "ann@bakery.example", "username": "ann", "password": "correct horse"}
    data = check(api_sqlite.post("/signup", json=person), fields(email=TEXT, username=TEXT))
    assert (data["email"], data["username"]) == ("ann@bakery.example", "ann")
    del person["email"]
    assert check(api_sqlite.post("/login", json=person), fields(username=TEXT))["username"] == "ann"


def test_auth(console):
    answer = console.api.get("/auth", headers={"Cookie": console.cookie})
    assert check(answer, fields(username=TEXT))["username"] == "ann"


def test_a_token_works_as_the_cookie_does(console):
    token = console.cookie.partition("=")[2]
    assert check(console.api.get("/auth", token), fields(username=TEXT))["username"] == "ann"


@pytest.mark.parametrize("path", ["/sources/spec", "/destinations/spec"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_spec(console, path, method):
    asked = {"type": "postgres", "version": "v1.0.0", "catalog": ""}
    expected = fields(type=TEXT, version=TEXT, spec=fields(jsonschema={"type": "object"}, uischema=JSON))
    data = check(console.ask(method, path, asked), expected)
    assert (data["type"], data["version"]) == ("postgres", "v1.0.0")
    jsonschema.Draft7Validator.check_schema(data["spec"]["jsonschema"])
    if path == "/destinations/spec":
        assert data["catalog"] == ""


def test_test(console):
    result = fields(status={"const": "SUCCEEDED"}, message=TEXT)
    line = fields(level=TEXT, time=MOMENT, message=TEXT)
    expected = fields(
        type=TEXT, version=TEXT, config=JSON, connection_result=result, logs={"type": "array", "items": line}
    )
    for path, thing in (("/sources/test", console.shop), ("/destinations/test", console.lake)):
        asked = {name: thing[name] for name in ("type", "version", "config")}
        check(console.ask("POST", path, asked), expected)


@pytest.mark.parametrize("role", ["source", "destination"])
def test_sources_and_destinations(console, role):
    thing = console.shop if role == "source" else console.lake
    made = check(console.ask("POST", f"/{role}s", thing), fields(**THING))
    assert {name: made[name] for name in ("name", "type", "version")} == {
        name: thing[name] for name in ("name", "type", "version")
    }
    expected = rows(id=NUMBER, **THING, **STAMPS, jobs=USER)
    listed = check(console.ask("GET", f"/{role}s"), expected)
    assert [(row["name"], row["created_by"], row["jobs"]) for row in listed] == [(thing["name"], "ann", [])]
    renamed = thing | {"name": "renamed"}
    path = f"/{role}s/{listed[0]['id']}"
    assert check(console.ask("PUT", path, renamed), fields(**THING))["name"] == "renamed"
    assert check(console.ask("DELETE", path), fields(name=TEXT))["name"] == "renamed"
    assert check(console.ask("GET", f"/{role}s"), {"type": "array"}) == []


def test_streams(console):
    data = check(console.streams(), fields(streams_config={}))
    config = data["streams_config"]
    found = json.loads(config) if isinstance(config, str) else config
    assert [item["stream"]["name"] for item in found["streams"]] == ["orders"]


def test_jobs(console):
    id = console.made_job()
    expected = rows(id=NUMBER, **JOB, **LAST_RUN, **STAMPS)
    [listed] = check(console.ask("GET", "/jobs"), expected)
    assert (listed["name"], listed["frequency"], listed["created_by"]) == ("nightly", "0 3 * * *", "ann")
    [shop] = console.ask("GET", "/sources").json()["data"]
    [lake] = console.ask("GET", "/destinations").json()["data"]
    used = {"name": "nightly", "id": id, "activate": True}
    assert [{name: job[name] for name in used} for job in shop["jobs"]] == [used]
    assert shop["jobs"][0]["dest_name"] == shop["jobs"][0]["destination_name"] == "lake"
    assert lake["jobs"][0]["source_name"] == "shop"

    # Both spellings of the filter.
    for filter in (f"source_id={shop['id']}", f"dest_id={lake['id']}"):
        name, _, number = filter.partition("=")
        for path in (f"/jobs?{filter}", f"/jobs/{filter}", f'/jobs/{name}="{number}"'):
            assert [job["id"] for job in check(console.ask("GET", path), expected)] == [id], path
        for path in (f"/jobs?{name}=99", f'/jobs/{name}="99"'):
            assert check(console.ask("GET", path), {"type": "array"}) == [], path

    sides = {"source": console.shop | {"id": shop["id"]}, "destination": console.lake | {"id": lake["id"]}}
    changed = console.job("weekly") | sides | {"activate": False}
    changed["frequency"] = "1-weeks"
    data = check(console.ask("PUT", f"/jobs/{id}", changed), fields(**JOB, activate=SWITCH))
    assert (data["name"], data["frequency"], data["activate"]) == ("weekly", "1-weeks", False)
    assert check(console.ask("DELETE", f"/jobs/{id}"), fields(name=TEXT))["name"] == "weekly"
    assert check(console.ask("GET", "/jobs"), {"type": "array"}) == []


def test_sync_activate_and_tasks(console):
    id = console.made_job()
    off = check(console.ask("POST", f"/jobs/{id}/activate", {"activate": False}), fields(activate=SWITCH))
    assert off["activate"] is False
    check(console.ask("POST", f"/jobs/{id}/activate", {"activate": True}), fields(activate=SWITCH))
    check(console.ask("POST", f"/jobs/{id}/sync"), fields())
    [task] = check(console.ask("GET", f"/jobs/{id}/tasks"), rows(**TASK))
    logs = fields(task_logs={"type": "array", "items": fields(level=TEXT, time=MOMENT, message=TEXT)})
    check(console.ask("GET", f"/jobs/{id}/task/{task['id']}/logs"), logs)


def test_errors_have_the_envelope(console):
    def refused(answer, status, message):
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["success"] is False
        assert "data" not in body
        assert isinstance(body["message"], str)
        assert message in body["message"]

    refused(console.ask("POST", "/sources", {"name": "x"}), 400, "type")
    wrong = console.ask("POST", "/sources", console.shop | {"config": "no object"})
    refused(wrong, 400, "config: it must be a JSON object")
    refused(console.api.post("/login", content=b"{"), 400, "JSON decode error")
    assert console.api.post("/login", content=b"{").json()["message"].startswith("JSON")
    refused(console.api.get(f"{console.project}/sources"), 401, "Authentication required")
    refused(console.api.get("/auth", "authenticated"), 401, "Authentication required")
    refused(console.api.post("/login", json={"username": "ann", "password": "wrong horse"}), 401, "")
    refused(console.api.post("/signup", json={"username": "b", "password": "correct horse"}), 403, "")
    refused(console.ask("PUT", "/sources/99", console.shop), 404, "Resource not found")
    refused(console.ask("GET", "/nothing"), 404, "Resource not found")
    check(console.ask("POST", "/sources", console.shop), fields(**THING))
    refused(console.ask("POST", "/sources", console.shop), 409, "shop")


def test_browsers_of_the_published_origin_may_call(console):
    headers = {
        "Origin": "http://localhost:8000",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "Origin, Content-Type, Accept, Authorization",
    }
    allowed = console.api.call("OPTIONS", f"{console.project}/sources/1", headers=headers).headers
    assert allowed["access-control-allow-origin"] == "http://localhost:8000"
    assert allowed["access-control-allow-credentials"] == "true"
    methods = {name.strip() for name in allowed["access-control-allow-methods"].split(",")}
    assert {"GET", "POST", "PUT", "DELETE"} <= methods
    foreign = headers | {"Origin": "https://evil.example"}
    refused = console.api.call("OPTIONS", f"{console.project}/sources/1", headers=foreign)
    assert "access-control-allow-origin" not in refused.headers

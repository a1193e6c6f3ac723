"""The published examples: each request as printed, each answer with exactly the printed fields."""

import re
from typing import Any

import jsonschema
import pytest

PROBLEM = {
    "type": "object",
    "required": ["loc", "msg", "type"],
    "additionalProperties": False,
    "properties": {
        "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
        "msg": {"type": "string"},
        "type": {"type": "string"},
    },
}
UNPROCESSABLE = {
    "type": "object",
    "required": ["detail"],
    "additionalProperties": False,
    "properties": {"detail": {"type": "array", "items": PROBLEM, "minItems": 1}},
}


def exactly(**fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [*fields],
        "additionalProperties": False,
        "properties": fields,
    }


TEXT, UUID = {"type": "string"}, {"type": "string", "format": "uuid"}
MOMENT = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
GRANT = exactly(
    capabilities={"type": "array", "items": TEXT},
    connection_id=UUID,
    granted_at=MOMENT,
    id=UUID,
    instance_id=UUID,
)
CONNECTION = exactly(
    auth_type={"enum": ["oauth2", "api_key", "basic"]},
    created_at=MOMENT,
    customer_id=UUID,
    error_message={"type": ["string", "null"]},
    expires_at={"anyOf": [MOMENT, {"type": "null"}]},
    grants={"type": "array", "items": GRANT},
    id=UUID,
    last_used_at={"anyOf": [MOMENT, {"type": "null"}]},
    name=TEXT,
    provider=TEXT,
    scopes={"type": "array", "items": TEXT},
    status={"enum": ["pending", "active", "expired", "error", "revoked"]},
    updated_at=MOMENT,
)
PAGE = exactly(connections={"type": "array", "items": CONNECTION}, total={"type": "integer"})
LENT = exactly(credentials={"type": "object"}, capabilities={"type": "array", "items": TEXT})


def check(answer, status, schema):
    assert answer.status_code == status, answer.text
    jsonschema.validate(answer.json(), schema, format_checker=jsonschema.FormatChecker())


def test_the_requests_as_printed(acme):
    api, key = acme.api, {"X-Api-Key": acme.key}
    made = api.post(
        acme.connections, headers=key, json={"credentials": {}, "name": "string", "provider": "string"}
    )
    check(made, 201, CONNECTION)
    assert made.headers["location"] == f"{acme.connections}/{made.json()['id']}"
    assert made.json() | {"id": 0, "created_at": 0, "updated_at": 0} == {
        "auth_type": "oauth2",
        "created_at": 0,
        "customer_id": str(acme.customer),
        "error_message": None,
        "expires_at": None,
        "grants": [],
        "id": 0,
        "last_used_at": None,
        "name": "string",
        "provider": "string",
        "scopes": [],
        "status": "pending",
        "updated_at": 0,
    }
    path = f"{acme.connections}/{made.json()['id']}"
    granted = api.post(
        f"{path}/grants",
        headers=key,
        json={"capabilities": ["string"], "instance_id": str(acme.instance)},
    )
    check(granted, 201, GRANT)
    assert granted.json()["connection_id"] == made.json()["id"]
    assert granted.json()["instance_id"] == str(acme.instance)
    listed = api.get(acme.connections, headers=key)
    check(listed, 200, PAGE)
    assert listed.json() == {"connections": [made.json() | {"grants": [granted.json()]}], "total": 1}
    gone = api.delete(f"{path}/grants/{granted.json()['id']}", headers=key)
    assert (gone.status_code, gone.content) == (204, b"")
    gone = api.delete(path, headers=key)
    assert (gone.status_code, gone.content) == (204, b"")
    check(api.get(acme.connections, headers=key), 200, PAGE)


def test_the_fetch_as_printed(acme):
    acme.grant(acme.connect(provider="string", name="string"), "string")
    lent = acme.fetch(provider="string", name="string", capability="string")
    check(lent, 200, LENT)
    assert lent.json() == {"credentials": {"access_token": "t"}, "capabilities": ["string"]}
    assert lent.headers["cache-control"] == "no-store"


def test_the_fields_come_in_the_printed_order(solo):
    solo.grant(solo.connect())
    page = solo.ask("GET", solo.connections).json()
    assert list(page) == ["connections", "total"]
    assert list(page["connections"][0]) == sorted(CONNECTION["required"]) == CONNECTION["required"]
    assert list(page["connections"][0]["grants"][0]) == GRANT["required"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/customers/x/connections", None),
        ("POST", "/v1/customers/x/connections", {"credentials": {}, "name": "n", "provider": "p"}),
        ("POST", "{connections}", {}),
        ("DELETE", "{connections}/x", None),
        ("POST", "{connections}/x/grants", {"capabilities": [], "instance_id": "{instance}"}),
        ("POST", "{connections}/{instance}/grants", {"capabilities": "a", "instance_id": "x"}),
        ("DELETE", "{connections}/{instance}/grants/x", None),
    ],
)
def test_wrong_requests_are_answered_as_printed(solo, method, path, body):
    path = path.format(connections=solo.connections, instance=solo.instance)
    check(solo.ask(method, path, **({} if body is None else {"json": body})), 422, UNPROCESSABLE)


def test_a_fetch_without_provider_is_answered_as_printed(solo):
    path = f"/internal/v1/instances/{solo.instance}/connections"
    answer = solo.api.get(path, solo.proxy_key)
    check(answer, 422, UNPROCESSABLE)
    assert answer.json()["detail"][0]["loc"] == ["query", "provider"]
    assert answer.json()["detail"][0]["type"] == "missing"


def test_the_document_says_what_is_printed(solo):
    document = solo.api.get("/openapi/broker.json").json()
    schemas, paths = document["components"]["schemas"], document["paths"]
    customers = "/v1/customers/{customer_id}/connections"
    five = [
        ("get", customers, "List Connections"),
        ("post", customers, "Create Connection"),
        ("delete", f"{customers}/{{connection_id}}", "Delete Connection"),
        ("post", f"{customers}/{{connection_id}}/grants", "Create Grant"),
        ("delete", f"{customers}/{{connection_id}}/grants/{{grant_id}}", "Delete Grant"),
    ]
    for method, path, summary in five:
        operation = paths[path][method]
        assert operation["summary"] == summary
        assert operation["tags"] == ["Connections"]
        assert sorted(name for scheme in operation["security"] for name in scheme) == ["apiKey", "bearer"]
        (header,) = [one for one in operation["parameters"] if one["name"] == "X-Api-Key"]
        assert (header["in"], header["required"]) == ("header", False)
        assert {"401", "404", "422"} <= set(operation["responses"])
        for parameter in operation["parameters"]:
            assert parameter["in"] != "path" or parameter["schema"]["format"] == "uuid"
    create = schemas["ConnectionCreate"]
    assert set(create["required"]) == {"credentials", "name", "provider"}
    assert create["properties"]["auth_type"]["enum"] == ["oauth2", "api_key", "basic"]
    assert create["properties"]["auth_type"]["default"] == "oauth2"
    assert create["properties"]["name"]["maxLength"] == 255
    assert create["properties"]["provider"]["maxLength"] == 50
    assert create["properties"]["credentials"]["description"] == "Provider credentials (stored encrypted)"
    assert create["properties"]["name"]["description"] == "admin@iqm.com.au, IQM Master Roster, etc."
    assert create["properties"]["provider"]["description"] == "gmail, xero, google_calendar, deputy, etc."
    assert set(schemas["GrantCreate"]["required"]) == {"capabilities", "instance_id"}
    assert set(schemas["ConnectionResponse"]["required"]) == set(CONNECTION["required"])
    assert set(schemas["ValidationError"]["properties"]) == {"loc", "msg", "type"}


def test_the_document_holds_the_fetch(solo):
    document = solo.api.get("/openapi/broker.json").json()
    fetch = document["paths"]["/internal/v1/instances/{instance_id}/connections"]["get"]
    assert fetch["summary"] == "Fetch Connection Credentials"
    assert fetch["security"] == [{"proxyKey": []}]
    assert document["components"]["securitySchemes"]["proxyKey"]["scheme"] == "bearer"
    parameters = {one["name"]: one for one in fetch["parameters"]}
    assert [name for name, one in parameters.items() if one["required"]] == ["instance_id", "provider"]
    assert set(parameters) == {"instance_id", "provider", "name", "capability"}
    assert re.search(r"403 if grant doesn't include it", parameters["capability"]["description"])

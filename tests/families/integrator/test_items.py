"""Resources that are kept as they were sent, and the routes that all resources have."""

import pytest


def test_a_resource_is_kept_whole_replaced_whole_and_gone_when_deleted(program):
    body = {"name": "Shop to ledger", "published": False, "applications": ["shop", "ledger"], "odd": {"x": 1}}
    made = program.make("/templates", body)
    path = f"/templates/{made['_id']}"
    assert made == body | {key: made[key] for key in ("_id", "createdAt", "lastModified")}
    assert program.get(path) == made == program.get(path + "/") == program.get(f"/template/{made['_id']}")
    assert program.get("/templates") == [made]

    changed = program.good("PUT", path, {"name": "Another"}).json()
    assert "published" not in changed
    assert changed["createdAt"] == made["createdAt"]
    assert program.refused(422, "PUT", path, {})[0] == {
        "code": "missing_required_field",
        "message": "The field name is required.",
        "field": "name",
    }
    audit = program.get(f"{path}/audit")
    assert [entry["event"] for entry in audit][-1] == "create"
    fields = {entry["fieldChange"]["fieldPath"] for entry in audit if "fieldChange" in entry}
    assert fields == {"name", "published", "applications", "odd"}
    gone = program.call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert program.call("GET", path).status_code == 404


def test_versions_are_told_by_etags(program):
    path = f"/scripts/{program.make('/scripts', {'name': 's', 'content': 'x'})['_id']}"
    first = program.good("GET", path)
    tag = first.headers["etag"]
    assert program.call("GET", path, headers={"If-None-Match": tag}).status_code == 304
    assert program.call("PUT", path, {"name": "t"}, headers={"If-Match": tag}).status_code == 200
    stale = program.refused(412, "PUT", path, {"name": "u"}, headers={"If-Match": tag})
    assert stale[0]["code"] == "precondition_failed"
    assert "content" not in program.get(path)
    assert program.get("/scripts")[0]["name"] == "t"


def test_lists_come_in_parts_with_links_and_the_fields_that_are_asked_for(program):
    for number in range(5):
        program.make("/templates", {"name": f"t{number}", "description": "d"})
    first = program.good("GET", "/templates?limit=2")
    assert [one["name"] for one in first.json()] == ["t0", "t1"]
    link = first.headers["link"]
    assert link == f'<{program.api.url}/v1/templates?skip=2&limit=2>; rel="next"'
    last = program.good("GET", "/templates?skip=4&limit=2")
    assert len(last.json()) == 1
    assert "link" not in last.headers
    assert program.get("/templates?include=name&limit=1") == [{"_id": first.json()[0]["_id"], "name": "t0"}]
    assert "description" not in program.get("/templates?exclude=description")[0]
    both = program.refused(400, "GET", "/templates?include=a&exclude=b")
    assert both[0]["code"] == "invalid_query_params"
    assert program.refused(400, "GET", "/templates?limit=1001")[0]["code"] == "invalid_query_params"


@pytest.mark.parametrize(
    "id", ["5e03061cda20740022300f09", "nonsense", "5E03061CDA20740022300F09", "a" * 300]
)
def test_what_is_no_id_of_anything_is_not_found(program, id):
    (fault,) = program.refused(404, "GET", f"/templates/{id}")
    assert fault == {"code": "not_found", "message": "There is no such resource."}


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"a": 1, "a": 2}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b"<a/>", "application/xml", 415),
        (b'{"name": "curl"}', "application/x-www-form-urlencoded", 201),
    ],
)
def test_bodies_are_json_objects(program, content, kind, status):
    found = program.call("POST", "/templates", content=content, headers={"content-type": kind})
    assert found.status_code == status, found.text


def test_a_lookup_cache_keeps_values_by_key(program):
    cache = program.make("/lookupcaches", {"name": "prices"})["_id"]
    rows = [{"key": f"sku-{number}", "value": {"price": number}} for number in range(3)]
    program.good("POST", f"/lookupcaches/{cache}/data", {"data": rows})
    asked = {"keys": ["sku-1", "none"]}
    assert program.good("POST", f"/lookupcaches/{cache}/getData", asked).json() == {"data": [rows[1]]}
    found = program.good("POST", f"/lookupcaches/{cache}/getData", {"startsWith": "sku"}).json()
    assert found == {"data": rows}
    assert program.call("DELETE", f"/lookupcaches/{cache}/data", {"keys": ["sku-0"]}).status_code == 204
    assert program.call("DELETE", f"/lookupcaches/{cache}/data/purge").status_code == 204
    assert program.good("POST", f"/lookupcaches/{cache}/getData", {}).json() == {"data": []}
    refused = program.refused(422, "POST", f"/lookupcaches/{cache}/data", {"data": [{"value": 1}]})
    assert refused[0]["field"] == "data.0"


def test_what_a_step_names_stays(program):
    cache = program.make("/lookupcaches", {"name": "prices"})["_id"]
    connection = program.make(
        "/connections", {"type": "rest", "rest": {"baseURI": "https://x.example", "mediaType": "json"}}
    )
    lookups = [{"name": "price", "_lookupCacheId": cache, "extract": "$.price"}]
    step = {"name": "m", "_connectionId": connection["_id"]}
    step |= {"http": {"relativeURI": ["/o"], "method": ["POST"]}, "lookups": lookups}
    made = program.make("/imports", step)
    path = f"/lookupcaches/{cache}"
    assert program.get(f"{path}/dependencies") == {"imports": [{"id": made["_id"], "name": "m"}]}
    assert program.refused(422, "DELETE", path)[0]["code"] == "dependency_conflict"
    program.good("DELETE", f"/imports/{made['_id']}")
    assert program.get(f"{path}/dependencies") == {}
    assert program.call("DELETE", path).status_code == 204

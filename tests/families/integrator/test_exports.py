"""Exports and imports as resources."""

import sqlite3

import pytest

from support.orders import order_shop
from support.steps import customers_import, orders_export, rest_connection


@pytest.fixture(scope="module")
def shop():
    with order_shop(12) as found:
        yield found


@pytest.fixture
def connection(program, shop):
    return program.make("/connections", rest_connection(shop.url))["_id"]


def test_a_put_replaces_all_and_keeps_what_it_does_not_know(program, connection):
    sent = orders_export(
        connection, pageSize="100", mockOutput={"page_of_records": []}, somethingNew={"a": 1}
    )
    made = program.make("/exports", sent)
    assert made["somethingNew"] == {"a": 1}
    assert made["pageSize"] == "100"
    with program.api.container.store.read() as work:
        (row,) = work.exports.list(program.org)
    assert row.spec.pages.page_size == 100

    path = f"/exports/{made['_id']}"
    changed = program.good(
        "PUT", path, {**orders_export(connection), "_id": "x", "apiIdentifier": "e0"}
    ).json()
    assert "somethingNew" not in changed
    assert (changed["_id"], changed["apiIdentifier"]) == (made["_id"], made["apiIdentifier"])
    assert changed["lastModified"] > made["lastModified"]
    assert changed["createdAt"] == made["createdAt"]
    audit = program.get(f"{path}/audit")
    assert {one["fieldChange"]["fieldPath"] for one in audit if "fieldChange" in one} >= {
        "pageSize",
        "somethingNew",
    }


def test_a_stale_copy_is_refused_and_a_patch_changes_a_part(program, connection):
    made = program.make("/exports", orders_export(connection))
    path = f"/exports/{made['_id']}"
    tag = program.good("GET", path).headers["etag"]
    assert program.call("GET", path, headers={"If-None-Match": tag}).status_code == 304
    patch = [{"op": "replace", "path": "/name", "value": "Patched"}]
    assert program.good("PATCH", path, patch).status_code == 204
    stale = program.call("PUT", path, made, headers={"If-Match": tag})
    assert stale.status_code == 412
    assert program.get(path)["name"] == "Patched"
    program.refused(422, "PATCH", path, [{"op": "replace", "path": "/apiIdentifier", "value": "e1"}])
    program.refused(422, "PATCH", path, [{"op": "replace", "path": "/http", "value": 7}])


def test_names_need_not_be_unique_nor_be_there(program, connection):
    twins = [program.make("/exports", orders_export(connection)) for _ in range(2)]
    assert [one["name"] for one in twins] == ["Orders", "Orders"]
    nameless = orders_export(connection)
    del nameless["name"]
    assert "name" not in program.make("/exports", nameless)
    assert len(program.get("/exports")) == 3


def test_references_are_checked_when_they_are_written(program, stranger, connection, shop):
    foreign = stranger.make("/connections", rest_connection(shop.url))["_id"]
    for digits, code in ((foreign, "invalid_ref"), ("0" * 24, "invalid_ref"), ("x", "invalid_ref")):
        (error,) = program.refused(422, "POST", "/exports", orders_export(digits))
        assert (error["code"], error["field"]) == (code, "_connectionId")
    (error,) = program.refused(422, "POST", "/exports", orders_export())
    assert (error["code"], error["field"]) == ("missing_required_field", "_connectionId")
    wrong = orders_export(
        connection, _integrationId="f" * 24, hooks={"preSavePage": {"function": "f", "_stackId": connection}}
    )
    fields = [one["field"] for one in program.refused(422, "POST", "/exports", wrong)]
    assert fields == ["_integrationId", "hooks.preSavePage._stackId"]


def test_mistakes_are_told_all_at_once(program, connection):
    body = customers_import(
        connection,
        mappings=[{"generate": "a", "extract": "$.a", "dataType": "string"}],
        filter={"version": "1", "rules": ["nonsense"]},
        idLockTemplate="{{#if",
    )
    body["rest"] |= {"method": "BREW"}
    errors = program.refused(422, "POST", "/imports", body)
    assert [one["field"].partition("[")[0].partition(".")[0] for one in errors] == [
        "filter", "mappings", "idLockTemplate", "rest",
    ]  # fmt: skip
    assert "Mapping object must have status field present." in errors[1]["message"]
    (error,) = program.refused(
        422, "POST", "/imports", {"name": "x", "_connectionId": connection, "ftp": {"directoryPath": "/"}}
    )
    assert error["field"] == "ftp"
    for body in (
        {"name": 7, "_connectionId": connection},
        {},
        {"type": "nonsense", "_connectionId": connection},
    ):
        program.refused(422, "POST", "/exports", body)
    both = customers_import(
        connection, mapping={"fields": [{"generate": "a", "hardCodedValue": 1}]}, mappings=[{"generate": "a"}]
    )
    assert "is not allowed" in program.refused(422, "POST", "/imports", both)[0]["message"]


def test_a_copy_has_another_connection_and_the_secrets_of_its_own(program, connection, shop):
    other = program.make("/connections", rest_connection(shop.url))["_id"]
    made = program.make("/exports", orders_export(connection))
    asked = {"name": "Copy", "connectionMap": {connection: other}, "sandbox": False}
    copy = program.make(f"/exports/{made['_id']}/clone", asked)
    assert (copy["name"], copy["_connectionId"], copy["http"]) == ("Copy", other, made["http"])
    assert copy["apiIdentifier"] != made["apiIdentifier"]
    moved = program.good(
        "PUT", f"/exports/{copy['_id']}/replaceConnection", {"_newConnectionId": connection}
    ).json()
    assert moved["_connectionId"] == connection
    program.refused(422, "PUT", f"/exports/{copy['_id']}/replaceConnection", {"_newConnectionId": "f" * 24})

    hook = {"verify": "secret_url", "token": "canary-token-1"}
    listener = program.make("/exports", {"name": "Listener", "type": "webhook", "webhook": hook})
    twin = program.make(f"/exports/{listener['_id']}/clone", {})
    assert twin["name"] == "Clone - Listener"
    answer = program.api.post(f"/v1/exports/{twin['_id']}/canary-token-1/data", json={"n": 1})
    assert answer.status_code == 204
    program.good("DELETE", f"/exports/{twin['_id']}")
    assert program.api.post(f"/v1/exports/{twin['_id']}/canary-token-1/data", json={}).status_code == 404


def test_the_part_within_the_system_is_kept_beside(program):
    netsuite = {
        "account": "TST",
        "roleId": "3",
        "email": "a@shop.example",
        "password": "p4ssword",
        "environment": "beta",
    }
    connection = program.make("/connections", {"type": "netsuite", "name": "N", "netsuite": netsuite})["_id"]
    sent = {"name": "Distributed", "_connectionId": connection, "distributed": True}
    made = program.make("/imports", sent)
    path = f"/imports/{made['_id']}"
    assert program.get(f"{path}/distributed") == {}
    inner = {"recordType": "salesorder", "operation": "addupdate", "lookups": [{"name": "itemLookup"}]}
    assert program.good("PUT", f"{path}/distributed", inner).json() == inner
    assert program.get(f"{path}/distributed") == inner
    assert program.get(path)["distributed"] is True


def test_what_another_organization_has_is_not_there(program, stranger, connection):
    made = program.make("/exports", orders_export(connection))
    for method, tail in (
        ("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/distributed"), ("PUT", "/distributed"),
        ("POST", "/clone"), ("PUT", "/replaceConnection"), ("GET", "/audit"), ("GET", "/dependencies"),
        ("POST", "/invoke"),
    ):  # fmt: skip
        body = {"_newConnectionId": connection} if method != "GET" else None
        foreign = stranger.call(method, f"/exports/{made['_id']}{tail}", body)
        missing = stranger.call(method, f"/exports/{'f' * 24}{tail}", body)
        assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert stranger.call("POST", f"/{made['apiIdentifier']}", {}).status_code == 404


def test_databases_are_asked_by_query_and_by_stream(program, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.executescript(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, amount REAL);"
            "INSERT INTO orders VALUES (1, 2.5), (2, 3)"
        )
    shop.close()
    body = {"type": "sqlite", "name": "Base", "towpath": {"path": str(tmp_path / "shop.db")}}
    connection = program.make("/connections", body)["_id"]
    query = {"rdbms": {"query": "SELECT id, amount FROM orders ORDER BY id"}}
    stream = {"towpath": {"stream": "orders"}}
    for part in (query, stream):
        made = program.make("/exports", {"name": "Rows", "_connectionId": connection, **part})
        assert part.items() <= made.items()
        found = program.good("POST", f"/exports/{made['_id']}/invoke").json()
        assert found["data"] == [{"id": 1, "amount": 2.5}, {"id": 2, "amount": 3.0}]
    insert = {
        "rdbms": {"queryType": ["per_record"], "query": ["INSERT INTO orders VALUES ({{id}}, {{amount}})"]}
    }
    target = program.make("/imports", {"name": "Insert", "_connectionId": connection, **insert})
    (outcome,) = program.good("POST", f"/imports/{target['_id']}/invoke", [{"id": 3, "amount": 4}]).json()
    assert outcome["statusCode"] == 200
    (wrong,) = program.refused(
        422, "POST", "/exports", {"_connectionId": connection, **orders_export(connection)}
    )
    assert wrong["field"] == "http"


def test_what_is_there_or_is_not_is_left_alone(program, connection, shop, tmp_path):
    """Existing records are not made again, missing ones not changed; both are told as ignored."""
    shop.customers[77] = {"key": 77, "name": "known", "_key": 77}
    lookup = {"name": "known", "relativeURI": "/customers?name={name}", "method": "GET", "extract": "0.key"}
    write = {"relativeURI": "/customers", "method": "POST", "ignoreLookupName": "known", "lookups": [lookup]}
    made = program.make("/imports", customers_import(connection, rest=write, ignoreExisting=True))
    data = [{"name": "known"}, {"name": "unknown"}]
    found = program.good("POST", f"/imports/{made['_id']}/invoke", data).json()
    assert [one.get("ignored", False) for one in found] == [True, False]

    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.executescript("CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1)")
    base.close()
    body = {"type": "sqlite", "name": "Base", "towpath": {"path": str(tmp_path / "shop.db")}}
    database = program.make("/connections", body)["_id"]
    rdbms = {
        "queryType": ["per_record"],
        "query": ["INSERT INTO orders VALUES ({{id}})"],
        "ignoreLookupName": "there",
        "lookups": [
            {"name": "there", "query": "SELECT id FROM orders WHERE id = {{id}}", "extract": "[0].id"}
        ],
    }
    insert = {"name": "New", "_connectionId": database, "ignoreExisting": True}
    target = program.make("/imports", {**insert, "rdbms": rdbms})
    found = program.good("POST", f"/imports/{target['_id']}/invoke", [{"id": 1}, {"id": 2}]).json()
    assert [one.get("ignored", False) for one in found] == [True, False]
    unknown = {**insert, "rdbms": {**rdbms, "lookups": []}}
    assert "no lookup" in program.refused(422, "POST", "/imports", unknown)[0]["message"]

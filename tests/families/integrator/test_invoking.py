"""Stored exports and imports that run for one request."""

import pytest

from support.orders import order_shop
from support.steps import customers_import, orders_export, rest_connection
from towpath.services.pipelines import running as running_module


@pytest.fixture(scope="module")
def shop():
    with order_shop(12) as found:
        yield found


@pytest.fixture
def connection(program, shop):
    return program.make("/connections", rest_connection(shop.url))["_id"]


def test_an_export_answers_all_of_it_or_says_where_to_go_on(program, connection, monkeypatch):
    made = program.make("/exports", orders_export(connection))
    for path in (f"/exports/{made['_id']}/invoke", f"/{made['apiIdentifier']}"):
        for body in (None, {}):
            found = program.good("POST", path, body).json()
            assert [row["id"] for row in found["data"]] == list(range(12))
            assert "pagedExportState" not in found
    monkeypatch.setattr(running_module, "MOST_RECORDS", 10)
    path, found, state = f"/exports/{made['_id']}/invoke", [], None
    while True:
        page = program.good("POST", path, {"pagedExportState": state} if state else {}).json()
        found.append(len(page["data"]))
        state = page.get("pagedExportState")
        if state is None:
            break
        assert (state["pageIndex"], state["totalPages"], state["done"]) == (3, 3, False)
    assert found == [10, 2]
    other = program.make("/exports", orders_export(connection))
    state = program.good("POST", path).json()["pagedExportState"]
    refused = program.call("POST", f"/exports/{other['_id']}/invoke", {"pagedExportState": state})
    assert refused.status_code == 422


def test_an_import_takes_the_records_of_the_body(program, connection, shop):
    made = program.make("/imports", customers_import(connection))
    data = [{"name": "a"}, {"name": "refuse me"}]
    for path, body in (
        (f"/imports/{made['_id']}/invoke", data),
        (f"/imports/{made['_id']}/invoke", {"data": data}),
        (f"/{made['apiIdentifier']}", data),
    ):
        found = program.good("POST", path, body).json()
        assert [one["statusCode"] for one in found] == [200, 422]
        assert found[0]["id"][0] == "c"
    for body in (None, {}, 7, {"data": "x"}):
        assert program.call("POST", f"/imports/{made['_id']}/invoke", body).status_code == 422


def test_an_uploaded_file_is_what_is_posted(program):
    made = program.make("/exports", {"name": "Upload", "type": "simple", "pageSize": 2})
    found = program.good(
        "POST", f"/exports/{made['_id']}/invoke", {"data": [{"n": 1}, {"n": 2}, {"n": 3}]}
    ).json()
    assert [row["n"] for row in found["data"]] == [1, 2, 3]
    program.refused(422, "POST", f"/exports/{made['_id']}/invoke", {})


def test_what_is_not_stored_can_be_tried(program, connection, shop):
    found = program.good("POST", "/exports/preview", orders_export(connection, test={"limit": 3})).json()
    assert [row["id"] for row in found["data"]] == [0, 1, 2]
    before = len(shop.asked)
    document = customers_import(connection, mapping={"fields": [{"extract": "name", "generate": "n"}]})
    found = program.good("POST", "/imports/preview", {**document, "data": [{"name": "a"}]}).json()
    assert found == [{"n": "a"}]
    assert len(shop.asked) == before
    assert program.get("/exports") == program.get("/imports") == []
    program.refused(422, "POST", "/exports/preview", orders_export())


@pytest.mark.parametrize(
    "identifier", ["e00000000", "e0000000", "i12345678", "nonsense", "x00000000", "e0000000G"]
)
def test_identifiers_of_nothing_are_missing(program, identifier):
    program.refused(404, "POST", f"/{identifier}", {})
    program.refused(
        405 if identifier in ("e00000000", "e0000000", "i12345678") else 404, "GET", f"/{identifier}"
    )


def test_a_system_that_is_away_is_told_as_such(program):
    connection = program.make("/connections", rest_connection("http://127.0.0.1:9"))["_id"]
    export = orders_export(connection)
    made = program.make("/exports", export)
    (error,) = program.refused(422, "POST", f"/exports/{made['_id']}/invoke")
    assert error["code"].startswith("connection.")


def test_a_request_that_takes_too_long_is_broken_off(program, connection, monkeypatch):
    made = program.make("/exports", orders_export(connection))
    monkeypatch.setattr("towpath.services.pipelines.hosting.PATIENCE", -1.0)
    (error,) = program.refused(422, "POST", f"/exports/{made['_id']}/invoke")
    assert error["code"] == "request.too_long"


def test_tokens_of_functions_invoke_and_do_nothing_else(program, connection):
    from towpath.services.people import once

    made = program.make("/exports", orders_export(connection))
    with once.lent(program.api.container, program.org, once.INVOKE) as token:
        assert program.call("POST", f"/exports/{made['_id']}/invoke", token=token).status_code == 200
        assert program.call("POST", f"/{made['apiIdentifier']}", {}, token=token).status_code == 200
        for method, path in (
            ("GET", "/exports"),
            ("DELETE", f"/exports/{made['_id']}"),
            ("POST", "/exports"),
        ):
            assert program.call(method, path, {}, token=token).status_code == 403
    assert program.call("POST", f"/exports/{made['_id']}/invoke", token=token).status_code == 401

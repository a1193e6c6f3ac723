"""Virtual exports and imports: nothing of them is kept, whatever becomes of them."""

import pytest

from support.api import running, settings_of
from support.orders import order_shop
from support.steps import customers_import, orders_export, rest_connection
from towpath.api.integrator import family
from towpath.services.pipelines import paging
from towpath.services.pipelines import running as running_module

from .conftest import Program


@pytest.fixture(scope="module")
def shop():
    with order_shop(12) as found:
        yield found


@pytest.fixture
def connection(program, shop):
    return program.make("/connections", rest_connection(shop.url))["_id"]


def pages(program, connection, state=None, **changes):
    body = {"export": orders_export() | changes}
    return program.call(
        "POST",
        f"/connections/{connection}/export/pages",
        body | ({"pagedExportState": state} if state else {}),
    )


def test_the_last_page_is_done(program, connection):
    found, state = [], None
    for _ in range(3):
        page = pages(program, connection, state).json()
        found += [row["id"] for row in page["data"]]
        state = page["pagedExportState"]
    assert found == list(range(12))
    assert (state["done"], state["totalPages"], state["totalRecords"]) == (True, 3, 12)
    assert pages(program, connection, state).json() == {"data": [], "dataURIs": [], "pagedExportState": state}


def test_a_state_is_good_for_what_it_was_made_for_only(program, stranger, connection, shop, monkeypatch):
    state = pages(program, connection).json()["pagedExportState"]
    other = program.make("/connections", rest_connection(shop.url))["_id"]
    foreign = stranger.make("/connections", rest_connection(shop.url))["_id"]
    refused = [
        *(
            pages(program, connection, state | {name: value})
            for name, value in {
                "searchId": state["searchId"][:-2] + "AA",
                "pageIndex": 3,
                "pageSize": 6,
                "totalRecords": 13,
                "done": True,
                "issuedAt": state["issuedAt"] + 1,
                "sig": "0" * 64,
                "more": 1,
            }.items()
        ),
        pages(program, connection, {name: value for name, value in state.items() if name != "totalPages"}),
        pages(program, connection, state, filter={"version": "1", "rules": ["equals", 1, 1]}),
        pages(program, other, state),
        pages(stranger, foreign, state),
    ]
    assert {found.status_code for found in refused} == {422}
    monkeypatch.setattr(paging, "LIFE", -1)
    late = pages(program, connection, state)
    assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "pagedExportState")
    assert "older" in late.text


def test_a_state_outlives_the_server(tmp_path, shop):
    settings = settings_of(tmp_path / "home", integrator_bucket_size=0, allowed_hosts=("127.0.0.1",))
    with running(settings, family) as first:
        program = Program(first)
        connection = program.make("/connections", rest_connection(shop.url))["_id"]
        state = pages(program, connection).json()["pagedExportState"]
    with running(settings, family) as second:
        program.api = second
        page = pages(program, connection, state).json()
    assert [row["id"] for row in page["data"]] == [5, 6, 7, 8, 9]


def test_an_export_without_pages_is_answered_whole_or_not_at_all(program, connection, monkeypatch):
    path = f"/connections/{connection}/export"
    bare = program.good("POST", path, orders_export()).json()
    assert [row["id"] for row in bare["data"]] == list(range(12))
    assert program.good("POST", path, {"export": orders_export()}).json() == bare
    monkeypatch.setattr(running_module, "MOST_RECORDS", 10)
    assert program.refused(422, "POST", path, orders_export())[0]["code"] == "request.too_large"


def test_records_are_transformed_filtered_and_linked(program, connection):
    model = orders_export(
        transform={
            "type": "expression",
            "expression": {"version": "1", "rules": [[{"extract": "id", "generate": "n"}]]},
        },
        filter={
            "type": "expression",
            "expression": {"version": "1", "rules": ["lessthan", ["extract", "n"], 2]},
        },
        dataURITemplate="https://shop.example/{{{n}}}",
    )
    found = program.good("POST", f"/connections/{connection}/export/pages", model).json()
    assert found["data"] == [{"n": 0}, {"n": 1}]
    assert found["dataURIs"] == ["https://shop.example/0", "https://shop.example/1"]
    wrong = orders_export()
    wrong["http"]["response"]["resourcePath"] = "nowhere"
    del wrong["http"]["paging"]["maxCountPath"]
    found = program.good("POST", f"/connections/{connection}/export", wrong).json()
    assert found["data"] == []
    assert "nowhere" in found["warnings"][0]


def test_each_record_has_an_outcome_of_its_own(program, connection, shop):
    shop.customers[7] = {"key": 7, "name": "known", "_key": 7}
    model = customers_import(
        rest={
            "relativeURI": ["/customers/{idLookup}", "/customers"],
            "method": ["PUT", "POST"],
            "lookups": [
                {
                    "name": "idLookup",
                    "relativeURI": "/customers?name={name}",
                    "method": "GET",
                    "extract": "0.key",
                }
            ],
        },
        filter={"version": "1", "rules": ["notequals", ["extract", "name"], "skip me"]},
        lookups=[{"name": "currency", "map": {"NL": "EUR"}, "allowFailures": False}],
        mapping={
            "fields": [
                {"extract": "name", "generate": "name"},
                {"extract": "country", "generate": "currency", "lookupName": "currency"},
            ]
        },
    )
    data = [
        {"name": "known", "country": "NL"},
        {"name": "refuse me", "country": "NL"},
        {"name": "skip me"},
        {"name": "no lookup", "country": "XX"},
        {"name": "new", "country": "NL"},
    ]
    path = f"/connections/{connection}/import"
    found = program.good("POST", path, {"import": model, "data": data}).json()
    assert [one["statusCode"] for one in found] == [200, 422, 200, 422, 200]
    assert found[2]["ignored"]
    assert (found[1]["errors"][0]["source"], found[3]["errors"][0]["source"]) == ("application", "lookup")
    assert "the name is taken" in found[1]["errors"][0]["message"]
    assert shop.customers[7]["currency"] == "EUR"
    assert "new" in [one.get("name") for one in shop.customers.values()]
    before = len(shop.asked)
    mapped = program.good("POST", f"{path}/map", {"import": model, "data": data[:1] + data[2:4]}).json()
    assert mapped[0] == {"name": "known", "currency": "EUR"}
    assert mapped[1] == {"ignored": True}
    assert mapped[2]["statusCode"] == 422
    assert len(shop.asked) == before


def test_nothing_is_left_of_them(program, connection):
    program.good("POST", f"/connections/{connection}/export", orders_export())
    data = {"import": customers_import(), "data": [{"name": "once"}]}
    program.good("POST", f"/connections/{connection}/import", data)
    with program.api.container.store.read() as work:
        left = [work.exports, work.imports, work.flows, work.runs]
        assert [list(rows.list(program.org)) for rows in left] == [[], [], [], []]
        assert work.values.keys(program.org, "") == []


def test_what_is_wrong_is_told_at_once_and_with_its_place(program, connection, stranger):
    model = orders_export(
        filter={"version": "1", "rules": ["nonsense", 1]},
        traceKeyTemplate="{{#if}}",
        transform={"type": "expression", "expression": {"version": "7", "rules": []}},
    )
    model["http"]["paging"]["method"] = "backwards"
    path = f"/connections/{connection}/export"
    assert [one["field"] for one in program.refused(422, "POST", path, model)] == ["http.paging.method"]
    model["http"]["paging"]["method"] = "page"
    model["http"]["method"] = "BREW"
    fields = [one["field"].partition(".")[0] for one in program.refused(422, "POST", path, model)]
    assert fields == ["transform", "filter", "traceKeyTemplate", "http"]
    for body in ({}, {"export": 7}, {"export": {}}):
        program.refused(422, "POST", path, body)
    importing = f"/connections/{connection}/import"
    for body in ({"data": []}, {"import": customers_import()}, {"import": customers_import(), "data": 7}):
        program.refused(422, "POST", importing, body)
    for tail in ("/export", "/export/pages", "/import", "/import/map"):
        body = {"export": orders_export(), "import": customers_import(), "data": []}
        stranger.refused(404, "POST", f"/connections/{connection}{tail}", body)
        program.refused(404, "POST", f"/connections/nonsense{tail}", body)


def test_systems_without_a_connector_say_so(program):
    netsuite = {
        "account": "TST",
        "roleId": "3",
        "email": "ann@shop.example",
        "password": "p4ssword",
        "environment": "production",
    }
    connection = program.make("/connections", {"type": "netsuite", "name": "NetSuite", "netsuite": netsuite})[
        "_id"
    ]
    model = {
        "asynchronous": True,
        "pageSize": 5,
        "netsuite": {
            "type": "search",
            "searches": [{"recordType": "customRecord", "savedSearchId": "131298"}],
            "skipGrouping": True,
        },
    }
    errors = program.refused(422, "POST", f"/connections/{connection}/export/pages", {"export": model})
    assert errors[0]["code"] == "connector.unsupported"
    made = program.make("/exports", {**model, "name": "Trials", "_connectionId": connection})
    assert model.items() <= made.items()


def test_what_a_debugged_connection_sends_is_captured_without_secrets(program, connection):
    later = "2999-01-01T00:00:00.000Z"
    program.good(
        "PATCH", f"/connections/{connection}", [{"op": "replace", "path": "/debugDate", "value": later}]
    )
    program.good("POST", f"/connections/{connection}/export", orders_export(size=50))
    lines = program.good("GET", f"/connections/{connection}/debug").text
    assert "/pages/page?size=50" in lines
    assert "canary" not in lines

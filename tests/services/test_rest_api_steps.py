"""The published worked examples, as steps of the engine against a real HTTP server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.orders import OrderShop, order_shop
from support.records import PlainHost
from towpath.connectors.rest_api import connector
from towpath.connectors.rest_api.config import RestConfig
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.steps import PageRead, RecordWrite
from towpath.engine.records import End, open_export, open_import

LOOKUPS = (
    {
        "name": "idLookup",
        "relativeURI": "/customers?ns_id={{internalId}}",
        "method": "GET",
        "extract": "0._key",
    },
    {"name": "currencyMap", "map": {"USA": "USD", "JAPAN": "JPY"}, "allowFailures": False},
)
MAPPING = {
    "fields": [
        {"extract": "{firstName} {lastName}", "generate": "addressee"},
        {"generate": "opt_out", "hardCodedValue": False},
        {"extract": "billingAddress.country", "generate": "currency", "lookupName": "currencyMap"},
        {"extract": "internalId", "generate": "ns_id"},
    ]
}


@pytest.fixture
def shop() -> Iterator[OrderShop]:
    with order_shop(25) as shop:
        yield shop


@pytest.fixture
def end(shop: OrderShop) -> End:
    return End(id="con_1", connector=connector, config=RestConfig(base_uri=shop.url), level=4)


def test_add_or_update(shop: OrderShop, end: End, tmp_path: Path):
    shop.customers = {7: {"ns_id": "A", "_key": 7}}
    request = {"relative_uri": ["/customers/{{idLookup}}", "/customers"], "method": ["PUT", "POST"]}
    spec = ImportSpec(records=RecordWrite(request=request, lookups=LOOKUPS, mapping=MAPPING))
    people = [("A", "Ann", "USA"), ("B", "Bob", "JAPAN"), ("C", "Cyd", "FRANCE")]
    records = [
        {"internalId": id, "firstName": name, "lastName": "Lee", "billingAddress": {"country": country}}
        for id, name, country in people
    ]
    with open_import("imp_1", spec, {end.id: end}, end.id, PlainHost(tmp_path), {}) as step:
        outcomes = step.write(records)
    assert [(one.status, one.operation) for one in outcomes[:2]] == [(200, "update"), (200, "create")]
    assert (outcomes[2].status, outcomes[2].errors[0].source) == (422, "lookup")
    assert shop.customers[7]["addressee"] == "Ann Lee"
    assert {one["currency"] for one in shop.customers.values()} == {"USD", "JPY"}


def test_a_delta_asks_for_what_is_new(shop: OrderShop, end: End, tmp_path: Path):
    paging = {"method": "page", "argument": "page"}
    request = {"relative_uri": "/pages/page?since={{lastExportDateTime}}", "resource_path": "orders"}
    spec = ExportSpec(pages=PageRead(request=request | {"paging": paging}, page_size=10))
    words = {"lastExportDateTime": "2026-01-01T00:00:00.000Z"}
    with open_export("exp_1", spec, {end.id: end}, end.id, PlainHost(tmp_path), words) as step:
        records = [record for page in step.pages() for record in page.records]
    assert [record["id"] for record in records] == list(range(25))
    assert "since=2026-01-01T00%3A00%3A00.000Z" in shop.asked[0].path


def test_templates_look_things_up_and_leave_braces_alone(shop: OrderShop, end: End, tmp_path: Path):
    """A single brace is a letter of the body, as in GraphQL; the helper knows the lookups of the import."""
    body = '{"note": "{ orders {id} }", "currency": "{{lookup \'currencyMap\' country}}"}'
    request = {"relative_uri": "/customers", "method": "POST", "body": body}
    spec = ImportSpec(records=RecordWrite(request=request, lookups=LOOKUPS))
    records = [{"country": "JAPAN"}, {"country": "FRANCE"}]
    with open_import("imp_1", spec, {end.id: end}, end.id, PlainHost(tmp_path), {}) as step:
        outcomes = step.write(records)
    assert [one.status for one in outcomes] == [200, 422]
    assert outcomes[1].errors[0].code == "lookup.no_match"
    (made,) = shop.customers.values()
    assert (made["note"], made["currency"]) == ("{ orders {id} }", "JPY")

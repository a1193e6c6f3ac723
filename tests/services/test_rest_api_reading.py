"""Reading from a real HTTP server: every way of paging, every kind of answer, and what goes wrong."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.orders import OrderShop, order_shop, reply
from support.rest import Line
from towpath.connectors.rest_api import cutting
from towpath.connectors.rest_api.reading import RestReading
from towpath.sdk import AuthError, BusyError, ConfigError, DataError, TowpathError, UnreachableError

COUNT = 23
AS_USUAL = {"resource_path": "orders"}
PAGE = "export.http.paging"

WAYS: dict[str, dict[str, Any]] = {
    "page": {
        "relative_uri": "/pages/page?size=10",
        "paging": {"method": "page", "argument": "page"},
    },
    "page by template": {
        "relative_uri": f"/pages/page?size=10&page={{{{{PAGE}.page}}}}",
        "paging": {"method": "page", "max_page_path": "pages"},
    },
    "page until 404": {
        "relative_uri": "/pages/page404?size=10",
        "paging": {"method": "page", "argument": "page"},
    },
    "page until it says so": {
        "relative_uri": "/pages/page?size=10",
        "paging": {
            "method": "page",
            "argument": "page",
            "last_page_path": "last",
            "last_page_values": [True],
        },
    },
    "skip": {
        "relative_uri": "/pages/skip?size=10",
        "query": {"skip": f"{{{{{PAGE}.skip}}}}"},
        "paging": {"method": "skip", "max_count_path": "total"},
    },
    "skip by argument": {
        "relative_uri": "/pages/skip?size=10",
        "paging": {"method": "skip", "argument": "skip"},
    },
    "token": {
        "relative_uri": "/pages/token?size=10",
        "paging": {"method": "token", "argument": "token", "path": "next"},
    },
    "token of a header": {
        "relative_uri": "/pages/token?size=10",
        "paging": {
            "method": "token",
            "path": "X-Next",
            "path_location": "header",
            "relative_uri": f"/pages/token?size=10&token={{{{{PAGE}.token}}}}",
        },
    },
    "url": {"relative_uri": "/pages/url?size=10", "paging": {"method": "url", "path": "next"}},
    "link header": {"relative_uri": "/pages/link?size=10", "paging": {"method": "linkheader"}},
    "relative URI": {
        "relative_uri": "/pages/after?size=10",
        "paging": {
            "method": "relativeuri",
            "relative_uri": "/pages/after?size=10&after={{previous_page.last_record.id}}",
        },
    },
    "last record": {
        "relative_uri": "/pages/after?size=10",
        "paging": {"method": "relativeuri", "last_record_uri": "/pages/after?size=10&after={{id}}"},
    },
    "body": {
        "relative_uri": "/pages/body",
        "method": "POST",
        "body": {"size": "10"},
        "paging": {
            "method": "body",
            "body": '{"size": 10, "from": "{{previous_page.full_response.next_from}}"}',
        },
    },
    "body by page": {
        "relative_uri": "/pages/page",
        "method": "POST",
        "body": '{"size": 10, "page": {{export.http.paging.page}}}',
        "paging": {"method": "page", "last_page_path": "last", "last_page_values": "true"},
    },
    "one answer": {"relative_uri": "/pages/list", "resource_path": None},
}


@pytest.fixture
def shop() -> Iterator[OrderShop]:
    with order_shop(COUNT) as shop:
        yield shop


@pytest.fixture
def line(shop: OrderShop, tmp_path: Path) -> Callable[..., Line]:
    def made(_end: dict[str, Any] | None = None, **config: Any) -> Line:
        return Line(shop, tmp_path, config, **(_end or {}))

    return made


def ids(pages: Any) -> list[int]:
    return [record["id"] for page in pages for record in page.records]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_paging_reads_all_and_goes_on_anywhere(line: Callable[..., Line], way: str):
    read = AS_USUAL | WAYS[way]
    pages = line().pages(size=4, **read)
    assert ids(pages) == list(range(COUNT))
    assert all(0 < len(page.records) <= 4 for page in pages[:-1])
    seen: list[int] = []
    other, reading = line(), RestReading.model_validate(read)
    with other.open() as application:
        for page in pages[:-1]:
            seen += ids([page])
            after = json.loads(json.dumps(page.after))
            rest = application.pages(reading, 4, other.tools, after=after)
            assert seen + ids(rest) == list(range(COUNT))


def test_totals_are_told(line: Callable[..., Line]):
    paging = {"method": "page", "argument": "page", "max_page_path": "pages", "max_count_path": "total"}
    page = line().pages(relative_uri="/pages/page", resource_path="orders", paging=paging)[0]
    assert (page.total_records, page.total_pages) == (COUNT, 3)


@pytest.mark.parametrize(
    "paging",
    [
        {"method": "page", "argument": "page"},
        {"method": "token", "argument": "token", "path": "next"},
        {"method": "relativeuri", "last_record_uri": "/pages/stuck?after={{id}}"},
    ],
)
def test_the_same_page_again_is_the_end_of_it(line: Callable[..., Line], paging: dict[str, Any]):
    with pytest.raises(DataError) as caught:
        line().pages(relative_uri="/pages/stuck", resource_path="orders", paging=paging)
    assert caught.value.code == "paging.endless"
    # Nor does who goes on behind the first answer run for ever.
    one = line()
    read = {"relative_uri": "/pages/stuck", "resource_path": "orders", "paging": paging}
    with one.open() as application:
        first = next(application.pages(RestReading.model_validate(read), 10, one.tools))
    with pytest.raises(DataError):
        one.pages(after=first.after, **read)


def test_answers_without_records_end_some_time(line: Callable[..., Line], shop: OrderShop):
    shop.orders = []
    paging = {"method": "page", "argument": "page", "last_page_path": "last", "last_page_values": ["never"]}
    with pytest.raises(DataError) as caught:
        line().pages(relative_uri="/pages/page", resource_path="orders", paging=paging)
    assert caught.value.code == "paging.endless"
    assert len(shop.asked) < 200


def test_a_path_that_leads_nowhere_is_told(line: Callable[..., Line]):
    pages = line().pages(relative_uri="/pages/page", resource_path="data.orders")
    assert ids(pages) == []
    assert "data.orders" in pages[0].warnings[0]


def test_one_object_is_one_record(line: Callable[..., Line]):
    assert line().records(relative_uri="/pages/single", resource_path="order") == [{"id": 0, "name": "No. 0"}]
    assert line().records(relative_uri="/pages/single") == [{"order": {"id": 0, "name": "No. 0"}}]


def test_xml_csv_and_rows_are_records(line: Callable[..., Line], shop: OrderShop):
    shop.orders = shop.orders[:2]
    xml = line(media_type="xml").records(relative_uri="/pages/xml", resource_path="/orders/order")
    assert xml == [{"@id": "0", "name": "No. 0"}, {"@id": "1", "name": "No. 1"}]
    rows = line().records(relative_uri="/pages/csv", success_media_type="csv")
    assert rows == [{"id": "0", "name": "No. 0"}, {"id": "1", "name": "No. 1"}]
    way = {"relative_uri": "/pages/rows", "resource_path": "rows"}
    assert line().records(**way, two_d_array={"has_header": True}) == shop.orders
    assert line().records(**way, two_d_array={})[1] == {"Column0": 0, "Column1": "No. 0"}
    assert line().records(**way, two_d_array={"do_not_normalize": True})[1] == [0, "No. 0"]


def test_numbers_keep_every_digit(line: Callable[..., Line], shop: OrderShop):
    shop.faults = [(200, {}, b'[{"a": 123456789012345678901234, "b": 0.1234567890123456789, "c": 1.5}]')]
    assert line().records(relative_uri="/x") == [
        {"a": "123456789012345678901234", "b": "0.1234567890123456789", "c": 1.5}
    ]


def test_pages_are_cut_by_bytes_and_records_that_are_too_large_fail_alone(
    line: Callable[..., Line], shop: OrderShop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cutting, "PAGE_BYTES", 1000)
    shop.orders = [{"id": n, "name": "x" * (2000 if n == 3 else 300)} for n in range(8)]
    pages = line().pages(relative_uri="/pages/list", size=100)
    assert ids(pages) == [0, 1, 2, 4, 5, 6, 7]
    assert max(len(page.records) for page in pages) == 3
    assert [failure.code for page in pages for failure in page.failures] == ["record.too_large"]
    resumed = line().pages(relative_uri="/pages/list", size=100, after=pages[0].after)
    assert ids(pages[:1]) + ids(resumed) == [0, 1, 2, 4, 5, 6, 7]


def test_words_of_the_run_and_the_record_stand_in_requests(line: Callable[..., Line], shop: OrderShop):
    lookup = line(unencrypted={"region": "eu west"}, encrypted={"key": "sesame"})
    lookup.words |= {"lastExportDateTime": "2026-01-02T03:04:05.000Z", "export": {"name": "Orders"}}
    lookup.pages(
        record={"customer": {"id": "a/b"}},
        relative_uri="/pages/page?since={{lastExportDateTime}}&of={{record.customer.id}}",
        query={"region": "{{connection.http.unencrypted.region}}", "by": "{{export.name}}"},
        headers=[{"name": "X-Key", "value": "{{{connection.rest.encrypted.key}}}"}],
        resource_path="orders",
    )
    asked = shop.asked[0]
    assert asked.path == ("/pages/page?since=2026-01-02T03%3A04%3A05.000Z&of=a%2Fb&region=eu+west&by=Orders")
    assert asked.headers["x-key"] == "sesame"


def test_answers_that_say_that_they_failed(line: Callable[..., Line], shop: OrderShop):
    refusal = reply({"ok": False, "error": {"message": "not for you"}})
    verdicts: list[dict[str, Any]] = [
        {"success_path": "ok", "success_values": ["true"], "error_path": "error.message"},
        {"fail_path": "error", "error_path": "error.message"},
        {"fail_path": "ok", "fail_values": [False], "error_path": "error.message"},
    ]
    for verdict in verdicts:
        shop.faults = [refusal]
        with pytest.raises(DataError) as caught:
            line().pages(relative_uri="/x", verdict=verdict)
        assert caught.value.code == "answer.failed"
        assert "not for you" in caught.value.message


@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [(400, DataError, 1), (401, AuthError, 1), (429, BusyError, 2), (503, UnreachableError, 2)],
)
def test_refusals_are_errors_with_the_servers_own_words(
    line: Callable[..., Line], shop: OrderShop, status: int, kind: type[TowpathError], attempts: int
):
    shop.faults = [(status, {"retry-after": "0"}, b'{"error": {"message": "because"}}')] * 2
    read = {"relative_uri": "/pages/page", "max_attempts": 2, "verdict": {"error_path": "error.message"}}
    with pytest.raises(kind) as caught:
        line().pages(**read)
    assert "because" in caught.value.message
    assert len(shop.asked) == attempts


def test_what_passes_is_waited_for(line: Callable[..., Line], shop: OrderShop):
    shop.faults = [(429, {"x-wait": "0"}, b""), "reset", (502, {"x-wait": "0"}, b"")]
    one = line(rate_limit={"retry_header": "X-Wait"})
    assert len(one.records(relative_uri="/pages/list")) == COUNT
    assert len(shop.asked) == 4


def test_a_body_may_say_that_it_was_asked_too_often(line: Callable[..., Line], shop: OrderShop):
    shop.faults = [(200, {"retry-after": "0"}, b'{"error": "throttled"}')]
    one = line(rate_limit={"path": "error", "values": ["throttled"]})
    assert len(one.records(relative_uri="/pages/list")) == COUNT


def test_links_to_other_systems_are_not_followed(line: Callable[..., Line], shop: OrderShop):
    shop.faults = [reply({"orders": [{"id": 1}], "next": "https://other.example/x"})]
    read = {"relative_uri": "/x", "resource_path": "orders", "paging": {"method": "url", "path": "next"}}
    with pytest.raises(DataError) as caught:
        line().pages(**read)
    assert caught.value.code == "answer.foreign_link"
    with pytest.raises(ConfigError):
        line().pages(relative_uri="https://other.example/x")


def test_hosts_inside_are_not_reached(line: Callable[..., Line], shop: OrderShop):
    with pytest.raises(ConfigError) as caught:
        line(base_uri="http://169.254.169.254/latest").pages(relative_uri="/x")
    assert caught.value.code == "http.blocked_host"
    shop.faults = [(302, {"location": "http://10.0.0.1/x"}, b"")]
    with pytest.raises(ConfigError):
        line().pages(relative_uri="/x")


def test_answers_that_are_something_else(line: Callable[..., Line], shop: OrderShop):
    shop.faults = [(200, {}, b"<html>")]
    with pytest.raises(DataError) as caught:
        line().pages(relative_uri="/x")
    assert caught.value.code == "http.not_json"
    shop.faults = [(200, {}, b'<!DOCTYPE a [<!ENTITY e "ee">]><a>&e;</a>')]
    with pytest.raises(DataError) as caught:
        line(media_type="xml").pages(relative_uri="/x")
    assert caught.value.code == "xml.malformed"
    shop.faults = [(200, {}, "naïve".encode("latin-1"))]
    with pytest.raises(DataError) as caught:
        line(media_type="csv").pages(relative_uri="/x")
    assert caught.value.code == "answer.encoding"
    shop.faults = [(204, {}, b"")]
    assert line().records(relative_uri="/x", resource_path="orders") == []


def test_cursors_of_others_are_refused(line: Callable[..., Line]):
    for after in ({"file": "x"}, {"page": "3"}, {"url": 7}):
        with pytest.raises(ConfigError) as caught:
            line().pages(after=after, relative_uri="/pages/page")
        assert caught.value.code == "state.invalid"


def test_what_is_not_supported_is_said(line: Callable[..., Line]):
    for unsupported in ("async_helper", "blob_format"):
        with pytest.raises(ConfigError) as caught:
            line().pages(relative_uri="/x", **{unsupported: "x"})
        assert caught.value.code == "config.unsupported"

"""What servers do wrong, and what must not happen then."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from support.http import Answer, endpoint
from support.paged import KINDS, Items, items
from towpath.sdk import (
    AuthError,
    BusyError,
    ConfigError,
    DataError,
    NotFoundError,
    ReadMode,
    SchemaError,
    Selection,
    UnreachableError,
    guard,
)
from towpath.sdk.rest.definition import RateLimit
from towpath.sdk.rest.pace import Pace
from towpath.sdk.rest.source import RestSource

CANARY = "s3cret-canary-7731"
HTML = b"<html><body>Maintenance</body></html>"
KEY = {
    "top": {
        "fields": {"key": {"title": "Key", "secret": True}},
        "auth": [{"type": "api_key", "header": "X-Key", "value": "Key {key}"}],
        "retry": {"attempts": 1},
    }
}


def read(source: RestSource, **more: Any) -> list[dict[str, Any]]:
    with source:
        selection = Selection(source.discover()[0], **more)
        plan = source.plan(selection, None)
        return [row for batch in source.read(selection, plan.slices[0], None) for row in batch.records]


def body(value: Any, status: int = 200, **headers: str) -> Answer:
    return status, {"content-type": "application/json"} | headers, orjson.dumps(value)


@pytest.mark.parametrize(
    ("answer", "kind", "code", "said"),
    [
        (body({"error": "bad token"}, 401), AuthError, "http.status", "401"),
        (body({"error": "no"}, 403), AuthError, "http.status", "403"),
        (body({"error": "no"}, 404), NotFoundError, "http.status", "404"),
        (body({"error": "slow"}, 429), BusyError, "http.status", "429"),
        (body({"error": "bad"}, 400), DataError, "http.status", "400"),
        (body({"error": "down"}, 503), UnreachableError, "http.status", "503"),
        ("reset", UnreachableError, "connection.lost", "items"),
        ((200, {}, HTML), DataError, "http.not_json", "Maintenance"),
        ((200, {}, b'{"data": {"items": [{"id"'), DataError, "http.not_json", "Page 2 of 'items'"),
        ((200, {"content-length": "999"}, b'{"data":'), UnreachableError, "connection", "items"),
        ((200, {}, b""), DataError, "http.not_json", "Page 2"),
        (body({"error": "quota"}), SchemaError, "answer.no_records", "no 'data' but an object with 'error'"),
        (body({"data": {}}), SchemaError, "answer.no_records", "no 'data.items' but an empty object"),
        (body({"data": {"items": None}}), SchemaError, "answer.no_records", "null where"),
        (body({"data": {"items": {"id": 1}}}), SchemaError, "answer.no_records", "an object with 'id'"),
        (body([]), SchemaError, "answer.no_records", "no 'data' but a list"),
        (body({"data": {"items": [1]}}), DataError, "answer.malformed", "a number where a record"),
        (body({"data": {"items": [{"id": "x"}]}}), DataError, "value.unrepresentable", "'id' on page 2"),
    ],
)
def test_a_bad_answer_in_the_middle(answer: Any, kind: type, code: str, said: str) -> None:
    """It stops the read, with words: never a stream that looks complete."""
    with items(count=25) as service:
        good = service.answer
        asked = 0

        def second(one: Any) -> Any:
            nonlocal asked
            asked += 1
            return answer if asked == 2 else good(one)

        service.server.answer = second
        if isinstance(answer, tuple) and "content-length" in answer[1]:
            service.server.answer = _cut(second)
        with pytest.raises(kind) as caught:
            read(service.source())
    error = caught.value
    assert error.code.startswith(code)
    assert said in error.message
    assert error.hint
    assert error.context["stream"] == "items"
    assert error.context["page"] in (2, "2")


def _cut(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The head promises more bytes than come."""

    def cut(asked: Any) -> Any:
        given = answer(asked)
        if isinstance(given, tuple) and "content-length" in given[1]:
            asked.headers["connection"] = "close"
            return given[0], given[1] | {"connection": "close"}, given[2]
        return given

    return cut


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
def test_a_server_that_repeats_a_page_is_found_out(kind: str) -> None:
    """It ignores the paging, or leads in circles: without this the read would never end."""
    with items(kind, 25) as service:
        link = "/items?after=0"

        def same(_: Answer) -> Answer:
            data = {"items": service.records[:10]}
            first = {"data": data, "paging": {"next": link if kind == "next_url" else "0"}}
            headers = {"link": f"<{service.server.url}{link}>; rel=next"} if kind == "link_header" else {}
            return body(first, **headers)

        service.tamper = same
        with pytest.raises(DataError, match=r"holds the same records|leads back") as caught:
            read(service.source())
    assert caught.value.code == "answer.loops"


def test_a_circle_of_empty_pages_is_found_out() -> None:
    with items("cursor") as service:
        counter = iter(range(10**6))
        service.tamper = lambda _: body({"data": {"items": []}, "paging": {"next": str(next(counter))}})
        with pytest.raises(DataError, match="without records in a row"):
            read(service.source())


def test_an_empty_page_in_the_middle_ends_nothing() -> None:
    """Servers filter after they have cut the page."""
    pages = [
        {"data": {"items": [{"id": 1}]}, "paging": {"next": "b"}},
        {"data": {"items": []}, "paging": {"next": "c"}},
        {"data": {"items": [{"id": 2}]}, "paging": {"next": None}},
    ]
    with items("cursor") as service:
        service.faults = [body(page) for page in pages]
        assert [row["id"] for row in read(service.source())] == [1, 2]


def test_no_content_is_an_empty_answer() -> None:
    with items() as service:
        service.faults = [(204, {}, b"")]
        assert read(service.source()) == []


def test_an_empty_list_is_fine() -> None:
    with items() as service:
        assert read(service.source()) == []


@pytest.mark.parametrize("path", ["$", "[]"])
def test_the_answer_itself_may_be_the_list(path: str) -> None:
    with items("none") as service:
        service.faults = [body([{"id": 1}])]
        assert [row["id"] for row in read(service.source(records=path))] == [1]


def test_records_inside_of_lists() -> None:
    with items("none") as service:
        service.faults = [
            body({"groups": [{"members": [{"id": 1}]}, {"members": []}, {"members": [{"id": 2}]}]})
        ]
        assert [row["id"] for row in read(service.source(records="groups[].members"))] == [1, 2]


def test_records_inside_of_lists_must_be_in_each() -> None:
    with items("none") as service:
        service.faults = [body({"groups": [{"members": [{"id": 1}]}, {"member": []}]})]
        with pytest.raises(SchemaError, match=r"no 'groups\[\].members'"):
            read(service.source(records="groups[].members"))


# ── stopping ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("paging", "requests"),
    [({}, 4), ({"stop": "short"}, 3), ({"total": "total"}, 3), ({"total_header": "X-Total"}, 3)],
)
@pytest.mark.parametrize("kind", ["page", "offset"])
def test_when_numbered_pages_stop(kind: str, paging: dict[str, Any], requests: int) -> None:
    with items(kind, 25) as service:
        service.tamper = lambda answer: body(orjson.loads(answer[2]) | {"total": 25}, **{"x-total": "25"})
        parameter = {"type": kind, "parameter": kind, "size_parameter": "size", "size": 10}
        assert len(read(service.source(paging=parameter | paging))) == 25
        assert len(service.server.asked) == requests


def test_the_number_of_pages_may_stand_in_a_header() -> None:
    with items("page", 20) as service:
        service.tamper = lambda answer: body(orjson.loads(answer[2]), **{"x-pages": "2"})
        paging = {"type": "page", "parameter": "page", "size_parameter": "size", "size": 10}
        assert len(read(service.source(paging=paging | {"pages_header": "X-Pages"}))) == 20
        assert len(service.server.asked) == 2


def test_a_total_that_is_not_reached_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with items("offset", 25) as service, caplog.at_level(logging.WARNING):
        service.tamper = lambda answer: body(orjson.loads(answer[2]) | {"total": 99})
        paging = {"type": "offset", "parameter": "offset", "size_parameter": "size", "total": "total"}
        assert len(read(service.source(paging=paging | {"size": 10}))) == 25
    assert "99 records, 25 came" in caplog.text


# ── credentials ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["next_url", "link_header"])
def test_credentials_stay_with_their_origin(kind: str) -> None:
    """# Invariant 8"""
    with items(kind, 25) as service, endpoint() as foreign:

        def lead_away(answer: Answer) -> Answer:
            text = answer[2].replace(b'"/items?', f'"{foreign.url}/items?'.encode())
            headers = {
                name: value.replace(service.server.url, foreign.url) for name, value in answer[1].items()
            }
            return answer[0], headers, text

        service.tamper = lead_away
        with pytest.raises(DataError) as caught:
            read(service.source({"key": CANARY}, **KEY))
    assert caught.value.code == "answer.foreign_link"
    assert str(foreign.port) in caught.value.message
    assert not foreign.asked
    assert service.server.asked[0].headers["x-key"] == f"Key {CANARY}"
    assert CANARY not in str(caught.value.to_json())


@pytest.mark.parametrize(
    "link",
    [
        "file:///etc/passwd",
        "http://user:pw@127.0.0.1/",
        "http://[",
        "javascript:x",
        "http://127.0.0.1:x/",
    ],
)
def test_links_that_are_none(link: str) -> None:
    with items("next_url") as service:
        service.faults = [body({"data": {"items": [{"id": 1}]}, "paging": {"next": link}})]
        with pytest.raises(DataError) as caught:
            read(service.source())
    assert caught.value.code == "answer.foreign_link"


def test_hosts_that_the_file_names_may_be_led_to() -> None:
    top = {"base_url": "https://api.example.com/v1", "hosts": ["pages.example.com"]}
    with items() as service, service.source(top=top) as source:
        follow = source._client.link
        here = "https://api.example.com/v1/items?page=1"
        assert follow(here, "?page=2") == "https://api.example.com/v1/items?page=2"
        assert follow(here, "https://pages.example.com/2") == "https://pages.example.com/2"
        assert (
            follow(here, "http://api.example.com/v1/items?page=2")
            == "https://api.example.com/v1/items?page=2"
        )
        for link in (
            "https://pages.example.com:444/",
            "https://example.com/",
            "http://api.example.com:8080/",
        ):
            with pytest.raises(DataError, match="it is not asked"):
                follow(here, link)


def test_a_redirect_to_another_origin_loses_the_credentials() -> None:
    with items() as service, endpoint() as foreign:
        foreign.answer = lambda _: body({"data": {"items": []}})
        service.faults = [(302, {"location": f"{foreign.url}/items"}, b"")]
        assert read(service.source({"key": CANARY}, **KEY)) == []
    assert CANARY not in str(foreign.asked[0].headers)


def test_a_key_in_the_query_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    key = {"top": KEY["top"] | {"auth": [{"type": "api_key", "query": "key", "value": "{key}"}]}}
    with items("link_header", 25) as service, caplog.at_level(logging.DEBUG, logger="towpath"):
        assert len(read(service.source({"key": CANARY}, **key))) == 25
        assert all(f"key={CANARY}" in one.path for one in service.server.asked)
        service.faults = [body({"you": f"sent {CANARY}"}, 400)]
        with pytest.raises(DataError) as caught:
            read(service.source({"key": CANARY}, **key))
    assert CANARY not in str(caught.value.to_json())
    assert CANARY not in caplog.text


def test_a_server_that_echoes_the_credentials() -> None:
    with items() as service:
        service.faults = [(200, {}, f"<p>Key {CANARY}</p>".encode())]
        with pytest.raises(DataError) as caught:
            read(service.source({"key": CANARY}, **KEY))
    assert CANARY not in str(caught.value.to_json())


def test_the_first_way_with_all_credentials_is_taken() -> None:
    top = {
        "fields": {name: {"title": name, "secret": True} for name in ("key", "username", "password")},
        "auth": [
            {"type": "oauth2", "token_url": "https://x.example/token", "authorize_url": "https://x.example"},
            {"type": "api_key", "header": "X-Key", "value": "{key}"},
            {"type": "basic"},
        ],
    }
    with items() as service:
        read(service.source({"username": "ann", "password": "pw", "access_token": ""}, top=top))
        read(service.source({"key": "k", "username": "ann", "password": "pw"}, top=top))
        read(service.source({"access_token": "t", "key": "k"}, top=top))
        sent = [(one.headers.get("authorization"), one.headers.get("x-key")) for one in service.server.asked]
        assert sent == [("Basic YW5uOnB3", None), (None, "k"), ("Bearer t", None)]
        with pytest.raises(ValueError, match="give access_token or key or username and password"):
            service.source({"username": "ann"}, top=top)
        with pytest.raises(AuthError, match="no access token"):
            service.source({"refresh_token": "r"}, top=top)


def test_fields_without_a_value_leave_their_parameter_out() -> None:
    top = {"fields": {"shop": {"title": "Shop", "required": False}}, "headers": {"X-Shop": "{shop}"}}
    with items() as service:
        read(service.source(top=top, query={"shop": "{shop}", "all": "1"}))
        read(service.source({"shop": "a b&c"}, top=top, query={"shop": "{shop}", "all": "1"}))
        first, second = service.server.asked
    assert "shop" not in first.path
    assert "x-shop" not in first.headers
    assert "shop=a+b%26c&all=1" in second.path
    assert second.headers["x-shop"] == "a b&c"


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\x00", "a\x7f"])
def test_no_field_breaks_out_of_its_header(text: str) -> None:
    with items() as service, pytest.raises(ValueError, match="control characters") as caught:
        service.source({"key": text}, **KEY)
    assert "Evil" not in str([error["msg"] for error in caught.value.errors()])


@pytest.mark.parametrize(
    "word", ["evil.example/", "evil.example#", "a@evil.example", "..", "x\\y", "evil.example:1"]
)
def test_no_field_breaks_out_of_its_place_in_the_url(word: str) -> None:
    top = {"fields": {"shop": {"title": "Shop"}}}
    with items() as service:
        host = service.source({"shop": word}, top=top | {"base_url": "https://{shop}.shops.example"})
        with host, pytest.raises((ConfigError, UnreachableError)) as caught:
            host.check()
        assert caught.value.code in ("http.invalid_url", "connection.unresolved", "http.blocked_host")
        assert "shops.example" in caught.value.message or caught.value.code == "http.invalid_url"
        read(service.source({"shop": word}, top=top, path="/items", query={"shop": "{shop}"}))
        assert service.server.asked[-1].path.startswith("/items?")


def test_a_private_host_is_not_reached() -> None:
    with items() as service:
        guard.configure(guard.AllowedHosts())
        with pytest.raises(ConfigError) as caught:
            read(service.source())
        assert not service.server.asked
    assert caught.value.code == "http.blocked_host"


@pytest.mark.parametrize("url", ["nonsense", "ftp://x.example", "https://", "http://user:pw@x.example"])
def test_a_base_url_from_a_field_is_checked(url: str) -> None:
    with items() as service, pytest.raises(ConfigError) as caught:
        service.source({"url": url}, top={"fields": {"url": {"title": "URL"}}, "base_url": "{url}"})
    assert caught.value.code == "http.invalid_url"


# ── patience ──────────────────────────────────────────────────────────────────────────────────────


def test_what_passes_by_itself_is_tried_again() -> None:
    retry = {"top": {"retry": {"attempts": 4, "statuses": [403]}}}
    with items(count=5) as service:
        service.faults = [
            body({}, 429, **{"retry-after": "0"}),
            body({}, 403, **{"retry-after": "0"}),
            "reset",
        ]
        assert len(read(service.source(**retry))) == 5


def test_a_post_is_tried_again_too_and_carries_its_body() -> None:
    with items(count=5) as service:
        service.faults = [body({}, 503, **{"retry-after": "0"})]
        source = service.source(method="POST", body={"query": "x"}, top={"retry": {"attempts": 2}})
        assert len(read(source)) == 5
        assert {one.body for one in service.server.asked} == {b'{"query":"x"}'}
        assert service.server.asked[0].headers["content-type"] == "application/json"


def test_the_pace_holds_over_threads() -> None:
    waits, clock = list[float](), [100.0]
    pace = Pace(RateLimit(requests=3, seconds=10), lambda: clock[0])
    threads = [threading.Thread(target=lambda: waits.append(pace.turn())) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [0, 0, 0, 10, 10, 10, 20]
    clock[0] = 125
    assert [pace.turn() for _ in range(3)] == [0, 0, 5]


def test_connections_to_one_system_share_its_pace() -> None:
    limit = {"top": {"name": "paced", "rate_limit": {"requests": 1_000, "seconds": 1}}}
    with items("none", 1) as service, service.source(**limit) as one, service.source(**limit) as two:
        assert one._client._pace is two._client._pace is not None
        read(one)
        assert len(two._client._pace._turns) == 1


# ── promises of the source ────────────────────────────────────────────────────────────────────────


def test_discover_asks_nobody_and_check_asks_once() -> None:
    with items(count=5) as service:
        with service.source() as source:
            assert [stream.name for stream in source.discover()] == ["items"]
            assert not service.server.asked
            assert source.check() == f"Items at {service.server.host}:{service.server.port}"
        assert len(service.server.asked) == 1


def test_check_does_not_wait() -> None:
    with items() as service:
        service.faults = [body({}, 503, **{"retry-after": "600"})]
        with service.source(top={"retry": {"attempts": 5}}) as source, pytest.raises(UnreachableError):
            source.check()
        assert len(service.server.asked) == 1


def test_at_most_one_page_is_fetched_ahead() -> None:
    with items("offset", 200) as service:
        with service.source() as source:
            from towpath.sdk.rest.pages import Pages, ahead

            pages = ahead(iter(Pages(source._client, "items", service.definition().streams["items"], {}, {})))
            next(pages)
            next(pages)
            pages.close()
        assert len(service.server.asked) <= 3


def test_records_out_of_an_order_that_was_promised() -> None:
    """Resuming in the middle would lose the ones that came too late."""
    incremental = {"cursor": "at", "parameter": "since", "format": "number", "ordered": True}
    with items("offset", 5) as service:
        service.records.reverse()
        with pytest.raises(DataError, match="do not come in the order of 'at'") as caught:
            read(service.source(incremental=incremental), mode=ReadMode.INCREMENTAL, cursor="at")
    assert caught.value.code == "cursor.unordered"


def test_a_column_that_the_system_does_not_filter_by() -> None:
    incremental = {"cursor": "at", "parameter": "since", "format": "number"}
    with items() as service, pytest.raises(SchemaError, match="cannot be read by 'id'") as caught:
        read(service.source(incremental=incremental), mode=ReadMode.INCREMENTAL, cursor="id")
    assert caught.value.code == "cursor.unusable"
    assert caught.value.hint == "Its cursor is: at."


def test_a_lookback_reads_a_window_again() -> None:
    incremental = {"cursor": "at", "parameter": "since", "format": "number"}
    with items("offset", 10) as service, service.source(incremental=incremental) as source:
        selection = Selection(source.discover()[0], ReadMode.INCREMENTAL, cursor="at", lookback=3)
        piece = source.plan(selection, None).slices[0]
        state = list(source.read(selection, piece, None))[-1].state
        service.records.append({"id": 77, "at": 7})
        again = [row["id"] for batch in source.read(selection, piece, state) for row in batch.records]
    assert sorted(again) == [6, 7, 8, 9, 77]


def test_an_items_service_of_the_tests_is_what_it_says() -> None:
    with items("page", 3) as service:
        assert isinstance(service, Items)
        assert len(read(service.source())) == 3

"""Writing to a real HTTP server: outcomes in order, upserts, batches, refusals, waits, types of bodies."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from support.orders import OrderShop, content, order_shop, reply
from support.ports import free_port
from support.rest import Line
from towpath.connectors.rest_api.reading import RestReading
from towpath.connectors.rest_api.writing import RestWriting
from towpath.sdk import ConfigError, Outcome, xmltree

ID_LOOKUP = {
    "name": "idLookup",
    "relativeURI": "/customers?ns_id={{internalId}}",
    "method": "GET",
    "extract": "0._key",
}
UPSERT: dict[str, Any] = {
    "relative_uri": ["/customers/{{idLookup}}", "/customers"],
    "method": ["PUT", "POST"],
    "lookups": [ID_LOOKUP, {"name": "currency", "map": {"USA": "USD"}}],
}


@pytest.fixture
def shop() -> Iterator[OrderShop]:
    with order_shop() as shop:
        yield shop


@pytest.fixture
def line(shop: OrderShop, tmp_path: Path) -> Callable[..., Line]:
    def made(_end: dict[str, Any] | None = None, **config: Any) -> Line:
        return Line(shop, tmp_path, config, **(_end or {}))

    return made


def named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


def statuses(outcomes: list[Outcome]) -> list[int]:
    return [outcome.status for outcome in outcomes]


def test_outcomes_are_in_order_and_places_are_kept(line: Callable[..., Line], shop: OrderShop):
    shop.late = 0.02
    one = line({"level": 4})
    outcomes = one.send([{"name": f"n{number}"} for number in range(24)], relative_uri="/customers")
    by_key = {f"c{key}": customer["name"] for key, customer in shop.customers.items()}
    assert [by_key[outcome.id or ""] for outcome in outcomes] == [f"n{number}" for number in range(24)]
    assert [outcome.json["_id"] for outcome in outcomes] == [outcome.id for outcome in outcomes]
    assert 1 < shop.most <= 4


def test_the_published_heartbeat(line: Callable[..., Line], shop: OrderShop):
    shop.customers = {1: {"_id": "5a1"}}
    data = [{"timestamp": 1512012818751, "key": "sqs_flow"}] * 2
    outcomes = line().send(
        [{"timestamp": 1512012818751}] * 2, data, relative_uri=["/customers/1"], method=["PUT"]
    )
    assert [(outcome.status, outcome.id) for outcome in outcomes] == [(200, "5a1")] * 2
    assert content(shop.asked[0]) == {"timestamp": 1512012818751, "key": "sqs_flow"}


def test_composite_upserts_go_by_their_lookup(line: Callable[..., Line], shop: OrderShop):
    shop.customers = {7: {"ns_id": "A", "_key": 7}}
    records = [{"internalId": "A", "first": "Ann"}, {"internalId": "B", "first": "Bob"}]
    data = [{"ns_id": one["internalId"], "name": one["first"]} for one in records]
    outcomes = line().send(records, data, **UPSERT)
    assert [(outcome.operation, outcome.status) for outcome in outcomes] == [("update", 200), ("create", 200)]
    assert {asked.method for asked in shop.asked} == {"GET", "PUT", "POST"}
    assert shop.customers[7]["name"] == "Ann"
    assert len(shop.customers) == 2


def test_ways_may_be_named_the_other_way_round(line: Callable[..., Line], shop: OrderShop):
    shop.customers = {7: {"_key": 7}}
    outcomes = line().send(
        [{"known": 7, "name": "old"}, {"known": None, "name": "new"}],
        relative_uri=["/customers", "/customers/{{known}}"],
        method=["POST", "PUT"],
        operations=["create", "update"],
        existing_extract="known",
    )
    assert [outcome.operation for outcome in outcomes] == ["update", "create"]
    assert shop.customers[7]["name"] == "old"


def test_what_is_there_or_is_not_may_be_ignored(line: Callable[..., Line], shop: OrderShop):
    shop.customers = {7: {"ns_id": "A", "_key": 7}}
    records = [{"internalId": "A"}, {"internalId": "B"}]
    rest = {"relative_uri": "/customers", "lookups": [ID_LOOKUP], "existing_lookup": "idLookup"}
    made = line().send(records, **rest, ignore_existing=True)
    assert [(one.ignored, one.status, one.id) for one in made] == [(True, 200, "7"), (False, 200, "c1")]
    rest |= {"relative_uri": "/customers/{{idLookup}}", "method": "PUT"}
    changed = line().send(records, **rest, ignore_missing=True)
    assert [one.ignored for one in changed] == [False, True]
    with pytest.raises(ConfigError):
        line().send(records, relative_uri="/customers", ignore_existing=True)
    with pytest.raises(ConfigError):
        line().send(records, relative_uri="/customers", existing_lookup="nobody", ignore_existing=True)


def test_a_lookup_that_fails_fails_the_record(line: Callable[..., Line], shop: OrderShop):
    shop.faults = [reply({"error": "no"}, 400)]
    (outcome,) = line().send([{"internalId": "A"}], **UPSERT)
    assert (outcome.status, outcome.errors[0].source) == (422, "lookup")


def test_values_of_lookups_in_templates(line: Callable[..., Line], shop: OrderShop):
    shop.customers = {1: {"mail": "a", "_key": 1}, 2: {"mail": "b", "_key": 2}, 3: {"mail": "b", "_key": 3}}
    lookup = {"name": "key", "relativeURI": "/customers?mail={{mail}}", "extract": "[*]._key"}
    write: dict[str, Any] = {"relative_uri": "/tell/{{lookup.key}}", "method": "PUT"}
    records = [{"mail": "a"}, {"mail": "b"}, {"mail": "c"}]
    strict = line({"level": 1}).send(records, **write, lookups=[lookup])
    codes = [one.errors[0].code if one.errors else "" for one in strict]
    assert codes == ["", "lookup.several_matches", "lookup.no_match"]
    shop.told.clear()
    lenient = lookup | {"allowFailures": True, "default": "nobody"}
    assert statuses(line({"level": 1}).send(records, **write, lookups=[lenient])) == [200] * 3
    assert [told["path"] for told in shop.told] == ["1", "2", "nobody"]


def test_refusals_carry_the_words_of_the_server(line: Callable[..., Line], shop: OrderShop):
    outcomes = line().send(
        named("a", "refuse me", "soft failure"),
        relative_uri="/customers",
        response={"success_path": "ok", "success_values": ["true"], "error_path": "error.message"},
    )
    assert statuses(outcomes) == [200, 422, 422]
    assert [error.message for one in outcomes for error in one.errors] == ["the name is taken", "not today"]
    assert outcomes[1].errors[0].code == "422"
    assert outcomes[1].json["error"]["field"] == "name"
    (whole,) = line().send(named("refuse me"), relative_uri="/customers")
    assert "the name is taken" in whole.errors[0].message


def test_refused_credentials_stop_the_rest(line: Callable[..., Line], shop: OrderShop):
    shop.allows = lambda _: False
    outcomes = line({"level": 1}).send(named(*"abcdef"), relative_uri="/customers")
    assert statuses(outcomes) == [401] * 6
    assert outcomes[0].errors[0].source == "connection"
    assert len(shop.asked) == 1
    shop.allows = lambda _: True
    shop.faults = [reply({"error": "not yours"}, 403)]
    assert statuses(line({"level": 1}).send(named("a", "b"), relative_uri="/customers")) == [403, 200]
    shop.faults = [reply({"fault": "expired session"})]
    one = line(auth_failure={"path": "fault", "values": ["expired session"]})
    assert statuses(one.send(named("a"), relative_uri="/customers")) == [401]


def test_limits_are_waited_for(line: Callable[..., Line], shop: OrderShop):
    shop.faults = [(429, {"retry-after": "0"}, b""), (503, {"retry-after": "0"}, b"")]
    assert statuses(line({"level": 1}).send(named(*"abc"), relative_uri="/customers")) == [200] * 3
    shop.faults = [(429, {"retry-after": "0"}, b"slow down")] * 2
    (outcome,) = line().send(named("d"), relative_uri="/customers", max_attempts=2)
    assert (outcome.status, outcome.errors[0].code, outcome.errors[0].retryable) == (422, "429", True)
    # No second try where it could write the record twice.
    shop.faults = [(503, {}, b"")]
    (outcome,) = line().send(named("e"), relative_uri="/customers")
    assert outcome.errors[0].code == "503"


def test_lost_requests_are_sent_again_only_if_that_is_safe(line: Callable[..., Line], shop: OrderShop):
    shop.faults = ["reset"]
    (outcome,) = line().send(named("a"), relative_uri="/customers")
    assert (outcome.status, outcome.errors[0].source, outcome.errors[0].retryable) == (
        422,
        "connection",
        True,
    )
    assert shop.customers == {}
    shop.customers = {1: {"_key": 1}}
    shop.faults = ["reset"]
    (outcome,) = line().send(named("a"), relative_uri="/customers/1", method="PUT")
    assert outcome.status == 200


def test_nobody_there(line: Callable[..., Line]):
    one = line({"level": 1}, base_uri=f"http://127.0.0.1:{free_port()}")
    outcomes = one.send(named(*"abc"), relative_uri="/customers", max_attempts=2)
    assert {outcome.errors[0].code for outcome in outcomes} == {"connection.refused"}


def test_batches_are_judged_record_by_record(line: Callable[..., Line], shop: OrderShop):
    response = {
        "resource_path": "results",
        "resource_id_path": "key",
        "success_path": "status",
        "success_values": ["ok"],
        "error_path": "why",
    }
    records = named("a", "b", "refuse me", "d", "e")
    outcomes = line().send(records, relative_uri="/batch", batch_size=2, response=response)
    assert statuses(outcomes) == [200, 200, 422, 200, 200]
    assert outcomes[2].errors[0].message == "the name is taken"
    assert [shop.customers[int(one.id)]["name"] for one in outcomes if one.id] == ["a", "b", "d", "e"]
    assert sorted(len(content(asked)) for asked in shop.asked) == [1, 2, 2]
    shop.faults = [reply({"error": "all wrong"}, 400)]
    assert statuses(line().send(named("a", "b"), relative_uri="/batch", batch_size=2)) == [422, 422]


def test_batches_are_cut_where_the_server_takes_no_longer_bodies(line: Callable[..., Line], shop: OrderShop):
    records = named("a" * 40, "b" * 40, "c" * 400)
    outcomes = line().send(records, relative_uri="/batch", batch_size=10, body_limit=120)
    assert [one.errors[0].code if one.errors else "" for one in outcomes] == ["", "", "record.too_large"]
    assert all(len(asked.body) <= 120 for asked in shop.asked)


def test_templates_of_bodies(line: Callable[..., Line], shop: OrderShop):
    write: dict[str, Any] = {"relative_uri": "/tell/x"}
    data, record = {"name": 'say "hi"', "n": 1}, {"raw": "r"}

    def body(**more: Any) -> Any:
        (outcome,) = line().send([record], [data], **write, **more)
        assert outcome.status == 200, outcome.errors
        return shop.told[-1]["body"]

    assert body(body='{"who": "{{name}}", "n": {{n}}}') == {"who": 'say "hi"', "n": 1}
    assert body(body={"who": "{{{name}}}", "list": ["{{n}}", 2]}) == {"who": 'say "hi"', "list": ["1", 2]}
    assert body(body='{"raw": "{{raw}}"}', send_mapped=False) == {"raw": "r"}
    assert body() == data
    assert body(send_mapped=False) == record
    form = {"request_media_type": "urlencoded"}
    assert body(**form) == {"name": 'say "hi"', "n": "1"}
    assert body(body="a={{name}}&b=2", **form) == {"a": 'say "hi"', "b": "2"}
    assert body(body='{"a": "{{name}}"}', **form) == {"a": 'say "hi"'}
    batch = {"batch_size": 5, "body": '{"all": [{{#each data}}"{{n}}"{{/each}}]}'}
    assert body(**batch) == {"all": ["1"]}


def test_bodies_of_every_type(line: Callable[..., Line], shop: OrderShop):
    data = {"order": {"id": 7, "lines": [{"sku": "a"}, {"sku": "b"}]}}

    def sent(media: str, given: Any = data) -> tuple[str, str]:
        (outcome,) = line().send([{}], [given], relative_uri="/tell/x", request_media_type=media)
        assert outcome.status == 200, outcome.errors
        return shop.asked[-1].headers["content-type"], shop.asked[-1].body.decode()

    kind, text = sent("xml")
    assert kind == "application/xml"
    assert xmltree.value(xmltree.parse(text.encode())) == {
        "id": "7",
        "lines": [{"sku": "a"}, {"sku": "b"}],
    }
    assert sent("urlencoded")[1] == "order[id]=7&order[lines][0][sku]=a&order[lines][1][sku]=b"
    assert sent("csv", {"a": 1, "b": 'x"y'})[1] == 'a,b\r\n1,"x""y"\r\n'
    assert sent("plaintext", "hi") == ("text/plain", "hi")
    kind, text = sent("form-data", {"a": 1, "b": "ü"})
    assert kind.startswith("multipart/form-data; boundary=")
    assert 'name="b"\r\n\r\nü\r\n' in text


def test_empty_fields_may_be_left_out_and_names_may_have_to_be_there(
    line: Callable[..., Line], shop: OrderShop
):
    line().send([{"a": "", "b": 0, "c": {"d": None}}], relative_uri="/tell/x", ignore_empty_nodes=True)
    assert shop.told[-1]["body"] == {"b": 0}
    outcomes = line().send(
        [{"id": 1}, {"no": 1}], relative_uri="/tell/{{id}}", strict_templates=True, method="PUT"
    )
    assert statuses(outcomes) == [200, 422]
    assert outcomes[1].errors[0].code == "template.missing"


def test_bad_values_fail_their_record_alone(line: Callable[..., Line]):
    write: dict[str, Any] = {
        "relative_uri": "/tell/x",
        "headers": [{"name": "X-Name", "value": "{{{name}}}"}],
    }
    outcomes = line().send(named("fine", "two\nlines", "snow\u2603"), **write)
    assert statuses(outcomes) == [200, 422, 422]
    (outcome,) = line().send([{"url": "https://other.example/"}], relative_uri="{{{url}}}")
    assert outcome.errors[0].code == "http.invalid_url"


def test_records_are_told_when_they_are_processed(line: Callable[..., Line], shop: OrderShop):
    once = {"relative_uri": "/once/{{id}}", "method": "PUT", "body": '{"done": true, "id": {{id}}}'}
    one = line({"level": 1})
    with one.open() as application:
        shop.faults = [reply({"error": "no"}, 400)]
        told = application.read_back(
            RestReading.model_validate({"once": once}), [{"id": 1}, {"id": 2}], one.tools
        )
        assert [failure.code if failure else None for failure in told] == ["http.status", None]
        assert shop.told == [{"path": "2", "method": "PUT", "body": {"done": True, "id": 2}}]
        assert application.read_back(RestReading(), [{"id": 1}], one.tools) == [None]


def test_lookups_find_none_one_or_many(line: Callable[..., Line], shop: OrderShop):
    shop.customers = {1: {"mail": "a@x", "id": 1}, 2: {"mail": "a@x", "id": 2}, 3: {"mail": "b@x", "id": 3}}
    ask = {"name": "ids", "relativeURI": "/customers?mail={{mail}}"}
    assert line().look({"mail": "a@x"}, **ask, extract="[*].id") == [1, 2]
    assert line().look({"mail": "b@x"}, **ask, extract="0.id") == [3]
    assert line().look({"mail": "c@x"}, **ask, extract="0.id") == []
    assert [one["id"] for one in line().look({"mail": "a@x"}, **ask)] == [1, 2]
    assert line().look({}, name="x", relativeURI="/nowhere/at/all") == []
    with pytest.raises(ConfigError):
        line().look({}, name="map only", map={"a": "b"})
    line().look({"a": 1}, name="p", relativeURI="/tell/x", method="POST", postData='{"q": {{a}}}')
    assert shop.told[-1]["body"] == {"q": 1}


def test_settings_that_contradict_each_other():
    for wrong in (
        {"relative_uri": ["/a"], "method": ["PUT", "POST"]},
        {"relative_uri": ["/a", "/b"], "operations": ["create"]},
        {"relative_uri": ["/a", "/b"], "operations": ["create", "create"]},
        {"relative_uri": []},
    ):
        with pytest.raises(ValidationError):
            RestWriting.model_validate(wrong)


def test_everything_that_debugging_shows_is_without_secrets(line: Callable[..., Line], shop: OrderShop):
    secret = "s3cr3t & canary"
    one = line(
        {"debugging": True},
        auth={"type": "token", "token": secret, "location": "url", "param_name": "key"},
        encrypted={"other": "second-canary"},
        headers=[{"name": "X-Other", "value": "{{connection.http.encrypted.other}}"}],
    )
    body = {"echo": "{{{connection.http.encrypted.other}}}", "name": "{{name}}"}
    one.send(named("a"), relative_uri="/customers", body=body)
    assert [what for what, _ in one.host.told] == ["request", "response"]
    shown = orjson.dumps([dict(detail) for _, detail in one.host.told]).decode()
    assert "canary" not in shown
    assert '"status":201' in shown
    assert "second-canary" in shop.asked[0].body.decode()
    shop.faults = [reply({"error": f"bad {secret} / second-canary"}, 400)]
    (outcome,) = one.send(named("a"), relative_uri="/customers")
    assert "canary" not in outcome.errors[0].message

"""What holds always: of secrets in cursors, of pages cut from answers, of bodies, of waiting."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.connectors.rest_api import bodies, cutting, paging
from towpath.connectors.rest_api.answers import Answer
from towpath.connectors.rest_api.config import RestConfig
from towpath.connectors.rest_api.crew import Crew
from towpath.connectors.rest_api.pacing import Gate
from towpath.connectors.rest_api.parts import Media, Verdict
from towpath.connectors.rest_api.untold import Untold
from towpath.connectors.rest_api.words import Words
from towpath.sdk import DataError, Escape, UnreachableError
from towpath.sdk.http import Response
from towpath.sdk.testing.tools import PlainTools, UnwantedError

PLAIN = st.text(st.characters(blacklist_categories=["Cs", "Cc"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=8,
)


def config(**settings: Any) -> RestConfig:
    return RestConfig.model_validate({"base_uri": "https://api.example", **settings})


@given(PLAIN, st.lists(PLAIN.filter(lambda text: len(text) >= 4), min_size=1, max_size=3), PLAIN)
def test_hidden_secrets_come_back_and_do_not_show(before: str, secrets: list[str], after: str):
    words = Words(config(encrypted={f"s{place}": text for place, text in enumerate(secrets)}))
    text = before + secrets[0] + after + secrets[-1]
    hidden = words.hide(text)
    assert words.show(hidden) == text
    assert not [secret for secret in secrets if secret in hidden and secret not in _names(hidden)]
    assert not [secret for secret in secrets if secret in words.mask(text) and secret not in "******"]


def _names(hidden: str) -> str:
    """What stands for secrets may, by chance, look like one."""
    return "".join(part for part in hidden.split("\x01") if part.startswith("encrypted"))


def test_secrets_are_known_in_every_spelling():
    words = Words(config(encrypted={"key": "a b/c&d"}, auth={"type": "token", "token": "t&k=0123"}))
    text = "?x=a+b%2Fc%26d&y=a%20b%2Fc%26d&z=a b/c&d&t=t%26k%3D0123"
    assert "0123" not in words.mask(text)
    assert "b%2Fc" not in words.mask(text)
    hidden = words.hide(text)
    assert words.show(hidden) == text
    words.token = "renewed"
    assert words.show(words.hide("t=renewed")) == "t=renewed"


@given(st.lists(st.integers(1, 400), max_size=30), st.integers(1, 7), st.integers(0, 30))
def test_cut_answers_have_all_records_once_in_order(sizes: list[int], size: int, start: int):
    records = [{"n": place, "x": "x" * length} for place, length in enumerate(sizes)]
    before, cutting.PAGE_BYTES = cutting.PAGE_BYTES, 300
    try:
        parts = list(cutting.cut(records, size, len(orjson.dumps(records)), start))
    finally:
        cutting.PAGE_BYTES = before
    found = [record["n"] for part in parts for record in part.records]
    failed = [failure.record["position"] for part in parts for failure in part.failures]
    assert found == sorted(found)
    assert sorted(found + failed) == list(range(start, len(records)))
    assert [part.is_last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert all(len(part.records) <= size for part in parts)
    assert all(len(orjson.dumps(records[place])) > 300 for place in failed)


@given(
    st.builds(
        paging.Turn,
        index=st.integers(0, 9),
        page=st.integers(0, 9),
        token=st.none() | PLAIN,
        url=st.none() | PLAIN,
        start=st.integers(0, 9),
    )
)
def test_cursors_are_json_and_come_back(turn: paging.Turn):
    assert paging.Turn.from_json(json.loads(json.dumps(turn.to_json()))) == turn


@given(st.dictionaries(PLAIN.filter(bool), JSON, max_size=4))
def test_json_bodies_come_back(value: dict[str, Any]):
    body, kind = bodies.encode(value, Media.JSON)
    assert kind == "application/json"
    assert orjson.loads(body) == value


def test_bodies_that_cannot_be():
    with pytest.raises(DataError):
        bodies.encode({"a": object()}, Media.JSON)
    with pytest.raises(DataError):
        bodies.encode({"a b": 1}, Media.XML)
    with pytest.raises(DataError) as caught:
        bodies.fill('{"a": }', Media.URLENCODED, lambda text, _: text)
    assert caught.value.code == "body.malformed"


def answer(body: Any, media: Media = Media.JSON) -> Answer:
    text = body if isinstance(body, bytes) else orjson.dumps(body)
    return Answer(Response(200, {}, text, "https://api.example/x"), media, Untold())


@pytest.mark.parametrize(
    ("body", "verdict", "good"),
    [
        ({"ok": True}, {"success_path": "ok", "success_values": ["true"]}, True),
        ({"ok": "1"}, {"success_path": "ok", "success_values": [1]}, True),
        ({"ok": 0}, {"success_path": "ok"}, True),
        ({"ok": ""}, {"success_path": "ok"}, False),
        ({}, {"success_path": "ok"}, False),
        ({"s": ["a", "b"]}, {"success_path": "s", "success_values": ["b"]}, False),
        ({"s": ["a", "b"]}, {"success_path": "s", "success_values": ["b"], "allow_array": True}, True),
        ({"error": None}, {"fail_path": "error"}, True),
        ({"error": "x"}, {"fail_path": "error"}, False),
        ({"code": 7}, {"fail_path": "code", "fail_values": ["7"]}, False),
        ({"code": 8}, {"fail_path": "code", "fail_values": ["7"]}, True),
    ],
)
def test_verdicts(body: Any, verdict: dict[str, Any], good: bool):
    assert (answer(body).fault(Verdict.model_validate(verdict)) is None) == good


def test_verdicts_of_xml_are_by_xpath():
    xml = answer(b"<r><status>bad</status><why>because</why></r>", Media.XML)
    assert xml.fault(Verdict(success_path="/r/status", success_values=("ok",))) is not None
    assert xml.told(Verdict(error_path="//why")) == "because"


def test_waiting_ends_when_nobody_wants_it_or_all_is_closed(tmp_path: Path):
    now = [0.0]
    gate = Gate(5, clock=lambda: now[0])
    tools = PlainTools(tmp_path)
    gate.enter(tools)
    tools.patience = 3
    with pytest.raises(UnwantedError):
        gate.enter(tools)
    now[0] = 5
    tools.patience = 9
    gate.enter(tools)
    gate.hold(60)
    now[0] = 64
    tools.patience = 2
    with pytest.raises(UnwantedError):
        gate.enter(tools)
    gate.close()
    with pytest.raises(UnreachableError):
        gate.sleep(1, PlainTools(tmp_path))


def test_after_an_error_no_more_work_begins():
    crew, begun = Crew(), list[int]()

    def work(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"\d"):
        crew.run(work, 1000, 4)
    crew.close()
    assert len(begun) <= 4


def test_templates_without_an_engine():
    words = {"http": {"encrypted": {"k": "a b"}, "list": [{"x": 1}]}}

    def render(text: str, escape: Escape = Escape.NONE) -> str:
        return Untold().render(text, {}, escape=escape, connection=words)

    assert render("{{connection.http.encrypted.k}}", Escape.URI) == "a%20b"
    assert render("{{{connection.http.encrypted.k}}}", Escape.URI) == "a b"
    assert render('{"a": "{{connection.http.list.0.x}}{{connection.no}}"}', Escape.JSON) == '{"a": "1"}'

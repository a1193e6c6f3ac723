"""Streams, filters and frequencies that nobody should send, or only somebody with a very great source."""

import json

import pytest

from support.hostile import CANARY, PROJECT, refused, sent
from support.jobs import streams


def test_a_source_of_5000_streams(eve):
    """Saved, shown, compared, changed."""
    many = streams(*(f"table_{n}" for n in range(5000)), mode="incremental")
    made = eve.make("wide", streams_config=json.dumps(many))
    path = f"/jobs/{made['id']}"
    assert json.loads(eve.data("GET", path)["streams_config"]) == many
    changed = json.loads(json.dumps(many))
    changed["selected_streams"][""][7]["append_mode"] = True
    found = eve.data("POST", f"{path}/stream-difference", {"updated_streams_config": changed})
    assert [one["stream"]["name"] for one in found["difference_streams"]["streams"]] == ["table_7"]
    shown = eve.data("PUT", path, {"streams_config": changed, **found})
    assert json.loads(shown["streams_config"]) == changed
    eve.data("DELETE", path)


def conditions(*found):
    return {"filter_config": {"logical_operator": "and", "conditions": list(found)}}


#: What may stand in a document that a program made, or somebody's hand: where, and what there.
STRANGE = {
    "neither of both": ("whole", {"selected": {}, "selected_streams": None, "streams": None}),
    "selected_streams is a list": ("whole", {"selected_streams": [1]}),
    "a namespace is a text": ("whole", {"selected_streams": {"": "x"}}),
    "streams is an object": ("whole", {"streams": {"a": 1}}),
    "a stream is a list": ("whole", {"streams": [[[]]]}),
    "a name is a number": ("selected", {"stream_name": 17}),
    "a name is empty": ("selected", {"stream_name": ""}),
    "a name in the catalogue is empty": ("offer", {"name": ""}),
    "a filter is a number": ("selected", {"filter": 1e308}),
    "a filter is no filter": ("selected", {"filter": "(((("}),
    "a filter in SQL": ("selected", {"filter": "id = 1; DROP TABLE x"}),
    "a filter of brackets": ("selected", {"filter": "(" * 9000}),
    "a filter of quotes": ("selected", {"filter": '"' * 19_999}),
    "a filter that multiplies": ("selected", {"filter": " or ".join(["(id=1 and id=2 and id=3)"] * 400)}),
    "a long filter": ("selected", {"filter": "id = 1 and " * 90_000 + "id = 1"}),
    "no such operator": ("selected", conditions({"column": "id", "operator": "~"})),
    "an operator that is a list": ("selected", conditions({"column": "id", "operator": []})),
    "a value that is an object": (
        "selected",
        conditions({"column": "id", "operator": "=", "value": {"a": 1}}),
    ),
    "a huge value": ("selected", conditions({"column": "id", "operator": "=", "value": "9" * 100_000})),
    "an unknown column": ("selected", conditions({"column": CANARY, "operator": "=", "value": 1})),
    "no such mode": ("offer", {"sync_mode": "sideways"}),
    "no such cursor": ("offer", {"cursor_field": "x:y:z"}),
    "a cursor that is a list": ("offer", {"cursor_field": ["id"]}),
    "partitions": ("selected", {"partition_regex": "/{" * 5000}),
    "columns are a text": ("selected", {"selected_columns": {"columns": "id"}}),
    "columns that are not there": ("selected", {"selected_columns": {"columns": ["x"] * 9000}}),
    "a lookback ahead": ("selected", {"lookback": -1}),
    "a schema is a list": ("offer", {"type_schema": []}),
    "a type is an object": ("offer", {"type_schema": {"properties": {"id": {"type": {}}}}}),
    "a stream that is not offered": ("selected", {"stream_name": "nothing"}),
}


def strange_document(strange):
    where, change = STRANGE[strange]
    whole = streams("orders", mode="incremental")
    place = {
        "whole": whole,
        "selected": whole["selected_streams"][""][0],
        "offer": whole["streams"][0]["stream"],
    }[where]
    place.update(change)
    return {name: value for name, value in whole.items() if value is not None}


def twice():
    whole = streams("orders")
    whole["selected_streams"][""] *= 2
    return whole


def wrapped():
    text = "[1]"
    while len(text) < 200_000:
        text = json.dumps({"streams_config": text})
    return {"streams_config": text}


@pytest.mark.parametrize("strange", [*STRANGE, "a stream twice", "wrapped again and again"])
def test_documents_that_are_strange(eve, strange):
    made = {"a stream twice": twice, "wrapped again and again": wrapped}
    document = made[strange]() if strange in made else strange_document(strange)
    before = eve.data("GET", "/jobs/1")
    for said in (document, json.dumps(document)):
        for method, path, body in (
            ("POST", "/jobs", eve.job("strange", streams_config=said)),
            ("PUT", "/jobs/1", {"streams_config": said}),
            ("POST", "/jobs/1/stream-difference", {"updated_streams_config": said}),
        ):
            answer = sent(eve, method, f"{PROJECT}{path}", json=body)
            assert answer.status_code == 400, answer.text[:300]
            assert len(answer.content) < 3000
    assert eve.data("GET", "/jobs/1") == before


def test_a_difference_that_says_nothing_we_know_is_refused(eve):
    """Else data would stay that somebody wanted cleared."""
    body = {"difference_streams": {"selected": streams("orders")["selected_streams"]}}
    refused(eve, "PUT", f"{PROJECT}/jobs/1", json=body)


@pytest.mark.parametrize("joined", ["and", "or"])
def test_a_filter_of_10000_conditions(eve, joined):
    """Taken as a whole or refused."""
    found = [{"column": "id", "operator": "!=", "value": n} for n in range(10_000)]
    wanted = streams("orders", filter_config={"logical_operator": joined, "conditions": found})
    answer = sent(eve, "POST", f"{PROJECT}/jobs", json=eve.job("filtered", streams_config=wanted))
    assert answer.status_code == 200
    job = answer.json()["data"]
    assert json.loads(job["streams_config"]) == wanted
    eve.data("DELETE", f"/jobs/{job['id']}")


FREQUENCIES = [
    "9" * 150 + "-weeks",
    "0-minutes",
    "-1-hours",
    "1e9-hours",
    "0.0000001-seconds",
    "* * * * * * *",
    "99 99 99 99 99",
    "0 0 30 2 *",
    "*/0 * * * *",
    "CRON_TZ=../../etc/passwd 0 6 * * *",
    "CRON_TZ=/etc/passwd 0 6 * * *",
    "CRON_TZ=\u0661 0 6 * * *",
    "@reboot",
    "\u0663-hours",
    "0-59/1,0-59/1 * * * *" * 8,
]


@pytest.mark.parametrize("frequency", FREQUENCIES, ids=lambda text: text[:30])
def test_frequencies_that_are_none(eve, frequency):
    before = eve.data("GET", "/jobs/1")
    answer = refused(eve, "PUT", f"{PROJECT}/jobs/1", json={"frequency": frequency})
    assert answer.json().get("field", "frequency") == "frequency"
    assert eve.data("GET", "/jobs/1") == before

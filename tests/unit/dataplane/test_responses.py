"""Response mapping."""

import pytest

from towpath.core.errors import ConfigError
from towpath.dataplane.errors import MappingError
from towpath.dataplane.responses import compile_response_mapping


def with_fields(*pairs, lists=()):
    fields = [{"extract": extract, "generate": generate} for extract, generate in pairs]
    return compile_response_mapping({"fields": fields, "lists": list(lists)})


FOUND = {"data": [{"x": 1, "y": "a"}, {"x": 2}], "errors": [], "ignored": False, "statusCode": 200}
WRITTEN = {
    "id": "5a1",
    "_json": {"id": 7, "lines": [{"n": 1}]},
    "errors": [],
    "ignored": False,
    "statusCode": 201,
}


def test_the_published_flow():
    mapping = compile_response_mapping(
        {"lists": [], "fields": [{"extract": "data", "generate": "numConnections"}]}
    )
    assert mapping({"a": 1}, FOUND) == {"a": 1, "numConnections": FOUND["data"]}


@pytest.mark.parametrize("document", [None, {}, {"fields": [], "lists": []}])
def test_without_fields_the_record_stays_as_it_is(document):
    assert compile_response_mapping(document)({"a": 1}, FOUND) == {"a": 1}


@pytest.mark.parametrize(
    ("response", "extract", "value"),
    [
        (FOUND, "data[0].x", 1),
        (FOUND, "data.1.x", 2),
        (FOUND, "data[*].x", [1, 2]),
        (FOUND, "statusCode", 200),
        (FOUND, "ignored", False),
        (WRITTEN, "id", "5a1"),
        (WRITTEN, "_json.id", 7),
        (WRITTEN, "_json.lines.0.n", 1),
    ],
)
def test_fields(response, extract, value):
    assert with_fields((extract, "a.b"))({"a": {"c": 0}}, response) == {"a": {"c": 0, "b": value}}


def test_what_the_answer_does_not_have_is_not_mapped():
    record = {"x": "kept"}
    assert with_fields(("data[5].x", "x"), ("name", "y"))(record, FOUND) == {"x": "kept"}
    assert with_fields(("data[0].x", "x"))(record, {}) == {"x": "kept"}
    assert with_fields(("_json.id", "x"))(record, {"_json": {"id": None}}) == {"x": None}


def test_the_record_itself_is_not_changed():
    record = {"a": {"b": 1}, "list": [{"c": 1}]}
    made = with_fields(("id", "a.b"), ("id", "list[0].c"), ("id", "list[2]"))(record, WRITTEN)
    assert made == {"a": {"b": "5a1"}, "list": [{"c": "5a1"}, None, "5a1"]}
    assert record == {"a": {"b": 1}, "list": [{"c": 1}]}


def test_every_row_of_a_grouped_record_gets_it():
    assert with_fields(("id", "x"))([{"a": 1}, {"a": 2}], WRITTEN) == [
        {"a": 1, "x": "5a1"},
        {"a": 2, "x": "5a1"},
    ]


def test_lists():
    relative = {
        "generate": "items",
        "fields": [{"extract": "x", "generate": "n"}, {"extract": "statusCode", "generate": "s"}],
    }
    walked = {"generate": "deep.lines", "fields": [{"extract": "_json.lines[*].n", "generate": "n"}]}
    mapping = with_fields(lists=[relative, walked])
    assert mapping({}, FOUND) == {"items": [{"n": 1, "s": 200}, {"n": 2, "s": 200}]}
    assert mapping({"deep": {"a": 1}}, WRITTEN) == {"deep": {"a": 1, "lines": [{"n": 1}]}}


def test_errors():
    with pytest.raises(MappingError) as caught:
        with_fields(("id", "a.b"))({"a": "text"}, WRITTEN)
    assert (caught.value.code, caught.value.source) == ("mapping.occupied", "response_mapping")
    uneven = {
        "generate": "l",
        "fields": [{"extract": "data[*].x", "generate": "x"}, {"extract": "e[*].y", "generate": "y"}],
    }
    with pytest.raises(MappingError) as caught:
        with_fields(lists=[uneven])({}, {**FOUND, "e": [1]})
    assert (caught.value.code, caught.value.source) == ("mapping.unequal_lengths", "response_mapping")


def test_wrong_documents_are_told_at_their_place():
    document = {"fields": {"type": []}, "lists": [{"generate": "l", "fields": [{"extract": "a["}]}, None]}
    with pytest.raises(ConfigError) as caught:
        compile_response_mapping(document)
    assert caught.value.code == "response_mapping.invalid"
    assert [each["field"] for each in caught.value.context["problems"]] == [
        "responseMapping.fields",
        "responseMapping.lists[1]",
        "responseMapping.lists[0].fields[0].extract",
        "responseMapping.lists[0].fields[0].generate",
    ]

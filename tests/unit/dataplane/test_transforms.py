"""Transforms of both versions."""

import pytest

from towpath.core.errors import ConfigError
from towpath.dataplane.context import Context
from towpath.dataplane.errors import MappingError
from towpath.dataplane.transforms import compile_transform, script_of


def first(*rules):
    expression = {"version": "1", "rules": [[{"extract": x, "generate": g} for x, g in rules]]}
    return compile_transform({"type": "expression", "expression": expression})


def second(mode, *mappings, lookups=(), **more):
    rules = {"mode": mode, "mappings": list(mappings), "lookups": list(lookups)}
    expression = {"version": "2", "rulesTwoDotZero": rules}
    return compile_transform({"type": "expression", "expression": expression}, **more)


def entry(generate, extract, kind="string", **more):
    return {"generate": generate, "extract": extract, "dataType": kind, "status": "Active", **more}


@pytest.mark.parametrize(
    "document", [None, {}, {"version": "1"}, {"expression": {"version": "1", "rules": [[]]}}]
)
def test_without_rules_a_record_stays_as_it_is(document):
    record = {"a": 1}
    assert compile_transform(document)(record) is record


@pytest.mark.parametrize(
    ("extract", "record"),
    [
        ("id", {"id": 7}),
        ("a.b", {"a": {"b": 7}}),
        ("/Feed/Status", {"Feed": {"Status": 7}}),
        ("SDF[0]", {"SDF": [7, 8]}),
        ("SDF[0].id", {"SDF": [{"id": 7}]}),
        ("[Internal ID]", {"Internal ID": 7}),
    ],
)
def test_extracts_of_the_first_version(extract, record):
    assert first((extract, "SDF.Filter.ID"))(record) == {"SDF": {"Filter": {"ID": 7}}}


def test_only_what_is_generated_is_there():
    assert first(("id", "key"), ("nix", "gone"))({"id": 1, "other": 2}) == {"key": 1}


def test_groups_are_read_one_after_the_other():
    groups = [[{"extract": "a", "generate": "x"}], [{"extract": "b", "generate": "y"}]]
    assert compile_transform({"version": "1", "rules": groups})({"a": 1, "b": 2}) == {"x": 1, "y": 2}
    assert compile_transform({"version": "1", "rules": groups[0]})({"a": 1}) == {"x": 1}


def test_lists():
    transform = first(
        ("lines[*].sku", "items[*].code"), ("lines[*].n", "items[*].count"), ("lines[*].sku", "all")
    )
    record = {"lines": [{"sku": "A", "n": 1}, {"n": 2}]}
    assert transform(record) == {"items": [{"code": "A", "count": 1}, {"count": 2}], "all": ["A"]}


def test_every_row_of_a_grouped_record():
    transform = first(("*.id", "key"), ("*.[Internal ID]", "*.internal"))
    rows = [{"id": 1, "Internal ID": 7}, {"id": 2}, {}]
    assert transform(rows) == [{"key": 1, "internal": 7}, {"key": 2}]
    assert transform({"id": 3}) == {"key": 3}
    assert transform([]) == []


def test_templates_in_the_first_version():
    assert first(("{{a}}-{{b}}", "x"), ("{a}", "y"))({"a": 1, "b": 2, "{a}": 3}) == {"x": "1-2", "y": 3}


def test_create_makes_a_record_of_what_is_mapped():
    assert second("create", entry("x", "$.a"))({"a": 1, "b": 2}) == {"x": "1"}


def test_modify_lets_the_rest_pass_through():
    nested = entry("o", None, "object", mappings=[entry("p", "$.a", "number")])
    transform = second("modify", entry("a", "new"), nested, entry("list", "$.b", "stringarray"))
    record = {"a": 1, "b": [2], "o": {"p": 0, "q": 3}, "list": [9, 9]}
    assert transform(record) == {"a": "new", "b": [2], "o": {"p": 1, "q": 3}, "list": ["2"]}
    assert record["o"] == {"p": 0, "q": 3}
    assert transform([{"a": 1}]) == [{"a": 1}]


def test_lookups_context_and_envelope():
    lookups = [{"name": "l", "map": {"1": "one"}}, {"name": "q"}]
    context = Context(words={"settings": {"a": 5}}, look=lambda *_: ["found"])
    transform = second(
        "create",
        entry("x", "$.record.a", lookupName="l"),
        entry("y", "$.settings.a", lookupName="q"),
        lookups=lookups,
        envelope=True,
    )
    assert transform.looks == {"q"}
    assert transform({"a": 1}, context) == {"x": "one", "y": "found"}


def test_errors_of_records_say_that_it_was_the_transform():
    with pytest.raises(MappingError) as caught:
        second("create", entry("x", "$.a", "number"))({"a": "x"})
    assert (caught.value.source, caught.value.field) == ("transformation", "x")
    assert caught.value.context["source"] == "transformation"
    with pytest.raises(MappingError) as caught:
        second("create", entry("x", "$.a", lookupName="l"), lookups=[{"name": "l", "map": {}}])({"a": "x"})
    assert caught.value.source == "lookup"


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ({"version": "3", "rules": []}, ["transform.version"]),
        ({"expression": []}, ["transform.expression"]),
        ({"expression": {"version": "1", "rules": 7}}, ["transform.expression.rules"]),
        (
            {"expression": {"version": "1", "rules": [[{"extract": "a["}, {"generate": "x"}], 7]}},
            [
                "transform.expression.rules[1]",
                "transform.expression.rules[0][0].extract",
                "transform.expression.rules[0][0].generate",
                "transform.expression.rules[0][1].extract",
            ],
        ),
        ({"expression": {"version": "2"}}, ["transform.expression.rulesTwoDotZero"]),
        (
            {
                "expression": {
                    "version": "2",
                    "rulesTwoDotZero": {
                        "mode": "mend",
                        "mappings": [{"generate": "x", "dataType": "string", "extract": "y"}],
                        "lookups": [{}],
                    },
                }
            },
            [
                "transform.expression.rulesTwoDotZero.mode",
                "transform.expression.rulesTwoDotZero.lookups[0].name",
                "transform.expression.rulesTwoDotZero.mappings[0].status",
            ],
        ),
        ({"type": "script", "script": {"_scriptId": "5f", "function": "f"}}, None),
    ],
)
def test_wrong_transforms(document, places):
    with pytest.raises(ConfigError) as caught:
        compile_transform(document)
    assert caught.value.code == "transform.invalid"
    if places is None:
        assert script_of(document).function == "f"
    else:
        assert [each["field"] for each in caught.value.context["problems"]] == places

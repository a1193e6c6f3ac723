"""Filters."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import ConfigError
from towpath.dataplane.context import NOTHING, Context
from towpath.dataplane.filters import compile_filter, script_of
from towpath.dataplane.paths import MISSING, compile_path


def passes(rules, record, context=NOTHING):
    return compile_filter({"version": "1", "rules": rules})(record, context)


def problems(rules):
    with pytest.raises(ConfigError) as caught:
        compile_filter({"version": "1", "rules": rules})
    assert caught.value.code == "filter.bad_rules"
    return [each["field"] for each in caught.value.context["problems"]]


PUBLISHED = [
    "and",
    ["matches", ["lowercase", ["string", ["extract", "categories"]]], "netsuite"],
    ["notequals", ["string", ["extract", "recurrence.pattern.type"]], ""],
]


@pytest.mark.parametrize(
    ("record", "there"),
    [
        ({"categories": ["NetSuite"], "recurrence": {"pattern": {"type": "daily"}}}, True),
        ({"categories": "My NETSUITE calls", "recurrence": {"pattern": {"type": "daily"}}}, True),
        ({"categories": ["NetSuite"], "recurrence": {"pattern": {"type": ""}}}, False),
        ({"categories": ["NetSuite"], "recurrence": None}, False),
        ({"categories": ["Other"], "recurrence": {"pattern": {"type": "daily"}}}, False),
        ({}, False),
    ],
)
def test_the_published_example(record, there):
    nested = {"type": "expression", "expression": {"version": "1", "rules": PUBLISHED}}
    flat = {"version": "1", "rules": PUBLISHED}
    typed = {"type": "expression", **flat}
    assert [compile_filter(each)(record, NOTHING) for each in (nested, flat, typed)] == [there] * 3


@pytest.mark.parametrize("document", [None, {}, {"version": "1", "rules": []}, {"rules": None}])
def test_without_rules_everything_passes(document):
    assert compile_filter(document)({"a": 1}, NOTHING) is True


RECORD = {
    "text": "Abc",
    "number": 12,
    "digits": "12",
    "price": 9.5,
    "yes": True,
    "no": False,
    "null": None,
    "nothing": "",
    "list": ["a", 2],
    "empty": [],
    "object": {"x": 1},
    "date": "2026-03-26T17:04:00.000Z",
    "decimal": Decimal("1.10"),
    "moment": datetime(2026, 3, 26, 17, 4, tzinfo=UTC),
}


def of(name):
    return ["extract", name]


@pytest.mark.parametrize(
    "rule",
    [
        ["equals", of("text"), "Abc"],
        ["equals", of("number"), 12],
        ["equals", of("number"), 12.0],
        ["equals", of("number"), "12"],
        ["equals", of("digits"), 12],
        ["equals", ["string", of("number")], "12"],
        ["equals", ["number", of("digits")], 12],
        ["equals", of("yes"), True],
        ["equals", of("yes"), "true"],
        ["equals", of("no"), "false"],
        ["equals", of("null"), None],
        ["equals", of("nix"), None],
        ["equals", of("nix"), of("null")],
        ["equals", of("decimal"), 1.1],
        ["equals", of("object"), of("object")],
        ["equals", of("moment"), of("date")],
        ["notequals", of("text"), "abc"],
        ["notequals", of("digits"), "12.0"],
        ["notequals", of("nix"), "x"],
        ["notequals", of("null"), ""],
        ["notequals", of("no"), 0],
        ["notequals", of("yes"), 1],
        ["greaterthan", of("number"), 11],
        ["greaterthan", of("number"), "11"],
        ["greaterthan", of("digits"), 9],
        ["greaterthan", of("text"), "Abb"],
        ["greaterthan", "b", "B"],
        ["greaterthanequals", of("number"), 12],
        ["lessthan", of("price"), 9.6],
        ["lessthanequals", of("price"), "9.5"],
        ["lessthan", of("digits"), "9"],
        ["contains", of("text"), "bc"],
        ["contains", of("list"), "a"],
        ["contains", of("list"), "2"],
        ["contains", of("number"), 2],
        ["doesnotcontain", of("text"), "BC"],
        ["doesnotcontain", of("nix"), "x"],
        ["doesnotcontain", of("list"), "b"],
        ["startswith", of("text"), "Ab"],
        ["endswith", of("text"), "c"],
        ["startswith", of("number"), 1],
        ["matches", of("text"), "^A.c$"],
        ["matches", of("text"), "b"],
        ["matches", of("text"), of("text")],
        ["anyof", of("text"), ["x", "Abc"]],
        ["anyof", of("number"), ["x", "12"]],
        ["anyof", of("text"), "x", "Abc"],
        ["anyof", "a", of("list")],
        ["empty", of("nothing")],
        ["empty", of("null")],
        ["empty", of("nix")],
        ["isempty", of("empty")],
        ["notempty", of("text")],
        ["isnotempty", of("no")],
        ["notempty", of("number")],
        ["and"],
        ["and", True, ["boolean", "yes"]],
        ["or", False, of("yes")],
        ["not", of("no")],
        of("text"),
        ["boolean", of("yes")],
        ["not", ["boolean", of("nix")]],
        ["not", ["boolean", "false"]],
        ["equals", ["boolean", of("nix")], False],
        ["equals", ["lowercase", of("text")], "abc"],
        ["equals", ["uppercase", of("text")], "ABC"],
        ["equals", ["ceiling", of("price")], 10],
        ["equals", ["floor", of("price")], 9],
        ["equals", ["abs", -3], 3],
        ["equals", ["floor", of("text")], None],
        ["equals", ["number", "x"], None],
        ["equals", ["epochtime", of("date")], 1774544640000],
        ["equals", ["epochtime", of("moment")], 1774544640000],
        ["equals", ["epochtime", 5], 5],
        ["equals", ["epochtime", "soon"], None],
        ["greaterthan", ["epochtime", of("date")], ["epochtime", "2026-03-26T16:04:00Z"]],
    ],
)
def test_rules_that_hold(rule):
    assert passes(rule, RECORD) is True
    assert passes(["not", rule], RECORD) is False


@pytest.mark.parametrize(
    "rule",
    [
        ["equals", of("text"), "abc"],
        ["equals", of("digits"), "12.0"],
        ["equals", of("nix"), ""],
        ["equals", of("null"), False],
        ["equals", of("text"), 0],
        ["equals", of("yes"), "yes"],
        ["greaterthan", of("nix"), 0],
        ["lessthan", of("nix"), 0],
        ["greaterthanequals", of("null"), of("null")],
        ["greaterthan", of("text"), 1],
        ["lessthan", of("text"), 1],
        ["greaterthan", of("list"), 1],
        ["contains", of("nix"), ""],
        ["contains", of("text"), of("nix")],
        ["startswith", of("nix"), ""],
        ["endswith", of("null"), ""],
        ["matches", of("nix"), ".*"],
        ["matches", of("text"), "^abc$"],
        ["matches", "x", ["lowercase", "("]],
        ["anyof", of("text"), []],
        ["anyof", of("nix"), ["x"]],
        ["empty", of("number")],
        ["empty", of("no")],
        ["or"],
        of("nix"),
        of("nothing"),
        of("empty"),
    ],
)
def test_rules_that_do_not_hold(rule):
    assert passes(rule, RECORD) is False


def test_settings():
    context = Context(words={"settings": {"flow": {"x": "web"}, "integration": {"on": True}}})
    rule = ["equals", of("channel"), ["settings", "flow.x"]]
    assert passes(rule, {"channel": "web"}, context)
    assert not passes(rule, {"channel": "shop"}, context)
    assert passes(["settings", "integration.on"], {}, context)
    assert passes(["empty", ["settings", "export.nix"]], {}, context)
    assert passes(["empty", ["settings", "flow.x"]], {})


@pytest.mark.parametrize("record", ["text", 7, None, [{"a": 1}], []])
def test_records_that_are_no_objects_are_judged_too(record):
    assert passes(["empty", of("a")], record)
    assert passes(["equals", of("[0].a"), 1], [{"a": 1}])


def test_values_that_cannot_be_written():
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    for value in (deep, 10**5000):
        assert passes(["equals", ["string", of("a")], ""], {"a": value})


def test_deep_rules():
    rule = ["equals", of("a"), 1]
    for turn in range(60):
        rule = ["not", rule] if turn % 2 else ["and", rule, True]
    assert passes(rule, {"a": 1})
    assert not passes(["not", rule], {"a": 1})
    for _ in range(10):
        rule = ["not", rule]
    assert problems(rule)
    wide = ["or", *(["equals", of("a"), number] for number in range(3000))]
    assert passes(wide, {"a": 2999})


@pytest.mark.parametrize(
    ("rules", "places"),
    [
        (["is", of("a"), 1], ["filter.rules"]),
        ([["equals", of("a"), 1]], ["filter.rules"]),
        (["and", ["equals", of("a")], ["not"]], ["filter.rules[1]", "filter.rules[2]"]),
        (["equals", ["extract", 7], ["extract", "a["]], ["filter.rules[1][1]", "filter.rules[2][1]"]),
        (["matches", of("a"), "("], ["filter.rules[2]"]),
        (["matches", of("a"), "(?=a)"], ["filter.rules[2]"]),
        (["equals", of("a"), {"b": 1}], ["filter.rules[2]"]),
        (["lowercase"], ["filter.rules"]),
        ("a = 1", ["filter.rules"]),
    ],
)
def test_wrong_rules_are_told_at_their_place(rules, places):
    assert problems(rules) == places


def test_wrong_documents():
    for document in ({"version": "2", "rules": []}, {"type": "expression", "expression": []}):
        with pytest.raises(ConfigError):
            compile_filter(document)


def test_scripts_are_for_the_caller():
    document = {"type": "script", "script": {"_scriptId": "5f", "function": "keep"}}
    found = script_of(document)
    assert found is not None
    assert (found.function, found.document["_scriptId"]) == ("keep", "5f")
    with pytest.raises(ConfigError):
        compile_filter(document)
    assert script_of({"version": "1", "rules": []}) is None
    assert script_of({"type": "expression", "script": {}}) is None
    assert script_of(None) is None


# A second interpreter, written from the page of the reference, against the compiled one.


def number(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    try:
        return (
            float(value) if isinstance(value, str) and value.strip().replace(".", "", 1).isdigit() else None
        )
    except ValueError:
        return None


def compare(left, right):
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if isinstance(left, bool) or isinstance(right, bool):
        words = {"true": True, "false": False, True: True, False: False}
        pair = [words.get(each) if isinstance(each, str | bool) else None for each in (left, right)]
    else:
        pair = [number(left), number(right)]
    return None if None in pair else (pair[0] > pair[1]) - (pair[0] < pair[1])


def equal(left, right):
    if left in (None, MISSING) or right in (None, MISSING):
        return left in (None, MISSING) and right in (None, MISSING)
    return compare(left, right) == 0


def text(value):
    words = {None: "", MISSING: "", True: "true", False: "false"}
    return words[value] if isinstance(value, bool) or value in (None, MISSING) else str(value)


JUDGES = {
    "and": lambda *values: all(values),
    "or": lambda *values: any(values),
    "not": lambda value: not value,
    "equals": equal,
    "notequals": lambda left, right: not equal(left, right),
    "greaterthan": lambda left, right: compare(left, right) == 1,
    "lessthanequals": lambda left, right: compare(left, right) in {-1, 0},
    "empty": lambda value: value in (None, MISSING, ""),
    "notempty": lambda value: value not in (None, MISSING, ""),
    "string": text,
    "number": number,
}


def judge(rule, record):
    if not isinstance(rule, list):
        return rule
    operator, *given = rule
    if operator == "extract":
        return compile_path(given[0]).get(record)
    return JUDGES[operator](*(judge(each, record) for each in given))


scalars = (
    st.none() | st.booleans() | st.integers(-3, 30) | st.sampled_from(["", "a", "B", "1", "2.5", "true"])
)
records = st.dictionaries(st.sampled_from("abc"), scalars)
values = st.recursive(
    scalars | st.sampled_from("abcd").map(of),
    lambda inner: st.tuples(st.sampled_from(["string", "number"]), inner).map(list),
    max_leaves=2,
)
comparisons = st.tuples(
    st.sampled_from(["equals", "notequals", "greaterthan", "lessthanequals"]), values, values
).map(list) | st.tuples(st.sampled_from(["empty", "notempty"]), values).map(list)
rules = st.recursive(
    comparisons,
    lambda inner: (
        st.tuples(st.sampled_from(["and", "or"]), inner, inner).map(list)
        | inner.map(lambda rule: ["not", rule])
    ),
    max_leaves=6,
)


@given(rules, records)
def test_the_compiled_filter_says_what_a_plain_interpreter_says(rule, record):
    assert passes(rule, record) is judge(rule, record)


anything = st.recursive(
    scalars | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
)
every_rule = st.tuples(
    st.sampled_from(
        ["equals", "greaterthan", "lessthan", "contains", "startswith", "endswith", "matches", "anyof"]
    ),
    st.sampled_from(["number", "epochtime", "floor", "abs", "boolean", "uppercase", "string"]),
).map(lambda names: [names[0], [names[1], of("a")], of("b")])


@given(every_rule, anything, anything)
def test_no_record_makes_a_filter_fail(rule, left, right):
    assert passes(rule, {"a": left, "b": right}) in {True, False}

"""Mapper 1.0."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import ConfigError, DataError, TowpathError, UnreachableError
from towpath.dataplane.context import Context
from towpath.dataplane.errors import MappingError
from towpath.dataplane.mapping1 import compile_mapping


def mapped(fields, record, lookups=(), context=None, lists=()):
    return compile_mapping({"fields": fields, "lists": list(lists)}, lookups).map(
        record, context or Context()
    )


def field(extract="a", generate="x", **more):
    return [{"extract": extract, "generate": generate, **more}]


def problems(mapping, lookups=()):
    with pytest.raises(ConfigError) as caught:
        compile_mapping(mapping, lookups)
    assert caught.value.code == "mapping.invalid"
    return caught.value.context["problems"]


def refused(*args, **kwargs):
    with pytest.raises(MappingError) as caught:
        mapped(*args, **kwargs)
    return caught.value


def test_the_import_of_a_heartbeat():
    fields = [
        {"extract": "timestamp", "generate": "timestamp"},
        {"generate": "key", "hardCodedValue": "sqs_flow"},
    ]
    made = mapped(fields, {"timestamp": 1512012818751})
    assert made == {"timestamp": 1512012818751, "key": "sqs_flow"}
    assert type(made["timestamp"]) is int


COMPOSITE = [
    {"extract": "{firstName} {lastName}", "generate": "addressee"},
    {"generate": "opt_out", "hardCodedValue": False},
    {"extract": "billingAddress.country", "generate": "currency", "lookupName": "currencyMap"},
]
COMPOSITE_LOOKUPS = [
    {"name": "idLookup", "relativeURI": "/customers?ns_id={internalId}", "method": "GET", "extract": "0.id"},
    {"name": "currencyMap", "map": {"USA": "USD", "JAPAN": "JPY"}, "allowFailures": False},
]


def test_the_composite_import():
    record = {"firstName": "Ada", "lastName": "King", "billingAddress": {"country": "JAPAN"}}
    assert mapped(COMPOSITE, record, COMPOSITE_LOOKUPS) == {
        "addressee": "Ada King",
        "opt_out": False,
        "currency": "JPY",
    }


def test_the_composite_import_of_a_country_that_is_not_in_the_map():
    record = {"firstName": "Ada", "lastName": "King", "billingAddress": {"country": "FRANCE"}}
    error = refused(COMPOSITE, record, COMPOSITE_LOOKUPS)
    assert (error.code, error.source, error.field) == ("lookup.no_match", "lookup", "currency")
    assert "currencyMap" in error.message
    assert "FRANCE" in error.message
    assert error.context["extract"] == "billingAddress.country"


@pytest.mark.parametrize("constant", [False, 0, "", True, 7, 1.5, [], {}, "text", ["a"]])
def test_constants_survive_as_they_are(constant):
    made = mapped([{"generate": "x.y", "hardCodedValue": constant}], {})
    assert made == {"x": {"y": constant}}
    assert type(made["x"]["y"]) is type(constant)


def test_a_null_constant_is_one_only_where_nothing_is_extracted():
    assert mapped([{"generate": "x", "hardCodedValue": None}], {"a": 1}) == {"x": None}
    assert mapped(field(hardCodedValue=None), {"a": 1}) == {"x": 1}


def test_dots_generate_objects_inside_of_objects():
    fields = [
        {"extract": "city", "generate": "billingAddress.city"},
        {"extract": "zip", "generate": "billingAddress.zip"},
        {"extract": "name", "generate": "billingAddress.contact.name"},
    ]
    assert mapped(fields, {"city": "Leeds", "name": "Ada"}) == {
        "billingAddress": {"city": "Leeds", "contact": {"name": "Ada"}}
    }
    assert mapped(fields, {}) == {}


def test_a_field_may_be_put_into_an_object_that_another_took_over_whole():
    fields = [{"extract": "address", "generate": "to"}, {"extract": "note", "generate": "to.note"}]
    record = {"address": {"city": "Leeds"}, "note": "ring"}
    assert mapped(fields, record) == {"to": {"city": "Leeds", "note": "ring"}}
    assert record == {"address": {"city": "Leeds"}, "note": "ring"}
    assert refused(fields, {"address": "Leeds", "note": "ring"}).code == "mapping.occupied"


def test_positions_in_generate_make_lists():
    fields = [
        {"extract": "a", "generate": "lines[1].sku"},
        {"extract": "b", "generate": "lines[0].sku"},
    ]
    assert mapped(fields, {"a": "A", "b": "B"}) == {"lines": [{"sku": "B"}, {"sku": "A"}]}


def test_missing_is_left_out_and_null_stays_null():
    assert mapped(field("a.b"), {"a": {}}) == {}
    assert mapped(field("a.b"), {"a": None}) == {}
    assert mapped(field("a.b"), {"a": {"b": None}}) == {"x": None}
    assert mapped(field("a.b", dataType="number"), {"a": {"b": None}}) == {"x": None}


@pytest.mark.parametrize(
    ("extract", "record", "found"),
    [
        ("a.b", {"a.b": 1, "a": {"b": 2}}, 1),
        ("a.0.b", {"a": [{"b": 1}]}, 1),
        ("a[0].b", {"a": [{"b": 1}]}, 1),
        ("a[*].b", {"a": [{"b": 1}, {"b": 2}]}, [1, 2]),
        ("$.a.b", {"a": {"b": 1}}, 1),
        ("[Field With Spaces]", {"Field With Spaces": 1}, 1),
        ("Order Number", {"Order Number": 1}, 1),
        ("a.length", {"a": [1, 2, 3]}, 3),
    ],
)
def test_extracts_are_paths(extract, record, found):
    assert mapped(field(extract), record) == {"x": found}


def test_the_rows_of_a_grouped_record():
    rows = [{"id": 1, "sku": "A"}, {"id": 1, "sku": "B"}]
    fields = [{"extract": "id", "generate": "id"}, {"extract": "*.sku", "generate": "skus"}]
    lists = [{"generate": "lines", "fields": [{"extract": "*.sku", "generate": "sku"}]}]
    assert mapped(fields, rows, lists=lists) == {
        "id": 1,
        "skus": ["A", "B"],
        "lines": [{"sku": "A"}, {"sku": "B"}],
    }


@pytest.mark.parametrize("record", ["text", 7, None, [7], [["a"]]])
def test_what_is_no_record_is_refused(record):
    assert refused(field(), record).code == "mapping.not_a_record"


ORDER = {
    "order_lines": [{"sku": "A", "qty": 1}, {"qty": 2}, {"sku": "C"}],
    "shipments": [{"weight": 1}, {"weight": 2}, {"weight": 3}],
    "tax_percent": 20,
}
LIST = {
    "generate": "item",
    "fields": [
        {"extract": "order_lines[*].sku", "generate": "item"},
        {"extract": "shipments[*].weight", "generate": "size.weight"},
        {"extract": "tax_percent", "generate": "tax"},
        {"generate": "kind", "hardCodedValue": "goods"},
    ],
}


def test_lists_are_paired_by_position_and_the_rest_is_repeated():
    assert mapped([], ORDER, lists=[LIST]) == {
        "item": [
            {"item": "A", "size": {"weight": 1}, "tax": 20, "kind": "goods"},
            {"size": {"weight": 2}, "tax": 20, "kind": "goods"},
            {"item": "C", "size": {"weight": 3}, "tax": 20, "kind": "goods"},
        ]
    }


def test_lists_of_unequal_length_are_an_error():
    error = refused([], {**ORDER, "shipments": [{"weight": 1}]}, lists=[LIST])
    assert (error.code, error.field) == ("mapping.unequal_lengths", "item")
    assert "order_lines has 3" in error.message
    assert "shipments has 1" in error.message


def test_a_list_that_is_not_there_leaves_its_fields_out():
    record = {"order_lines": [{"sku": "A"}], "tax_percent": 20}
    assert mapped([], record, lists=[LIST]) == {"item": [{"item": "A", "tax": 20, "kind": "goods"}]}
    assert mapped([], {"tax_percent": 20}, lists=[LIST]) == {}
    assert mapped([], {"order_lines": [], "shipments": []}, lists=[LIST]) == {"item": []}


def test_one_object_counts_as_a_list_of_one():
    fields = [{"extract": "lines[*].sku", "generate": "sku"}]
    assert mapped([], {"lines": {"sku": "A"}}, lists=[{"generate": "l", "fields": fields}]) == {
        "l": [{"sku": "A"}]
    }


def test_lists_in_lists_are_walked_to_the_end():
    fields = [
        {"extract": "orders[*].items[*].sku", "generate": "sku"},
        {"extract": "orders[*].items[*].price.net", "generate": "net"},
    ]
    record = {"orders": [{"items": [{"sku": "A", "price": {"net": 1}}, {"sku": "B"}]}, {"items": []}, {}]}
    assert mapped([], record, lists=[{"generate": "all.items", "fields": fields}]) == {
        "all": {"items": [{"sku": "A", "net": 1}, {"sku": "B"}]}
    }


def test_the_elements_themselves():
    fields = [{"extract": "tags[*]", "generate": "name"}]
    assert mapped([], {"tags": ["a", "b"]}, lists=[{"generate": "tags", "fields": fields}]) == {
        "tags": [{"name": "a"}, {"name": "b"}]
    }


def test_a_list_without_lists_is_one_row():
    fields = [{"extract": "city", "generate": "city"}]
    lists = [{"generate": "addresses", "fields": fields}]
    assert mapped([], {"city": "Leeds"}, lists=lists) == {"addresses": [{"city": "Leeds"}]}
    assert mapped([], {}, lists=lists) == {}


def test_json_path_names_the_list_whose_elements_are_read_first():
    fields = [{"extract": "sku", "generate": "sku"}, {"extract": "channel", "generate": "channel"}]
    lists = [{"generate": "lines", "jsonPath": "order.lines", "fields": fields}]
    record = {"channel": "web", "order": {"lines": [{"sku": "A"}, {"sku": "B", "channel": "shop"}]}}
    assert mapped([], record, lists=lists) == {
        "lines": [{"sku": "A", "channel": "web"}, {"sku": "B", "channel": "shop"}]
    }


def test_lookups_and_templates_in_the_rows_of_lists():
    fields = [
        {"extract": "lines[*].sku", "generate": "item", "lookupName": "items"},
        {"extract": "{{lines.sku}} of {{number}}", "generate": "label"},
    ]
    lookups = [{"name": "items", "map": {"A": 17}}]
    record = {"number": 9, "lines": [{"sku": "A"}]}
    lists = [{"generate": "lines", "fields": fields}]
    assert mapped([], record, lookups, lists=lists) == {"lines": [{"item": 17, "label": "A of 9"}]}
    error = refused([], {"lines": [{"sku": "A"}, {"sku": "Z"}]}, lookups, lists=lists)
    assert (error.code, error.field) == ("lookup.no_match", "lines[*].item")


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        ("string", 12, "12"),
        ("string", 1.0, "1"),
        ("string", 0.1, "0.1"),
        ("string", True, "true"),
        ("string", {"a": [1]}, '{"a":[1]}'),
        ("string", datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00.000Z"),
        ("number", "12", 12),
        ("number", " 12.50 ", 12.5),
        ("number", "1e3", 1000.0),
        ("number", "-.5", -0.5),
        ("number", "123456789012345678901", 123456789012345678901),
        ("number", True, 1),
        ("boolean", "TRUE", True),
        ("boolean", "no", False),
        ("boolean", 0, False),
        ("boolean", "", False),
        ("stringarray", [1, None, "a"], ["1", None, "a"]),
        ("stringarray", "a", ["a"]),
        ("numberarray", ["1", 2], [1, 2]),
        ("json", '{"a":1}', {"a": 1}),
        ("json", [1], [1]),
    ],
)
def test_types(kind, value, made):
    found = mapped(field(dataType=kind), {"a": value})["x"]
    assert found == made
    assert type(found) is type(made)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "twelve"),
        ("number", ""),
        ("number", "1,200"),
        ("number", "1e999"),
        ("number", "١٢"),
        ("number", [1]),
        ("boolean", "perhaps"),
        ("numberarray", ["x"]),
        ("json", "{"),
    ],
)
def test_what_is_not_of_a_type_is_an_error(kind, value):
    error = refused(field(dataType=kind), {"a": value})
    assert (error.code, error.source, error.field) == ("mapping.bad_value", "mapping", "x")
    assert error.hint
    assert error.context["extracted"]


def test_a_date_goes_from_one_pattern_and_zone_to_another():
    dates = {
        "extractDateFormat": "MM/DD/YYYY HH:mm",
        "extractDateTimezone": "America/New_York",
        "generateDateFormat": "YYYY-MM-DD HH:mm",
        "generateDateTimezone": "Asia/Tokyo",
    }
    assert mapped(field(**dates), {"a": "03/26/2025 17:04"}) == {"x": "2025-03-27 06:04"}
    assert mapped(field(**dates), {"a": ""}) == {"x": ""}
    assert mapped(field(**dates), {"a": None}) == {"x": None}
    assert mapped(field(**dates), {}) == {}
    error = refused(field(**dates), {"a": "26.03.2025"})
    assert (error.code, error.field) == ("mapping.bad_date", "x")
    assert "26.03.2025" in error.message
    assert "MM/DD/YYYY HH:mm" in error.message


def test_a_date_stays_in_the_zone_that_it_is_written_in():
    dates = {"extractDateFormat": "YYYY-MM-DD", "extractDateTimezone": "Asia/Tokyo"}
    assert mapped(field(**dates, generateDateFormat="DD.MM.YYYY"), {"a": "2025-03-26"}) == {"x": "26.03.2025"}
    assert mapped(field(**dates), {"a": "2025-03-26"}) == {"x": "2025-03-25T15:00:00.000Z"}


@pytest.mark.parametrize(
    ("condition", "operation", "there"),
    [
        ({"immutable": True}, "create", True),
        ({"immutable": True}, "update", False),
        ({"immutable": True}, None, True),
        ({"conditional": {"when": "record_created"}}, "create", True),
        ({"conditional": {"when": "record_created"}}, "update", False),
        ({"conditional": {"when": "record_created"}}, None, True),
        ({"conditional": {"when": "record_updated"}}, "create", False),
        ({"conditional": {"when": "record_updated"}}, "update", True),
        ({"conditional": {"when": "record_updated"}}, None, False),
    ],
)
def test_fields_of_new_and_of_old_records(condition, operation, there):
    context = Context(operation=operation)
    fields = [*field(**condition), {"extract": "a", "generate": "y"}]
    assert mapped(fields, {"a": 1}, context=context) == ({"x": 1, "y": 1} if there else {"y": 1})


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_empty_values_are_left_out_where_that_is_asked(empty):
    assert mapped(field(conditional={"when": "extract_not_empty"}), {"a": empty}) == {}
    assert mapped(field(discardIfEmpty=True), {"a": empty}) == {}
    assert mapped(field(conditional={"when": "extract_not_empty"}, lookupName="l"), {"a": empty}, MAP) == {}
    assert mapped(field(), {"a": empty}) == {"x": empty}


@pytest.mark.parametrize("full", [0, False, "0", " ", [None]])
def test_zero_and_false_are_not_empty(full):
    assert mapped(field(conditional={"when": "extract_not_empty"}), {"a": full}) == {"x": full}
    assert mapped(field(discardIfEmpty=True), {"a": full}) == {"x": full}


MAP = [{"name": "l", "map": {"a": "A", "1": "one", "true": "yes", "": "nothing"}}]


def test_what_a_lookup_finds_decides_about_another_field():
    found = field(conditional={"when": "lookup_not_empty", "lookupName": "l"})
    not_found = field(conditional={"when": "lookup_empty", "lookupName": "l"})
    assert mapped(found, {"a": "a"}, MAP) == {"x": "a"}
    assert mapped(found, {"a": "b"}, MAP) == {}
    assert mapped(not_found, {"a": "a"}, MAP) == {}
    assert mapped(not_found, {"a": "b"}, MAP) == {"x": "b"}


def test_a_field_is_left_alone_where_the_record_has_it():
    fields = field(generate="x.y", conditional={"when": "ignore_if_set"})
    assert mapped(fields, {"a": 1}, context=Context(existing={"x": {"y": 2}})) == {}
    assert mapped(fields, {"a": 1}, context=Context(existing={"x": {"y": ""}})) == {"x": {"y": 1}}
    assert mapped(fields, {"a": 1}) == {"x": {"y": 1}}


@pytest.mark.parametrize(
    ("value", "made"), [("a", "A"), (1, "one"), (1.0, "one"), (True, "yes"), ("", "nothing")]
)
def test_keys_of_a_map_are_compared_as_text(value, made):
    assert mapped(field(lookupName="l"), {"a": value}, MAP) == {"x": made}


@pytest.mark.parametrize("value", ["z", None, 2, {"a": 1}])
def test_a_miss_gives_the_default_where_failures_are_allowed(value):
    lenient = [{"name": "l", "map": {"a": "A"}, "allowFailures": True}]
    assert mapped(field(lookupName="l"), {"a": value}, lenient) == {"x": None}
    assert mapped(field(lookupName="l", discardIfEmpty=True), {"a": value}, lenient) == {}
    for default in ("", "Unknown", 0):
        assert mapped(field(lookupName="l"), {"a": value}, [{**lenient[0], "default": default}]) == {
            "x": default
        }
    assert refused(field(lookupName="l"), {"a": value}, [{"name": "l", "map": {}, "default": "d"}]).code == (
        "lookup.no_match"
    )


class Asked:
    """A dynamic lookup, and what it was asked."""

    def __init__(self, *found):
        self.found = found
        self.calls = []

    def __call__(self, name, value, record):
        self.calls.append((name, value, record))
        return self.found


def test_other_lookups_are_asked_for():
    asked = Asked("42")
    lookups = [{"name": "id", "relativeURI": "/x?id={a}"}, {"name": "cache", "_lookupCacheId": "5f"}, *MAP]
    fields = [
        *field(lookupName="id"),
        *field(generate="y", lookupName="l"),
        {"generate": "z", "lookupName": "id"},
    ]
    mapper = compile_mapping({"fields": fields}, lookups)
    assert mapper.looks == {"id"}
    assert mapper.map({"a": "a"}, Context(look=asked)) == {"x": "42", "y": "A", "z": "42"}
    assert asked.calls == [("id", "a", {"a": "a"}), ("id", None, {"a": "a"})]


def test_no_hit_one_hit_and_several():
    def look(*found, **lookup):
        return mapped(field(lookupName="q"), {"a": 1}, [{"name": "q", **lookup}], Context(look=Asked(*found)))

    assert look(7) == {"x": 7}
    assert look(7, 8, allowFailures=True) == {"x": 7}
    assert look(allowFailures=True, default="d") == {"x": "d"}
    assert look(7, 8, useDefaultOnMultipleMatches=True, default="d") == {"x": "d"}
    for found, code in (((), "lookup.no_match"), ((7, 8), "lookup.several_matches")):
        with pytest.raises(MappingError) as caught:
            look(*found)
        assert (caught.value.code, caught.value.source) == (code, "lookup")


def test_a_system_that_does_not_answer_is_not_the_records_fault():
    def look(name, value, record):
        raise UnreachableError("connection.refused", "Nobody is there.")

    with pytest.raises(UnreachableError):
        mapped(field(lookupName="q"), {"a": 1}, [{"name": "q"}], Context(look=look))


def test_templates_see_the_record_and_the_context():
    context = Context(words={"settings": {"flow": {"shop": "north"}}})
    record = {"first": "Ada", "last": "King", "address": {"lines": ["1 Tow Path"]}}
    fields = [
        {"extract": "{first} {last}", "generate": "old"},
        {"extract": "{{first}}/{{record.last}}", "generate": "new"},
        {"extract": "{{settings.flow.shop}}", "generate": "shop"},
        {"extract": "{address.lines.0}", "generate": "street"},
        {"extract": "{{#if nix}}a{{else}}b{{/if}}", "generate": "block"},
    ]
    assert mapped(fields, record, context=context) == {
        "old": "Ada King",
        "new": "Ada/King",
        "shop": "north",
        "street": "1 Tow Path",
        "block": "b",
    }


def test_templates_may_look_things_up():
    fields = field("{{lookup 'l' a}}!")
    assert mapped(fields, {"a": "a"}, MAP) == {"x": "A!"}
    error = refused(fields, {"a": "z"}, MAP)
    assert (error.code, error.source, error.field) == ("lookup.no_match", "lookup", "x")
    assert refused(field("{{lookup 'nix' a}}"), {"a": "z"}, MAP).code == "template.failed"
    assert compile_mapping({"fields": fields}, [*MAP, {"name": "q"}]).looks == {"q"}


def test_a_template_that_fails_is_an_error_of_the_record():
    error = refused(field("{{jsonParse a}}"), {"a": "{"})
    assert (error.code, error.field) == ("template.failed", "x")


def test_every_problem_is_told_at_its_place():
    found = problems(
        {
            "fields": [
                {"extract": "a"},
                {"generate": "b"},
                {"extract": "a[", "generate": "c"},
                {"extract": "{{#if}", "generate": "d"},
                {"extract": "a", "generate": "e", "lookupName": "nix"},
                {"extract": "a", "generate": "f", "dataType": "date"},
                {"extract": "a", "generate": "g", "conditional": {"when": "later"}},
                {"extract": "a", "generate": "h", "extractDateTimezone": "Europe/Atlantis"},
                {"extract": 7, "generate": "i"},
                {"generate": "j", "hardCodedValue": "x", "dataType": "number"},
                {"extract": "a", "generate": "k[*].l"},
                {"extract": "a", "generate": "m", "subRecordMapping": {"fields": []}},
                "text",
            ],
            "lists": [{"generate": "l", "fields": [{"extract": "a"}]}, {"fields": []}],
        },
        [{"map": {}}, {"name": "a", "map": []}, {"name": "b"}, {"name": "b"}],
    )
    assert [(each["field"], each["code"]) for each in found] == [
        ("lookups[0].name", "missing_required_field"),
        ("lookups[1].map", "invalid_field"),
        ("lookups[3].name", "invalid_field"),
        ("mapping.fields[12]", "invalid_field"),
        ("mapping.fields[0].generate", "missing_required_field"),
        ("mapping.fields[1].extract", "missing_required_field"),
        ("mapping.fields[2].extract", "invalid_field"),
        ("mapping.fields[3].extract", "invalid_field"),
        ("mapping.fields[4].lookupName", "invalid_field"),
        ("mapping.fields[5].dataType", "invalid_field"),
        ("mapping.fields[6].conditional.when", "invalid_field"),
        ("mapping.fields[7].extractDateTimezone", "invalid_field"),
        ("mapping.fields[8].extract", "invalid_field"),
        ("mapping.fields[9].hardCodedValue", "invalid_field"),
        ("mapping.fields[10].generate", "invalid_field"),
        ("mapping.fields[11].subRecordMapping", "invalid_field"),
        ("mapping.lists[0].fields[0].generate", "missing_required_field"),
        ("mapping.lists[1].generate", "missing_required_field"),
    ]
    assert all(each["message"].endswith(".") for each in found)


def test_what_would_not_change_the_result_is_kept():
    more = {"internalId": True, "isKey": True, "subRecordMapping": None, "description": "x", "key": "k1"}
    assert mapped(field(**more), {"a": 1}) == {"x": 1}


def test_an_error_says_where_even_after_a_journey():
    error = refused(field(dataType="number"), {"a": "x"})
    back = TowpathError.from_json(error.to_json())
    assert type(back) is DataError
    assert back.context["field"] == "x"
    assert back.context["source"] == "mapping"


def test_the_record_is_not_changed_and_the_mapper_can_be_shared():
    mapper = compile_mapping({"fields": COMPOSITE, "lists": [LIST]}, COMPOSITE_LOOKUPS)
    record = {**ORDER, "firstName": "A", "lastName": "B", "billingAddress": {"country": "USA"}}
    before = repr(record)
    assert mapper.map(record) == mapper.map(record)
    assert repr(record) == before


def test_values_that_are_nested_too_deep_or_too_long_are_errors_of_the_record():
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    for value in (deep, 10**5000):
        error = refused(field(dataType="string"), {"a": value})
        assert (error.code, error.field) == ("mapping.failed", "x")
        assert mapped(field(), {"a": value})["x"] is value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "0", "a.b"]), inner)
    ),
    max_leaves=12,
)
EVERYTHING = compile_mapping(
    {
        "fields": [
            {"extract": "a", "generate": "s", "dataType": "string"},
            {"extract": "a.b", "generate": "s.t", "dataType": "json"},
            {"extract": "b", "generate": "l", "lookupName": "l"},
            {"extract": "{a.b} {c}", "generate": "t.u.v"},
            {"extract": "a", "generate": "d", "generateDateFormat": "YYYY", "discardIfEmpty": True},
            {"extract": "c", "generate": "n[2]", "dataType": "stringarray"},
        ],
        "lists": [
            {
                "generate": "rows",
                "fields": [
                    {"extract": "a[*].b", "generate": "b"},
                    {"extract": "b[*].a[*].c", "generate": "c.d"},
                    {"extract": "c", "generate": "e"},
                ],
            }
        ],
    },
    [{"name": "l", "map": {"1": 1, "": 2}, "allowFailures": True}],
)


@given(json_values)
def test_nothing_but_mapping_errors_is_raised(record):
    with suppress(MappingError):
        assert isinstance(EVERYTHING.map(record), dict)


@given(json_values, st.sampled_from(["a", "a.b", "a.b.c", "a[0]", "b.a", "0.a", "c"]))
def test_a_field_is_what_its_path_reads(record, path):
    from towpath.dataplane.paths import MISSING, compile_path

    record = {"a": record, "b": {"a": record}, "0": {"a": 1}}
    found = compile_path(path).get(record)
    made = compile_mapping({"fields": field(path)}).map(record)
    assert repr(made) == repr({} if found is MISSING else {"x": found})

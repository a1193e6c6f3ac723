"""Mapper 2.0."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import ConfigError
from towpath.dataplane.context import Context
from towpath.dataplane.errors import MappingError
from towpath.dataplane.mapping2 import compile_mappings


def entry(generate, extract=None, kind="string", **more):
    given = {"generate": generate, "dataType": kind, "status": "Active", **more}
    return {key: value for key, value in {**given, "extract": extract}.items() if value is not None}


def obj(generate, *members, **more):
    return entry(generate, kind="object", mappings=list(members), **more)


def array(generate, kind, *helpers, **more):
    return entry(generate, kind=kind, buildArrayHelper=list(helpers), **more)


def mapped(record, *mappings, lookups=(), context=None, envelope=False):
    mapper = compile_mappings(mappings, lookups, envelope=envelope)
    return mapper.map(record, context or Context())


def refused(*args, **kwargs):
    with pytest.raises(MappingError) as caught:
        mapped(*args, **kwargs)
    return caught.value


def problems(*mappings, lookups=()):
    with pytest.raises(ConfigError) as caught:
        compile_mappings(mappings, lookups)
    assert caught.value.code == "mapping.invalid"
    return [(each["field"], each["code"], each["message"]) for each in caught.value.context["problems"]]


LINES = {
    "generate": "lines",
    "dataType": "objectarray",
    "status": "Active",
    "buildArrayHelper": [
        {
            "extract": "$.order.items[*]",
            "mappings": [
                {
                    "generate": "sku",
                    "dataType": "string",
                    "extract": "$.order.items.productId",
                    "status": "Active",
                },
                {"generate": "orderNo", "dataType": "string", "extract": "$.order.id", "status": "Active"},
            ],
        }
    ],
}


def test_the_lines_of_an_order():
    record = {"order": {"id": 7, "items": [{"productId": "A"}, {"productId": "B"}]}}
    assert mapped(record, LINES) == {
        "lines": [{"sku": "A", "orderNo": "7"}, {"sku": "B", "orderNo": "7"}],
    }


CUSTOMER = {
    "customer": {
        "name": "John",
        "orders": [
            {"id": "O-1", "items": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 1}]},
            {"id": "O-2", "items": [{"sku": "C", "qty": 3}]},
        ],
    }
}


def test_lists_in_lists_become_single_objects():
    helper = {
        "extract": "$.customer.orders[*].items[*]",
        "mappings": [
            entry("sku", "$.customer.orders.items.sku"),
            entry("order", "$.customer.orders.id"),
            entry("name", "$.customer.name"),
            entry("label", "{{record.customer.orders.id}}/{{record.customer.orders.items.sku}}"),
            entry("orderSeen", "$.customer.orders", kind="object"),
        ],
    }
    made = mapped(CUSTOMER, array("x", "objectarray", helper))["x"]
    assert [(row["sku"], row["order"], row["name"], row["label"]) for row in made] == [
        ("A", "O-1", "John", "O-1/A"),
        ("B", "O-1", "John", "O-1/B"),
        ("C", "O-2", "John", "O-2/C"),
    ]
    assert made[1]["orderSeen"] == {"id": "O-1", "items": {"sku": "B", "qty": 1}}
    assert type(CUSTOMER["customer"]["orders"]) is list


def test_a_list_inside_of_the_current_object():
    inner = array("items", "objectarray", {
        "extract": "$.customer.orders.items[*]",
        "mappings": [entry("sku", "$.customer.orders.items.sku"), entry("of", "$.customer.orders.id")],
    })  # fmt: skip
    outer = array("orders", "objectarray", {
        "extract": "$.customer.orders[*]",
        "mappings": [entry("id", "$.customer.orders.id"), inner],
    })  # fmt: skip
    assert mapped(CUSTOMER, outer) == {
        "orders": [
            {"id": "O-1", "items": [{"sku": "A", "of": "O-1"}, {"sku": "B", "of": "O-1"}]},
            {"id": "O-2", "items": [{"sku": "C", "of": "O-2"}]},
        ]
    }


def test_brackets_that_were_left_in_mean_the_current_object():
    helper = {
        "extract": "$.customer.orders[*]",
        "mappings": [
            entry("id", "$.customer.orders[*].id"),
            array("skus", "stringarray", {"extract": "$.customer.orders[*].items[*].sku"}),
        ],
    }
    assert mapped(CUSTOMER, array("x", "objectarray", helper)) == {
        "x": [{"id": "O-1", "skus": ["A", "B"]}, {"id": "O-2", "skus": ["C"]}]
    }


def test_a_position_in_the_path_is_a_single_object_too():
    helper = {
        "extract": "$.customer.orders[0].items[*]",
        "mappings": [entry("sku", "$.customer.orders.items.sku"), entry("id", "$.customer.orders.id")],
    }
    assert mapped(CUSTOMER, array("x", "objectarray", helper)) == {
        "x": [{"sku": "A", "id": "O-1"}, {"sku": "B", "id": "O-1"}]
    }


def test_the_matrix():
    inner = {
        "dataType": "numberarray",
        "status": "Active",
        "buildArrayHelper": [{"extract": "$.rows.columns[*]"}],
    }
    mapping = array("matrix", "arrayarray", {"extract": "$.rows[*]", "mappings": [inner]})
    record = {"rows": [{"columns": [1, "2"]}, {"columns": []}, {"columns": [3]}]}
    assert mapped(record, mapping) == {"matrix": [[1, 2], [], [3]]}


def test_lists_of_lists_as_they_are():
    mapping = array("matrix", "arrayarray", {"extract": "$.rows[*].columns"})
    assert mapped({"rows": [{"columns": [1]}, {"columns": [2, 3]}]}, mapping) == {"matrix": [[1], [2, 3]]}
    assert refused({"rows": [{"columns": 1}]}, mapping).code == "mapping.bad_value"


def test_the_rows_of_a_grouped_record():
    rows = [{"id": 1, "sku": "A"}, {"id": 1, "sku": "B"}]
    line = {"extract": "$[*]", "mappings": [entry("sku", "$.sku"), entry("label", "{{record.sku}}!")]}
    made = mapped(rows, entry("id", "$[0].id"), array("lines", "objectarray", line))
    assert made == {"id": "1", "lines": [{"sku": "A", "label": "A!"}, {"sku": "B", "label": "B!"}]}


def test_a_mapping_without_a_name_generates_a_list():
    line = {"extract": "$[*]", "mappings": [entry("code", "$.sku")]}
    root = {"dataType": "objectarray", "status": "Active", "buildArrayHelper": [line]}
    assert mapped([{"sku": "A"}, {"sku": "B"}], root) == [{"code": "A"}, {"code": "B"}]
    assert mapped([], root) == []


def test_entries_are_put_one_after_the_other():
    record = {"a": {"x": [{"n": 1}], "y": {"n": 2}}, "list": [{"main": {"n": 3}}, {"main": {"n": 4}}, {}]}
    mapping = array(
        "all",
        "objectarray",
        {"extract": "$.a.x[*]"},
        {"extract": "$.a.y"},
        {"extract": "$.list[*].main"},
        {"mappings": [entry("n", "5", kind="number")]},
        {"mappings": [entry("n", "$.nix", kind="number")]},
    )
    assert mapped(record, mapping) == {"all": [{"n": number} for number in range(1, 6)]}


def test_simple_lists():
    record = {"tags": ["a", 1, None], "lines": [{"t": ["b"]}, {"t": "c"}, {}], "one": "d"}
    mapping = array(
        "x",
        "stringarray",
        {"extract": "$.tags"},
        {"extract": "$.lines[*].t"},
        {"extract": "$.one"},
        {"extract": "e"},
        {"extract": "{{record.one}}f"},
        {"extract": "$.nix"},
    )
    assert mapped(record, mapping) == {"x": ["a", "1", None, "b", "c", "d", "e", "df"]}
    assert mapped({"a": ["1", 2]}, array("n", "numberarray", {"extract": "$.a[*]"})) == {"n": [1, 2]}
    assert mapped({"a": ["yes", 0]}, array("n", "booleanarray", {"extract": "$.a"})) == {"n": [True, False]}
    assert refused({"a": ["x"]}, array("n", "numberarray", {"extract": "$.a"})).field == "n"


def test_elements_that_are_missing_or_empty():
    record = {"a": [{"b": "x"}, {}, {"b": ""}, {"b": None}]}
    helper = {"extract": "$.a[*].b"}
    assert mapped(record, array("x", "stringarray", helper)) == {"x": ["x", "", None]}
    assert mapped(record, array("x", "stringarray", {**helper, "default": "-"})) == {
        "x": ["x", "-", "-", "-"]
    }
    only = {**helper, "conditional": {"when": "extract_not_empty"}}
    assert mapped(record, array("x", "stringarray", only)) == {"x": ["x"]}


def test_a_list_may_be_taken_over_as_it_is():
    assert mapped({"a": [1, 2]}, entry("x", "$.a", kind="numberarray")) == {"x": [1, 2]}
    assert mapped({"a": [{"b": 1}]}, entry("x", "$.a", kind="objectarray")) == {"x": [{"b": 1}]}
    assert refused({"a": [1]}, entry("x", "$.a", kind="objectarray")).code == "mapping.bad_value"


def test_an_empty_list_stays_one_and_a_missing_list_is_left_out():
    helper = {"extract": "$.a[*]", "mappings": [entry("b", "$.a.b")]}
    assert mapped({"a": []}, array("x", "objectarray", helper)) == {"x": []}
    assert mapped({}, array("x", "objectarray", helper)) == {}
    assert mapped({}, array("x", "objectarray", helper, default="[]")) == {"x": []}
    assert mapped({}, array("x", "stringarray", {"extract": "$.a"}, default="none")) == {"x": ["none"]}
    assert mapped({}, array("x", "stringarray", {"extract": "$.a"}, default=None)) == {}
    not_empty = {"conditional": {"when": "extract_not_empty"}}
    assert mapped({"a": []}, array("x", "objectarray", helper, **not_empty)) == {}


def test_objects():
    mapping = obj("a", entry("b", "$.x"), obj("c", entry("d", "$.y")), obj("e", entry("f", "$.nix")))
    assert mapped({"x": 1, "y": 2}, mapping) == {"a": {"b": "1", "c": {"d": "2"}}}
    assert mapped({}, mapping) == {}
    assert mapped({"x": {"y": 1}}, entry("a", "$.x", kind="object")) == {"a": {"y": 1}}
    assert mapped({"x": '{"y":1}'}, entry("a", "{{{record.x}}}", kind="object")) == {"a": {"y": 1}}
    assert refused({"x": 7}, entry("a", "$.x", kind="object")).code == "mapping.bad_value"


def test_an_object_made_of_an_element():
    mapping = obj("first", entry("sku", "$.lines.sku"), entry("id", "$.id"), extract="$.lines[*]")
    assert mapped({"id": 1, "lines": [{"sku": "A"}, {"sku": "B"}]}, mapping) == {
        "first": {"sku": "A", "id": "1"}
    }
    assert mapped({"id": 1}, mapping) == {}


def test_a_dot_in_generate_is_a_letter_like_any():
    assert mapped({"x": 1}, entry("customer.name", "$.x")) == {"customer.name": "1"}


def test_the_three_forms_of_extract():
    record = {"price": 5, "currency": "EUR"}
    assert mapped(
        record,
        entry("path", "$.price", kind="number"),
        entry("template", "{{record.price}} {{record.currency}}"),
        entry("constant", "primary"),
        entry("five", "5", kind="number"),
        entry("yes", "true", kind="boolean"),
        entry("dollars", "$5.00"),
    ) == {
        "path": 5,
        "template": "5 EUR",
        "constant": "primary",
        "five": 5,
        "yes": True,
        "dollars": "$5.00",
    }


def test_defaults():
    for record in ({}, {"a": None}, {"a": ""}, {"a": []}):
        assert mapped(record, entry("x", "$.a", default="N/A")) == {"x": "N/A"}
        assert mapped(record, entry("x", "$.a", kind="number", default="0")) == {"x": 0}
    assert mapped({"a": 0}, entry("x", "$.a", default="N/A")) == {"x": "0"}
    null = {**entry("x", "$.a"), "default": None}
    assert mapped({}, null) == {"x": None}
    assert mapped({}, entry("x", default="d")) == {"x": "d"}
    assert mapped({"a": None}, entry("x", "$.a")) == {"x": None}
    assert mapped({}, entry("x", "$.a")) == {}


def test_lookups():
    lookups = [{"name": "l", "map": {"US": "United States", "1": "one"}}, {"name": "q"}]
    assert mapped({"a": "US"}, entry("x", "$.a", lookupName="l"), lookups=lookups) == {"x": "United States"}
    assert mapped({"a": 1}, entry("x", "$.a", lookupName="l"), lookups=lookups) == {"x": "one"}
    assert mapped({}, entry("x", "US", lookupName="l"), lookups=lookups) == {"x": "United States"}
    assert mapped({}, entry("x", "$.a", lookupName="l", default="d"), lookups=lookups) == {"x": "d"}
    tags = array("x", "stringarray", {"extract": "$.a"}, lookupName="l")
    assert mapped({"a": ["US", 1]}, tags, lookups=lookups) == {"x": ["United States", "one"]}
    error = refused({"a": "DE"}, obj("o", entry("x", "$.a", lookupName="l")), lookups=lookups)
    assert (error.code, error.source, error.field) == ("lookup.no_match", "lookup", "o.x")
    asked = Context(look=lambda name, value, _: [f"{name} {value}"])
    made = mapped({"a": 1}, obj("o", entry("x", "$.a", lookupName="q")), lookups=lookups, context=asked)
    assert made == {"o": {"x": "q 1"}}
    assert compile_mappings([obj("o", entry("x", "$.a", lookupName="q"))], lookups).looks == {"q"}
    assert compile_mappings([tags], lookups).looks == set()


@pytest.mark.parametrize(
    "mapping",
    [
        entry("x", "$.a"),
        obj("x", entry("y", "$.a")),
        array("x", "stringarray", {"extract": "$.a"}),
        entry("x", "$.o", kind="object"),
    ],
)
def test_conditions(mapping):
    record = {"a": "1", "o": {"p": 1}}
    for operation in ("create", "update", None):
        context = Context(operation=operation)
        new = mapped(record, {**mapping, "conditional": {"when": "record_created"}}, context=context)
        old = mapped(record, {**mapping, "conditional": {"when": "record_updated"}}, context=context)
        assert ("x" in new) == (operation != "update")
        assert ("x" in old) == (operation == "update")
    full = {**mapping, "conditional": {"when": "extract_not_empty"}}
    assert "x" in mapped(record, full)
    assert mapped({"a": "", "o": {}}, full) == ({"x": {"y": ""}} if mapping.get("mappings") else {})


def test_dates():
    dates = {"extractDateFormat": "YYYYMMDD", "generateDateFormat": "DD.MM.YYYY"}
    assert mapped({"a": 20250326}, entry("x", "$.a", **dates)) == {"x": "26.03.2025"}
    assert mapped({"a": ["20250326"]}, array("x", "stringarray", {"extract": "$.a"}, **dates)) == {
        "x": ["26.03.2025"]
    }
    assert refused({"a": "soon"}, entry("x", "$.a", **dates)).code == "mapping.bad_date"


def test_the_envelope():
    context = Context(words={"settings": {"flow": {"a": 1}}, "job": {"type": "import"}})
    made = mapped(
        {"id": 7, "lines": [{"sku": "A"}]},
        entry("id", "$.record.id"),
        entry("a", "$.settings.flow.a", kind="number"),
        entry("job", "{{job.type}} {{record.id}}"),
        array("l", "stringarray", {"extract": "$.record.lines[*].sku"}),
        context=context,
        envelope=True,
    )
    assert made == {"id": "7", "a": 1, "job": "import 7", "l": ["A"]}


def test_drafts_are_passed_over_whatever_is_in_them():
    draft = {"generate": "y", "status": "Draft", "dataType": "nonsense"}
    assert mapped({"a": 1}, entry("x", "$.a"), draft) == {"x": "1"}


def test_every_problem_is_told_at_its_place():
    status = "Mapping object must have status field present."
    found = problems(
        {"generate": "a", "dataType": "string", "extract": "x"},
        {"status": "Active", "dataType": "string", "extract": "x"},
        {"status": "Active", "generate": "b", "extract": "x"},
        entry("c", "x", kind="date"),
        entry("d"),
        entry("e", "$.a["),
        entry("f", "{{#if}"),
        entry("g", "abc", kind="number"),
        obj("h", {"generate": "i", "dataType": "string", "extract": "x"}),
        entry("j", kind="stringarray"),
        array("k", "objectarray", {"mappings": [{"generate": "l", "dataType": "string", "extract": "x"}]}),
        array("m", "objectarray", {"extract": "x", "mappings": [entry("n", "x")]}),
        array("o", "stringarray", {"extract": "$.x", "mappings": [entry("p", "x")]}),
        array("q", "arrayarray", {"extract": "$.x", "mappings": [entry("", "x")]}),
        entry("r", "$.a", mappings=[entry("s", "x")]),
        entry("t", "$.a", lookupName="nix"),
        entry("u", "$.a", conditional={"when": "lookup_empty"}),
    )
    assert [(field, code) for field, code, _ in found] == [
        ("mappings[0].status", "missing_required_field"),
        ("mappings[1].generate", "missing_required_field"),
        ("mappings[2].dataType", "missing_required_field"),
        ("mappings[3].dataType", "invalid_field"),
        ("mappings[4].extract", "missing_required_field"),
        ("mappings[5].extract", "invalid_field"),
        ("mappings[6].extract", "invalid_field"),
        ("mappings[7].extract", "invalid_field"),
        ("mappings[8].mappings[0].status", "missing_required_field"),
        ("mappings[9].buildArrayHelper", "missing_required_field"),
        ("mappings[10].buildArrayHelper[0].mappings[0].status", "missing_required_field"),
        ("mappings[11].buildArrayHelper[0].extract", "invalid_field"),
        ("mappings[12].buildArrayHelper[0].mappings", "invalid_field"),
        ("mappings[13].buildArrayHelper[0].mappings", "invalid_field"),
        ("mappings[14].mappings", "invalid_field"),
        ("mappings[15].lookupName", "invalid_field"),
        ("mappings[16].conditional.when", "invalid_field"),
    ]
    assert {message for field, _, message in found if field.endswith("status")} == {status}


def test_mappings_that_are_nested_without_end_are_refused():
    mapping = entry("x", "$.a")
    for _ in range(60):
        mapping = obj("x", mapping)
    assert "nested deeper" in problems(mapping)[0][2]
    helper = {"extract": "$" + ".a[*]" * 15, "mappings": [entry("x", "$.a")]}
    assert "at most 10" in problems(array("x", "objectarray", helper))[0][2]


def test_deep_nesting_that_is_allowed_works():
    mapping, made = entry("x", "$.v", conditional={"when": "record_created"}), {"x": "1"}
    for _ in range(38):
        mapping, made = obj("x", mapping, conditional={"when": "record_created"}), {"x": made}
    assert mapped({"v": 1}, mapping) == made
    mapping, made = array("x", "stringarray", {"extract": "$.v"}), {"x": ["1"]}
    for _ in range(38):
        mapping, made = array("x", "objectarray", {"extract": "$.l[*]", "mappings": [mapping]}), {"x": [made]}
    assert mapped({"v": 1, "l": [{}]}, mapping) == made


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner),
    max_leaves=12,
)
kinds = st.sampled_from(["string", "number", "boolean", "object"])
arrays = st.sampled_from(["stringarray", "numberarray", "booleanarray", "objectarray", "arrayarray"])
paths = st.sampled_from(
    ["$", "$.a", "$.a.b", "$.a[*]", "$.a[*].b", "$.a[*].b[*].c", "$.b[0].a", "$[*]", "x", "{{record.a}}"]
)
leaves = st.builds(entry, st.sampled_from("xyz"), paths, kinds | arrays)


def _nested(inner):
    members = st.lists(inner, min_size=1, max_size=3)
    walked = st.sampled_from(["$.a[*]", "$.a.b[*]", "$.a[*].b[*]", "$.b", "$[*]", "$.a[0].c[*]"])
    helpers = st.builds(lambda extract, made: {"extract": extract, "mappings": made}, walked, members)
    return st.builds(lambda made: obj("o", *made), members) | st.builds(
        lambda made: array("l", "objectarray", *made), st.lists(helpers, min_size=1, max_size=2)
    )


@given(st.lists(st.recursive(leaves, _nested, max_leaves=5), min_size=1, max_size=3), json_values)
def test_nothing_but_mapping_errors_is_raised(mappings, record):
    with suppress(ConfigError):
        mapper = compile_mappings(mappings)
        with suppress(MappingError):
            assert isinstance(mapper.map(record), dict)


def composites(record, names):
    """The records with single objects in the place of the lists on the way, made the long way."""
    if not names:
        return [record]
    value = record.get(names[0]) if isinstance(record, dict) else None
    found = value if isinstance(value, list) else [] if value is None else [value]
    return [{**record, names[0]: inner} for element in found for inner in composites(element, names[1:])]


def _tree(depth):
    scalars = st.none() | st.integers(0, 9)
    if not depth:
        return st.dictionaries(st.sampled_from("abc"), scalars, max_size=3)
    inner = _tree(depth - 1)
    return st.dictionaries(st.sampled_from("abc"), scalars | inner | st.lists(inner, max_size=3), max_size=3)


@given(
    _tree(3),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4),
)
def test_the_current_objects_are_what_composite_records_would_be(record, walked, read):
    """Reading through the loop's own variables is reading from a copy of the record with single objects."""
    extract, child = "$" + "".join(f".{name}[*]" for name in walked), "$." + ".".join(read)
    helper = {"extract": extract, "mappings": [entry("v", child)]}
    made = mapped(record, array("x", "objectarray", helper)).get("x", [])
    rows = [mapped(each, entry("v", child)) for each in composites(record, walked)]
    assert made == [row for row in rows if row]

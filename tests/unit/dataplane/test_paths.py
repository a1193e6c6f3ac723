"""Paths: every dialect reads the same way, and what is set can be read."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import ConfigError, DataError
from towpath.dataplane import paths
from towpath.dataplane.paths import ALL, MISSING, compile_path, get_path, set_path

RECORD = {
    "id": 7,
    "null": None,
    "a": {"b": {"c": 1}, "0": "zero", "length": "own"},
    "list": [{"b": 1}, {"b": 2}, {"c": 3}],
    "Field With Spaces": "spaced",
    "x y": {"z": "deep"},
    "dotted.key": "literal",
    "dotted": {"key": "nested"},
    "deep": [{"in": [1, 2]}, {"in": [3]}, {}],
    "one": {"b": "single"},
    "quo'te]": "odd",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("id", 7),
        ("null", None),
        ("a.b.c", 1),
        ("$.a.b.c", 1),
        ("$['a']['b'].c", 1),
        ("$", RECORD),
        ("list.0.b", 1),
        ("list[1].b", 2),
        ("list[-1].c", 3),
        ("list.length", 3),
        ("a.length", "own"),
        ("a.0", "zero"),
        ("list[*].b", [1, 2]),
        ("$.list[*].b", [1, 2]),
        ("list.*.b", [1, 2]),
        ("deep[*].in[*]", [1, 2, 3]),
        ("deep[*].in[0]", [1, 3]),
        ("one[*].b", ["single"]),
        ("[Field With Spaces]", "spaced"),
        ("['Field With Spaces']", "spaced"),
        ('["x y"].z', "deep"),
        ("[x y].z", "deep"),
        ("dotted.key", "literal"),
        ("/a/b/c", 1),
        ("['quo\\'te]']", "odd"),
    ],
)
def test_reads(text: str, value: object):
    assert get_path(text, RECORD) == value


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "a.none",
        "a.b.c.d",
        "list.x",
        "list[9].b",
        "list.9999999999",
        "id.x",
        "null.x",
        "null[*].x",
        "no[*]",
    ],
)
def test_what_is_not_there_is_missing(text: str):
    assert get_path(text, RECORD) is MISSING


@pytest.mark.parametrize("record", [None, 1, "text", [], MISSING, [{"a": 1}]])
def test_any_record_may_come(record: object):
    for text in ("a", "a.b", "a[0]", "a[*].b"):
        assert get_path(text, record) is MISSING


def test_rows_of_a_grouped_record():
    assert get_path("*.id", [{"id": 1}, {"id": 2}]) == [1, 2]
    assert get_path("0.id", [{"id": 1}]) == 1


def test_missing_is_falsy_and_no_null():
    assert not MISSING
    assert MISSING is not None


@pytest.mark.parametrize(
    "text",
    ["", " ", "a[", "a['b]", "a..b", "a.", "['a'", "a]b[", ".a", "$..a", "a[?(@.b)]", "a[1:2]", "a[:2]"],
)
def test_what_is_no_path_is_refused(text: str):
    with pytest.raises(ConfigError) as caught:
        compile_path(text)
    assert caught.value.code == "path.invalid"


def test_where_lists_are_paired_the_path_can_be_split():
    outer, inner = compile_path("order.lines[*].item[0].sku").split()
    assert (outer.steps, inner.steps) == (("order", "lines"), ("item", 0, "sku"))
    assert compile_path("a[*]").takes_all
    assert compile_path("a[*]").steps == ("a", ALL)
    assert compile_path("a[*]").split()[1].get("element") == "element"


def test_writing_builds_what_is_not_there():
    made: dict[str, object] = {"a": None}
    set_path(made, "a.b.c", 1)
    set_path(made, "list[1]", "second")
    set_path(made, "list.0", "first")
    set_path(made, "['x y'].0", "a key")
    assert made == {"a": {"b": {"c": 1}}, "list": ["first", "second"], "x y": {"0": "a key"}}


@pytest.mark.parametrize("text", ["a.b", "a[0]", "list.x", "list[99999]"])
def test_a_value_in_the_way_is_not_overwritten(text: str):
    record = {"a": 1, "list": []}
    with pytest.raises(DataError) as caught:
        set_path(record, text, 2)
    assert caught.value.code == "path.occupied"
    assert record == {"a": 1, "list": []}


@pytest.mark.parametrize("text", ["$", "a[*].b"])
def test_a_path_without_a_single_place_cannot_be_written(text: str):
    with pytest.raises(ConfigError) as caught:
        set_path({}, text, 1)
    assert caught.value.code == "path.invalid"


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def spelt(steps: list[str | int]) -> str:
    def one(step: str | int) -> str:
        if isinstance(step, int):
            return f"[{step}]"
        escaped = step.replace("\\", "\\\\").replace("'", "\\'")
        return f"['{escaped}']"

    return "$" + "".join(map(one, steps))


@given(st.lists(NAMES | st.integers(0, 20), min_size=1, max_size=5), st.integers())
def test_what_is_set_can_be_read(steps: list[str | int], value: int):
    record: dict[str, object] = {}
    path = compile_path(spelt([str(steps[0]), *steps[1:]]))
    path.set(record, value)
    assert path.get(record) == value


@given(
    st.text(max_size=40),
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)
def test_reading_never_fails(text: str, record: object):
    try:
        path = compile_path(text)
    except ConfigError:
        return
    path.get(record)


def test_examples():
    result = doctest.testmod(paths)
    assert (result.failed, result.attempted > 0) == (0, True)

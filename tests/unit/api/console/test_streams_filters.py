"""Filters in this dialect's two forms mean what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.api.console.streams.document import Selected
from towpath.api.console.streams.filters import said, where_of
from towpath.api.console.streams.filtertext import FilterTextError, Plain, parse, text_of
from towpath.core.errors import ConfigError
from towpath.core.filters import Operator
from towpath.core.flows import AnyFilter, Filter

WORDS = {
    "id": "integer",
    "amount": "number",
    "name": "string",
    "open": "boolean",
    "created_at": "timestamp_micro",
    "and": "string",
    'odd "name" (x)': "string",
    "doc": "object",
}


def where(text="", words=WORDS, **config):
    selected = Selected.model_validate({"stream_name": "t", "filter": text, "filter_config": config or None})
    return where_of(selected, words, "public.t", "here")


def one(column, op, value=None):
    return Filter(column=column, op=Operator(op), value=value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (" \n", ()),
        (
            'id > 1 and created_at <= "2025-05-27"',
            (one("id", ">", 1), one("created_at", "<=", "2025-05-27")),
        ),
        ("id>=1", (one("id", ">=", 1),)),
        ("id = '7'", (one("id", "=", 7),)),
        ("id <> -7 AND id!=8", (one("id", "!=", -7), one("id", "!=", 8))),
        ("amount < 1.50", (one("amount", "<", 1.5),)),
        ("amount < 0.1234567890123456789", (one("amount", "<", "0.1234567890123456789"),)),
        ("open = TRUE", (one("open", "=", True),)),
        ("open = 'false'", (one("open", "=", False),)),
        ("name = true", (one("name", "=", "true"),)),
        ("name = 5", (one("name", "=", "5"),)),
        ('"name" = "a ""b"" \'c\'"', (one("name", "=", "a \"b\" 'c'"),)),
        ("`name` != ''", (one("name", "!=", ""),)),
        ("'and' = x", (one("and", "=", "x"),)),
        ("name = null", (one("name", "is null"),)),
        ("name != NULL", (one("name", "is not null"),)),
        ("name = 'null'", (one("name", "=", "null"),)),
        ("name is null and id is not null", (one("name", "is null"), one("id", "is not null"))),
        ("id in (1, '2') and name like 'a%'", (one("id", "in", [1, 2]), one("name", "like", "a%"))),
        ("id in ()", (one("id", "in", []),)),
        ("created_at > 2025-05-27T10:00:00+02:00", (one("created_at", ">", "2025-05-27T10:00:00+02:00"),)),
        ("id = 1 or id = 2", (AnyFilter(any=(one("id", "=", 1), one("id", "=", 2))),)),
        (
            "(id = 1 or name = 'a') and open = true",
            (AnyFilter(any=(one("id", "=", 1), one("name", "=", "a"))), one("open", "=", True)),
        ),
        (
            "id = 1 and name = 'a' or open = true",
            (
                AnyFilter(any=(one("id", "=", 1), one("open", "=", True))),
                AnyFilter(any=(one("name", "=", "a"), one("open", "=", True))),
            ),
        ),
    ],
)
def test_texts(text, expected):
    assert where(text) == expected


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("id", 3),
        ("id >", 5),
        ("id > 1 and", 11),
        ("id > 1 id > 2", 8),
        ("id ~ 1", 4),
        ("id = = 1", 6),
        ("(id = 1", 8),
        ("id = 1)", 7),
        ("id > null", 4),
        ("id = 'open", 6),
        ("and = 1", 1),
        ("id in (1, )", 11),
        ("id is 5", 7),
        ("(" * 33 + "id = 1" + ")" * 33, 34),
        (" or ".join(["(id = 1 and id = 2 and id = 3 and id = 4)"] * 8), 133),
        ("id = 1 or " * 2000 + "id = 1", 20_001),
    ],
)
def test_what_is_no_filter_is_told_with_its_place(text, at):
    with pytest.raises(ConfigError) as caught:
        where(text)
    assert (caught.value.code, caught.value.context["field"]) == ("filter.invalid", "here.filter")
    assert f"at character {at}." in caught.value.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nobody = 1", "column.not_found"),
        ("id = one", "filter.invalid"),
        ("id = NaN", "filter.invalid"),
        ("id in (1, x)", "filter.invalid"),
        ("open = 1", "filter.invalid"),
        ("created_at > yesterday", "filter.invalid"),
    ],
)
def test_what_does_not_fit_the_stream(text, code):
    with pytest.raises(ConfigError) as caught:
        where(text)
    assert (caught.value.code, caught.value.context["field"]) == (code, "here.filter")
    assert "public.t" in caught.value.message


def structured(*conditions, joined="and"):
    items = [dict(zip(("column", "operator", "value"), item, strict=True)) for item in conditions]
    return {"logical_operator": joined, "conditions": items}


def test_the_structured_form_counts_if_it_says_anything():
    assert where("id = 9", **structured(("id", ">", 1))) == (one("id", ">", 1),)
    assert where("id = 9", **structured()) == (one("id", "=", 9),)
    both = ("id", ">", "1"), ("name", "=", None)
    assert where(**structured(*both)) == (one("id", ">", 1), one("name", "is null"))
    assert where(**structured(*both, joined="OR")) == (
        AnyFilter(any=(one("id", ">", 1), one("name", "is null"))),
    )
    assert where(**structured(*both[:1], joined="or")) == (one("id", ">", 1),)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (structured(("id", ">", 1), joined="xor"), "here.filter_config.logical_operator"),
        (structured(("id", "~", 1)), "here.filter_config.conditions.0.operator"),
        (structured(("id", "=", 1), ("id", "<", None)), "here.filter_config.conditions.1.operator"),
        (structured(("id", "=", 1), ("id", "<", [1])), "here.filter_config.conditions.1"),
        (structured(("open", "=", 1)), "here.filter_config.conditions.0"),
        (structured(("created_at", "=", 1)), "here.filter_config.conditions.0"),
        (structured(("name", "=", {})), "here.filter_config.conditions.0"),
        (structured(("nobody", "=", 1)), "here.filter_config.conditions.0"),
    ],
)
def test_what_is_wrong_in_the_structured_form(config, field):
    with pytest.raises(ConfigError) as caught:
        where(**config)
    assert caught.value.context["field"] == field


def test_without_a_catalogue_values_say_themselves_what_they_are():
    text = "a = 1 and b = '1' and c = true and d = x and e = 1e3"
    assert [item.value for item in where(text, words={})] == [1, "1", True, "x", 1000.0]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NUMBERS = st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = {
    "id": NUMBERS,
    "amount": NUMBERS,
    "name": TEXTS,
    "and": TEXTS,
    'odd "name" (x)': TEXTS,
    "open": st.booleans(),
    "created_at": st.datetimes().map(lambda at: at.isoformat()),
}
NULL_TESTS = (Operator.IS_NULL, Operator.NOT_NULL)


@st.composite
def comparisons(draw):
    column = draw(st.sampled_from(sorted(VALUES)))
    op = draw(st.sampled_from(Operator))
    if op in NULL_TESTS:
        return Filter(column=column, op=op)
    if op is Operator.LIKE:
        return Filter(column=column, op=op, value=draw(TEXTS))
    values = VALUES[column]
    return Filter(
        column=column, op=op, value=draw(st.lists(values, max_size=3) if op is Operator.IN else values)
    )


PARTS = comparisons() | st.lists(comparisons(), min_size=2, max_size=3).map(
    lambda items: AnyFilter(any=tuple(items))
)
#: Row filters that the dialect can say. In an alternative nothing comes twice: that says nothing.
WHERES = st.lists(PARTS, max_size=3).map(tuple)


@given(WHERES)
def test_what_is_said_is_understood_again(clauses):
    selected = Selected.model_validate({"stream_name": "t", **said(clauses)})
    assert _plain(where_of(selected, WORDS, "t", "here")) == _plain(clauses)


@given(WHERES.filter(bool))
def test_a_text_is_as_good(clauses):
    assert _plain(where(text_of(clauses))) == _plain(clauses)


def _plain(clauses):
    """Without alternatives that come twice."""
    found = []
    for part in clauses:
        items = tuple(dict.fromkeys(map(repr, part.any))) if isinstance(part, AnyFilter) else (repr(part),)
        found.append(items)
    return found


@given(st.text(max_size=40) | st.text(st.sampled_from("ab12 =<>!()'\"`,andorisnullink%\n"), max_size=40))
def test_whatever_is_written_is_a_filter_or_an_error_with_a_place(text):
    try:
        choices = parse(text)
    except FilterTextError as error:
        place = int(str(error).rpartition(" ")[2])
        assert 1 <= place <= len(text) + 1
    else:
        assert all(choices)


EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "c", "d"]),
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=6,
)


def _written(tree):
    return f"{tree} = 1" if isinstance(tree, str) else f"({_written(tree[1])} {tree[0]} {_written(tree[2])})"


def _true(tree, values):
    """By SQL's logic of three values, in which null is between false and true."""
    if isinstance(tree, str):
        return values[tree]
    left, right = _true(tree[1], values), _true(tree[2], values)
    return min(left, right) if tree[0] == "and" else max(left, right)


@given(EXPRESSIONS, st.fixed_dictionaries(dict.fromkeys("abcd", st.sampled_from([0, 0.5, 1]))))
def test_brackets_keep_their_meaning(tree, values):
    choices = parse(_written(tree))
    assert all(item.value == Plain("1") for choice in choices for item in choice)
    flat = min(max(values[item.column] for item in choice) for choice in choices)
    assert flat == _true(tree, values)

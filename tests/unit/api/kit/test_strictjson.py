"""Strict JSON takes what JSON can say, changes nothing of it, and refuses the rest."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.api.kit.strictjson import MAXIMUM_DEPTH, strict_json

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_can_say_comes_through_unchanged(value):
    assert strict_json(json.dumps(value).encode()) == value


@given(st.binary() | TEXTS.map(str.encode))
def test_whatever_comes_is_a_value_or_one_kind_of_error(data):
    shown = None
    try:
        strict_json(data)
    except json.JSONDecodeError as error:
        shown = error.doc
    else:
        orjson.loads(data)
    assert not shown


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_ends_where_it_says(opening):
    closing = "]" if opening == "[" else "}"

    def nested(depth):
        # The innermost is empty: it counts as the depth it lies at.
        inner = "[]"
        return (opening * (depth - 1) + inner + closing * (depth - 1)).encode()

    strict_json(nested(MAXIMUM_DEPTH))
    with pytest.raises(json.JSONDecodeError, match="nested deeper than 64"):
        strict_json(nested(MAXIMUM_DEPTH + 1))


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"", b" ", b"'a'", b"[1,]", b"01"]
)
def test_what_is_nearly_json_is_none(data):
    with pytest.raises(json.JSONDecodeError):
        strict_json(data)

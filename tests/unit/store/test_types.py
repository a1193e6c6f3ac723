"""Values are written exactly, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import DataError
from towpath.store.types import Prose, Str, from_json, to_json

texts = st.text(st.characters(exclude_categories=[]))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_json_is_exact(value):
    text = to_json(value)
    found = from_json(text)
    assert found == value
    assert repr(found) == repr(value)
    assert Str().process_bind_param(text, None) == text


@pytest.mark.parametrize("value", [object(), {"x": {1, 2}}, [2**70, object()], {2**70: object()}])
def test_what_is_no_json_is_refused(value):
    with pytest.raises(DataError) as refused:
        to_json(value)
    assert refused.value.code == "value.unrepresentable"


@given(texts)
def test_text_for_programs_is_kept_or_refused(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        storable = False
    else:
        storable = "\x00" not in text
    if storable:
        assert Str().process_bind_param(text, None) == text
    else:
        with pytest.raises(DataError):
            Str().process_bind_param(text, None)


@given(texts)
def test_text_for_people_can_always_be_stored(text):
    stored = Prose().process_bind_param(text, None)
    assert Str().process_bind_param(stored, None) == stored

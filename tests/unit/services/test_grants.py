"""What a grant's capabilities may be."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import ConfigError
from towpath.services.lending import grants

good = st.from_regex(re.compile(grants.CAPABILITY, re.ASCII), fullmatch=True)


@given(st.lists(good, max_size=70))
def test_each_once_in_the_order_given(capabilities):
    wanted = list(dict.fromkeys(capabilities))
    if len(wanted) > grants.MOST:
        with pytest.raises(ConfigError):
            grants.checked(capabilities)
    else:
        assert list(grants.checked(capabilities)) == wanted
        assert grants.checked(grants.checked(capabilities)) == tuple(wanted)


@given(good | st.text())
def test_what_is_taken_is_safe_to_show(text):
    try:
        (kept,) = grants.checked([text])
    except ConfigError:
        return
    assert kept == text
    assert kept.isascii()
    assert kept == kept.strip().lower()
    assert 1 <= len(kept) <= 64


@pytest.mark.parametrize("text", ["", "A", "a\n", "a b", "_a", "é", "a" * 65, "canary!"])
def test_what_is_refused_is_not_repeated(text):
    with pytest.raises(ConfigError) as refused:
        grants.checked([text])
    assert refused.value.context == {"field": "capabilities"}
    assert "canary" not in str(refused.value)

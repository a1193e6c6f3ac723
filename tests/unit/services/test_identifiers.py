"""Short identifiers: no two numbers have one, and they lead back."""

from hypothesis import given
from hypothesis import strategies as st

from towpath.services.pipelines.identifiers import _mixed, _unmixed

NUMBERS = st.integers(min_value=0, max_value=2**32 - 1)


@given(NUMBERS, st.binary(min_size=32, max_size=32))
def test_what_is_mixed_comes_back(number, key):
    mixed = _mixed(key, number)
    assert 0 <= mixed < 2**32
    assert _unmixed(key, mixed) == number


def test_neighbours_are_far_from_each_other():
    found = {_mixed(b"k" * 32, number) for number in range(2000)}
    assert len(found) == 2000
    assert len({number >> 24 for number in found}) > 200

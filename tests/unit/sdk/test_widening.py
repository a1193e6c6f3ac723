"""The widest of two types holds the values of both."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.sdk.widening import holds, widest

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]


@st.composite
def decimals(draw):
    precision = draw(st.integers(1, 38))
    return pa.decimal128(precision, draw(st.integers(0, precision)))


TYPES = st.one_of(
    st.sampled_from(INTEGERS),
    decimals(),
    st.sampled_from([pa.float32(), pa.float64(), pa.string(), pa.binary(), pa.bool_(), pa.null(), pa.uuid()]),
    st.sampled_from([pa.timestamp(unit, tz) for unit in ("s", "ms", "us", "ns") for tz in (None, "UTC")]),
)


def ends(type):
    if pa.types.is_decimal(type):
        digits = (9,) * type.precision
        return [Decimal((sign, digits, -type.scale)) for sign in (0, 1)]
    if pa.types.is_signed_integer(type):
        return [2 ** (type.bit_width - 1) - 1, -(2 ** (type.bit_width - 1))]
    return [2**type.bit_width - 1, 0] if pa.types.is_unsigned_integer(type) else []


@given(TYPES, TYPES)
def test_both_fit_into_the_widest_and_order_does_not_matter(one, other):
    found = widest(one, other)
    assert found == widest(other, one)
    if found is None:
        return
    assert holds(found, one)
    assert holds(found, other)
    for type in (one, other):
        values = ends(type)
        assert not values or pa.array(values, type).cast(found).cast(type).to_pylist() == values


@given(TYPES)
def test_a_type_holds_itself_and_nulls(type):
    assert widest(type, type) == type
    assert widest(type, pa.null()) == type


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (pa.int8(), pa.uint8(), pa.int16()),
        (pa.int64(), pa.uint64(), None),
        (pa.int64(), pa.decimal128(5, 2), pa.decimal128(21, 2)),
        (pa.uint64(), pa.decimal128(38, 20), None),
        (pa.int32(), pa.float64(), None),
        (pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us")),
        (pa.timestamp("us"), pa.timestamp("ns"), None),
        (pa.timestamp("us"), pa.timestamp("us", "UTC"), None),
        (pa.timestamp("us", "UTC"), pa.timestamp("us", "Asia/Tokyo"), pa.timestamp("us", "UTC")),
        (pa.time32("s"), pa.time64("us"), pa.time64("us")),
        (pa.large_string(), pa.string(), pa.string()),
        (pa.dictionary(pa.int8(), pa.string()), pa.string(), pa.string()),
        (pa.binary(4), pa.large_binary(), pa.binary()),
        (pa.string(), pa.int64(), None),
        (pa.list_(pa.int32()), pa.list_(pa.int64()), None),
        (pa.large_list(pa.int32()), pa.list_(pa.int32()), pa.list_(pa.int32())),
    ],
)
def test_rules(one, other, found):
    assert widest(one, other) == found

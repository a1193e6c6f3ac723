"""Which types hold which: nothing is lost by a widening, whatever the values."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.connectors.postgres.fit import holds, widened

LIMITS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
NUMERICS = st.integers(1, 40).flatmap(
    lambda precision: st.integers(0, precision).map(lambda scale: f"numeric({precision},{scale})")
)
EXACT = NUMERICS | st.sampled_from([*LIMITS, "numeric"])


def extremes(type: str) -> list[Decimal]:
    """Values at the edges of an exact type."""
    if type in LIMITS:
        return [Decimal(-LIMITS[type]), Decimal(LIMITS[type] - 1)]
    if type == "numeric":
        return [Decimal("1E+50"), Decimal("1E-50")]
    precision, scale = map(int, type.removeprefix("numeric(").removesuffix(")").split(","))
    return [Decimal((0, (9,) * precision, -scale)), Decimal((0, (1,), -scale))]


def fits(type: str, value: Decimal) -> bool:
    if type in LIMITS:
        return value == value.to_integral_value() and -LIMITS[type] <= value < LIMITS[type]
    if type == "numeric":
        return True
    precision, scale = map(int, type.removeprefix("numeric(").removesuffix(")").split(","))
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    return -exponent <= scale and len(digits) + exponent <= precision - scale


@given(EXACT, EXACT)
def test_what_holds_a_type_holds_its_extremes(wide: str, narrow: str):
    assert holds(wide, wide)
    if holds(wide, narrow):
        assert all(fits(wide, value) for value in extremes(narrow))


@given(EXACT, EXACT)
def test_what_two_types_widen_to_holds_both(have: str, want: str):
    found = widened(have, want)
    assert found is not None
    for value in (*extremes(have), *extremes(want)):
        assert fits(found, value)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("text", "character varying(5)"),
        ("character varying(5)", "character varying(5)"),
        ("character varying(6)", "character varying(5)"),
        ("double precision", "integer"),
        ("timestamp with time zone", "timestamp(3) with time zone"),
        ("bigint[]", "integer[]"),
        ("bytea", "bytea"),
    ],
)
def test_holds(wide: str, narrow: str):
    assert holds(wide, narrow)
    assert wide == narrow or not holds(narrow, wide)


@pytest.mark.parametrize(
    ("have", "want"),
    [
        ("double precision", "bigint"),
        ("real", "numeric(5,2)"),
        ("text", "bigint"),
        ("text", "character(5)"),
        ("date", "timestamp without time zone"),
        ("timestamp with time zone", "timestamp without time zone"),
        ("json", "jsonb"),
        ("uuid", "text"),
        ("integer[]", "integer"),
        ("integer[]", "text[]"),
    ],
)
def test_some_have_nothing_in_common(have: str, want: str):
    assert widened(have, want) is None
    assert widened(want, have) is None

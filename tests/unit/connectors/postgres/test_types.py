"""What becomes of PostgreSQL's types, told from rows of its catalogue alone."""

import pyarrow as pa
import pytest

from towpath.connectors.postgres.config import Arrays
from towpath.connectors.postgres.types import Column, TypeRow, resolve


def base(name: str, element: int = 0) -> TypeRow:
    return TypeRow(name, "b", element, 0, -1)


TYPES = {
    23: base("int4"),
    25: base("text"),
    1700: base("numeric"),
    1007: base("_int4", 23),
    1231: base("_numeric", 1700),
    22: base("int2vector", 21),
    500: base(""),  # of an extension
    501: base("_citext", 500),
    600: TypeRow("", "e", 0, 0, -1),
    700: TypeRow("", "d", 0, 1700, ((8 << 16) | 2) + 4),
    701: TypeRow("", "d", 0, 700, -1),
    702: base("_price", 700),
    703: TypeRow("", "d", 0, 1007, -1),
}


def modifier(precision: int, scale: int) -> int:
    return ((precision << 16) | (scale & 0x7FF)) + 4


@pytest.mark.parametrize(
    ("precision", "scale", "expected"),
    [
        (10, 2, pa.decimal128(10, 2)),
        (38, 0, pa.decimal128(38, 0)),
        (38, 38, pa.decimal128(38, 38)),
        (3, -2, pa.decimal128(5, 0)),
        (2, 5, pa.decimal128(5, 5)),
        (36, -2, pa.decimal128(38, 0)),
        (37, -2, None),
        (2, 39, None),
        (39, 0, None),
        (1000, 1000, None),
    ],
)
def test_numeric_is_a_decimal_as_wide_as_it_takes(
    precision: int, scale: int, expected: pa.DataType | None
) -> None:
    kind, wire, cursor = resolve(TYPES, 1700, modifier(precision, scale), 0, Arrays.LIST)
    assert (kind, wire) == ((expected, "decimal") if expected else (pa.string(), None))
    assert cursor is (expected is not None)


def test_numeric_of_any_size_is_text() -> None:
    assert resolve(TYPES, 1700, -1, 0, Arrays.LIST) == (pa.string(), None, False)


def test_domains_are_what_they_are_over() -> None:
    for domain in (700, 701):
        assert resolve(TYPES, domain, -1, 0, Arrays.LIST) == (pa.decimal128(8, 2), "decimal", True)
    assert resolve(TYPES, 702, -1, 1, Arrays.LIST)[0] == pa.list_(pa.decimal128(8, 2))
    assert resolve(TYPES, 703, -1, 0, Arrays.LIST)[0] == pa.list_(pa.int32())


def test_arrays() -> None:
    assert resolve(TYPES, 1007, -1, 1, Arrays.LIST) == (pa.list_(pa.int32()), "int32[]", False)
    assert resolve(TYPES, 1007, -1, 2, Arrays.LIST)[:2] == (pa.string(), None)
    assert resolve(TYPES, 1007, -1, 1, Arrays.TEXT)[:2] == (pa.string(), None)
    assert resolve(TYPES, 1231, modifier(5, 1), 1, Arrays.LIST)[0] == pa.list_(pa.decimal128(5, 1))
    assert resolve(TYPES, 1231, -1, 1, Arrays.LIST)[0] == pa.string()
    assert resolve(TYPES, 22, -1, 0, Arrays.LIST)[0] == pa.string()
    assert resolve(TYPES, 501, -1, 1, Arrays.LIST)[0] == pa.string()


@pytest.mark.parametrize("oid", [500, 4711])
def test_what_nobody_knows_is_text(oid: int) -> None:
    assert resolve(TYPES, oid, -1, 0, Arrays.LIST) == (pa.string(), None, False)


def test_an_enum_is_text_but_no_cursor() -> None:
    assert resolve(TYPES, 600, -1, 0, Arrays.LIST) == (pa.string(), "text", False)


def test_names_are_quoted() -> None:
    assert Column('a"b', pa.string(), None, "inet").expression == 't."a""b"::text'
    assert Column("a b", pa.int32(), "int32", "integer").expression == 't."a b"'

"""JSON to columns, exactly: nothing rounded, nothing lost, nothing made up."""

import json as stdlib
import logging
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.sdk import DataError
from towpath.sdk.rest import json
from towpath.sdk.rest.columns import OTHER, Columns
from towpath.sdk.rest.values import fit

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: str(number).lower()),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)


def exact(text: str) -> Decimal:
    return Decimal(text)


def as_decimal(value: Any) -> Decimal:
    """Of a double, the shortest text that means it is the number that was written."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


@given(st.lists(NUMBERS, max_size=5), st.text(max_size=20))
def test_no_number_is_rounded(numbers: list[str], text: str) -> None:
    body = f'{{"a": {stdlib.dumps(text)}, "n": [{", ".join(numbers)}]}}'.encode()
    found = json.loads(body)
    assert found["a"] == text
    assert [as_decimal(number) for number in found["n"]] == [exact(number) for number in numbers]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_written_reads_the_same(value: Any) -> None:
    text = json.dumps(value)
    again = stdlib.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert again == stdlib.loads(
        json.dumps(json.loads(text.encode())), parse_float=Decimal, parse_int=Decimal
    )
    assert _plain(again) == _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"a": 1', b"[NaN]", b"[1e999999999999999999999]", b"\xff", b"[" * 100_000]
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind: it is told in our words elsewhere
        json.loads(body)


def test_half_a_surrogate_pair_is_kept() -> None:
    value = json.loads(b'{"a": "x\\ud800", "n": 1.00000000000000000001}')
    assert json.dumps(value) == '{"a":"x\\ud800","n":1.00000000000000000001}'


UTC = "+00:00"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("string", "x", "x"),
        ("string", 1, None),
        ("integer", 5, "5"),
        ("integer", 5.0, "5"),
        ("integer", 5.5, None),
        ("integer", True, None),
        ("integer", "5", None),
        ("integer", 2**63, None),
        ("number", 0.1, "0.1"),
        ("number", 3, "3"),
        ("number", 2**53 + 1, None),
        ("number", Decimal("0.1000000000000000055"), None),
        ("number", "0.1", None),
        ("number", True, None),
        ("boolean", True, "true"),
        ("boolean", 1, None),
        ("boolean", "true", None),
        ("decimal(6,2)", "12.5", "12.50"),
        ("decimal(6,2)", 12.5, "12.50"),
        ("decimal(6,2)", 12, "12.00"),
        ("decimal(6,2)", Decimal("12.50"), "12.50"),
        ("decimal(6,2)", "12.345", None),
        ("decimal(6,2)", "12345.00", None),
        ("decimal(6,2)", "", None),
        ("decimal(6,2)", "1,5", None),
        ("decimal(6,2)", True, None),
        ("decimal(38,20)", Decimal("1.00000000000000000001"), "1.00000000000000000001"),
        ("date", "2026-02-28", "2026-02-28"),
        ("date", "2026-02-30", None),
        ("date", "2026-02-28T00:00:00Z", None),
        ("timestamp", "2026-02-28T01:02:03Z", "2026-02-28 01:02:03.000000Z"),
        ("timestamp", "2026-02-28T01:02:03.5+02:00", "2026-02-27 23:02:03.500000Z"),
        ("timestamp", "2026-02-28 01:02:03", "2026-02-28 01:02:03.000000Z"),
        ("timestamp", "2026-02-28T01:02:03.1234560Z", "2026-02-28 01:02:03.123456Z"),
        ("timestamp", "2026-02-28T01:02:03.1234567Z", None),
        ("timestamp", 1_700_000_000, None),
        ("timestamp", "soon", None),
        ("timestamp_local", "2026-02-28T01:02:03", "2026-02-28 01:02:03.000000"),
        ("timestamp_local", "2026-02-28T01:02:03Z", None),
        ("epoch_s", 1_700_000_000, "2023-11-14 22:13:20.000000Z"),
        ("epoch_s", 1_700_000_000.25, "2023-11-14 22:13:20.250000Z"),
        ("epoch_s", "1700000000.000001", "2023-11-14 22:13:20.000001Z"),
        ("epoch_s", "2026", "1970-01-01 00:33:46.000000Z"),
        ("epoch_s", "1e9", None),
        ("epoch_s", True, None),
        ("epoch_s", 2**62, None),
        ("epoch_ms", 1_700_000_000_123, "2023-11-14 22:13:20.123000Z"),
        ("json", {"b": 1, "a": [None]}, '{"a":[null],"b":1}'),
        ("json", "x", '"x"'),
    ],
)
def test_each_type(kind: str, value: Any, text: str | None) -> None:
    """Alone, and in the middle of others of its own: both ways must agree."""
    for values in ([value], [None, value], [value, value], [value, 0.5, [], None]):
        column, misfits = fit(values, kind)
        place = values.index(value)
        shown = column.storage if kind == "json" else column
        assert shown[place].cast(pa.string()).as_py() == text
        assert (place in misfits) == (text is None)


RECORDS = [{"id": 1, "amount": "1.50", "extra": {"x": 1}}, {"id": 2, "amount": "n/a"}, {"id": 3}]
DECLARED = {"id": "integer", "amount": "decimal(6,2)"}


def test_what_is_not_declared_and_what_does_not_fit_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        columns = Columns("orders", DECLARED, ["id", "amount", OTHER], ["id"])
        batch = columns.batch(RECORDS, 1)
        columns.batch(RECORDS, 2)
    assert batch.to_pylist() == [
        {"id": 1, "amount": Decimal("1.50"), OTHER: '{"extra":{"x":1}}'},
        {"id": 2, "amount": None, OTHER: '{"amount":"n/a"}'},
        {"id": 3, "amount": None, OTHER: None},
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "The field 'amount' on page 1 of 'orders' holds text that is no decimal(6,2): kept in _other."
    ]


@pytest.mark.parametrize(
    ("wanted", "keys"), [(["id", "amount"], ["id"]), (["id", "amount", OTHER], ["amount"])]
)
def test_a_misfit_that_cannot_be_kept_is_an_error(wanted: list[str], keys: list[str]) -> None:
    with pytest.raises(DataError, match="'amount' on page 7 of 'orders' holds text") as caught:
        Columns("orders", DECLARED, wanted, keys).batch(RECORDS, 7)
    assert caught.value.code == "value.unrepresentable"
    assert "n/a" not in str(caught.value)


def test_columns_that_are_not_wanted_are_not_looked_at() -> None:
    batch = Columns("orders", DECLARED, ["id"], ["id"]).batch(RECORDS, 1)
    assert batch.to_pylist() == [{"id": 1}, {"id": 2}, {"id": 3}]


@pytest.mark.parametrize("odd", [1, "x", None, [1]])
def test_records_are_objects(odd: Any) -> None:
    with pytest.raises(DataError, match="Page 2 of 'orders' holds") as caught:
        Columns("orders", DECLARED, ["id"], []).batch([{"id": 1}, odd], 2)
    assert caught.value.code == "answer.malformed"

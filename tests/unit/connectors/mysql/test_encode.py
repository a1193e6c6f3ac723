"""Rows as the text of SQL."""

import datetime as dt
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.connectors.mysql.columns import columns_of
from towpath.connectors.mysql.dialect import Dialect
from towpath.connectors.mysql.encode import hexadecimal, offsets, rows
from towpath.connectors.mysql.load import _statements
from towpath.sdk import Target, WriteMode

DIALECT = Dialect(mariadb=True, version=(10, 11, 6), folds=False, packet=1 << 20, takes_files=True)


def text(values: pa.Array, mark: str = "") -> list[str]:
    """The text of each value in a row by itself."""
    batch = pa.record_batch({"a": values})
    columns = columns_of(Target("t", batch.schema, WriteMode.APPEND, "r", "s", "l"), DIALECT)
    made = rows(batch, columns, [pa.arange(0, batch.num_rows)], mark).to_pylist()
    return [re.fullmatch(r"\((.*),\d+\),\n", row, re.DOTALL)[1] for row in made]  # type: ignore[index] # it fails


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array([1, None], pa.int8()), ["1", "NULL"]),
        (pa.array([True, False]), ["1", "0"]),
        (pa.nulls(2), ["NULL", "NULL"]),
        (pa.array([-0.0, 0.1]), ["'-0'", "'0.1'"]),
        (pa.array([0.1], pa.float32()), ["'0.10000000149011612'"]),
        (pa.array(["NULL", None, "", "a'b\\c\0"]), ["'NULL'", "NULL", "''", "'a\\'b\\\\c\\0'"]),
        (pa.array([b"\x00\xff", b"", None]), ["'00FF'", "''", "NULL"]),
        (pa.array([-1, 3_020_399_000_000], pa.duration("us")), ["'-00:00:00.000001'", "'838:59:59.000000'"]),
        (pa.array([0], pa.timestamp("s", "Asia/Tokyo")), ["'1970-01-01 00:00:00.000000'"]),
        (pa.array([dt.date(1, 2, 3)]), ["'0001-02-03'"]),
        (pa.array([[1, None]]), ["'[1,null]'"]),
    ],
)
def test_values(values: pa.Array, wanted: list[str]) -> None:
    assert [one.replace("ff", "FF") for one in text(values)] == wanted


def test_binaries_of_statements_are_marked() -> None:
    assert text(pa.array([b"a", None]), "X") == ["X'61'", "NULL"]


@given(st.lists(st.none() | st.binary(max_size=40)), st.integers(0, 5), st.integers(0, 5))
def test_every_slice_of_binaries_is_its_digits(values: list[bytes | None], start: int, count: int) -> None:
    piece = pa.array(values, pa.binary()).slice(start, count)
    wanted = [None if one is None else one.hex() for one in piece.to_pylist()]
    assert hexadecimal(piece).to_pylist() == wanted


@given(st.lists(st.text(max_size=20)), st.integers(0, 5))
def test_texts_come_back_from_their_escapes(values: list[str], start: int) -> None:
    piece = pa.array(values, pa.string()).slice(start)
    letters = {"\\\\": "\\", "\\'": "'", "\\0": "\0"}
    plain = [
        re.sub(r"\\.", lambda found: letters[found[0]], one[1:-1], flags=re.DOTALL) for one in text(piece)
    ]
    assert plain == piece.to_pylist()
    assert all(re.fullmatch(r"'(?:[^'\\]|\\.)*'", one, re.DOTALL) for one in text(piece))


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 100))
def test_statements_are_whole_rows_and_short(lengths: list[int], size: int) -> None:
    marks = offsets(pa.array(["x" * length for length in lengths], pa.large_string())).to_pylist()
    pieces = list(_statements(marks, size))
    assert "".join("x" * (stop - start) for start, stop in pieces) == "x" * sum(lengths)
    assert all(start in marks and stop in marks for start, stop in pieces)
    assert all(stop - start <= max([size, *lengths]) for start, stop in pieces)
    assert [stop for _, stop in pieces[:-1]] == [start for start, _ in pieces[1:]]

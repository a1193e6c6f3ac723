"""The encoder: exact, within its buffers, and the same as its plain twin."""

import json
import struct
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

import psycopg.types.numeric
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from towpath.connectors.postgres._encode import HEADER, TRAILER, Frame

from support.arrow import VALUES, arrays, batches
from towpath.connectors.postgres import encode_slowly, rows
from towpath.connectors.postgres.columns import columns_of
from towpath.connectors.postgres.wire import PROBLEMS, Kind, Wire
from towpath.sdk import Batch

FRAMES = pytest.mark.parametrize("frame", [Frame, encode_slowly.Frame], ids=["compiled", "plain"])
TEXT = Wire(Kind.TEXT)
JSONB = Wire(Kind.JSONB)
NUMERIC = Wire(Kind.NUMERIC)


def laid_out(batch: pa.RecordBatch) -> list[tuple[pa.Array, Wire]]:
    columns = columns_of(batch.schema, {})
    return [(column.convert(batch[column.name]), column.wire) for column in columns]


def rows_of(data: bytes) -> Iterator[list[bytes | None]]:
    """The fields of the rows of a binary COPY."""
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        assert at <= len(data)
        return data[at - size : at]

    while at < len(data):
        row: list[bytes | None] = []
        for _ in range(struct.unpack(">h", take(2))[0]):
            (size,) = struct.unpack(">i", take(4))
            row.append(None if size < 0 else take(size))
        yield row


def encoded(array: pa.Array, wire: Wire, frame: type = Frame) -> list[bytes | None]:
    return [row[0] for row in rows_of(frame([(array, wire)], len(array)).encode(0, len(array)))]


def problem(value: str | bytes, wire: Wire, frame: type = Frame) -> int:
    """The number of what is wrong with one text; 0 if nothing."""
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    array = pa.array([data], pa.binary()).view(pa.string())
    found = frame([(array, wire)], 1).problems
    return found[0][2] if found else 0


def test_header_and_trailer_are_those_of_the_format():
    assert HEADER == encode_slowly.HEADER == b"PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    assert TRAILER == encode_slowly.TRAILER == b"\xff\xff"


@given(batches())
def test_both_encoders_write_the_same(batch: pa.RecordBatch):
    columns = laid_out(batch)
    fast, plain = Frame(columns, batch.num_rows), encode_slowly.Frame(columns, batch.num_rows)
    assert fast.problems == plain.problems == []
    assert fast.encode(0, batch.num_rows) == plain.encode(0, batch.num_rows)


@given(st.data(), st.sampled_from(list(VALUES)))
def test_any_piece_of_a_batch_is_a_piece_of_its_rows(data: st.DataObject, kind: pa.DataType):
    batch = pa.RecordBatch.from_arrays([data.draw(arrays(kind, 9))], ["c"])
    frame = Frame(laid_out(batch), 9)
    at = data.draw(st.integers(0, 9))
    assert frame.encode(0, at) + frame.encode(at, 9) == frame.encode(0, 9)
    assert len(list(rows_of(frame.encode(0, 9)))) == 9


# ── single values ────────────────────────────────────────────────────────────────────────────────


@FRAMES
@pytest.mark.parametrize(
    ("value", "wire", "expected"),
    [
        (pa.array([True]), Wire(Kind.BOOL), b"\x01"),
        (pa.array([-2], pa.int8()), Wire(Kind.INT8, 1), b"\xff\xfe"),
        (pa.array([200], pa.uint8()), Wire(Kind.UINT8, 1), b"\x00\xc8"),
        (pa.array([2**16 - 1], pa.uint16()), Wire(Kind.UINT16, 2), b"\x00\x00\xff\xff"),
        (pa.array([2**32 - 1], pa.uint32()), Wire(Kind.UINT32, 4), b"\0\0\0\0\xff\xff\xff\xff"),
        (pa.array([1.5], pa.float32()), Wire(Kind.INT32, 4), struct.pack(">f", 1.5)),
        (pa.array([0], pa.date32()), Wire(Kind.DATE, 4), struct.pack(">i", -10957)),
        (
            pa.array([7], pa.timestamp("s")),
            Wire(Kind.TIMESTAMP, 8, 10**6),
            struct.pack(">q", 7000000 - 946684800000000),
        ),
        (pa.array([5_000], pa.duration("ns")), Wire(Kind.DURATION, 8, -1000), struct.pack(">qii", 5, 0, 0)),
        (pa.array(["é"]), TEXT, "é".encode()),
        (pa.array(["{}"]), JSONB, b"\x01{}"),
        (
            pa.array([[]], pa.list_(pa.int32())),
            Wire(Kind.LIST, element=23, item=Wire(Kind.INT32, 4)),
            struct.pack(">iii", 0, 0, 23),
        ),
        (
            pa.array([[1, None]], pa.list_(pa.int32())),
            Wire(Kind.LIST, element=23, item=Wire(Kind.INT32, 4)),
            struct.pack(">iiiiiiii", 1, 1, 23, 2, 1, 4, 1, -1),
        ),
    ],
)
def test_what_goes_over_the_wire(frame: type, value: pa.Array, wire: Wire, expected: bytes):
    assert encoded(value, wire, frame) == [expected]


def load_numeric(data: bytes) -> Decimal:
    return psycopg.types.numeric.NumericBinaryLoader(1700).load(data)


@FRAMES
@given(st.integers(0, 38), st.integers(-(2**127) + 1, 2**127 - 1))
@example(38, 10**38 - 1)
@example(37, -(10**38) + 1)
@example(3, 10**37)
@example(0, 0)
@example(5, 0)
def test_decimals_as_another_driver_reads_them(frame: type, scale: int, number: int):
    number = max(min(number, 10**38 - 1), -(10**38) + 1)
    value = Decimal((number < 0, tuple(map(int, str(abs(number)))), -scale))
    (data,) = encoded(pa.array([value], pa.decimal128(38, scale)), Wire(Kind.DECIMAL, 16, scale), frame)
    assert data is not None
    found = load_numeric(data)
    assert found == value
    assert found.as_tuple().exponent == -scale


NUMBERS = st.from_regex(
    r"[+-]?([0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?", fullmatch=True
)


@FRAMES
@given(NUMBERS)
@example("0")
@example("-0.000")
@example("1e-16383")
@example("1e131071")
@example("000123.4500")
@example("9999.9999e-4")
def test_numbers_in_text_as_another_driver_reads_them(frame: type, text: str):
    (data,) = encoded(pa.array([text]), NUMERIC, frame)
    assert data is not None
    assert load_numeric(data) == Decimal(text)
    scale = struct.unpack(">h", data[6:8])[0]
    assert scale == max(0, -int(Decimal(text).as_tuple().exponent))


@FRAMES
def test_special_numbers(frame: type):
    texts = ["NaN", "nan", "Infinity", "-Infinity", "inf", "+infinity"]
    signs = [struct.unpack(">H", data[4:6])[0] for data in encoded(pa.array(texts), NUMERIC, frame) if data]
    assert signs == [0xC000, 0xC000, 0xD000, 0xF000, 0xD000, 0xD000]


@given(NUMBERS | st.text(max_size=12) | st.text("0123456789+-.eE nai", max_size=12))
def test_both_agree_on_what_is_a_number(text: str):
    assert problem(text, NUMERIC) == problem(text, NUMERIC, encode_slowly.Frame)


# ── what cannot be stored ────────────────────────────────────────────────────────────────────────


@FRAMES
@pytest.mark.parametrize(
    ("value", "wire", "why"),
    [
        (pa.array(["a\0b"]), TEXT, "NUL"),
        (pa.array([b"\xff"]).view(pa.string()), TEXT, "UTF-8"),
        (pa.array([b"\xed\xa0\x80"]).view(pa.string()), TEXT, "UTF-8"),
        (pa.array([b"\xf4\x90\x80\x80"]).view(pa.string()), TEXT, "UTF-8"),
        (pa.array([b"\xc0\x80"]).view(pa.string()), TEXT, "UTF-8"),
        (pa.array(['"\\u0000"']), JSONB, "NUL"),
        (pa.array(['"\\ud800"']), JSONB, "JSON"),
        (pa.array(["{"]), JSONB, "JSON"),
        (pa.array([""]), JSONB, "JSON"),
        (pa.array(["1e200000"]), JSONB, "range"),
        (pa.array(["[" * 1001 + "]" * 1001]), JSONB, "deeper"),
        (pa.array(["1e200000"]), NUMERIC, "range"),
        (pa.array(["1e-16384"]), NUMERIC, "range"),
        (pa.array(["twelve"]), NUMERIC, "not a number"),
        (pa.array([-(2**31)], pa.int32()).view(pa.date32()), Wire(Kind.DATE, 4), "range"),
        (pa.array([2**31 - 1], pa.int32()).view(pa.date32()), Wire(Kind.DATE, 4), "range"),
        (pa.array([-(2**63)]).view(pa.timestamp("us")), Wire(Kind.TIMESTAMP, 8), "range"),
        (pa.array([2**60]).view(pa.timestamp("s")), Wire(Kind.TIMESTAMP, 8, 10**6), "range"),
        (pa.array([1001]).view(pa.timestamp("ns")), Wire(Kind.TIMESTAMP, 8, -1000), "microsecond"),
        (pa.array([-1]).view(pa.time64("us")), Wire(Kind.TIME, 8), "range"),
        (pa.array([86_400_000_001]).view(pa.time64("us")), Wire(Kind.TIME, 8), "range"),
        (pa.array([2**60]).view(pa.duration("s")), Wire(Kind.DURATION, 8, 10**6), "range"),
        (pa.array([None], pa.int64()), Wire(Kind.INT64, 8, required=True), "key"),
        (pa.nulls(1), Wire(Kind.NULL, required=True), "key"),
        (pa.array([["a", "b\0"]]), Wire(Kind.LIST, element=25, item=TEXT), "NUL"),
    ],
)
def test_values_that_postgres_cannot_hold_are_left_out_and_named(
    frame: type, value: pa.Array, wire: Wire, why: str
):
    more = pa.concat_arrays([pa.nulls(1, value.type), value, pa.nulls(1, value.type)])
    wire_of_others = Wire(Kind.INT64, 8)
    ids = pa.array([1, 2, 3])
    if wire.required:
        more = pa.concat_arrays([value])
        ids = ids.slice(1, 1)
    made = frame([(ids, wire_of_others), (more, wire)], len(ids))
    assert [(row, column) for row, column, _ in made.problems] == [(len(ids) // 2, 1)]
    assert why in PROBLEMS[made.problems[0][2]][1]
    kept = [struct.unpack(">q", row[0])[0] for row in rows_of(made.encode(0, len(ids))) if row[0]]
    assert kept == [] if wire.required else [1, 3]


@FRAMES
def test_a_row_with_two_problems_is_named_once(frame: type):
    made = frame([(pa.array(["\0", "fine"]), TEXT), (pa.array(["\0", "\0"]), TEXT)], 2)
    assert sorted(made.problems) == [(0, 0, 1), (1, 1, 1)]
    assert made.encode(0, 2) == b""


@given(st.binary(max_size=12) | st.text(max_size=12).map(str.encode))
def test_utf8_is_what_python_takes_for_it(data: bytes):
    try:
        wanted = 1 if "\0" in data.decode() else 0
    except UnicodeDecodeError:
        wanted = 2
    found = problem(data, TEXT)
    assert (found == 0) == (wanted == 0)
    assert found in (1, 2) or wanted == 0


def mangled() -> st.SearchStrategy[str]:
    """JSON texts, whole and with a piece cut out or put in."""
    whole = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ).map(json.dumps)
    piece = st.sampled_from(
        ["", ",", ":", '"', "\\", "\\u", "\\ud83d\\ude00", "0", "-", "1e", "[", "}", " ", "\n", "\x01"]
    )
    return st.builds(
        lambda text, at, put, cut: text[: at % (len(text) + 1)] + put + text[at % (len(text) + 1) + cut :],
        whole,
        st.integers(0, 50),
        piece,
        st.integers(0, 2),
    )


@given(mangled() | st.text('{}[]",:0123456789.eE+-truefalsn \\u', max_size=12))
@example("1.e5")
@example("01")
@example('"\\u00"')
@example('["a",]')
@example("nul")
@example('"\x1f"')
@example("\ufeff1")
def test_both_agree_on_what_is_json(text: str):
    for kind in (Kind.JSON, Kind.JSONB):
        fast, plain = problem(text, Wire(kind)), problem(text, Wire(kind), encode_slowly.Frame)
        assert (fast == 0) == (plain == 0)


# ── hostile arrays ───────────────────────────────────────────────────────────────────────────────


class Unchecked:
    """What the encoder asks of an array; pyarrow itself refuses to make most of these."""

    def __init__(self, rows: int, *buffers: bytes | None, offset: int = 0, nulls: int = 0) -> None:
        self._rows, self.offset, self.null_count = rows, offset, nulls
        self._buffers = [None if data is None else pa.py_buffer(data) for data in buffers]
        self.values = pa.array([1, 2], pa.int64())

    def __len__(self) -> int:
        return self._rows

    def buffers(self) -> list[pa.Buffer | None]:
        return self._buffers


def offsets(*values: int) -> bytes:
    return struct.pack(f"={len(values)}i", *values)


@pytest.mark.parametrize(
    ("array", "wire"),
    [
        (Unchecked(3, None, bytes(16)), Wire(Kind.INT64, 8)),
        (Unchecked(1, None, bytes(8), offset=1), Wire(Kind.INT64, 8)),
        (Unchecked(9, b"\xff", bytes(72), nulls=1), Wire(Kind.INT64, 8)),
        (Unchecked(9, None, b"\x01"), Wire(Kind.BOOL)),
        (Unchecked(1, None, offsets(0, 9), b"abc"), TEXT),
        (Unchecked(2, None, offsets(0, 3, 2), b"abc"), TEXT),
        (Unchecked(1, None, offsets(-1, 2), b"abc"), TEXT),
        (Unchecked(2, None, offsets(0, 3), b"abc"), TEXT),
        (Unchecked(1, None, None, b"abc"), TEXT),
        (Unchecked(1, None, offsets(0, 3), None), TEXT),
        (Unchecked(1, None, struct.pack("=qq", 0, 2**62), b"abc"), Wire(Kind.TEXT, wide=True)),
    ],
)
def test_buffers_that_are_too_short_are_refused(array: Unchecked, wire: Wire):
    with pytest.raises(ValueError, match="of an Arrow array"):
        Frame([(array, wire)], len(array))


def test_lists_that_lead_out_of_their_elements_are_refused():
    array = Unchecked(1, None, offsets(0, 3))
    with pytest.raises(ValueError, match="of an Arrow array"):
        Frame([(array, Wire(Kind.LIST, element=20, item=Wire(Kind.INT64, 8)))], 1)


@given(st.lists(st.integers(-3, 12), min_size=1, max_size=6), st.binary(max_size=10))
def test_offsets_never_lead_out_of_the_data(places: list[int], data: bytes):
    array = Unchecked(len(places) - 1, None, offsets(*places), data)
    sound = places == sorted(places) and places[0] >= 0 and places[-1] <= len(data)
    try:
        found = encoded(array, Wire(Kind.BINARY))
    except ValueError:
        assert not sound
    else:
        assert not found or sound
        assert found == [data[one:two] for one, two in pairwise(places)]


def test_rows_beyond_the_batch_are_refused():
    frame = Frame([(pa.array([1, 2]), Wire(Kind.INT64, 8))], 2)
    for start, stop in ((-1, 1), (1, 3), (2, 1)):
        with pytest.raises(IndexError):
            frame.encode(start, stop)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        Frame([(pa.array([1, 2]), Wire(Kind.INT64, 8))], 3)


def test_a_batch_without_rows_or_columns_is_nothing():
    assert Frame([(pa.array([], pa.string()), TEXT)], 0).encode(0, 0) == b""
    assert Frame([], 2).encode(0, 2) == b"\0\0\0\0"


@FRAMES
def test_pieces_are_of_about_a_megabyte_whatever_arrow_needs_for_the_batch(
    frame: type, monkeypatch: pytest.MonkeyPatch
):
    """A dictionary of one long text is small, its rows are not: memory must stay bounded."""
    monkeypatch.setattr(rows, "Frame", frame)
    batch = pa.record_batch({"v": pa.array(["x" * 70_000] * 100).dictionary_encode()})
    made = rows.Rows(columns_of(batch.schema, {}), batch.schema, numbered=False).encode(Batch(batch))
    pieces = list(made.pieces)
    assert sum(map(len, pieces)) == 100 * 70_006
    assert max(map(len, pieces)) <= 1 << 20

"""The COPY decoder: right on every sound stream in any pieces, and never more than an error on any other."""

import struct
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .copy_binary import HEADER, KINDS, TRAILER, array, numeric, row, stream, tables

decode = pytest.importorskip("towpath.connectors.postgres._decode")
MANY = settings(max_examples=300, deadline=None)


def decoded(
    data: bytes, wires: list[str], schema: pa.Schema, sizes: list[int], **limits: Any
) -> list[pa.RecordBatch]:
    """All batches of the stream, fed in pieces of these sizes, over and over."""
    decoder = decode.Decoder(schema, wires, **limits)
    batches, view, piece = [], memoryview(data), 0
    while view:
        size = sizes[piece % len(sizes)]
        piece += 1
        chunk, view = view[:size], view[size:]
        while chunk:
            used = decoder.feed(chunk)
            assert used == len(chunk) or decoder.full
            chunk = chunk[used:]
            if decoder.full:
                batches.append(decoder.take())
    decoder.finish()
    batches.append(decoder.take())
    for batch in batches:
        batch.validate(full=True)
    return batches


def values(batches: list[pa.RecordBatch]) -> list[list[Any]]:
    return [list(row.values()) for batch in batches for row in batch.to_pylist()]


def one(wire: str, kind: pa.DataType, data: bytes, **limits: Any) -> Any:
    """What a single value of these bytes decodes to."""
    copy = HEADER + struct.pack("!hi", 1, len(data)) + data + TRAILER
    return values(decoded(copy, [wire], pa.schema([("c", kind)]), [len(copy)], **limits))[0][0]


# ── sound streams ────────────────────────────────────────────────────────────────────────────────


@MANY
@given(tables(), st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(1, 5), st.integers(1, 200))
def test_every_value_comes_back_whatever_the_pieces(
    table: Any, sizes: list[int], max_rows: int, max_bytes: int
) -> None:
    wires, schema, rows = table
    batches = decoded(stream(wires, rows), wires, schema, sizes, max_rows=max_rows, max_bytes=max_bytes)
    assert values(batches) == rows
    assert all(batch.schema.equals(schema) for batch in batches)
    assert all(batch.num_rows <= max_rows for batch in batches)


def test_a_batch_ends_at_its_bytes() -> None:
    rows = [["x" * 100] for _ in range(10)]
    batches = decoded(
        stream(["text"], rows), ["text"], pa.schema([("c", pa.string())]), [4096], max_bytes=300
    )
    assert [batch.num_rows for batch in batches] == [3, 3, 3, 1]


def test_many_batches_of_one_decoder_do_not_share_memory() -> None:
    rows = [[n, f"text {n}", [n, None]] for n in range(5000)]
    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.list_(pa.int32()))])
    wires = ["int64", "text", "int32[]"]
    batches = decoded(stream(wires, rows), wires, schema, [1000], max_rows=999)
    assert values(batches) == rows


def test_batches_outlive_their_decoder() -> None:
    schema = pa.schema([("c", pa.string())])
    batch = decoded(stream(["text"], [["kept"]]), ["text"], schema, [9])[0]
    assert batch.column(0).to_pylist() == ["kept"]


def test_nothing_is_copied_without_nulls() -> None:
    batch = decoded(stream(["int64"], [[1], [2]]), ["int64"], pa.schema([("c", pa.int64())]), [99])[0]
    assert batch.column(0).buffers()[0] is None


@pytest.mark.parametrize("precision", [1, 4, 5, 18, 19, 20, 37, 38])
def test_decimals_of_every_width(precision: int) -> None:
    for scale in range(precision + 1):
        kind = pa.decimal128(precision, scale)
        for digits in ("9" * precision, "1" + "0" * (precision - 1), "1", "0"):
            value = Decimal((1, tuple(map(int, digits)), -scale))
            assert one("decimal", kind, numeric(value)) == value


# ── values that Arrow cannot hold ────────────────────────────────────────────────────────────────

SPECIAL = {
    "NaN": ("decimal", pa.decimal128(10, 2), struct.pack("!hhHH", 0, 0, 0xC000, 0)),
    "+Infinity": ("decimal", pa.decimal128(10, 2), struct.pack("!hhHH", 0, 0, 0xD000, 32)),
    "-Infinity": ("decimal", pa.decimal128(10, 2), struct.pack("!hhHH", 0, 0, 0xF000, 32)),
    "date infinity": ("date", pa.date32(), struct.pack("!i", 2**31 - 1)),
    "date -infinity": ("date", pa.date32(), struct.pack("!i", -(2**31))),
    "timestamp infinity": ("timestamp", pa.timestamp("us"), struct.pack("!q", 2**63 - 1)),
    "timestamp -infinity": ("timestamp", pa.timestamp("us"), struct.pack("!q", -(2**63))),
    "timestamp too far": ("timestamp", pa.timestamp("us"), struct.pack("!q", 2**63 - 946_684_800_000_000)),
    "24:00": ("time", pa.time64("us"), struct.pack("!q", 86_400_000_000)),
    "interval infinity": (
        "interval",
        pa.month_day_nano_interval(),
        struct.pack("!qii", 2**63 - 1, 2**31 - 1, 2**31 - 1),
    ),
    "two dimensions": ("int32[]", pa.list_(pa.int32()), array("int32", [1, 2], dimensions=2)),
    "lower bound": ("int32[]", pa.list_(pa.int32()), array("int32", [1, 2], lower=0)),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values_are_an_error_or_null(name: str) -> None:
    wire, kind, data = SPECIAL[name]
    with pytest.raises(decode.DecodeError) as caught:
        one(wire, kind, data)
    assert caught.value.unrepresentable
    assert caught.value.column == 0
    assert one(wire, kind, data, lenient=True) is None


def test_a_special_element_of_a_list_becomes_null() -> None:
    data = struct.pack("!iiIii", 1, 0, 1082, 3, 1)
    data += b"".join(struct.pack("!ii", 4, day) for day in (0, 2**31 - 1, 1))
    found = one("date[]", pa.list_(pa.date32()), data, lenient=True)
    assert [None if day is None else day.isoformat() for day in found] == ["2000-01-01", None, "2000-01-02"]


# ── streams that are not sound ───────────────────────────────────────────────────────────────────

BROKEN = {
    "numeric cut off": ("decimal", pa.decimal128(10, 2), struct.pack("!hhHH", 2, 0, 0, 0) + b"\0\1"),
    "numeric of too many digits": ("decimal", pa.decimal128(3, 2), numeric(Decimal("12.34"))),
    "numeric of too fine a scale": ("decimal", pa.decimal128(10, 2), numeric(Decimal("0.001"))),
    "numeric far too fine": ("decimal", pa.decimal128(38, 0), struct.pack("!hhHHh", 1, -9999, 0, 0, 1)),
    "numeric far too large": ("decimal", pa.decimal128(38, 0), struct.pack("!hhHHh", 1, 9999, 0, 0, 1)),
    "numeric digit": ("decimal", pa.decimal128(10, 2), struct.pack("!hhHHH", 1, 0, 0, 0, 10_000)),
    "numeric sign": ("decimal", pa.decimal128(10, 2), struct.pack("!hhHHH", 1, 0, 1, 0, 1)),
    "int of 3 bytes": ("int32", pa.int32(), b"abc"),
    "int of 5 bytes": ("int32", pa.int32(), b"abcde"),
    "bool of 2": ("bool", pa.bool_(), b"\2"),
    "bool of nothing": ("bool", pa.bool_(), b""),
    "negative time": ("time", pa.time64("us"), struct.pack("!q", -1)),
    "jsonb of version 2": ("jsonb", pa.json_(), b"\2{}"),
    "jsonb of nothing": ("jsonb", pa.json_(), b""),
    "lone continuation": ("text", pa.string(), b"a\x80"),
    "overlong": ("text", pa.string(), b"\xc0\x80"),
    "overlong in three": ("text", pa.string(), b"\xe0\x9f\xbf"),
    "surrogate": ("text", pa.string(), b"\xed\xa0\x80"),
    "beyond Unicode": ("text", pa.string(), b"\xf4\x90\x80\x80"),
    "cut off character": ("text", pa.string(), b"eight by\xe2\x82"),
    "array of minus dimensions": ("int32[]", pa.list_(pa.int32()), struct.pack("!iiI", -1, 0, 23)),
    "array of many dimensions": ("int32[]", pa.list_(pa.int32()), struct.pack("!iiI", 7, 0, 23)),
    "array without bounds": ("int32[]", pa.list_(pa.int32()), struct.pack("!iiI", 1, 0, 23)),
    "array of 2**31 elements": (
        "int32[]",
        pa.list_(pa.int32()),
        struct.pack("!iiIii", 1, 0, 23, 2**31 - 1, 1),
    ),
    "array of minus elements": ("int32[]", pa.list_(pa.int32()), struct.pack("!iiIii", 1, 0, 23, -5, 1)),
    "array with a long element": (
        "text[]",
        pa.list_(pa.string()),
        struct.pack("!iiIiii", 1, 0, 25, 1, 1, 2**31 - 1),
    ),
    "array with bytes left": ("int32[]", pa.list_(pa.int32()), array("int32", [1]) + b"\0"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("lenient", [False, True])
def test_broken_values_are_errors_that_say_where(name: str, lenient: bool) -> None:
    wire, kind, data = BROKEN[name]
    with pytest.raises(decode.DecodeError) as caught:
        one(wire, kind, data, lenient=lenient)
    assert (caught.value.column, caught.value.row, caught.value.position) == (0, 0, len(HEADER) + 2)


BAD_STREAMS = {
    "another signature": b"NOTCOPY" + HEADER,
    "unknown flags": HEADER[:11] + struct.pack("!iI", 1 << 16, 0),
    "a huge extension": HEADER[:15] + struct.pack("!I", 2**32 - 1),
    "too few columns": HEADER + struct.pack("!h", 0),
    "too many columns": HEADER + struct.pack("!h", 2),
    "minus two columns": HEADER + struct.pack("!h", -2),
    "a huge value": HEADER + struct.pack("!hi", 1, 2**31 - 1),
    "a value of -2 bytes": HEADER + struct.pack("!hi", 1, -2),
    "bytes after the end": HEADER + TRAILER + b"\0",
    "nothing": b"",
    "no end": HEADER,
}


@pytest.mark.parametrize("name", BAD_STREAMS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_broken_streams_are_errors(name: str, size: int) -> None:
    with pytest.raises(decode.DecodeError):
        decoded(BAD_STREAMS[name], ["int32"], pa.schema([("c", pa.int32())]), [size])


def test_an_error_stays() -> None:
    decoder = decode.Decoder(pa.schema([("c", pa.int32())]), ["int32"])
    for _ in range(2):
        with pytest.raises(decode.DecodeError):
            decoder.feed(b"x" * 30)
    with pytest.raises(decode.DecodeError):
        decoder.take()
    with pytest.raises(decode.DecodeError):
        decoder.finish()


@MANY
@given(tables(), st.lists(st.integers(1, 60), min_size=1, max_size=3))
def test_cut_off_anywhere_is_an_error(table: Any, sizes: list[int]) -> None:
    wires, schema, rows = table
    data = stream(wires, rows)
    for end in range(len(data)):
        with pytest.raises(decode.DecodeError):
            decoded(data[:end], wires, schema, sizes)


@MANY
@given(tables(), st.data(), st.booleans())
def test_changed_bytes_give_an_error_or_sound_batches(table: Any, data: Any, lenient: bool) -> None:
    wires, schema, rows = table
    copy = bytearray(stream(wires, rows))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(copy) - 1))
        copy[place] = data.draw(st.integers(0, 255) | st.sampled_from([0, 0x7F, 0x80, 0xFF]))
    with suppress(decode.DecodeError):
        decoded(bytes(copy), wires, schema, [data.draw(st.integers(1, 200))], lenient=lenient)


@MANY
@given(
    st.sampled_from([*KINDS, *(f"{kind}[]" for kind in KINDS)]), st.binary(max_size=300), st.integers(1, 50)
)
@example("text", struct.pack("!hi", 1, 2**30 - 1) * 9, 7)
@example("int32[]", struct.pack("!hiiiIii", 1, 2**30 - 1, 1, 0, 23, 2**28, 1), 7)
def test_any_bytes_after_the_header(wire: str, noise: bytes, size: int) -> None:
    kind = KINDS[wire.removesuffix("[]")][0]
    schema = pa.schema([("c", pa.list_(kind) if wire.endswith("[]") else kind)])
    with suppress(decode.DecodeError):
        decoded(HEADER + noise, [wire], schema, [size])


@MANY
@given(st.binary(max_size=64), st.integers(1, 70))
def test_any_bytes(noise: bytes, size: int) -> None:
    with pytest.raises(decode.DecodeError):
        decoded(noise, ["text"], pa.schema([("c", pa.string())]), [size])


def test_unknown_forms_are_refused() -> None:
    for wires in ([], ["int32", "int32"], ["nonsense"]):
        with pytest.raises((ValueError, KeyError)):
            decode.Decoder(pa.schema([("c", pa.int32())]), wires)


def test_columns_that_fit_no_row_do_not_loop() -> None:
    wires = ["text"] * 3
    data = HEADER + row(wires, ["a", None, "c"]) + TRAILER
    batches = decoded(data, wires, pa.schema([(name, pa.string()) for name in "abc"]), [1], max_bytes=1)
    assert values(batches) == [["a", None, "c"]]

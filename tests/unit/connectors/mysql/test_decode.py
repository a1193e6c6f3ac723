"""The compiled decoder: right on every type, and unmoved by streams that are cut, split, wrong or hostile."""

import datetime as dt
import itertools
import struct
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from towpath.connectors.mysql.types import Reading
from towpath.sdk import DataError

decode = pytest.importorskip("towpath.connectors.mysql._decode", reason="built without a compiler")

LARGEST = 0xFFFFFF
END = b"\xfe\x00\x00\x02\x00"

# ── a server of our own: values to packets ───────────────────────────────────────────────────────


def lenenc(value: bytes) -> bytes:
    size = len(value)
    if size < 251:
        return bytes([size]) + value
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size) + value
    if size < 1 << 24:
        return b"\xfd" + struct.pack("<I", size)[:3] + value
    return b"\xfe" + struct.pack("<Q", size) + value


def date_parts(value: dt.date) -> bytes:
    return struct.pack("<HBB", value.year, value.month, value.day)


def datetime_parts(value: dt.datetime) -> bytes:
    parts = date_parts(value)
    if value.microsecond:
        return parts + struct.pack("<BBBI", value.hour, value.minute, value.second, value.microsecond)
    clock = struct.pack("<BBB", value.hour, value.minute, value.second)
    return parts + clock if any(clock) else parts


def time_parts(value: dt.timedelta) -> bytes:
    if not value:
        return b""
    size = abs(value)
    minutes, seconds = divmod(size.seconds, 60)
    head = struct.pack("<BIBBB", value < dt.timedelta(0), size.days, *divmod(minutes, 60), seconds)
    return head + (struct.pack("<I", size.microseconds) if size.microseconds else b"")


def short(parts: bytes) -> bytes:
    return bytes([len(parts)]) + parts


def wkb(value: bytes) -> bytes:
    """A geometry as the server stores it, from what the decoder makes of it."""
    (type,) = struct.unpack_from("<I", value, 1)
    if type & 0x20000000:
        return value[5:9] + value[:1] + struct.pack("<I", type & ~0x20000000) + value[9:]
    return bytes(4) + value


#: Arrow type, reading, how a value is written, and a strategy for values.
KINDS: dict[str, tuple[pa.DataType, Reading, Any, st.SearchStrategy[Any]]] = {
    "int8": (pa.int8(), Reading("fixed", 1), lambda v: struct.pack("<b", v), st.integers(-128, 127)),
    "uint16": (pa.uint16(), Reading("fixed", 2), lambda v: struct.pack("<H", v), st.integers(0, 65535)),
    "int32": (
        pa.int32(),
        Reading("fixed", 4),
        lambda v: struct.pack("<i", v),
        st.integers(-(2**31), 2**31 - 1),
    ),
    "uint64": (pa.uint64(), Reading("fixed", 8), lambda v: struct.pack("<Q", v), st.integers(0, 2**64 - 1)),
    "float32": (
        pa.float32(),
        Reading("fixed", 4),
        lambda v: struct.pack("<f", v),
        st.floats(width=32, allow_nan=False),
    ),
    "float64": (
        pa.float64(),
        Reading("fixed", 8),
        lambda v: struct.pack("<d", v),
        st.floats(allow_nan=False),
    ),
    "string": (
        pa.string(),
        Reading("text"),
        lambda v: lenenc(v.encode()),
        st.text(st.characters(codec="utf-8")),
    ),
    "long": (
        pa.string(),
        Reading("text"),
        lambda v: lenenc(v.encode()),
        st.sampled_from(["", "é" * 200, "x" * 70_000]),
    ),
    "binary": (pa.binary(), Reading("text"), lenenc, st.binary(max_size=400)),
    "json": (pa.json_(), Reading("text"), lambda v: lenenc(v.encode()), st.sampled_from(["1", '{"a": "ü"}'])),
    "bool": (pa.bool_(), Reading("bool"), lambda v: lenenc(bytes([v])), st.booleans()),
    "bits": (
        pa.uint64(),
        Reading("bits"),
        lambda v: lenenc(v.to_bytes(8, "big").lstrip(b"\0") or b"\0"),
        st.integers(0, 2**64 - 1),
    ),
    "decimal": (
        pa.decimal128(38, 10),
        Reading("decimal"),
        lambda v: lenenc(f"{v:f}".encode()),
        st.decimals(-(10**27), 10**27, places=10),
    ),
    "small_decimal": (
        pa.decimal128(5, 2),
        Reading("decimal"),
        lambda v: lenenc(f"{v:f}".encode()),
        st.decimals(Decimal("-999.99"), Decimal("999.99"), places=2),
    ),
    "date": (pa.date32(), Reading("date"), lambda v: short(date_parts(v)), st.dates()),
    "datetime": (pa.timestamp("us"), Reading("datetime"), lambda v: short(datetime_parts(v)), st.datetimes()),
    "timestamp": (
        pa.timestamp("us", "UTC"),
        Reading("datetime"),
        lambda v: short(datetime_parts(v)),
        st.datetimes(timezones=st.just(dt.UTC)),
    ),
    "time": (
        pa.duration("us"),
        Reading("time"),
        lambda v: short(time_parts(v)),
        st.timedeltas(dt.timedelta(hours=-839), dt.timedelta(hours=839)),
    ),
    "uuid": (pa.uuid(), Reading("uuid"), lambda v: lenenc(str(v).encode()), st.uuids()),
    "geometry": (
        pa.binary(),
        Reading("geometry"),
        lambda v: lenenc(wkb(v)),
        st.builds(
            lambda srid, rest: (
                b"\x01" + (struct.pack("<II", 1 | 0x20000000, srid) if srid else struct.pack("<I", 1)) + rest
            ),
            st.integers(0, 2**32 - 1),
            st.binary(max_size=60),
        ),
    ),
}


def row(kinds: Sequence[str], values: Sequence[Any]) -> bytes:
    nulls = bytearray((len(kinds) + 9) // 8)
    body = b""
    for place, (kind, value) in enumerate(zip(kinds, values, strict=True), 2):
        if value is None:
            nulls[place >> 3] |= 1 << (place & 7)
        else:
            body += KINDS[kind][2](value)
    return b"\0" + bytes(nulls) + body


def packets(payloads: Iterable[bytes], first: int = 0) -> bytes:
    """The payloads as packets, split where one is too large."""
    stream, number = bytearray(), itertools.count(first)
    for payload in payloads:
        for start in range(0, len(payload) + 1, LARGEST):
            part = payload[start : start + LARGEST]
            stream += struct.pack("<I", len(part))[:3] + bytes([next(number) & 255]) + part
    return bytes(stream)


def decoder(kinds: Sequence[str], **options: Any) -> Any:
    schema = pa.schema([(f"c{place}", KINDS[kind][0]) for place, kind in enumerate(kinds)])
    readings = [KINDS[kind][1] for kind in kinds]
    return decode.Decoder(schema, readings, **{"strict": schema.names, "sequence": 0} | options)


def run(subject: Any, stream: bytes, cuts: Iterable[int] = ()) -> list[pa.RecordBatch]:
    """Feed the stream in the pieces that the cuts make; every batch is valid to the last byte."""
    batches, start = [], 0
    for end in [*sorted(cut for cut in cuts if cut < len(stream)), len(stream)]:
        while True:
            used = subject.feed(stream[:end], start, end)
            if subject.full:
                batches.append(subject.take())
            elif used == start:
                break
            start = used
    batches.append(subject.take())
    found = [batch for batch in batches if batch is not None]
    for batch in found:
        batch.validate(full=True)
    return found


def read(kinds: Sequence[str], payloads: Sequence[bytes], **options: Any) -> list[list[Any]]:
    batches = run(decoder(kinds, **options), packets([*payloads, END]))
    return [list(record.values()) for batch in batches for record in batch.to_pylist()]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=12))
    records = st.tuples(*(st.none() | KINDS[kind][3] for kind in kinds)).map(list)
    return kinds, draw(st.lists(records, max_size=20))


# ── what is right ────────────────────────────────────────────────────────────────────────────────


@given(tables(), st.lists(st.integers(0, 3000), max_size=20), st.integers(1, 7), st.integers(1, 2000))
def test_every_type_survives_any_chunking(
    table: tuple[list[str], list[list[Any]]], cuts: list[int], most_rows: int, most_bytes: int
) -> None:
    kinds, records = table
    stream = packets([*(row(kinds, record) for record in records), END])
    subject = decoder(kinds, most_rows=most_rows, most_bytes=most_bytes)
    batches = run(subject, stream, cuts)
    assert [list(record.values()) for batch in batches for record in batch.to_pylist()] == records
    assert all(0 < batch.num_rows <= most_rows for batch in batches)
    assert subject.done
    assert subject.error is None


def test_byte_by_byte() -> None:
    kinds = sorted(KINDS)
    stream = packets([row(kinds, [None] * len(kinds)), row(["int8"] * 0, []), END])
    subject = decoder(kinds)
    with pytest.raises(DataError):  # the second row has no bitmap for so many columns
        run(subject, stream, range(len(stream)))


def test_batches_keep_their_values_after_the_decoder_is_gone() -> None:
    batch = run(decoder(["string", "int32"]), packets([row(["string", "int32"], ["x" * 300, 7]), END]))[0]
    assert batch.to_pylist() == [{"c0": "x" * 300, "c1": 7}]


def test_many_rows_and_all_the_nulls_of_a_bitmap() -> None:
    records = [[number if number % 3 else None, f"t{number}"] for number in range(5000)]
    assert read(["int32", "string"], [row(["int32", "string"], each) for each in records]) == records


@pytest.mark.parametrize("size", [LARGEST - 20, LARGEST - 10, LARGEST, 2 * LARGEST + 5])
def test_rows_larger_than_a_packet(size: int) -> None:
    value = b"\xff" * (size - 9)
    payload = row(["binary", "int8"], [value, 5])
    stream = packets([payload, row(["binary", "int8"], [b"", 6]), END])
    batches = run(decoder(["binary", "int8"]), stream, range(0, len(stream), 5_000_000))
    assert [batch.column(0).to_pylist() for batch in batches] in ([[value, b""]], [[value], [b""]])


def test_a_row_that_fills_its_packets_exactly_ends_with_an_empty_one() -> None:
    value = b"x" * (LARGEST - 2 - 4)
    payload = row(["binary"], [value])
    assert len(payload) == LARGEST
    assert read(["binary"], [payload]) == [[value]]


@pytest.mark.parametrize(
    "end", [END, b"\xfe\x00\x00\x22\x00\x00\x00", b"\xfe\x00\x00\x22\x00\x00\x00" + b"note" * 9]
)
def test_both_forms_of_the_end(end: bytes) -> None:
    subject = decoder(["int8"])
    run(subject, packets([row(["int8"], [1]), end]))
    assert subject.done
    assert subject.error is None


def test_an_error_in_the_middle_is_handed_on() -> None:
    error = b"\xff\x25\x05#70100Query execution was interrupted"
    subject = decoder(["int8"])
    assert run(subject, packets([row(["int8"], [1]), error]))[0].num_rows == 1
    assert subject.done
    assert subject.error == error


def test_the_last_words_of_a_server_that_shuts_down_are_out_of_order() -> None:
    error = b"\xff\x1d\x04#08S01Server shutdown in progress"
    subject = decoder(["int8"])
    run(subject, packets([row(["int8"], [1])], first=0) + packets([error], first=0))
    assert subject.error == error


# ── what cannot be represented ───────────────────────────────────────────────────────────────────

NO_DATES = [b"\0", b"\4" + struct.pack("<HBB", 2024, 0, 1), b"\4" + struct.pack("<HBB", 2023, 2, 29)]
NO_DATES += [b"\4" + struct.pack("<HBB", 0, 1, 1), b"\x0b" + struct.pack("<HBBBBBI", 2024, 13, 1, 1, 1, 1, 1)]


@pytest.mark.parametrize("value", NO_DATES)
@pytest.mark.parametrize("kind", ["date", "datetime", "timestamp"])
def test_dates_of_no_calendar_are_errors_or_nulls(kind: str, value: bytes) -> None:
    payload = b"\0\0" + value
    assert read([kind], [payload], strict=()) == [[None]]
    with pytest.raises(DataError) as caught:
        read([kind], [payload])
    assert caught.value.code == "value.unrepresentable"
    assert "'c0'" in str(caught.value)
    assert "special_values" in caught.value.hint


def test_the_date_at_fault_is_told() -> None:
    with pytest.raises(DataError, match="2024-13-01"):
        read(["datetime"], [b"\0\0" + NO_DATES[-1]])
    with pytest.raises(DataError, match="0000-00-00"):
        read(["date"], [b"\0\0\0"])


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        read(["string"], [b"\0\0" + lenenc(b"\xff\xfe")])
    assert caught.value.code == "value.unrepresentable"


# ── what is wrong ────────────────────────────────────────────────────────────────────────────────

WRONG = {
    "an empty packet": b"",
    "no row": b"\x01",
    "no bitmap": b"\0",
    "a text beyond the packet": b"\0\0" + b"\x05abc",
    "a length beyond the packet": b"\0\0" + b"\xfc\x05",
    "a length of eight bytes, beyond everything": b"\0\0" + b"\xfe" + b"\xff" * 8,
    "a null where none can be": b"\0\0\xfb",
    "no length": b"\0\0\xff",
    "bytes behind the last value": b"\0\0\x01aa",
}


@pytest.mark.parametrize("payload", WRONG.values(), ids=WRONG.keys())
def test_what_breaks_the_protocol_is_an_error(payload: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read(["string"], [payload])
    assert caught.value.code == "protocol.malformed"
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("decimal", b""),
        ("decimal", b"-"),
        ("decimal", b"."),
        ("decimal", b"1.2.3"),
        ("decimal", b"1e5"),
        ("decimal", b"0.12345678901"),
        ("decimal", b"1" * 39),
        ("decimal", b"1" * 29),  # with ten zeros behind it, too many
        ("small_decimal", b"1000.00"),
        ("uuid", b"00000000-0000-0000-0000-00000000000"),
        ("uuid", b"00000000-0000-0000-0000-00000000000g"),
        ("uuid", b"00000000000-0000-0000-0000-0000000000"),
        ("bits", b""),
        ("bits", b"123456789"),
        ("bool", b"\x02"),
        ("geometry", b"12345678"),
        ("geometry", b"\0\0\0\0\0\0\0\0\1"),
    ],
)
def test_values_of_the_wrong_form(kind: str, value: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read([kind], [b"\0\0" + lenenc(value)])
    assert caught.value.code == "protocol.malformed"
    assert "'c0'" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("date", b"\x01\x02"),
        ("datetime", b"\xe8\x07\x01\x01\x18\x00\x00"),
        ("datetime", b"\xe8\x07\x01\x01\x00\x00\x00\x40\x42\x0f\x00"),
        ("datetime", b"\xe8\x07\x01\x01\x00"),
        ("time", b"\x02\0\0\0\0\0\0\0"),
        ("time", b"\0\xff\xff\xff\xff\0\0\0"),
        ("time", b"\0\0\0\0\0\x18\0\0"),
    ],
)
def test_moments_of_the_wrong_form(kind: str, parts: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read([kind], [b"\0\0" + short(parts)])
    assert caught.value.code == "protocol.malformed"


def test_zeros_in_front_of_a_decimal_take_no_room() -> None:
    assert read(["small_decimal"], [b"\0\0" + lenenc(b"-0000000012.30")]) == [[Decimal("-12.30")]]


def test_packets_out_of_order_are_refused() -> None:
    with pytest.raises(DataError):
        run(decoder(["int8"]), packets([row(["int8"], [1])]) + packets([row(["int8"], [2])], first=7))


def test_a_failed_decoder_takes_nothing_more() -> None:
    subject = decoder(["int8"])
    stream = packets([b"\x01"])
    with pytest.raises(DataError):
        subject.feed(stream, 0, len(stream))
    with pytest.raises(ValueError, match="failed"):
        subject.feed(stream, 0, len(stream))


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (2, 1), (0, 99)])
def test_positions_outside_the_data_are_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="within"):
        decoder(["int8"]).feed(b"abc", start, end)


def test_a_reading_for_each_field() -> None:
    with pytest.raises(ValueError, match="reading"):
        decode.Decoder(pa.schema([("a", pa.int8())]), [], strict=(), sequence=0)


# ── hostile streams ──────────────────────────────────────────────────────────────────────────────


def survives(kinds: Sequence[str], stream: bytes, **options: Any) -> None:
    """Whatever it is fed, it yields valid batches or a clear error, and reads nothing beyond."""
    with suppress(DataError):
        run(decoder(kinds, **options), stream)


@given(tables())
def test_a_row_cut_at_any_position_is_refused(table: tuple[list[str], list[list[Any]]]) -> None:
    kinds, records = table
    assume(records)
    whole = row(kinds, records[0])
    cuts = range(len(whole)) if len(whole) < 2000 else range(0, len(whole), 997)
    for cut in cuts:
        with pytest.raises(DataError):
            run(decoder(kinds, strict=()), packets([whole[:cut]]))


@given(tables(), st.integers(0, 10_000))
def test_a_stream_cut_at_any_position_yields_the_rows_before(
    table: tuple[list[str], list[list[Any]]], cut: int
) -> None:
    kinds, records = table
    stream = packets([*(row(kinds, record) for record in records), END])
    subject = decoder(kinds)
    batches = run(subject, stream[: min(cut, len(stream) - 1)])
    found = [list(record.values()) for batch in batches for record in batch.to_pylist()]
    assert found == records[: len(found)]
    assert not subject.done


@given(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6), st.binary(max_size=400))
def test_random_bytes(kinds: list[str], stream: bytes) -> None:
    survives(kinds, stream)


@given(st.lists(st.sampled_from(sorted(KINDS)), max_size=6), st.lists(st.binary(max_size=60), max_size=6))
def test_random_packets(kinds: list[str], payloads: list[bytes]) -> None:
    survives(kinds, packets([b"\0" + payload for payload in payloads]), strict=())


@settings(max_examples=300)
@given(tables(), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=8))
def test_bytes_changed_on_the_way(
    table: tuple[list[str], list[list[Any]]], changes: list[tuple[int, int]]
) -> None:
    kinds, records = table
    payloads = [bytearray(row(kinds, record)) for record in records]
    for place, value in changes:
        for payload in payloads[:1]:
            payload[place % len(payload)] = value
    survives(kinds, packets([*map(bytes, payloads), END]), strict=())


def test_no_columns_at_all() -> None:
    survives([], packets([b"\0\0", END]))


def test_values_that_a_uuid_may_have() -> None:
    value = uuid.UUID(int=2**128 - 1)
    assert read(["uuid"], [b"\0\0" + lenenc(str(value).upper().encode())]) == [[value]]

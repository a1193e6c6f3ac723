"""The compiled decoder is unmoved by streams that are cut, wrong or hostile."""

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from support.mysqlpackets import END, KINDS, decoder, lenenc, packets, read, row, run, short, tables
from towpath.sdk import DataError

decode = pytest.importorskip("towpath.connectors.mysql._decode", reason="built without a compiler")


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

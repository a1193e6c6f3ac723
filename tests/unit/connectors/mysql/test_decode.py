"""The compiled decoder is right on every type, however the stream is cut into pieces."""

import struct
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.mysqlpackets import END, KINDS, LARGEST, decoder, lenenc, packets, read, row, run, tables
from towpath.sdk import DataError

decode = pytest.importorskip("towpath.connectors.mysql._decode", reason="built without a compiler")


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


def test_values_that_a_uuid_may_have() -> None:
    value = uuid.UUID(int=2**128 - 1)
    assert read(["uuid"], [b"\0\0" + lenenc(str(value).upper().encode())]) == [[value]]

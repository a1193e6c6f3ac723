"""A MySQL server's side of a binary result: values to packets, for the tests of the decoder."""

import datetime as dt
import itertools
import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from towpath.connectors.mysql.types import Reading

LARGEST = 0xFFFFFF
END = b"\xfe\x00\x00\x02\x00"


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


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=12))
    records = st.tuples(*(st.none() | KINDS[kind][3] for kind in kinds)).map(list)
    return kinds, draw(st.lists(records, max_size=20))


def decoder(kinds: Sequence[str], **options: Any) -> Any:
    """The compiled decoder, for columns of these `KINDS`."""
    from towpath.connectors.mysql._decode import Decoder

    schema = pa.schema([(f"c{place}", KINDS[kind][0]) for place, kind in enumerate(kinds)])
    readings = [KINDS[kind][1] for kind in kinds]
    return Decoder(schema, readings, **{"strict": schema.names, "sequence": 0} | options)


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

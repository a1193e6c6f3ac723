"""Documents say all that their records did: every value comes back out of the JSON."""

import datetime as dt
import json
import math
import re
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.arrow import batches
from towpath.core.errors import DataError, SchemaError
from towpath.core.model import Batch, Receipt, Rejected
from towpath.engine import exact
from towpath.engine.documents import DATA, DocumentWriter, document_schema, documents, wants_documents
from towpath.engine.inbox import restore

_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_ENDLESS = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


def nanoseconds(text: str) -> int:
    sign, whole, fraction = re.fullmatch(r"(-?)(\d+)(?:\.(\d{1,9}))?S", text).groups()
    return int(f"{sign}1") * (int(whole) * 10**9 + int((fraction or "").ljust(9, "0")))


def read_back(value, kind):
    """The JSON value as the store's reader of exact values takes it."""
    if value is None:
        return None
    if pa.types.is_duration(kind):
        return pa.scalar(nanoseconds(value.removeprefix("PT")) // _NS[kind.unit], kind)
    if kind == pa.month_day_nano_interval():
        months, days, rest = re.fullmatch(r"P(-?\d+)M(-?\d+)DT(.+)", value).groups()
        return pa.MonthDayNano([int(months), int(days), nanoseconds(rest)])
    if pa.types.is_floating(kind):
        return _ENDLESS.get(value, value)
    return value


def column_of(texts, name, kind) -> pa.Array:
    values = [read_back(json.loads(text)[name], kind) for text in texts]
    direct = pa.types.is_duration(kind) or kind == pa.month_day_nano_interval()
    return pa.array(values, kind) if direct else exact.array(values, kind)


def says(texts, name, column: pa.Array) -> bool:
    if column.type == pa.json_():
        known = [None if text is None else json.loads(text) for text in column.storage.to_pylist()]
        return [json.loads(text)[name] for text in texts] == known
    found = column_of(texts, name, column.type)
    if pa.types.is_floating(column.type):  # NaN is not itself
        return repr(found.to_pylist()) == repr(column.to_pylist())
    return found.equals(column)


@given(batches())
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_the_json_of_a_document_is_its_record(batch):
    made = documents(batch, document_schema("s", batch.schema, []))
    texts = made.column(DATA).to_pylist()
    assert all(list(json.loads(text)) == batch.schema.names for text in texts)
    for field in batch.schema:
        assert says(texts, field.name, batch.column(field.name)), (field, texts)


_INNER = pa.struct([("at", pa.timestamp("us", "UTC")), ("price", pa.decimal128(9, 2)), ("id", pa.uuid())])
_NESTED = pa.schema(
    [
        ("one", _INNER),
        ("many", pa.list_(_INNER)),
        ("three", pa.list_(pa.float64(), 2)),
        ("by_name", pa.map_(pa.string(), pa.binary())),
        ("by_number", pa.map_(pa.int32(), pa.date32())),
    ]
)


def test_nested_values_are_nested_json_wherever_they_are_cut_out():
    at = dt.datetime(2024, 2, 29, 12, 34, 56, 789, dt.UTC)
    inner = {"at": at, "price": Decimal("-0.10"), "id": uuid.UUID(int=1).bytes}
    row = {
        "one": inner,
        "many": [inner, None],
        "three": [1.5, math.nan],
        "by_name": [("a", b"\x00\xff"), ("b", None)],
        "by_number": [(2, dt.date(2024, 2, 29)), (1, None)],
    }
    empty = {"one": None, "many": [], "three": None, "by_name": [], "by_number": None}
    columns = [
        pa.array([one[field.name] for one in (row, empty, row)], exact._storage(field.type))
        for field in _NESTED
    ]
    batch = pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, _NESTED, strict=True)], schema=_NESTED
    )
    plain = {"at": "2024-02-29T12:34:56.000789Z", "price": "-0.10", "id": str(uuid.UUID(int=1))}
    whole = {
        "one": plain,
        "many": [plain, None],
        "three": [1.5, "NaN"],
        "by_name": {"a": "AP8=", "b": None},
        "by_number": [[2, "2024-02-29"], [1, None]],
    }
    schema = document_schema("s", _NESTED, [])
    found = [json.loads(text) for text in documents(batch, schema).column(DATA).to_pylist()]
    hollow = empty | {"by_name": {}}
    assert found == [whole, hollow, whole]
    assert documents(batch.slice(1), schema).column(DATA).to_pylist() == [
        json.dumps(one, separators=(",", ":")) for one in (hollow, whole)
    ]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([Decimal("1E-9")], pa.decimal128(12, 10)), '"0.0000000010"'),
        (pa.array([250_000_000_000], pa.timestamp("s", "Asia/Tokyo")), '"9892-03-08T12:26:40Z"'),
        (pa.array([0], pa.timestamp("ns")), '"1970-01-01T00:00:00.000000000"'),
        (pa.array([-1_500_000], pa.duration("us")), '"PT-1.5S"'),
        (pa.array([pa.MonthDayNano([1, -2, 3])]), '"P1M-2DT0.000000003S"'),
        (
            pa.array(['{"big": 123456789012345678901234567890.10}'], pa.json_()),
            '{"big": 123456789012345678901234567890.10}',
        ),
        (pa.array(["{no json"], pa.json_()), '"{no json"'),
        (pa.array(["a", "b"]).dictionary_encode(), '"a"'),
        (pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int8())), '[["a",1],["a",2]]'),
        (pa.array([[1]], pa.list_view(pa.int8())), "[1]"),
        (pa.nulls(1), "null"),
    ],
)
def test_values_look_as_documented(array, text):
    batch = pa.RecordBatch.from_arrays([array], ["c"])
    made = documents(batch, document_schema("s", batch.schema, []))
    assert made.column(DATA)[0].as_py() == f'{{"c":{text}}}'


def test_times_that_arrow_itself_cannot_write_are_refused():
    batch = pa.RecordBatch.from_arrays([pa.array([2**62], pa.timestamp("s"))], ["c"])
    with pytest.raises(DataError) as caught:
        documents(batch, document_schema("s", batch.schema, []))
    assert caught.value.code == "value.unrepresentable"


def test_the_key_stays_beside_the_document():
    schema = pa.schema([("data", pa.int8()), ("b", pa.date32()), ("a", pa.int64())])
    made = document_schema("s", schema, ["a", "b"])
    assert made == pa.schema([("a", pa.int64()), ("b", pa.date32()), ("data", pa.string())])
    assert wants_documents(made)
    assert wants_documents(pa.ipc.read_schema(made.serialize()))
    assert not wants_documents(schema)


def test_a_key_column_may_not_be_in_the_way():
    with pytest.raises(SchemaError) as caught:
        document_schema("s", pa.schema([("data", pa.int8())]), ["data"])
    assert caught.value.code == "column.duplicate"


class Strict:
    """A writer that rejects the records with an even id."""

    def __init__(self) -> None:
        self.taken: list[dict] = []

    def write(self, batch):
        odd = [record for record in batch.records if record["id"] % 2]
        self.taken += odd
        return [Rejected(record, "x", "even") for record in batch.records if record not in odd]

    def close(self):
        return Receipt("s", len(self.taken), 0)

    def abandon(self):
        self.taken.clear()


@given(st.lists(st.integers(0, 9) | st.just("one"), max_size=5))
def test_what_is_rejected_comes_back_from_the_inbox_as_it_was_written(ids):
    schema = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us"))])
    target = document_schema("s", schema, ["id"])
    records = [{"id": id, "at": dt.datetime.fromisoformat("2024-01-01")} for id in ids]
    strict = Strict()
    rejected = DocumentWriter(strict, target).write(Batch.of_records(records, schema))
    assert len(rejected) + len(strict.taken) == len(ids)
    again, misfits = restore([one.record for one in rejected], target)
    assert again.num_rows == sum(id != "one" and id % 2 == 0 for id in ids)
    assert len(misfits) == ids.count("one")
    for record in again.to_pylist():
        assert json.loads(record["data"]) == {"id": record["id"], "at": "2024-01-01T00:00:00.000000"}

"""Records as JSON documents: one text in the column ``data``, beside the columns of the primary key.

What JSON has no form for is written as exact text (the rules are in `_READERS`), so that a document says all
that its record did. # Invariant 6
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from towpath.core.errors import DataError, SchemaError
from towpath.core.model import Batch, Receipt, Rejected
from towpath.core.ports import Writer
from towpath.engine.plain import plain
from towpath.sdk.rejects import arrow_face

#: The column of the documents.
DATA = "data"
#: Field metadata of the column in a target's schema: the records are still to be made documents.
_MARK = {b"towpath:document": b"1"}
_NANOSECONDS: Mapping[str, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_SECOND = 10**9

Values = Sequence[Any]


def document_schema(stream: str, schema: pa.Schema, key: Sequence[str]) -> pa.Schema:
    """The schema of the documents of such records. Raises `SchemaError` if a key column is in the way."""
    if DATA in key:
        raise SchemaError(
            "column.duplicate",
            f"The key column {DATA!r} of {stream} has the name of the column for the documents.",
            hint="Write the stream without 'document', or name another 'primary_key'.",
            stream=stream,
            column=DATA,
        )
    return pa.schema([*(schema.field(name) for name in key), pa.field(DATA, pa.string(), metadata=_MARK)])


def wants_documents(schema: pa.Schema) -> bool:
    """Whether a target with this schema takes documents."""
    return DATA in schema.names and (schema.field(DATA).metadata or {}).items() >= _MARK.items()


class DocumentWriter:
    """A writer of records, in front of a writer of their documents."""

    def __init__(self, writer: Writer, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema

    def write(self, batch: Batch) -> Sequence[Rejected]:
        """What is rejected is so as the document that it is: that is what a retry sends again."""
        arrow, misfits = arrow_face(batch)
        rejected = [*map(self._misfit, misfits)]
        if arrow.num_rows:
            rejected += self._writer.write(Batch(documents(arrow, self._schema), batch.state))
        return rejected

    def close(self) -> Receipt:
        return self._writer.close()

    def abandon(self) -> None:
        self._writer.abandon()

    def _misfit(self, one: Rejected) -> Rejected:
        record = plain(one.record)
        key = {name: record.get(name) for name in self._schema.names if name != DATA}
        return Rejected({**key, DATA: orjson.dumps(record).decode()}, one.code, one.message, one.index)


def documents(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the schema of `document_schema`."""
    names = batch.schema.names
    columns = [_values(column) for column in batch.columns]
    texts = [orjson.dumps(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
    data = pa.array(texts, pa.binary()).cast(pa.string())
    arrays = [data if field.name == DATA else batch.column(field.name) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _values(array: pa.Array) -> Values:
    """What `orjson` takes for the values of the array."""
    kind = array.type
    for fits, read in _READERS:
        if fits(kind):
            return read(array)
    return _listed(array)


def _listed(array: pa.Array) -> Values:
    values: Values = array.to_pylist()
    return values


# ── one reader for each family of types that is not JSON as it is ────────────────────────────────────


def _each(convert: Callable[[Any], Any]) -> Callable[[pa.Array], Values]:
    def read(array: pa.Array) -> Values:
        return [None if value is None else convert(value) for value in array.to_pylist()]

    return read


def _floats(array: pa.Array) -> Values:
    """JSON has no NaN and no infinities: they are text."""
    values: list[float | None] = array.cast(pa.float64()).to_pylist()
    if pc.all(pc.is_finite(array.cast(pa.float64()))).as_py() is not False:
        return values
    return [_float(value) for value in values]


def _float(value: float | None) -> float | str | None:
    if value is None or value - value == 0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - NaN is what differs from itself


def _decimals(array: pa.Array) -> Values:
    texts = array.cast(pa.string())
    if not pc.any(pc.match_substring(texts, "E")).as_py():
        return _listed(texts)
    return [None if value is None else format(value, "f") for value in array.to_pylist()]


def _texts(array: pa.Array) -> Values:
    """Arrow's own ISO 8601; Python has no year 12000."""
    return _listed(_iso(array))


def _iso(array: pa.Array) -> pa.Array:
    texts = array.cast(pa.string())
    if pc.any(pc.starts_with(texts, "<")).as_py():  # a remark of Arrow's, beyond the year 32767
        raise DataError(
            "value.unrepresentable",
            f"A value of type {array.type} is of a time that has no ISO 8601 form.",
            hint="Correct the value, or leave its column out with 'exclude'.",
        )
    return texts


def _timestamps(array: pa.Array) -> Values:
    """A moment in time is written in UTC, whatever the zone that its column is shown in."""
    kind = array.type
    plain_times = (
        array.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit)) if kind.tz else array
    )
    texts = pc.replace_substring(_iso(plain_times), " ", "T", max_replacements=1)
    zoned = pc.binary_join_element_wise(texts, "Z", "") if kind.tz else texts
    return _listed(zoned)


def _durations(array: pa.Array) -> Values:
    unit = _NANOSECONDS[array.type.unit]
    units = array.cast(pa.int64()).to_pylist()
    return [None if value is None else f"PT{_seconds(value * unit)}S" for value in units]


def _interval(value: Any) -> str:
    months, days, nanoseconds = value
    return f"P{months}M{days}DT{_seconds(nanoseconds)}S"


def _seconds(nanoseconds: int) -> str:
    whole, part = divmod(abs(nanoseconds), _SECOND)
    fraction = f".{part:09}".rstrip("0") if part else ""
    return f"{'-' if nanoseconds < 0 else ''}{whole}{fraction}"


def _extensions(array: pa.Array) -> Values:
    if array.type == pa.uuid():
        return _listed(array)  # `orjson` writes a UUID
    if array.type == pa.json_():
        return [None if text is None else _embedded(text) for text in array.storage.to_pylist()]
    return _values(array.storage)


def _embedded(text: str) -> Any:
    """JSON goes into the document as it is, digit by digit; what only claims to be JSON stays text."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return orjson.Fragment(text)


def _lists(array: pa.Array) -> Values:
    items = iter(_values(array.flatten()))
    lengths = pc.list_value_length(array).to_pylist()
    return [None if length is None else [next(items) for _ in range(length)] for length in lengths]


def _structs(array: pa.Array) -> Values:
    names = [field.name for field in array.type]
    if len(set(names)) < len(names):
        raise SchemaError(
            "column.duplicate",
            f"A nested record has two fields of one name: {', '.join(names)}.",
            hint="Leave the column out with 'exclude', or write the stream without 'document'.",
        )
    rows = zip(*map(_values, array.flatten()), strict=True) if names else ((),) * len(array)
    present = array.is_valid().to_pylist()
    return [
        dict(zip(names, row, strict=True)) if there else None
        for row, there in zip(rows, present, strict=True)
    ]


def _maps(array: pa.Array) -> Values:
    """An object if the keys are texts, each once; else a list of pairs."""
    pairs = _lists(array.cast(pa.list_(pa.struct([("k", array.type.key_type), ("v", array.type.item_type)]))))
    textual = _is_text(array.type.key_type)
    return [None if row is None else _map(row, textual=textual) for row in pairs]


def _map(row: Sequence[Mapping[str, Any]], *, textual: bool) -> Any:
    found = {pair["k"]: pair["v"] for pair in row} if textual else {}
    return found if textual and len(found) == len(row) else [[pair["k"], pair["v"]] for pair in row]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    variable = pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind)
    return bool(variable or pt.is_fixed_size_binary(kind))


def _is_list(kind: pa.DataType) -> bool:
    views = pt.is_list_view(kind) or pt.is_large_list_view(kind)
    return bool(views or pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


_READERS: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], Values]]] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extensions),
    (pt.is_floating, _floats),
    (pt.is_decimal, _decimals),
    (_is_binary, _each(lambda value: base64.b64encode(value).decode())),
    (lambda kind: pt.is_date(kind) or pt.is_time(kind), _texts),
    (pt.is_timestamp, _timestamps),
    (pt.is_duration, _durations),
    (lambda kind: kind == pa.month_day_nano_interval(), _each(_interval)),
    (_is_list, _lists),
    (pt.is_struct, _structs),
    (pt.is_map, _maps),
    (pt.is_dictionary, lambda array: _values(array.dictionary_decode())),
    (pt.is_run_end_encoded, lambda array: _values(pc.run_end_decode(array))),
)

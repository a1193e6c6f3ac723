"""Turns batches into the bytes of a binary COPY, and takes out the records that PostgreSQL cannot store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from towpath.connectors.postgres.columns import Column
from towpath.connectors.postgres.wire import PROBLEMS, Kind, Wire
from towpath.sdk import Batch, DataError, Record, Rejected, SchemaError

try:
    from towpath.connectors.postgres._encode import HEADER, TRAILER, Frame
except ImportError:  # the extension could not be built here
    from towpath.connectors.postgres.encode_slowly import HEADER, TRAILER, Frame

__all__ = ["HEADER", "TRAILER", "Encoded", "Frame", "Rows"]

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Encoded:
    """A batch, ready to be sent."""

    rows: int
    pieces: Iterator[bytes]
    """Of about a megabyte each; they are encoded as they are asked for."""
    rejected: list[Rejected] = field(default_factory=list)


class Rows:
    """The rows of one slice. ``numbered``: each gets its number in the slice as a last column."""

    def __init__(self, columns: Sequence[Column], schema: pa.Schema, *, numbered: bool) -> None:
        self._columns = columns
        self._schema = schema
        self._numbered = numbered
        self._count = 0

    def encode(self, batch: Batch) -> Encoded:
        """Raises `SchemaError` or `DataError` if the batch is not what the target was prepared for."""
        arrow, rejected = self._arrow(batch)
        laid_out = [(self._array(arrow, column), column.wire) for column in self._columns]
        if self._numbered:
            numbers = range(self._count, self._count + arrow.num_rows)
            laid_out.append((pa.array(numbers, pa.int64()), Wire(Kind.INT64, 8)))
            self._count += arrow.num_rows
        frame = Frame(laid_out, arrow.num_rows)
        rejected += [self._reject(arrow, *problem) for problem in frame.problems]
        return Encoded(arrow.num_rows - len(frame.problems), _pieces(frame), rejected)

    def _arrow(self, batch: Batch) -> tuple[pa.RecordBatch, list[Rejected]]:
        """The Arrow face; without the records that do not fit the schema, if they came as dicts."""
        try:
            return batch.arrow, []
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            return self._one_by_one(batch.records)

    def _one_by_one(self, records: Sequence[Record]) -> tuple[pa.RecordBatch, list[Rejected]]:
        fine: list[Record] = []
        rejected: list[Rejected] = []
        for index, record in enumerate(records):
            try:
                pa.RecordBatch.from_pylist([record], schema=self._schema)
            except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
                rejected.append(Rejected(record, "value.unrepresentable", str(error), index))
            else:
                fine.append(record)
        return pa.RecordBatch.from_pylist(fine, schema=self._schema), rejected

    def _array(self, arrow: pa.RecordBatch, column: Column) -> pa.Array:
        place = arrow.schema.get_field_index(column.name)
        if place < 0:
            raise SchemaError(
                "column.not_found",
                f"The batch has no column {column.name!r}.",
                hint="Discover the streams again.",
                column=column.name,
            )
        array, wanted = arrow.column(place), self._schema.field(column.name).type
        try:
            return column.convert(array if array.type.equals(wanted) else array.cast(wanted))
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise DataError(
                "value.unrepresentable",
                f"Column {column.name!r} ({array.type}) cannot be written as {column.type}: {error}.",
                hint="Leave the column out with `columns:`, or read a view that casts it.",
                column=column.name,
            ) from error

    def _reject(self, arrow: pa.RecordBatch, row: int, place: int, problem: int) -> Rejected:
        code, why = PROBLEMS[problem]
        name = self._columns[place].name
        kind = self._columns[place].type
        message = f"Column {name!r} ({kind}) cannot take the value: {why}."
        return Rejected(_record(arrow, row), code, message, row)


def _pieces(frame: Frame) -> Iterator[bytes]:
    step = max(1, frame.rows * _PIECE_BYTES // max(frame.size, 1))
    for start in range(0, frame.rows, step):
        yield frame.encode(start, min(start + step, frame.rows))


def _record(arrow: pa.RecordBatch, row: int) -> Record:
    return {name: _value(column[row]) for name, column in zip(arrow.schema.names, arrow.columns, strict=True)}


def _value(scalar: pa.Scalar) -> Any:
    """The Python value; its text or bytes where Python has no such value."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes()
    except (ValueError, OverflowError):
        return str(scalar.value)

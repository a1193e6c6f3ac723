"""The error inbox as a source: the records of one stream that a retry sends again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from towpath.core.model import Batch, Plan, Rejected, Selection, Slice, State, Stream
from towpath.engine import exact

#: The only slice of a retry.
SLICE = "inbox"

_Record = Mapping[str, Any]


class InboxSource:
    """Records as plain JSON, read as typed ones. ``rows`` is how many a plan shall expect."""

    def __init__(
        self, records: Sequence[_Record] = (), schema: pa.Schema | None = None, rows: int = 0
    ) -> None:
        self._rows = rows
        self._batch, self.misfits = restore(records, schema or pa.schema([]))

    def check(self) -> str:
        return "the error inbox"

    def discover(self) -> Sequence[Stream]:
        return ()

    def plan(self, selection: Selection, state: State | None) -> Plan:
        return Plan((Slice(SLICE, rows=self._rows),))

    def read(
        self,
        selection: Selection,
        slice: Slice,
        state: State | None,
    ) -> Iterator[Batch]:
        """The records that are what their schema says; the others are the `misfits`."""
        if self._batch.num_rows:
            yield Batch(self._batch)

    def ack(self, selection: Selection, state: State) -> None:
        """There is nothing to forget: the inbox settles its records when the run is over."""


def restore(records: Sequence[_Record], schema: pa.Schema) -> tuple[pa.RecordBatch, Sequence[Rejected]]:
    """The typed records, and those that do not fit the schema, with the reason. # Invariant 7"""
    try:
        return _batch(records, schema), ()
    except (ValueError, pa.ArrowException):
        reasons = [_misfit(record, schema) for record in records]
    fitting = [record for record, reason in zip(records, reasons, strict=True) if reason is None]
    return _batch(fitting, schema), [reason for reason in reasons if reason is not None]


def _batch(records: Sequence[_Record], schema: pa.Schema) -> pa.RecordBatch:
    known = set(schema.names)
    for record in records:
        if not record.keys() <= known:
            raise ValueError
    columns = [exact.array([record.get(field.name) for record in records], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _misfit(record: _Record, schema: pa.Schema) -> Rejected | None:
    for name in record:
        if name not in schema.names:
            return Rejected(dict(record), "column.not_found", f"The stream has no column {name!r}.")
    for field in schema:
        try:
            exact.array([record.get(field.name)], field.type)
        except (ValueError, pa.ArrowException) as error:
            return Rejected(dict(record), "value.unrepresentable", f"Column {field.name!r}: {error}.")
    return None

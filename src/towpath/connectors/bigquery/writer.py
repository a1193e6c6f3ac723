"""Stages one slice: Parquet files, each loaded into the staging table by one job."""

from collections.abc import Sequence

import pyarrow as pa
from google.cloud import bigquery

from towpath.connectors.bigquery import staging
from towpath.connectors.bigquery.client import attempt, load
from towpath.connectors.bigquery.columns import Column
from towpath.connectors.bigquery.errors import translated
from towpath.connectors.bigquery.names import Place
from towpath.connectors.bigquery.values import faults, travelling
from towpath.sdk import Batch, Receipt, Rejected, Slice, Target
from towpath.sdk.parts import Parts
from towpath.sdk.rejects import arrow_face, null_keys, split

#: Bytes of a file. A table takes 1,500 load jobs a day, so files are large.
_PART = 512 * 2**20


class SliceWriter:
    """Keeps the slice in files on this machine until it is closed: an attempt that dies leaves no trace."""

    def __init__(
        self, client: bigquery.Client, place: Place, target: Target, slice: Slice, columns: Sequence[Column]
    ) -> None:
        self._client, self._place, self._target, self._slice = client, place, target, slice
        self._columns, self._attempt, self._rows = columns, attempt(), 0
        fields = [pa.field(column.staged, column.kind.travels) for column in columns]
        names = ((staging.ATTEMPT, pa.string()), (staging.SLICE, pa.string()), (staging.ROW, pa.int64()))
        self._schema = pa.schema([*fields, *(pa.field(name, type) for name, type in names)])
        self._parts = Parts(self._schema, _PART)

    def write(self, batch: Batch) -> Sequence[Rejected]:
        arrow, rejected = arrow_face(batch)
        arrow = arrow.select(self._target.schema.names)
        kept, more = split(arrow, [*null_keys(arrow, self._target), *faults(arrow)])
        if kept.num_rows:
            self._parts.write(self._staged(kept))
            self._rows += kept.num_rows
        return [*rejected, *more]

    def _staged(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        count = batch.num_rows
        columns = [
            travelling(column, name) for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        markers = [pa.repeat(text, count) for text in (self._attempt, self._slice.id)]
        places = pa.arange(self._rows, self._rows + count)
        return pa.record_batch([*columns, *markers, places], schema=self._schema)

    def close(self) -> Receipt:
        try:
            size = self._parts.finish()
            with translated(stream=self._target.stream):
                self._load()
        finally:
            self._parts.remove()
        return Receipt(self._slice.id, self._rows, size, {"attempt": self._attempt})

    def _load(self) -> None:
        table, fields = self._place.full(self._place.staging), staging.fields(self._columns)
        for number, path in enumerate(self._parts.files):
            load(self._client, path, table, fields, f"{self._attempt}_{number}")

    def abandon(self) -> None:
        self._parts.remove()

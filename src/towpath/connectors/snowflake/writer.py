"""Stages one slice: Parquet files are put on the staging table's own stage and copied into it."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import pyarrow as pa

from towpath.connectors.snowflake.columns import Column
from towpath.connectors.snowflake.names import Place, literal
from towpath.connectors.snowflake.session import Session
from towpath.connectors.snowflake.staging import ATTEMPT, ROW, SLICE
from towpath.connectors.snowflake.values import faults, travelling
from towpath.sdk import Batch, Receipt, Rejected, Slice, Target
from towpath.sdk.parts import Parts
from towpath.sdk.rejects import arrow_face, null_keys, split

_FORMAT = "FILE_FORMAT = (TYPE = PARQUET BINARY_AS_TEXT = FALSE)"


class SliceWriter:
    """Keeps the slice in files on this machine until it is closed: an attempt that dies leaves no trace."""

    def __init__(
        self,
        session: Callable[[], AbstractContextManager[Session]],
        place: Place,
        target: Target,
        slice: Slice,
        columns: Sequence[Column],
    ) -> None:
        self._session, self._place, self._target, self._slice = session, place, target, slice
        self._attempt, self._rows = secrets.token_hex(8), 0
        fields = [pa.field(column.staged, column.kind.travels) for column in columns]
        fields += [pa.field(ATTEMPT, pa.string()), pa.field(SLICE, pa.string()), pa.field(ROW, pa.int64())]
        self._schema = pa.schema(fields)
        self._parts = Parts(self._schema)

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
            if self._rows:
                with self._session() as session:
                    self._load(session)
        finally:
            self._parts.remove()
        return Receipt(self._slice.id, self._rows, size, {"attempt": self._attempt})

    def _load(self, session: Session) -> None:
        stage = f"@%{self._place.staging_name}/{self._attempt}/"
        session.use(self._place.scope)
        for path in self._parts.files:
            source = literal(f"file://{path}")
            session.run(f"PUT {source} {stage} AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE")
        session.run(
            f"COPY INTO {self._place.staging} FROM {stage} {_FORMAT}"
            " MATCH_BY_COLUMN_NAME = CASE_SENSITIVE PURGE = TRUE ON_ERROR = ABORT_STATEMENT"
        )

    def abandon(self) -> None:
        self._parts.remove()

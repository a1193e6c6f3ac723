"""Reads through ADBC where the compiled reader is missing: the same batches, at several times the cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg.conninfo import make_conninfo

from towpath.connectors.postgres.config import PostgresConfig, SpecialValues
from towpath.connectors.postgres.connection import SESSION, parameters
from towpath.connectors.postgres.errors import translate
from towpath.connectors.postgres.query import Query
from towpath.connectors.postgres.reading import BATCH_ROWS, unrepresentable
from towpath.connectors.postgres.snapshot import BE_READER, Snapshot
from towpath.connectors.postgres.types import Column

#: ADBC adds the days and microseconds from 1970 to 2000 without a look at the sum: what it takes for the
#: infinities, and for times beyond Arrow's range, has wrapped around to less than any value can be.
_WRAPPED = {"date32": -(2**31) + 10_957, "timestamp": -(2**63) + 946_684_800_000_000}
_DAY = 86_400_000_000
_NOT_NUMBERS = pa.array(["nan", "inf", "-inf"])

#: Not what `list` can hold. ADBC would take it for one.
_SHAPED = "(pg_catalog.array_ndims({0}) > 1 OR pg_catalog.array_lower({0}, 1) <> 1)"
#: Not what nanoseconds in 64 bits can hold. Months and days are kept apart by PostgreSQL and by Arrow.
_LONG = (
    "(NOT pg_catalog.isfinite({0}) OR pg_catalog.abs(3600000000 * extract(hour FROM {0})::numeric "
    "+ 60000000 * extract(minute FROM {0}) + extract(microseconds FROM {0})) > 9223372036854775)"
)


class AdbcReader:
    """As `CompiledReader`, on a connection of its own that joins the snapshot."""

    def __init__(self, config: PostgresConfig, snapshot: Snapshot) -> None:
        from adbc_driver_postgresql import dbapi

        self._lenient = config.special_values is SpecialValues.NULL
        with _translated(), parameters(config) as found:
            self._connection = dbapi.connect(make_conninfo(**found))
        try:
            self._join(snapshot.id)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with _translated():
            self._connection.close()

    def batches(self, query: Query) -> Iterator[pa.RecordBatch]:
        guards = {column.name: guard for column in query.columns if (guard := _guard(column))}
        expressions = [_expression(column, guards.get(column.name)) for column in query.columns]
        selected = [f"{expression} AS c{n}" for n, expression in enumerate([*expressions, *guards.values()])]
        with _translated(), self._connection.cursor() as cursor:
            cursor.execute(query.sql(selected))
            for read in cursor.fetch_record_batch():
                batch = self._converted(read, query, list(guards))
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)

    def _join(self, id: str) -> None:
        with _translated(), self._connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{id}'")
            for statement in (BE_READER, *SESSION):
                cursor.execute(statement)

    def _converted(self, read: pa.RecordBatch, query: Query, guarded: list[str]) -> pa.RecordBatch:
        for place, name in enumerate(guarded, len(query.columns)):
            if not self._lenient and pc.any(read.column(place)).as_py():
                raise _refused(query, name)
        arrays = [
            self._array(array, column.type, column)
            for array, column in zip(read.columns, query.columns, strict=False)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=query.schema)

    def _array(self, array: pa.Array, type: pa.DataType, column: Column) -> pa.Array:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        if pa.types.is_list(type):
            values = self._array(array.values, type.value_type, column)
            return pa.Array.from_buffers(type, len(array), array.buffers()[:2], children=[values])
        if special := _special(array, type):
            array = self._without(array, special[0], column)
        if isinstance(type, pa.BaseExtensionType):
            return pa.ExtensionArray.from_storage(type, array.cast(type.storage_type))
        return array.view(type) if pa.types.is_uint32(type) else _checked(array.cast(type), column)

    def _without(self, array: pa.Array, special: pa.Array, column: Column) -> pa.Array:
        if not pc.any(special).as_py():
            return array
        if not self._lenient:
            raise unrepresentable(column)
        return pc.if_else(special, pa.scalar(None, array.type), array)


def _refused(query: Query, name: str) -> Exception:
    return unrepresentable(next(column for column in query.columns if column.name == name))


def _special(array: pa.Array, type: pa.DataType) -> tuple[pa.Array] | None:
    """Which of the values no Arrow type can hold, of the types that have such."""
    if pa.types.is_decimal(type):
        return (pc.fill_null(pc.is_in(pc.utf8_lower(array), _NOT_NUMBERS), False),)
    if pa.types.is_date32(type):
        return (_among(array, pa.int32(), pc.less_equal, _WRAPPED["date32"]),)
    if pa.types.is_timestamp(type):
        return (_among(array, pa.int64(), pc.less_equal, _WRAPPED["timestamp"]),)
    if pa.types.is_time(type):
        return (_among(array, pa.int64(), pc.greater_equal, _DAY),)
    return None


def _among(array: pa.Array, type: pa.DataType, comparison: Any, bound: int) -> pa.Array:
    return pc.fill_null(comparison(array.view(type), pa.scalar(bound, type)), False)


def _checked(array: pa.Array, column: Column) -> pa.Array:
    """Text of a database without an encoding (SQL_ASCII) may be anything."""
    if pa.types.is_string(array.type):
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            raise unrepresentable(column) from error
    return array


def _guard(column: Column) -> str | None:
    """SQL that is true of values that ADBC would silently take for others, or fail at."""
    if pa.types.is_list(column.type):
        return _SHAPED.format(column.expression)
    return _LONG.format(column.expression) if pa.types.is_interval(column.type) else None


def _expression(column: Column, guard: str | None) -> str:
    return f"CASE WHEN {guard} THEN NULL ELSE {column.expression} END" if guard else column.expression


@contextmanager
def _translated() -> Iterator[None]:
    from adbc_driver_manager import Error

    try:
        yield
    except (Error, OSError) as error:  # OSError is what Arrow makes of an error in the middle of the stream
        raise translate(error) from error

"""Takes records that a destination cannot hold out of a batch, each with its reason. # Invariant 7"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.model import Batch, Record, Rejected, Target, WriteMode


@dataclass(frozen=True)
class Fault:
    """One reason against some records of a batch."""

    at: pa.Array
    """Booleans, one for each record; null counts as false."""
    code: str
    message: str


def null_keys(batch: pa.RecordBatch, target: Target) -> Iterator[Fault]:
    """In an upsert: the records with a null in a column of the primary key."""
    if target.mode is not WriteMode.UPSERT:
        return
    for name in target.primary_key:
        column = batch.column(name)
        if column.null_count:
            yield Fault(column.is_null(), "key.null", f"The key column {name!r} has no value.")


def split(batch: pa.RecordBatch, faults: Iterable[Fault]) -> tuple[pa.RecordBatch, list[Rejected]]:
    """The batch without the records at fault, and these with the first reason against each."""
    keep, rejected = None, list[Rejected]()
    for fault in faults:
        at = pc.fill_null(fault.at, False)
        new = at if keep is None else pc.and_(at, keep)
        places = pc.indices_nonzero(new).to_pylist()
        rejected += (_reject(batch, place, fault) for place in places)
        keep = pc.invert(at) if keep is None else pc.and_not(keep, at)
    return (batch if not rejected else batch.filter(keep)), rejected


def _reject(batch: pa.RecordBatch, place: int, fault: Fault) -> Rejected:
    return Rejected(record_at(batch, place), fault.code, fault.message, place)


def record_at(batch: pa.RecordBatch, place: int) -> Record:
    """One record of the batch; a value that Python has no object for (the year 12000) as text."""
    return {name: _value(batch.column(name)[place]) for name in batch.schema.names}


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return scalar.cast(pa.string()).as_py()


def arrow_face(batch: Batch) -> tuple[pa.RecordBatch, Sequence[Rejected]]:
    """The Arrow face of the batch; records of dicts that do not fit its schema are rejected one by one."""
    try:
        return batch.arrow, ()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return _one_by_one(batch.records, batch.schema)


def _one_by_one(records: Sequence[Record], schema: pa.Schema) -> tuple[pa.RecordBatch, list[Rejected]]:
    fitting, rejected = list[Record](), list[Rejected]()
    for place, record in enumerate(records):
        try:
            pa.RecordBatch.from_pylist([record], schema=schema)
            fitting.append(record)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            reason = f"The record does not fit the stream's schema: {error}"
            rejected.append(Rejected(record, "value.unrepresentable", reason, place))
    return pa.RecordBatch.from_pylist(fitting, schema=schema), rejected

"""Incremental reads: what to ask the system for, and what of its answer is new."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import DataError
from towpath.core.model import Batch, Selection, State
from towpath.sdk import cursor
from towpath.sdk.gather import gather
from towpath.sdk.rest import template
from towpath.sdk.rest.stream import Incremental

_STEPS = {
    "iso": dt.timedelta(seconds=1),
    "date": dt.timedelta(days=1),
    "epoch_s": dt.timedelta(seconds=1),
    "epoch_ms": dt.timedelta(milliseconds=1),
}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments are handled as naive ones in UTC


def parameters(incremental: Incremental, since: pa.Scalar | None) -> dict[str, str]:
    """The query parameters for what is at or after ``since``; None: for everything."""
    if since is None:
        return {}
    return {incremental.parameter: template.fill(incremental.value, {"since": text(since, incremental)})}


def text(since: pa.Scalar, incremental: Incremental) -> str:
    """The value as the system takes it, never later than ``since``: what comes too early is dropped here.

    ISO times have whole seconds, which every system reads. Where records *at* the value are not sent,
    it is one unit less.
    """
    if pa.types.is_integer(since.type):
        return str(since.as_py() - (not incremental.inclusive))
    moment = _moment(since)
    if incremental.format == "date" and not pa.types.is_date(since.type):
        moment -= _STEPS["date"]  # the system may count the days of another time zone
    if not incremental.inclusive:
        moment -= _STEPS[incremental.format]
    if incremental.format == "epoch_s":
        return str((moment - _EPOCH) // dt.timedelta(seconds=1))
    if incremental.format == "epoch_ms":
        return str((moment - _EPOCH) // dt.timedelta(milliseconds=1))
    if incremental.format == "date" or pa.types.is_date(since.type):
        return moment.date().isoformat()
    zone = "Z" if since.type.tz else ""
    return moment.replace(microsecond=0).isoformat() + zone


def _moment(since: pa.Scalar) -> dt.datetime:
    if pa.types.is_date(since.type):
        return dt.datetime.combine(since.as_py(), dt.time())
    moment: dt.datetime = since.as_py()
    return moment.replace(tzinfo=None)


def follow(
    batches: Iterable[pa.RecordBatch],
    selection: Selection,
    state: State | None,
    *,
    ordered: bool,
    began: Callable[[], dt.datetime | None] = lambda: None,
) -> Iterator[Batch]:
    """What is new in the batches, with states: each batch has one if they are ordered, else the last.

    ``began`` says when, by the system's clock, the pages were first asked for; known after the first batch.
    """
    since = cursor.since(selection, state)
    fitting = (_at_or_after(batch, selection, since) for batch in batches)
    if not ordered:
        kind = selection.stream.schema.field(selection.cursor).type
        return gather(fitting, selection, state, lambda: _as_cursor(began(), kind))
    return cursor.follow(_in_order(fitting, selection), selection, state)


def _as_cursor(moment: dt.datetime | None, kind: pa.DataType) -> pa.Scalar | None:
    """The moment as a value of the cursor column; None if the column is no clock."""
    if moment is None or pa.types.is_integer(kind):
        return None
    if pa.types.is_date(kind):
        return pa.scalar(moment.date(), kind)
    return pa.scalar(moment if kind.tz else moment.replace(tzinfo=None), kind)


def _at_or_after(batch: pa.RecordBatch, selection: Selection, since: pa.Scalar | None) -> pa.RecordBatch:
    """Systems may count in whole days, or not filter at all."""
    column = batch.column(selection.cursor)
    if column.null_count:
        raise cursor.null_cursor(selection, column.null_count)
    return batch if since is None else batch.filter(pc.greater_equal(column, since))


def _in_order(batches: Iterable[pa.RecordBatch], selection: Selection) -> Iterator[pa.RecordBatch]:
    """The same batches. Raises `DataError` if they are not in order: resuming would lose records."""
    last: pa.Scalar | None = None
    for batch in batches:
        column = batch.column(selection.cursor)
        if not batch.num_rows:
            continue
        fine = last is None or not pc.less(column[0], last).as_py()
        rising = pc.all(pc.less_equal(column[:-1], column[1:]), min_count=0).as_py()
        if not (fine and rising):
            raise DataError(
                "cursor.unordered",
                f"The records of {selection.stream.key!r} do not come in the order of {selection.cursor!r}.",
                hint="Ask the system for that order with a query parameter, or set `ordered: false`.",
                stream=selection.stream.key,
            )
        last = column[-1]
        yield batch

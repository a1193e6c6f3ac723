"""The first read of an incremental stream: everything up to a state that is taken beforehand.

No two connections of MySQL can share a snapshot across processes, so the state comes from the snapshot of
the plan and the records from a later one. What the later one has beyond the state is left to the
incremental read that follows it: records with a higher cursor, and those *at* its cursor value that
the state has not seen. So nothing is lost and nothing comes twice.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.mysql import query
from towpath.connectors.mysql.connection import Connection
from towpath.connectors.mysql.query import Query
from towpath.connectors.mysql.reading import Read
from towpath.sdk import Selection, State
from towpath.sdk.cursor import boundary, columns, from_json, values
from towpath.sdk.digests import SIZE, digests, storage
from towpath.sdk.sql import clause


def state(read: Read, connection: Connection, rows: Query, selection: Selection) -> State | None:
    """The state of all that ``rows`` finds in the connection's snapshot; None if that is nothing."""
    cursor = query.cursor_expression(selection)
    highest = f"{cursor} = (SELECT MAX({cursor}) FROM {rows.table}{clause(*rows.conditions)})"
    return boundary(read(connection, rows.also(highest)), selection)


def condition(selection: Selection, upto: State) -> str:
    """Which rows to read: those that the state covers, and at its cursor value perhaps some more."""
    value = query.cursor_literal(_value(selection, upto))
    return f"{query.cursor_expression(selection)} <= {value}"


def covered(batches: Iterable[pa.RecordBatch], selection: Selection, upto: State) -> Iterator[pa.RecordBatch]:
    """Without the records at the state's cursor value that it has not seen."""
    value = _value(selection, upto)
    plain = value.value if isinstance(value, pa.ExtensionScalar) else value
    names = columns(selection)
    seen = Counter(_split(base64.b64decode(upto["seen"])))
    for batch in batches:
        at_value = pc.equal(storage(values(batch, selection)), plain)
        known = [_take(seen, digest) for digest in digests(batch.filter(at_value).select(names))]
        keep = pc.replace_with_mask(pc.invert(at_value), at_value, pa.array(known, pa.bool_()))
        kept = batch.filter(keep)
        if kept.num_rows:
            yield kept


def _value(selection: Selection, upto: State) -> pa.Scalar:
    return from_json(upto["cursor"], selection.stream.schema.field(selection.cursor).type)


def _split(seen: bytes) -> list[bytes]:
    return [seen[place : place + SIZE] for place in range(0, len(seen), SIZE)]


def _take(seen: Counter[bytes], digest: bytes) -> bool:
    """Whether the record has been seen; counted, for equal records are different records."""
    found = seen[digest] > 0
    seen[digest] -= found
    return found

"""Incremental reading by a cursor column: nothing lost and nothing twice, ties included.

A state is ``{"cursor": value, "seen": digests}``: the highest cursor value read so far, and one
digest for each record read *at* that value. The next read starts at ``cursor >= value`` and drops as many
records with each digest as were seen, so that records which get the same value later still come.
The identity of a record is all of its columns that are read: of two versions of a row within
one tick of its clock column the second one comes too.

A source reads `columns` of the stream with `since` as the lower bound, **ordered by the
cursor column**, and passes what it gets through `follow`. Order and comparison must be those of the
values themselves: text under a collation in which different texts are equal needs a binary one.
Records that become visible late with a *lower* value than one already read need ``Selection.lookback``.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from towpath.core.errors import IntegrityError, SchemaError
from towpath.core.model import Batch, Selection, State
from towpath.sdk.digests import SIZE, digests, storage
from towpath.sdk.lookback import earlier
from towpath.sdk.sql import check_columns, literal

_CLOCK_NAMES = ("updat", "modif", "chang", "synced", "creat", "insert")


def is_cursor(type: pa.DataType) -> bool:
    """Whether a column of this type can be a cursor: whole or decimal numbers, dates, timestamps, text.

    >>> is_cursor(pa.int64()), is_cursor(pa.uuid()), is_cursor(pa.float64())
    (True, True, False)
    """
    return bool(
        pa.types.is_integer(type)
        or pa.types.is_decimal(type)
        or pa.types.is_date32(type)
        or pa.types.is_timestamp(type)
        or pa.types.is_string(type)
        or pa.types.is_large_string(type)
        or type == pa.uuid()
    )


def candidates(schema: pa.Schema, primary_key: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the columns that can be cursors, the likeliest first: clocks, then numeric keys, then others.

    >>> columns = [("name", pa.string()), ("id", pa.int64()), ("updated_at", pa.timestamp("us"))]
    >>> candidates(pa.schema(columns), ("id",))
    ('updated_at', 'id', 'name')
    """
    fields = [field for field in schema if is_cursor(field.type)]
    return tuple(field.name for field in sorted(fields, key=lambda field: _rank(field, primary_key)))


def _rank(field: pa.Field, primary_key: tuple[str, ...]) -> int:
    name = field.name.lower()
    if pa.types.is_temporal(field.type):
        return next((n for n, part in enumerate(_CLOCK_NAMES) if part in name), len(_CLOCK_NAMES))
    return 20 - 10 * _is_number(field.type) - 5 * (field.name in primary_key)


def check(selection: Selection, state: State | None = None) -> None:
    """Raise `SchemaError` for unknown columns, and a cursor or lookback that cannot be; and `IntegrityError`
    if the state is that of another cursor.
    """
    check_columns(selection)
    if selection.cursor is None:
        return
    type = _type(selection)
    if not is_cursor(type):
        raise SchemaError(
            "cursor.unusable",
            f"The column {selection.cursor!r} of {selection.stream.key!r} is of type {type}, "
            "which cannot be a cursor.",
            hint=f"Use one of: {', '.join(selection.stream.cursors) or '(the stream has none)'}.",
            stream=selection.stream.key,
        )
    _check_fallback(selection)
    _check_state(selection, state)
    if selection.lookback and not (_is_number(type) or pa.types.is_temporal(type)):
        raise SchemaError(
            "cursor.no_lookback",
            f"A lookback needs a cursor of numbers, dates or timestamps; {selection.cursor!r} is {type}.",
            hint="Remove the lookback, or choose another cursor.",
            stream=selection.stream.key,
        )


def _check_fallback(selection: Selection) -> None:
    if selection.cursor_fallback is None:
        return
    type, other = (selection.stream.schema.field(name).type for name in names(selection))
    if type != other:
        raise SchemaError(
            "cursor.fallback_type",
            f"The column {selection.cursor_fallback!r} of {selection.stream.key!r} is of type {other} and "
            f"cannot stand in for the cursor {selection.cursor!r}, which is of type {type}.",
            hint="Use two columns of the same type, or read a view that casts one of them.",
            stream=selection.stream.key,
        )


def _check_state(selection: Selection, state: State | None) -> None:
    """A state not set by hand has ``seen``; if it does not say ``by`` what, it is older than fallbacks."""
    if state is None or "seen" not in state:
        return
    by = tuple(state.get("by", names(selection)[:1]))
    if by != names(selection):
        raise IntegrityError(
            "state.invalid",
            f"The state of {selection.stream.key!r} was saved while it was read by {_listed(by)}; now it is "
            f"read by {_listed(names(selection))}, and records in between would be lost.",
            hint="Reset the state of this stream, or go back to the cursor that it had.",
            stream=selection.stream.key,
        )


def _listed(columns: Iterable[str]) -> str:
    return ", else ".join(map(repr, columns))


def null_cursor(selection: Selection, count: int | None = None) -> SchemaError:
    """The error to raise in ``plan()`` when ``count`` records have no cursor value."""
    many = "Some" if count is None else f"{count:,}"
    return SchemaError(
        "cursor.null",
        f"{many} record(s) of {selection.stream.key!r} have no value in the cursor column "
        f"{' nor in '.join(map(repr, names(selection)))}; an incremental read would never find them.",
        hint="Give the column a value in every record, choose another cursor, add a 'cursor_fallback', or "
        f"filter the records out with the condition: {selection.cursor} is not null.",
        stream=selection.stream.key,
        column=selection.cursor or "",
    )


def names(selection: Selection) -> tuple[str, ...]:
    """The cursor column and its fallback, if there is one; empty without a cursor."""
    return tuple(name for name in (selection.cursor, selection.cursor_fallback) if name)


def values(batch: pa.RecordBatch, selection: Selection) -> pa.Array:
    """The cursor value of each record: that of the fallback where the cursor's is null."""
    found = [batch.column(name) for name in names(selection)]
    if len(found) == 1:
        return found[0]
    plain = pc.coalesce(*map(storage, found))
    kind = found[0].type
    return kind.wrap_array(plain) if isinstance(kind, pa.BaseExtensionType) else plain


def columns(selection: Selection) -> tuple[str, ...]:
    """The columns a source must read: the selected ones, then cursor and primary key if not among them."""
    selected = selection.schema.names
    needed = [*names(selection), *selection.stream.primary_key] if selection.cursor else []
    return tuple(dict.fromkeys([*selected, *needed]))


def start(state: State | None) -> Any:
    """The cursor value in the state, as JSON has it; None for a first read."""
    return None if state is None else state.get("cursor")


def since(selection: Selection, state: State | None) -> pa.Scalar | None:
    """Where to start reading, ``lookback`` taken off; None for a first read. Read what is ``>=`` it."""
    value = start(state)
    if value is None:
        return None
    _check_state(selection, state)
    scalar = from_json(value, _type(selection))
    return earlier(scalar, selection.lookback) if selection.lookback else scalar


def sql(value: pa.Scalar, *, backslashes: bool = False) -> str:
    """The value as a SQL literal: numbers bare, all others as quoted ISO text; timestamps with a zone in UTC.

    >>> from decimal import Decimal
    >>> print(sql(pa.scalar(Decimal("1.50"))), sql(from_json("2026-01-31", pa.date32())))
    1.50 '2026-01-31'
    """
    text = to_json(value)
    return str(text) if _is_number(value.type) else literal(text, backslashes=backslashes)


def to_json(value: pa.Scalar) -> int | str:
    """A cursor value as JSON: whole numbers as they are, all others as exact text.

    >>> to_json(pa.scalar(1_700_000_000_000_001, pa.timestamp("us", "Europe/Paris")))
    '2023-11-14 22:13:20.000001+00:00'
    """
    type = value.type
    if pa.types.is_integer(type):
        return int(value.as_py())
    if pa.types.is_decimal(type):
        return f"{value.as_py():f}"
    if pa.types.is_timestamp(type):
        text = str(pa.scalar(value.value, pa.timestamp(type.unit)).cast(pa.string()))
        return text if type.tz is None else text + "+00:00"
    return str(value.as_py())


def from_json(value: int | str, type: pa.DataType) -> pa.Scalar:
    """The cursor value that `to_json` wrote. Raises `IntegrityError` if it does not fit the column's type."""
    try:
        if type == pa.uuid():
            return pa.scalar(UUID(str(value)).bytes, type)
        if isinstance(value, int) and not _is_number(type):
            raise ValueError(value)
        return pa.scalar(str(value)).cast(type)
    except (ValueError, pa.ArrowException):
        raise IntegrityError(
            "state.invalid",
            f"The stored cursor value {value!r} does not fit the cursor column, which is now of type {type}.",
            hint="The column's type or the cursor has changed: reset the state of this stream.",
        ) from None


def cursor_state(value: pa.Scalar, seen: Iterable[bytes], base: State | None = None) -> dict[str, Any]:
    """The state after all records up to ``value``; other keys of ``base`` stay."""
    digests = base64.b64encode(b"".join(sorted(seen))).decode()
    return dict(base or {}) | {"cursor": to_json(value), "seen": digests}


def boundary(
    batches: Iterable[pa.RecordBatch], selection: Selection, base: State | None = None
) -> State | None:
    """The state of a backfill, from all records *at* the highest cursor value; None if there are none.

    ``batches`` have `columns`, in the same types as the ones that `follow` gets, and come from the
    snapshot that the backfill reads.
    """
    follower = Follower(selection, None)
    for batch in batches:
        follower.advance(batch)
    return follower.state if base is None or follower.state is None else dict(base) | dict(follower.state)


def follow(batches: Iterable[pa.RecordBatch], selection: Selection, state: State | None) -> Iterator[Batch]:
    """Batches of ``selection.schema`` with their states, without the records that ``state`` has seen.

    ``batches`` have `columns` and are ordered by the cursor. With a lookback, the records of the
    window come again. Raises `SchemaError` ``cursor.null`` at a null.
    """
    follower = Follower(selection, state)
    selected = selection.schema.names
    for read in batches:
        fresh = follower.unseen(read)
        if fresh.num_rows:
            follower.advance(fresh)
            yield Batch(fresh.select(selected), follower.state)


class Follower:
    """Walks along a read; knows the highest value so far and what was seen at it."""

    def __init__(self, selection: Selection, state: State | None) -> None:
        _check_state(selection, state)
        self.selection = selection
        self.state = state
        self._value = None if start(state) is None else from_json(start(state), _type(selection))
        known = state.get("seen", "") if state and self._value is not None else ""
        self._seen = _split(base64.b64decode(known))
        self.first, self._again = self._value, Counter(self._seen)
        self._passing = selection.lookback > 0 and self._value is not None

    def unseen(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch without the records that the state has seen already."""
        if self.selection.lookback or not self._again:
            return batch
        suspect = self.maybe_seen(self.cursor(batch))
        fresh = [self._is_fresh(digest) for digest in digests(batch.filter(suspect))]
        keep = pc.replace_with_mask(
            pa.repeat(True, batch.num_rows),
            suspect,
            pa.array(fresh, pa.bool_()),
        )
        return batch.filter(keep)

    def maybe_seen(self, cursor: pa.Array) -> pa.Array:
        return _at(cursor, self.first)

    def _is_fresh(self, digest: bytes) -> bool:
        if digest not in self._again:
            return True
        if self._again[digest] == 1:  # counted, not a set: equal records are different records
            del self._again[digest]
        else:
            self._again[digest] -= 1
        return False

    def advance(self, batch: pa.RecordBatch) -> None:
        """Go on to the last record of the batch."""
        if not batch.num_rows:
            return
        cursor = self.cursor(batch)
        last = cursor[-1]
        if self._passing and self._before(last):
            return  # within the lookback window: resuming starts at the old value, minus lookback, again
        if self._passing or self._value is None or not _same(last, self._value):
            self._seen = []
        self._passing, self._value = False, last
        self._seen += digests(batch.filter(_at(cursor, last)))
        self.remember(last, self._seen)

    def remember(self, value: pa.Scalar, seen: Iterable[bytes]) -> None:
        self.state = cursor_state(value, seen, self.state) | {"by": list(names(self.selection))}

    def _before(self, value: pa.Scalar) -> bool:
        return bool(pc.less(value, self._value).as_py())

    def cursor(self, batch: pa.RecordBatch) -> pa.Array:
        column = values(batch, self.selection)
        if column.null_count:
            raise null_cursor(self.selection)
        return column


def _split(text: bytes) -> list[bytes]:
    return [text[place : place + SIZE] for place in range(0, len(text), SIZE)]


def _at(cursor: pa.Array, value: pa.Scalar) -> pa.Array:
    """Which of the records have the value in their cursor, as booleans."""
    plain = value.value if isinstance(value, pa.ExtensionScalar) else value
    return pc.equal(storage(cursor), plain)


def _same(one: pa.Scalar, other: pa.Scalar) -> bool:
    return to_json(one) == to_json(other)


def _type(selection: Selection) -> pa.DataType:
    return selection.stream.schema.field(selection.cursor).type


def _is_number(type: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type) or pa.types.is_decimal(type))

"""Reads the streams of a system that a file describes."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from difflib import get_close_matches
from types import TracebackType
from typing import Self

import pyarrow as pa
from pydantic import BaseModel

from towpath.core.errors import ConfigError, SchemaError
from towpath.core.model import Batch, Plan, ReadMode, Selection, Slice, State, Stream
from towpath.sdk import cursor
from towpath.sdk.files import filters
from towpath.sdk.rest import following
from towpath.sdk.rest.client import RestClient
from towpath.sdk.rest.columns import Columns, schema_of
from towpath.sdk.rest.definition import Definition
from towpath.sdk.rest.pages import Page, Pages, ahead
from towpath.sdk.rest.paging import pager
from towpath.sdk.rest.stream import Incremental, StreamDefinition

_ROWS = 10_000
_BYTES = 8 * 2**20
_SECONDS = 5


class RestSource:
    """A source made of a file and the fields of one connection."""

    def __init__(self, definition: Definition, config: BaseModel) -> None:
        self._definition = definition
        self._client = RestClient(definition, config)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def check(self) -> str:
        """One request, which may take 3 s."""
        given = self._definition.check
        if given:
            self._client.request("GET", self._client.url(given.path, given.query), once=True)
        else:
            stream = next(iter(self._definition.streams.values()))
            url = self._client.url(stream.path, stream.query, pager(stream).first().query)
            self._client.request(stream.method, url, stream.body, once=True)
        return f"{self._definition.title} at {self._client.host}"

    def discover(self) -> Sequence[Stream]:
        """What the file says; the system is not asked."""
        return [_stream(name, one) for name, one in sorted(self._definition.streams.items())]

    def plan(self, selection: Selection, state: State | None) -> Plan:
        """One slice: pages follow each other."""
        stream = self._defined(selection)
        cursor.check(selection, state)
        filters.check(selection.where, selection.stream.schema)
        incremental = selection.mode is ReadMode.INCREMENTAL
        if incremental:
            _incremental(stream, selection)
        return Plan((Slice("all"),), ordered=incremental)

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        """Incremental reads raise `SchemaError` ``cursor.null`` here: only all pages can show that."""
        stream = self._defined(selection)
        if selection.mode is not ReadMode.INCREMENTAL:
            names = selection.schema.names
            pages = Pages(self._client, selection.stream.name, stream, stream.query, {})
            yield from map(Batch, _batches(selection, stream, names, pages))
            return
        given = _incremental(stream, selection)
        query = {**stream.query, **given.query}
        since = following.parameters(given, cursor.since(selection, state))
        pages = Pages(self._client, selection.stream.name, stream, query, since)
        batches = _batches(selection, stream, cursor.columns(selection), pages)
        yield from following.follow(
            batches, selection, state, ordered=given.ordered, began=lambda: pages.began
        )

    def ack(self, selection: Selection, state: State) -> None:
        """Nothing to forget: such systems keep what they have."""

    def _defined(self, selection: Selection) -> StreamDefinition:
        streams = self._definition.streams
        if selection.stream.name in streams:
            return streams[selection.stream.name]
        near = get_close_matches(selection.stream.name, streams, n=1)
        guess = f"Did you mean {near[0]!r}? " if near else ""
        raise SchemaError(
            "stream.not_found",
            f"{self._definition.title} has no stream {selection.stream.name!r}.",
            hint=f"{guess}Its streams are: {', '.join(streams)}.",
            stream=selection.stream.name,
        )


def _batches(
    selection: Selection, stream: StreamDefinition, names: Sequence[str], pages: Iterable[Page]
) -> Iterator[pa.RecordBatch]:
    """Filtered batches with the named columns, never empty."""
    wanted = tuple(dict.fromkeys([*names, *(name for part in selection.where for name in part.columns)]))
    keys = [*stream.primary_key, *([selection.cursor] if selection.cursor else [])]
    columns = Columns(selection.stream.name, stream.columns, wanted, keys)
    with closing(ahead(iter(pages))) as coming:
        for batch in _joined(columns, coming):
            kept = filters.apply(batch, selection.where).select(names)
            if kept.num_rows:
                yield kept


def _joined(columns: Columns, pages: Iterable[Page]) -> Iterator[pa.RecordBatch]:
    """Small pages together make batches worth writing; the first ones come at once, for who looks at them."""
    held, rows, size, enough, began = list[pa.RecordBatch](), 0, 0, 1, time.monotonic()
    for page in pages:
        held.append(columns.batch(page.records, page.number))
        rows, size = rows + len(page.records), size + page.bytes
        if rows >= enough or size >= _BYTES or time.monotonic() - began >= _SECONDS:
            yield pa.concat_batches(held)
            enough = min(_ROWS, 4 * enough)
            held, rows, size, began = [], 0, 0, time.monotonic()
    if held:
        yield pa.concat_batches(held)


def _stream(name: str, one: StreamDefinition) -> Stream:
    modes = {ReadMode.FULL_REFRESH} | ({ReadMode.INCREMENTAL} if one.incremental else set())
    return Stream(
        name=name,
        schema=schema_of(one.columns),
        primary_key=one.primary_key,
        read_modes=frozenset(modes),
        cursors=(one.incremental.cursor,) if one.incremental else (),
    )


def _incremental(stream: StreamDefinition, selection: Selection) -> Incremental:
    """How the stream is read by that cursor. Raises `SchemaError` or `ConfigError` if it cannot be."""
    if selection.cursor_fallback is not None:
        raise ConfigError(
            "cursor.fallback_unsupported",
            f"{selection.stream.key!r} cannot be read with a fallback for its cursor: the system is asked "
            "for what follows one value of one field.",
            hint="Remove 'cursor_fallback', or read the stream with mode full_refresh.",
            field="cursor_fallback",
        )
    if stream.incremental and stream.incremental.cursor == selection.cursor:
        return stream.incremental
    known = stream.incremental.cursor if stream.incremental else "(none)"
    raise SchemaError(
        "cursor.unusable",
        f"{selection.stream.key!r} cannot be read by {selection.cursor!r}: the system does not filter by it.",
        hint=f"Its cursor is: {known}.",
        stream=selection.stream.key,
    )

"""A source that reads files: slices of whole files or pieces of them, in one version of the stream."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from towpath.core.errors import NotFoundError, SchemaError
from towpath.core.model import Batch, Plan, ReadMode, Selection, Slice, State, Stream
from towpath.sdk import cursor
from towpath.sdk.files import filters, follow, listing
from towpath.sdk.files.config import FilesConfig
from towpath.sdk.files.format import Format
from towpath.sdk.files.place import Place
from towpath.sdk.files.scan import Scan

#: About how many records one slice gets.
SLICE_ROWS = 1_000_000


class FilesSource:
    """A `Source` for one format."""

    def __init__(self, config: FilesConfig, format: Format) -> None:
        self.place = Place(config)
        self.format = format

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held open between calls."""

    def check(self) -> str:
        if not self.place.exists():
            raise NotFoundError(
                "path.not_found",
                f"The folder {self.place.title} does not exist.",
                hint="Check the path; it is seen from the machine that runs the worker.",
            )
        return f"{self.format.name} files in {self.place.title}"

    def discover(self) -> Sequence[Stream]:
        found = (self._stream(one) for one in listing.listings(self.place, self.format))
        return sorted(found, key=lambda stream: stream.key)

    def plan(self, selection: Selection, state: State | None) -> Plan:
        found = self._find(selection)
        cursor.check(selection, state)
        filters.check(selection.where, selection.stream.schema)
        scan = Scan(found.table, self.format, selection.stream.schema, found.files)
        if selection.mode is ReadMode.FULL_REFRESH:
            return Plan(self._slices(scan))
        follow.check_nulls(scan, selection)
        if cursor.start(state) is None:
            return Plan(self._slices(scan), state=follow.boundary(scan, selection))
        spec = {"folder": found.table.folder, "files": [[file.to_json(), None] for file in scan.files]}
        return Plan((Slice("s0000", spec),), ordered=True)

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        scan = Scan.of_spec(self.place, self.format, selection.stream.schema, slice.spec)
        if selection.mode is ReadMode.INCREMENTAL and cursor.start(state) is not None:
            yield from cursor.follow(follow.ordered(scan, selection, state), selection, state)
            return
        schema = selection.schema
        for batch in scan.batches(schema.names, selection.where):
            yield Batch(_select(batch, schema))

    def ack(self, selection: Selection, state: State) -> None:
        """Files stay where they are."""

    def _stream(self, found: listing.Listing) -> Stream:
        schema, rows = listing.schema_and_rows(found, self.format)
        key = found.ours.primary_key if found.ours else ()
        return Stream(
            found.name,
            schema,
            found.namespace,
            primary_key=key,
            read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
            cursors=cursor.candidates(schema, key),
            rows=rows,
            bytes=sum(file.bytes for file in found.files) or None,
        )

    def _find(self, selection: Selection) -> listing.Listing:
        found = listing.find(self.place, self.format, selection.stream)
        if found is None:
            raise SchemaError(
                "stream.not_found",
                f"There is no stream {selection.stream.key!r} in {self.place.title} any more.",
                hint="Discover the streams again.",
                stream=selection.stream.key,
            )
        return found

    def _slices(self, scan: Scan) -> tuple[Slice, ...]:
        """Pieces of files, gathered to slices of similar size; at least one slice."""
        groups: list[list[Any]] = [[]]
        rows = 0
        for file, piece in scan.pieces():
            many = piece.rows if piece.rows is not None else SLICE_ROWS
            if groups[-1] and rows + many > SLICE_ROWS:
                groups.append([])
                rows = 0
            groups[-1].append([file.to_json(), piece.spec])
            rows += many
        return tuple(
            Slice(f"s{number:04}", {"folder": scan.table.folder, "files": files})
            for number, files in enumerate(groups)
        )


def _select(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([batch.column(name) for name in schema.names], schema=schema)

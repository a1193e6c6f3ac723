"""What a connector says about its file format; everything else is shared."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from towpath.core.filters import Clause
from towpath.sdk.files.manifest import DataFile


class Encoder(Protocol):
    """Writes the records of one file into an open sink."""

    def write(self, batch: pa.RecordBatch) -> None: ...

    def flush(self) -> None:
        """Write everything out and finish the format; the sink stays open."""
        ...


@dataclass(frozen=True)
class FileRead:
    """What to read of one file: whatever the format can push down, it should."""

    columns: tuple[str, ...]
    """Names of the columns that are needed; those the file lacks are left out of what it yields."""
    where: tuple[Clause, ...] = ()
    """May be used to skip records early. The caller applies it again, so skipping less is right too."""
    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))
    """The schema of the stream: how text formats parse their columns."""
    piece: Any = None
    """One of the pieces of `Format.pieces`; None for the whole file."""


@dataclass(frozen=True)
class Piece:
    """A part of one file that can be read by itself."""

    spec: Any
    """Plain JSON; None for the whole file."""
    rows: int | None


Opener = Callable[[], pa.NativeFile]


class Format(Protocol):
    """One file format."""

    name: str
    """What manifests call it: the connector's name."""
    suffixes: tuple[str, ...]
    """Endings of the file names it reads; the first is the one it writes."""

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """The schema in which the data can be held; where it differs, values are cast.

        Raises `SchemaError` (``type.unsupported``) for what cannot be cast without loss.
        """
        ...

    def encoder(self, sink: pa.NativeFile, first: pa.RecordBatch) -> Encoder:
        """An encoder for a new file; ``first`` is the first batch that will be written to it."""
        ...

    def inspect(self, name: str, files: Sequence[tuple[DataFile, Opener]]) -> tuple[pa.Schema, int | None]:
        """Schema and number of records of files that somebody else has written."""
        ...

    def pieces(self, file: DataFile, open: Opener) -> list[Piece]:
        """The file cut into parts, if it is large."""
        ...

    def read(self, file: DataFile, open: Opener, wanted: FileRead, where: str) -> Iterator[pa.RecordBatch]:
        """The records of the file, in file order, in batches. ``where`` names the file in errors."""
        ...

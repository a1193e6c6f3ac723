"""Reads the files of one stream as batches of one schema, whatever each file holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from towpath.core.filters import Clause
from towpath.sdk.files import filters, partition
from towpath.sdk.files.cast import align
from towpath.sdk.files.errors import translated
from towpath.sdk.files.format import FileRead, Format, Piece
from towpath.sdk.files.manifest import DataFile
from towpath.sdk.files.place import Place
from towpath.sdk.files.table import FileTable


class Scan:
    """Some files of one stream, with the stream's schema."""

    def __init__(
        self,
        table: FileTable,
        format: Format,
        schema: pa.Schema,
        files: Sequence[DataFile],
        specs: Sequence[Any] | None = None,
    ) -> None:
        self.table, self.format, self.schema = table, format, schema
        self.files = tuple(files)
        self._specs = specs or [None] * len(self.files)

    @classmethod
    def of_spec(cls, place: Place, format: Format, schema: pa.Schema, spec: Mapping[str, Any]) -> "Scan":
        """The files of a slice."""
        files = [DataFile.from_json(file) for file, _ in spec["files"]]
        return cls(FileTable(place, spec["folder"]), format, schema, files, [one for _, one in spec["files"]])

    def pieces(self) -> Iterator[tuple[DataFile, Piece]]:
        """The files, large ones in parts."""
        for file in self.files:
            with translated(self.where(file)):
                for piece in self.format.pieces(file, self.table.opener(file)):
                    yield file, piece

    def batches(self, columns: Sequence[str], where: Sequence[Clause] = ()) -> Iterator[pa.RecordBatch]:
        """The records that pass, with the named columns in the order of the stream's schema, never empty."""
        needed = {*columns, *(name for part in where for name in part.columns)}
        fields = [field for field in self.schema if field.name in needed]
        schema = pa.schema(fields, metadata=self.schema.metadata)
        wanted = [name for name in schema.names if name in set(columns)]
        for file, spec in zip(self.files, self._specs, strict=True):
            for batch in self._file(file, spec, schema, tuple(where)):
                passed = filters.apply(batch, where)
                if passed.num_rows:
                    yield passed.select(wanted)

    def where(self, file: DataFile) -> str:
        """The file as users know it."""
        return self.table.place.where(f"{self.table.folder}/{file.path}".lstrip("/"))

    def _file(
        self, file: DataFile, spec: Any, schema: pa.Schema, where: tuple[Clause, ...]
    ) -> Iterator[pa.RecordBatch]:
        inside = tuple(name for name in schema.names if name not in file.partition)
        early = tuple(part for part in where if file.partition.keys().isdisjoint(part.columns))
        wanted = FileRead(inside, early, self.schema, spec)
        title = self.where(file)
        with translated(title):
            for batch in self.format.read(file, self.table.opener(file), wanted, title):
                yield align(partition.add(batch, file.partition, schema), schema)

"""CSV as a `Format`: pyarrow splits, our own exact parsing makes the values."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from towpath.connectors.csv.config import CsvConfig
from towpath.connectors.csv.render import CsvEncoder
from towpath.sdk import DataError, SchemaError
from towpath.sdk.files import lines, text, typenames
from towpath.sdk.files.format import FileRead, Opener, Piece
from towpath.sdk.files.guess import Guess
from towpath.sdk.files.manifest import DataFile

_BLOCK_BYTES = 8 << 20
#: All of the first blocks are looked at to infer types, then every so many-th.
_FIRST_BLOCKS, _EVERY = 8, 8


@dataclass(frozen=True)
class _Head:
    names: list[str]
    lines: int
    """How many lines of the file the header takes."""


class CsvFormat:
    """Reading and writing one CSV file."""

    name = "csv"

    def __init__(self, config: CsvConfig) -> None:
        self._config = config
        packed = config.compression == "gzip"
        self.suffixes: tuple[str, ...] = (".csv.gz", ".csv") if packed else (".csv", ".csv.gz")

    def stored(self, schema: pa.Schema) -> pa.Schema:
        return text.stored(schema)

    def encoder(self, sink: pa.NativeFile, first: pa.RecordBatch) -> CsvEncoder:
        return CsvEncoder(sink, first, self._config)

    def inspect(self, name: str, files: Sequence[tuple[DataFile, Opener]]) -> tuple[pa.Schema, int | None]:
        guesses: dict[str, Guess] = {}
        rows = 0
        for file, open in files:
            head = self._head(file, open, name)
            for column in head.names:
                guesses.setdefault(column, Guess())
            for number, batch in enumerate(self._texts(file, open, head, head.names, name)):
                rows += batch.num_rows
                if number < _FIRST_BLOCKS or number % _EVERY == 0:
                    for column, texts in zip(head.names, batch.columns, strict=True):
                        guesses[column].observe(texts)
        schema = pa.schema([(column, guess.type()) for column, guess in guesses.items()])
        return typenames.override(schema, self._config.types.get(name, {})), rows

    def pieces(self, file: DataFile, open: Opener) -> list[Piece]:
        return [Piece(None, file.rows or None)]

    def read(self, file: DataFile, open: Opener, wanted: FileRead, where: str) -> Iterator[pa.RecordBatch]:
        head = self._head(file, open, where)
        names = [name for name in wanted.columns if name in head.names]
        # Without any column the records could not be counted.
        read = names or head.names[:1]
        schema = pa.schema([wanted.schema.field(name) for name in names])
        before = 0
        for batch in self._texts(file, open, head, read, where):
            columns = []
            for field, texts in zip(schema, batch.columns, strict=False):
                try:
                    columns.append(text.from_text(texts, field.type))
                except text.MisfitError as error:
                    line = self._line(file, open, head, before + error.index)
                    raise lines.misfit(
                        where, line, f"the column {field.name!r} holds no {field.type}", column=field.name
                    ) from None
            before += batch.num_rows
            if names:
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
            else:
                yield batch.select([])

    def _head(self, file: DataFile, open: Opener, where: str) -> _Head:
        """Names of the columns: the first record, or numbers."""
        with self._records(file, open) as records:
            try:
                first: list[str] = next(records, [])
            except (UnicodeError, csv.Error) as error:
                raise lines.misfit(where, records.line_num + 1, str(error)) from error
            used = records.line_num
        if not self._config.header:
            return _Head([f"column_{number + 1}" for number, _ in enumerate(first)], 0)
        names = [name or f"column_{number + 1}" for number, name in enumerate(first)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SchemaError(
                "column.duplicate",
                f"Two columns of {where} are named {twice!r}.",
                hint="Rename one of them in the file's first line.",
                column=twice,
            )
        return _Head(names, used)

    @contextmanager
    def _records(self, file: DataFile, open: Opener) -> Iterator[Any]:
        """The file through Python's own reader, which knows line numbers."""
        with lines.opened(open, file.path) as raw, lines.as_text(raw, self._config.encoding) as stream:
            csv.field_size_limit(1 << 30)
            yield csv.reader(
                stream, delimiter=self._config.delimiter, quotechar=self._config.quote, strict=False
            )

    def _texts(
        self, file: DataFile, open: Opener, head: _Head, names: list[str], where: str
    ) -> Iterator[pa.RecordBatch]:
        """The named columns as text, null where the null text stands without quotes."""
        if not head.names:
            return
        with lines.opened(open, file.path) as raw:
            try:
                yield from self._reader(raw, head, names)
            except pa.ArrowInvalid as error:
                if "Empty CSV file" not in str(error):
                    raise self._malformed(file, open, head, where, error) from error

    def _reader(self, raw: pa.NativeFile, head: _Head, names: list[str]) -> Iterator[pa.RecordBatch]:
        config = self._config
        reader = pacsv.open_csv(
            raw,
            read_options=pacsv.ReadOptions(
                block_size=_BLOCK_BYTES,
                column_names=head.names,
                skip_rows=head.lines,
                encoding=config.encoding,
                use_threads=False,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=config.delimiter,
                quote_char=config.quote,
                newlines_in_values=True,
                # In a file of one column an empty line is a record.
                ignore_empty_lines=len(head.names) > 1,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(head.names, pa.string()),
                include_columns=names,
                null_values=[config.null_text],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        with reader:
            for batch in reader:
                if batch.num_rows:
                    yield batch

    def _malformed(
        self, file: DataFile, open: Opener, head: _Head, where: str, error: Exception
    ) -> DataError:
        """Which line has too many or too few fields."""
        width = len(head.names)
        with self._records(file, open) as records:
            try:
                for record in records:
                    if record and len(record) != width:
                        message = f"{len(record)} fields where the first line has {width}"
                        return lines.misfit(where, records.line_num, message)
            except (csv.Error, UnicodeError) as inner:
                return lines.misfit(where, records.line_num + 1, str(inner))
        return lines.misfit(where, 1, str(error))

    def _line(self, file: DataFile, open: Opener, head: _Head, index: int) -> int:
        """Number of the line on which the record begins; ``index`` counts records from 0."""
        with self._records(file, open) as records:
            start = 1
            skip = 1 if self._config.header else 0
            found = -skip
            for record in records:
                if not record and len(head.names) > 1:
                    start = records.line_num + 1
                    continue
                if found == index:
                    return start
                found += 1
                start = records.line_num + 1
        return start

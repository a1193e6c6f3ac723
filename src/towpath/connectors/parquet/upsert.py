"""Upserts by rewriting: only files that hold a touched key are written anew.

DuckDB decides, from keys and positions alone, which record of each key wins; it spills to disk
beyond its memory limit. The values themselves pass through pyarrow only, so that every type stays exact.
Which live files can hold a touched key is read off their statistics first.
"""

import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from towpath.sdk import ResourceError, Slice, Target
from towpath.sdk.files import partition
from towpath.sdk.files.cast import align, storage
from towpath.sdk.files.errors import translated
from towpath.sdk.files.format import FileRead, Format
from towpath.sdk.files.manifest import DataFile
from towpath.sdk.files.table import FileTable
from towpath.sdk.files.writer import Stager

_MEMORY = "256MB"
#: A position is the number of the file, shifted, and the number of the record in it.
_SHIFT = 40


class Upsert:
    """One merge of staged files into live ones."""

    def __init__(self, table: FileTable, format: Format, target: Target, schema: pa.Schema) -> None:
        self._table, self._format, self._target, self._schema = table, format, target, schema
        self._key = target.primary_key
        self._spill = tempfile.TemporaryDirectory(prefix="towpath-upsert-")
        self._db = duckdb.connect(
            config={
                "memory_limit": _MEMORY,
                "temp_directory": self._spill.name,
                "threads": 1,
                "preserve_insertion_order": False,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
        self._spill.cleanup()

    def merge(self, live: Sequence[DataFile], staged: Sequence[DataFile]) -> tuple[list[DataFile], list[str]]:
        """The files to add, rewritten ones included, and the paths of those that they replace."""
        if not staged:
            return [], []
        try:
            with translated(self._table.place.where(self._table.folder), writing=True):
                return self._merge(live, staged)
        except duckdb.Error as error:
            raise ResourceError(
                "upsert.failed",
                f"The keys of the upsert into {self._table.place.where(self._table.folder)} could not be "
                f"compared: {type(error).__name__}.",
                hint="Make room in the folder of temporary files (TMPDIR), where large upserts spill.",
                retryable=True,
            ) from error

    def _merge(
        self, live: Sequence[DataFile], staged: Sequence[DataFile]
    ) -> tuple[list[DataFile], list[str]]:
        self._find_winners(staged)
        added: list[DataFile] = []
        for number, file in enumerate(staged):
            keep = self._winning_rows(number)
            added += [file] if len(keep) == file.rows else self._rewrite(file, f"w{number:04}", keep)
        touched = [self._ranges(file) for file in staged]
        retired: list[str] = []
        for number, file in enumerate(live):
            if not self._may_hold(file, touched):
                continue
            kept = self._untouched_rows(file)
            if len(kept) < file.rows:
                added += self._rewrite(file, f"r{number:04}", kept)
                retired.append(file.path)
        return added, retired

    def _find_winners(self, staged: Sequence[DataFile]) -> None:
        """Table ``winners``: each staged key with the position of its last record."""
        made = False
        for number, file in enumerate(staged):
            for keys in self._keys(file, number << _SHIFT):
                self._db.register("keys", keys)
                self._db.execute(
                    "INSERT INTO staged FROM keys" if made else "CREATE TABLE staged AS FROM keys"
                )
                made = True
        self._db.execute(
            f"CREATE TABLE winners AS SELECT {self._columns}, max(place) AS place FROM staged "
            f"GROUP BY {self._columns}"
        )
        self._db.execute("DROP TABLE staged")

    def _winning_rows(self, number: int) -> pa.Array:
        """Numbers of the records of a staged file that win, ascending."""
        low, high = number << _SHIFT, (number + 1) << _SHIFT
        return self._positions(
            f"SELECT place - {low} AS place FROM winners "
            f"WHERE place >= {low} AND place < {high} ORDER BY place"
        )

    def _untouched_rows(self, file: DataFile) -> pa.Array:
        """Numbers of the records of a live file whose keys were not staged, ascending."""
        kept: list[pa.Array] = []
        for keys in self._keys(file, 0):
            self._db.register("keys", keys)
            kept.append(
                self._positions(
                    f"SELECT place FROM keys ANTI JOIN winners USING ({self._columns}) ORDER BY place"
                )
            )
        return pa.concat_arrays(kept) if kept else pa.array([], pa.int64())

    def _positions(self, sql: str) -> pa.Array:
        found: pa.Table = self._db.query(sql).to_arrow_table()
        return found.column("place").cast(pa.int64()).combine_chunks()

    def _keys(self, file: DataFile, base: int) -> Iterator[pa.Table]:
        """Key columns ``k0, k1 …`` and positions of the file's records, batch by batch."""
        at = base
        schema = pa.schema([self._schema.field(name) for name in self._key])
        for batch in self._batches(file, schema):
            arrays = [_plain(column) for column in batch.columns]
            places = pa.array(range(at, at + batch.num_rows), pa.int64())
            yield pa.table([*arrays, places], names=[*self._names, "place"])
            at += batch.num_rows

    def _rewrite(self, file: DataFile, slice: str, rows: pa.Array) -> list[DataFile]:
        """New staged files with these records of the file, in the target's present schema."""
        stager = Stager(self._table, self._format, self._target, Slice(slice), self._schema)
        start = 0
        for batch in self._batches(file, self._schema):
            inside = pc.and_(pc.greater_equal(rows, start), pc.less(rows, start + batch.num_rows))
            chosen = pc.subtract(rows.filter(inside), start)
            if len(chosen):
                stager.write(batch.take(chosen))
            start += batch.num_rows
        stager.close()
        return stager.files

    def _batches(self, file: DataFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        names = tuple(name for name in schema.names if name not in file.partition)
        wanted = FileRead(names, schema=self._schema)
        for batch in self._format.read(file, self._table.opener(file), wanted, file.path):
            yield align(partition.add(batch, file.partition, schema), schema)

    def _may_hold(self, file: DataFile, touched: Sequence["Ranges"]) -> bool:
        """Whether a staged key can be in the file, as far as partitions and statistics tell."""
        mine = self._ranges(file)
        return any(all(map(_overlap, mine, theirs)) for theirs in touched)

    def _ranges(self, file: DataFile) -> "Ranges":
        """Lowest and highest value of each key column; None where that is not known."""
        with self._table.open(file) as handle, pq.ParquetFile(handle) as parquet:
            return [
                (file.partition[name], file.partition[name])
                if name in file.partition
                else _range(parquet.metadata, name)
                for name in self._key
            ]

    @property
    def _names(self) -> list[str]:
        return [f"k{number}" for number in range(len(self._key))]

    @property
    def _columns(self) -> str:
        return ", ".join(self._names)


Ranges = list[tuple[Any, Any] | None]


def _range(metadata: pq.FileMetaData, name: str) -> tuple[Any, Any] | None:
    """Of a column over all row groups; None if any of them has no statistics."""
    bounds: list[Any] = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(one) for one in range(group.num_columns))
        found = next((column for column in columns if column.path_in_schema == name), None)
        statistics = found.statistics if found is not None else None
        if statistics is None or not statistics.has_min_max:
            return None
        try:
            bounds += [statistics.min, statistics.max]
        except (ValueError, OverflowError, pa.ArrowException):  # a year that Python cannot say
            return None
    return (min(bounds), max(bounds)) if bounds else None


def _overlap(one: tuple[Any, Any] | None, other: tuple[Any, Any] | None) -> bool:
    if one is None or other is None:
        return True
    try:
        return bool(one[0] <= other[1] and other[0] <= one[1])
    except TypeError:
        return True


def _plain(column: pa.Array) -> pa.Array:
    """A column that DuckDB compares as Arrow does."""
    plain = storage(column)
    return plain.cast(pa.int64()) if pa.types.is_timestamp(plain.type) else plain

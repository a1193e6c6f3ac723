"""The words of moving data: streams, selections, slices, batches, targets, receipts, checkpoints.

All are immutable values. Those that travel between processes (`Stream`, `Selection`, `Slice`, `Target`,
`Receipt`, `Checkpoint`) have ``to_json`` and ``from_json``, inverse to each other; what they write is
plain JSON and holds no secret.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self, TypeAlias

import pyarrow as pa

from towpath.core.filters import Clause, clause_from_json

Record: TypeAlias = dict[str, Any]
#: Where a source can go on reading: a JSON object that only the source understands.
State: TypeAlias = Mapping[str, Any]

#: Key of the Arrow field metadata that names the type in the system the field comes from, as
#: ``<connector>:<type>``, for example ``postgres:inet``. A destination of the same connector
#: may make the very same column of it; all others ignore it.
NATIVE_TYPE = b"towpath:native"


class ReadMode(StrEnum):
    """How a stream is read."""

    FULL_REFRESH = "full_refresh"
    """All of it, each time."""
    INCREMENTAL = "incremental"
    """What follows the last value of a cursor column; all of it the first time."""
    CDC = "cdc"
    """Every change, from the system's own log of changes; all of it the first time."""


class WriteMode(StrEnum):
    """What becomes of the records already in the target."""

    APPEND = "append"
    """They stay; the run's records are added."""
    OVERWRITE = "overwrite"
    """They are replaced as a whole by the run's records, in one atomic act."""
    UPSERT = "upsert"
    """Those with the primary key of one of the run's records are replaced by it; the others stay."""


def schema_to_json(schema: pa.Schema) -> str:
    """The schema as base64 of its Arrow IPC message, metadata included."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def schema_from_json(text: str) -> pa.Schema:
    """The schema that `schema_to_json` wrote."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


@dataclass(frozen=True)
class Stream:
    """A named series of records with one schema, as a source offers it."""

    name: str
    schema: pa.Schema
    namespace: str | None = None
    """Schema or database that the name lives in; None where the system has no such thing."""
    primary_key: tuple[str, ...] = ()
    """Column names in key order; empty if the system knows no key."""
    read_modes: frozenset[ReadMode] = frozenset({ReadMode.FULL_REFRESH})
    cursors: tuple[str, ...] = ()
    """Columns that can serve as an incremental cursor, the likeliest first."""
    rows: int | None = None
    """About how many records it holds; None if that is not cheap to know."""
    bytes: int | None = None
    """About how many bytes it holds in the source; None if that is not cheap to know."""

    @property
    def key(self) -> str:
        """What users call it: ``namespace.name``, or the bare name. Unique in its source."""
        return f"{self.namespace}.{self.name}" if self.namespace else self.name

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "schema": schema_to_json(self.schema),
            "namespace": self.namespace,
            "primary_key": list(self.primary_key),
            "read_modes": sorted(self.read_modes),
            "cursors": list(self.cursors),
            "rows": self.rows,
            "bytes": self.bytes,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            name=data["name"],
            schema=schema_from_json(data["schema"]),
            namespace=data["namespace"],
            primary_key=tuple(data["primary_key"]),
            read_modes=frozenset(map(ReadMode, data["read_modes"])),
            cursors=tuple(data["cursors"]),
            rows=data["rows"],
            bytes=data["bytes"],
        )


@dataclass(frozen=True)
class Selection:
    """What a flow reads of one stream, and how."""

    stream: Stream
    mode: ReadMode = ReadMode.FULL_REFRESH
    columns: tuple[str, ...] | None = None
    """The columns to read, in this order; None for all. Pushed down: what is not named never leaves."""
    where: tuple[Clause, ...] = ()
    """The row filter, pushed down to the source."""
    cursor: str | None = None
    """The cursor column; set if and only if ``mode`` is incremental."""
    cursor_fallback: str | None = None
    """The column, of the same type, whose value counts where the cursor's is null."""
    lookback: float = 0
    """How far behind the last cursor value an incremental read starts again, for systems in which rows
    may become visible late: seconds for dates and times, units for numbers."""

    @property
    def schema(self) -> pa.Schema:
        """The schema of the batches that this selection yields: the named columns, in their order.

        Raises `SchemaError` at construction time of the plan, not here, for unknown columns.
        """
        if self.columns is None:
            return self.stream.schema
        return pa.schema(
            [self.stream.schema.field(name) for name in self.columns],
            metadata=self.stream.schema.metadata,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "stream": self.stream.to_json(),
            "mode": str(self.mode),
            "columns": None if self.columns is None else list(self.columns),
            "where": [part.to_json() for part in self.where],
            "cursor": self.cursor,
            "cursor_fallback": self.cursor_fallback,
            "lookback": self.lookback,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            stream=Stream.from_json(data["stream"]),
            mode=ReadMode(data["mode"]),
            columns=None if data["columns"] is None else tuple(data["columns"]),
            where=tuple(clause_from_json(item) for item in data["where"]),
            cursor=data["cursor"],
            cursor_fallback=data.get("cursor_fallback"),
            lookback=data["lookback"],
        )


@dataclass(frozen=True)
class Slice:
    """An independent piece of a read. Reading it again yields the same records again."""

    id: str
    """Unique in its plan, sortable, safe in file and table names: ``[a-z0-9_]{1,40}``."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Whatever the source needs to read the piece: plain JSON, without secrets."""
    rows: int | None = None
    """About how many records it holds; None if unknown."""

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "spec": dict(self.spec), "rows": self.rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["id"], data["spec"], data["rows"])


@dataclass(frozen=True)
class Plan:
    """How one selection is read in one run. There are two kinds:

    - *parallel* (``ordered=False``): the slices are read in any order, by many processes, and published by
      one commit together with ``state``: full refreshes, and the first read of an incremental flow.
    - *ordered* (``ordered=True``): exactly one slice, read in resume order; its batches carry the state
      that follows them, and it is committed in micro-batches.
    """

    slices: tuple[Slice, ...]
    state: State | None = None
    """Parallel plans: the state to remember once all slices are published, taken *before* the first
    record is read. None if the stream keeps none (plain full refresh)."""
    ordered: bool = False
    pinned: bool = False
    """The slices can be read only while the source that planned them stays open (an exported snapshot).
    Reading one after that raises a retryable `UnreachableError` with code ``source.snapshot_lost``."""


class Batch:
    """Records of one stream, with two faces: an Arrow record batch, and a list of dicts.

    A connector yields the face it has, a consumer takes the face it wants; the other face is made at most
    once, when it is first asked for. ``state`` is set where the source could resume after this batch.
    """

    __slots__ = ("_arrow", "_records", "_schema", "state")

    def __init__(self, arrow: pa.RecordBatch, state: State | None = None) -> None:
        self._arrow: pa.RecordBatch | None = arrow
        self._records: list[Record] | None = None
        self._schema: pa.Schema = arrow.schema
        self.state = state

    @classmethod
    def of_records(cls, records: Sequence[Record], schema: pa.Schema, state: State | None = None) -> Self:
        """A batch of dicts; ``schema`` is what its Arrow face will have. Missing keys read as null."""
        batch = cls.__new__(cls)
        batch._arrow, batch._records = None, list(records)  # noqa: SLF001 - its own, a second constructor
        batch._schema, batch.state = schema, state  # noqa: SLF001
        return batch

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def arrow(self) -> pa.RecordBatch:
        """The Arrow face. Raises `pyarrow.ArrowInvalid` if a dict does not fit the schema."""
        if self._arrow is None:
            self._arrow = pa.RecordBatch.from_pylist(self._records or [], schema=self._schema)
        return self._arrow

    @property
    def records(self) -> list[Record]:
        """The dict face: exact Python values (``Decimal``, ``datetime``, ``bytes``, ``UUID`` …)."""
        if self._records is None:
            self._records = self.arrow.to_pylist()
        return self._records

    def __len__(self) -> int:
        return self._arrow.num_rows if self._arrow is not None else len(self._records or ())

    @property
    def nbytes(self) -> int:
        """Bytes of the Arrow face; 0 while only the dict face exists."""
        return self._arrow.nbytes if self._arrow is not None else 0


@dataclass(frozen=True)
class Target:
    """Where and how one run writes one stream: the same value for every call of that run."""

    name: str
    """Table, folder or file name to write to, exactly as the user wants it (any characters)."""
    schema: pa.Schema
    mode: WriteMode
    run: str
    """Key of the run, ``[A-Za-z0-9_~]+``. Staging is keyed by (run, stream, slice)."""
    stream: str
    """`Stream.key` of what is written."""
    lineage: str
    """Key of the state's line: the checkpoints of one (lineage, stream) follow each other. A reset of the
    flow's state starts a new line, so that what a destination remembers of the old one is void."""
    namespace: str | None = None
    """Schema or database to write into; None for the destination's own default."""
    primary_key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "schema": schema_to_json(self.schema),
            "mode": str(self.mode),
            "run": self.run,
            "stream": self.stream,
            "lineage": self.lineage,
            "namespace": self.namespace,
            "primary_key": list(self.primary_key),
            "partition_by": list(self.partition_by),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            name=data["name"],
            schema=schema_from_json(data["schema"]),
            mode=WriteMode(data["mode"]),
            run=data["run"],
            stream=data["stream"],
            lineage=data["lineage"],
            namespace=data["namespace"],
            primary_key=tuple(data["primary_key"]),
            partition_by=tuple(data["partition_by"]),
        )


@dataclass(frozen=True)
class Rejected:
    """A record that a destination did not take: it goes to the error inbox with its reason."""

    record: Record
    code: str
    message: str
    index: int = -1
    """Position in the batch it came in; -1 if that is not known."""


@dataclass(frozen=True)
class Receipt:
    """What a writer staged of one slice; a commit publishes it."""

    slice: str
    rows: int
    bytes: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    """The destination's own: staged file names, for example. Plain JSON, small, without secrets."""

    def to_json(self) -> dict[str, Any]:
        return {
            "slice": self.slice,
            "rows": self.rows,
            "bytes": self.bytes,
            "detail": dict(self.detail),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["slice"], data["rows"], data["bytes"], data["detail"])


@dataclass(frozen=True)
class Checkpoint:
    """One commit of one run, and the state that it made durable."""

    run: str
    number: int
    """Counts the commits of the run from 1. A commit with the run and number of the last checkpoint, or a
    smaller number, has happened already and does nothing."""
    state: State | None

    def to_json(self) -> dict[str, Any]:
        state = None if self.state is None else dict(self.state)
        return {"run": self.run, "number": self.number, "state": state}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["run"], data["number"], data["state"])

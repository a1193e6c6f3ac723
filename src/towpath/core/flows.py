"""What a user says about a flow: the documents that are stored, applied from YAML and exported again.

These are pydantic models: their JSON Schemas are the published ones, and every error names the path
of the field at fault. None of them ever holds a secret.
"""

from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from towpath.core.filters import AnyOf, Condition, Operator
from towpath.core.model import ReadMode, WriteMode
from towpath.core.steps import PageRead, RecordWrite

#: The shortest interval between two starts that users may ask for, in seconds.
MINIMUM_INTERVAL = 60

_CRON_FIELDS = 5


class Document(BaseModel):
    """Base of all documents: unknown fields are errors, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Filter(Document):
    """One condition of a row filter."""

    column: str
    op: Operator = Operator.EQ
    value: Any = None

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        if self.op is Operator.IN and not isinstance(self.value, list):
            raise ValueError("the value of an 'in' condition is a list")
        if self.op in (Operator.IS_NULL, Operator.NOT_NULL) and self.value is not None:
            raise ValueError(f"'{self.op}' takes no value")
        return self

    def to_condition(self) -> Condition:
        return Condition(self.column, self.op, self.value)


class AnyFilter(Document):
    """A part of a row filter for which one of several conditions is enough."""

    any: Annotated[tuple[Filter, ...], Field(min_length=1)]

    def to_condition(self) -> AnyOf:
        return AnyOf(tuple(item.to_condition() for item in self.any))


class StreamRead(Document):
    """How an export reads one stream."""

    name: str
    """Key of the stream, as `discover` shows it: ``public.orders``."""
    mode: ReadMode = ReadMode.FULL_REFRESH
    cursor: str | None = None
    cursor_fallback: str | None = None
    """The column whose value counts where the cursor's is null."""
    lookback: float = Field(default=0, ge=0)
    columns: tuple[str, ...] | None = None
    """The only columns to read; None for all."""
    exclude: tuple[str, ...] = ()
    """The columns not to read, while all others are, those too that the stream gets later."""
    where: tuple[Filter | AnyFilter, ...] = ()
    """All parts must hold."""

    @model_validator(mode="after")
    def _cursor_fits_mode(self) -> Self:
        if self.mode is ReadMode.INCREMENTAL and not self.cursor:
            raise ValueError("an incremental stream needs a cursor column: add 'cursor'")
        if self.mode is not ReadMode.INCREMENTAL and self.cursor:
            raise ValueError("'cursor' is for incremental streams only")
        if self.cursor_fallback and not self.cursor:
            raise ValueError("'cursor_fallback' stands in for a cursor: add 'cursor'")
        return self

    @model_validator(mode="after")
    def _columns_are_said_once(self) -> Self:
        if self.columns is not None and self.exclude:
            raise ValueError("name either the 'columns' to read or those to 'exclude'")
        return self


class StreamWrite(Document):
    """How an import writes one stream."""

    name: str
    """Key of the stream, the same as in the export."""
    mode: WriteMode | None = None
    """None: overwrite for a full refresh; otherwise upsert with a primary key and append without."""
    target: str | None = None
    """Table, folder or file to write; None: the stream's own name."""
    primary_key: tuple[str, ...] | None = None
    """None: the stream's own key."""
    partition_by: tuple[str, ...] = ()
    document: bool = False
    """Write each record as one JSON document, in the column ``data`` beside the primary key's columns."""


class ExportSpec(Document):
    """What to read: the named streams, or every stream with a full refresh if none is named."""

    streams: tuple[StreamRead, ...] = ()
    pages: PageRead | None = None
    """For the records lane: how it is read page by page; then at most one stream is named, for connections
    that have no application of their own."""


class ImportSpec(Document):
    """What and how to write."""

    namespace: str | None = None
    """Schema or database to write into; None: the destination's own default."""
    streams: tuple[StreamWrite, ...] = ()
    records: RecordWrite | None = None
    """For the records lane: how records are written one by one; with one stream, for connections that have no
    application of their own."""


class Cron(Document):
    """Start at the times of a five-field cron expression in a time zone."""

    cron: str
    timezone: str = "UTC"

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        if len(value.split()) != _CRON_FIELDS or not croniter.is_valid(value):
            raise ValueError(f"{value!r} is not a five-field cron expression, such as '0 6 * * 1-5'")
        return value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not an IANA time zone, such as 'Europe/Amsterdam'")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Every(Document):
    """Start every so many seconds, counted from the last due time."""

    every: Annotated[float, Field(gt=0)]


Schedule = Cron | Every


class Policy(Document):
    """How a flow behaves when things go wrong."""

    max_attempts: int = Field(default=5, ge=1, le=20)
    """How often one slice or commit is tried when its errors are transient."""
    on_rejected: Literal["continue", "stop"] = "continue"
    """Whether a record that goes to the inbox stops the run. # Invariant 7"""
    parallel: int = Field(default=2, ge=1, le=16)
    """How many slices of this flow are read at once."""


class FlowStream(Document):
    """One stream of a flow in YAML: its reading and its writing in one place."""

    name: str
    mode: ReadMode = ReadMode.FULL_REFRESH
    cursor: str | None = None
    cursor_fallback: str | None = None
    lookback: float = Field(default=0, ge=0)
    columns: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    where: tuple[Filter | AnyFilter, ...] = ()
    write: WriteMode | None = None
    target: str | None = None
    primary_key: tuple[str, ...] | None = None
    partition_by: tuple[str, ...] = ()
    document: bool = False

    @model_validator(mode="after")
    def _reads(self) -> Self:
        self.to_read()
        return self

    def to_read(self) -> StreamRead:
        return StreamRead(
            name=self.name,
            mode=self.mode,
            cursor=self.cursor,
            cursor_fallback=self.cursor_fallback,
            lookback=self.lookback,
            columns=self.columns,
            exclude=self.exclude,
            where=self.where,
        )

    def to_write(self) -> StreamWrite:
        return StreamWrite(
            name=self.name,
            mode=self.write,
            target=self.target,
            primary_key=self.primary_key,
            partition_by=self.partition_by,
            document=self.document,
        )

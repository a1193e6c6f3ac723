"""From what a flow asks for and what a source offers to selections and targets: pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import pyarrow as pa

from towpath.core.errors import ConfigError, SchemaError
from towpath.core.flows import ExportSpec, ImportSpec, StreamRead, StreamWrite
from towpath.core.model import ReadMode, Selection, Stream, Target, WriteMode
from towpath.core.partitions import parse
from towpath.core.ports import Connector
from towpath.engine.documents import document_schema

#: What ends the lineage of all retries of a flow.
_RETRY = ":retry"


@dataclass(frozen=True)
class Wish:
    """What a flow wants of one stream."""

    read: StreamRead
    write: StreamWrite


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What all targets of one run have in common."""

    run: str
    """Key of the run: its id, or ``<id>~<epoch>``."""
    namespace: str | None
    full: bool
    source: Connector[Any]
    destination: Connector[Any]


def wishes(
    export: ExportSpec, imported: ImportSpec, offered: Sequence[Stream], only: Sequence[str] | None
) -> list[Wish]:
    """The streams to run, in the flow's order. Raises `ConfigError` for names that fit nothing."""
    reads = export.streams or tuple(StreamRead(name=stream.key) for stream in offered)
    names = [read.name for read in reads]
    _check_unique(names)
    writes = {write.name: write for write in imported.streams}
    for name in writes:
        if name not in names:
            raise ConfigError(
                "stream.not_exported",
                f"The import writes {name!r}, which the export does not read.",
                hint=f"{_did_you_mean(name, names)}The two must use the same name.",
            )
    for name in only or ():
        if name not in names:
            raise ConfigError(
                "stream.not_in_flow",
                f"The flow has no stream {name!r}.",
                hint=f"{_did_you_mean(name, names)}The flow has: {', '.join(names)}.",
            )
    chosen = [read for read in reads if only is None or read.name in only]
    return [Wish(read, writes.get(read.name, StreamWrite(name=read.name))) for read in chosen]


def selection_of(read: StreamRead, offered: Sequence[Stream], frame: Frame) -> Selection:
    """What to read of one stream. Raises `SchemaError` or `ConfigError` with the nearest name."""
    stream = _find(read.name, offered)
    modes = stream.read_modes & (frame.source.read_modes or stream.read_modes)
    if read.mode not in modes:
        raise ConfigError(
            "read_mode.unsupported",
            f"{read.name} cannot be read with mode {read.mode}.",
            hint=f"It can be read with: {', '.join(sorted(modes))}.",
        )
    where = tuple(part.to_condition() for part in read.where)
    cursors = tuple(name for name in (read.cursor, read.cursor_fallback) if name)
    for column in (*(read.columns or ()), *cursors, *(name for part in where for name in part.columns)):
        _check_column(column, stream)
    columns = _columns(read, stream)
    for name in cursors:
        if columns is not None and name not in columns:
            raise ConfigError(
                "cursor.not_selected",
                f"The cursor {name!r} of {read.name} is not among its columns.",
                hint=f"Add {name!r} to 'columns'." if read.columns else f"Take {name!r} out of 'exclude'.",
            )
    return Selection(
        stream=stream,
        mode=read.mode,
        columns=columns,
        where=where,
        cursor=read.cursor,
        cursor_fallback=read.cursor_fallback,
        lookback=read.lookback,
    )


def _columns(read: StreamRead, stream: Stream) -> tuple[str, ...] | None:
    """The columns to read; None for all. One that was excluded may be gone: that changes nothing."""
    if not read.exclude:
        return read.columns
    kept = tuple(name for name in stream.schema.names if name not in read.exclude)
    if not kept:
        raise ConfigError(
            "column.none",
            f"All columns of {read.name} are excluded.",
            hint="Take at least one of them out of 'exclude', or leave the stream out of the flow.",
        )
    return kept


def target_of(selection: Selection, write: StreamWrite, frame: Frame, lineage: str) -> Target:
    """Where and how to write it. Raises `SchemaError` or `ConfigError` if that cannot be."""
    stream = selection.stream
    key = stream.primary_key if write.primary_key is None else write.primary_key
    partitions = [parse(entry, selection.schema.names).column for entry in write.partition_by]
    for column in (*(write.primary_key or ()), *partitions):
        _check_column(column, stream)
    kept = set(selection.schema.names)
    mode = write.mode or _default_mode(selection, key)
    _check_mode(selection, mode, frame)
    if mode is WriteMode.UPSERT and not key:
        raise SchemaError(
            "upsert.no_key",
            f"{stream.key} has no primary key, so its records cannot be upserted.",
            hint="Name the key columns with 'primary_key', or use the mode append or overwrite.",
        )
    if mode is WriteMode.UPSERT and not kept.issuperset(key):
        raise SchemaError(
            "upsert.no_key",
            f"The primary key of {stream.key} ({', '.join(key)}) is not among the columns that are read.",
            hint="Add the key columns to 'columns'.",
        )
    key = key if kept.issuperset(key) else ()
    schema = document_schema(stream.key, selection.schema, key) if write.document else selection.schema
    _check_partitions(stream, schema, write)
    return Target(
        name=write.target or stream.name,
        schema=schema,
        mode=mode,
        run=frame.run,
        stream=stream.key,
        lineage=lineage,
        namespace=frame.namespace,
        primary_key=key,
        partition_by=write.partition_by,
    )


def retried(origin: Mapping[str, Any], run: str, destination: Connector[Any]) -> tuple[Selection, Target]:
    """Selection and target for records that a run rejected; ``origin`` has those of that run.

    What the run wrote stays: an overwrite becomes an upsert, or without a key an append. The lineage is one
    of its own, so that no checkpoint of the flow is touched. # Invariant 1
    """
    selection, target = Selection.from_json(origin["selection"]), Target.from_json(origin["target"])
    mode, lineage = target.mode, target.lineage.removesuffix(_RETRY) + _RETRY
    if mode is WriteMode.OVERWRITE:
        upsert = target.primary_key and WriteMode.UPSERT in destination.write_modes
        mode = WriteMode.UPSERT if upsert else WriteMode.APPEND
    whole = replace(
        selection, mode=ReadMode.FULL_REFRESH, where=(), cursor=None, cursor_fallback=None, lookback=0
    )
    return whole, replace(target, run=run, mode=mode, lineage=lineage)


def clash(targets: Mapping[str, Target]) -> dict[str, ConfigError]:
    """Errors for the streams whose target another stream before them writes too."""
    taken: dict[tuple[str | None, str], str] = {}
    errors: dict[str, ConfigError] = {}
    for stream, target in targets.items():
        first = taken.setdefault((target.namespace, target.name), stream)
        if first != stream:
            errors[stream] = ConfigError(
                "target.duplicate",
                f"{first} and {stream} would both be written to {target.name!r}.",
                hint=f"Give {stream} another name with 'target'.",
            )
    return errors


def _check_partitions(stream: Stream, schema: pa.Schema, write: StreamWrite) -> None:
    for entry in write.partition_by if write.document else ():
        column = parse(entry, schema.names).column
        if column not in schema.names:
            raise SchemaError(
                "column.not_found",
                f"The documents of {stream.key} have no column {column!r} to partition by.",
                hint="Beside a document there are the columns of the primary key: partition by one of these.",
                stream=stream.key,
                column=column,
            )


def _default_mode(selection: Selection, key: Sequence[str]) -> WriteMode:
    if selection.mode is ReadMode.FULL_REFRESH:
        return WriteMode.OVERWRITE
    return WriteMode.UPSERT if key else WriteMode.APPEND


def _check_mode(selection: Selection, mode: WriteMode, frame: Frame) -> None:
    name = selection.stream.key
    if mode not in frame.destination.write_modes:
        raise ConfigError(
            "write_mode.unsupported",
            f"{frame.destination.title} cannot write {name} with mode {mode}.",
            hint=f"It can: {', '.join(sorted(frame.destination.write_modes))}.",
        )
    if selection.mode is ReadMode.FULL_REFRESH:
        return
    if mode is WriteMode.OVERWRITE:
        raise ConfigError(
            "overwrite.not_full",
            f"{name} is read with mode {selection.mode}, which yields only what is new: an overwrite would "
            "lose everything else.",
            hint="Use the mode upsert or append, or read with mode full_refresh.",
        )
    if frame.full and mode is WriteMode.APPEND:
        raise ConfigError(
            "append.not_full",
            f"A full run would append every record of {name} a second time.",
            hint="Write with mode upsert; or clear the stream first: `towpath flows clear`.",
        )


def _check_unique(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                "stream.duplicate", f"The export names {name!r} twice.", hint="Remove one of them."
            )


def _find(name: str, offered: Sequence[Stream]) -> Stream:
    for stream in offered:
        if stream.key == name:
            return stream
    keys = {stream.name: stream.key for stream in offered} | {stream.key: stream.key for stream in offered}
    near = get_close_matches(name, keys, n=1)
    raise SchemaError(
        "stream.not_found",
        f"The source has no stream {name!r}.",
        hint=f"Did you mean {keys[near[0]]!r}?" if near else "`towpath discover` shows what it has.",
        stream=name,
    )


def _check_column(column: str, stream: Stream) -> None:
    names = stream.schema.names
    if column not in names:
        raise SchemaError(
            "column.not_found",
            f"{stream.key} has no column {column!r}.",
            hint=f"{_did_you_mean(column, names)}It has: {', '.join(names)}.",
            stream=stream.key,
            column=column,
        )


def _did_you_mean(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]!r}? " if near else ""

"""From ``streams_config`` to what a flow reads and writes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from towpath.api.console.streams import columns
from towpath.api.console.streams.cursors import cursors_of
from towpath.api.console.streams.document import ROOT, Selected, StreamsConfig
from towpath.api.console.streams.filters import where_of
from towpath.api.console.streams.partitions import partition_by
from towpath.api.console.streams.picks import Pick, picks
from towpath.api.console.streams.places import namespace_of, target_of
from towpath.core.errors import ConfigError
from towpath.core.flows import FlowStream
from towpath.core.model import ReadMode, Stream, WriteMode

_MODES = frozenset(str(mode) for mode in ReadMode)
#: How consoles call it that records are added, and not replaced.
_APPEND_MODE = "append_mode"


def flow_streams(
    streams_config: str | Mapping[str, Any] | None,
    offered: Sequence[Stream] | None = None,
    writes: Collection[WriteMode] = (),
) -> tuple[tuple[FlowStream, ...], str | None]:
    """The selected streams, and the namespace to write into (None: the destination's own default).

    No stream at all means every stream, as in a flow's document; that is so only where nothing was said.
    ``offered``: fresh discovery, if there is one; without it the document's own catalogue is believed.
    ``writes``: how the destination can write; none if that is not known here.
    Raises `ConfigError` whose field is a path like ``streams_config.selected_streams.public.0.filter``.
    """
    document = StreamsConfig.read(streams_config)
    if document.silent:
        return (), None
    found = list(picks(document, offered))
    if not found:
        raise ConfigError(
            "stream.none_selected",
            "No stream is selected.",
            hint="Select at least one stream.",
            field=f"{ROOT}.selected_streams",
        )
    streams = tuple(_stream(pick, writes) for pick in found)
    _check_targets(found)
    return streams, _namespace(found)


def _stream(pick: Pick, writes: Collection[WriteMode]) -> FlowStream:
    selected, words, place = pick.selected, pick.facts.words, pick.place
    mode = _mode(pick)
    write = _write(pick, mode, writes)
    cursor, fallback = (None, None) if mode is not ReadMode.INCREMENTAL else cursors_of(pick)
    wanted, exclude = columns.chosen(
        selected.selected_columns, words.keys(), pick.facts.foreign, pick.key, f"{place}.selected_columns"
    )
    stream = FlowStream(
        name=pick.key,
        mode=mode,
        cursor=cursor,
        cursor_fallback=fallback,
        lookback=selected.lookback,
        columns=wanted,
        exclude=exclude,
        where=where_of(selected, words, pick.key, place),
        write=write,
        target=target_of(pick.offer.destination_table, pick.offer.name),
        primary_key=selected.primary_key,
        partition_by=partition_by(selected.partition_regex, words, pick.key, f"{place}.partition_regex"),
        document=not _choice(pick, "normalization"),
    )
    _check_needed(pick, stream)
    return stream


def _choice(pick: Pick, name: str) -> bool:
    """What was chosen, or else the stream's default."""
    chosen: bool | None = getattr(pick.selected, name)
    return bool(getattr(pick.offer.default_stream_properties, name)) if chosen is None else chosen


def _mode(pick: Pick) -> ReadMode:
    word = pick.offer.sync_mode or str(ReadMode.FULL_REFRESH)
    modes = pick.facts.modes or tuple(_MODES)
    if word not in _MODES or word not in modes:
        can = ", ".join(sorted(_MODES.intersection(modes)))
        raise ConfigError(
            "read_mode.unsupported",
            f"{pick.key} cannot be read with sync mode {word!r}.",
            hint=f"It can be read with: {can}.",
            field=f"{pick.entry}.sync_mode",
        )
    return ReadMode(word)


def _write(pick: Pick, mode: ReadMode, writes: Collection[WriteMode]) -> WriteMode | None:
    """None is the usual: all is replaced by a full refresh; else upsert with a key, append without."""
    append = _choice(pick, _APPEND_MODE)
    write = WriteMode.APPEND if append else _said(pick.selected)
    effective = write or _usual(pick, mode)
    if writes and effective not in writes:
        raise ConfigError(
            "write_mode.unsupported",
            f"The destination cannot {effective} {pick.key}.",
            hint=f"Set {_APPEND_MODE} to {'false' if append else 'true'}, or choose another destination.",
            field=f"{pick.place}.{_APPEND_MODE}",
        )
    return write


def _said(selected: Selected) -> WriteMode | None:
    return None if selected.write_mode is None else WriteMode(selected.write_mode)


def _usual(pick: Pick, mode: ReadMode) -> WriteMode:
    if mode is ReadMode.FULL_REFRESH:
        return WriteMode.OVERWRITE
    return WriteMode.UPSERT if _key(pick) else WriteMode.APPEND


def _key(pick: Pick) -> tuple[str, ...]:
    own = pick.facts.primary_key
    return own if pick.selected.primary_key is None else pick.selected.primary_key


def _check_needed(pick: Pick, stream: FlowStream) -> None:
    """Columns that the read or the write cannot do without must be among those that are read."""
    upsert = (stream.write or _usual(pick, stream.mode)) is WriteMode.UPSERT
    needed = {"cursor.not_selected": [name for name in (stream.cursor, stream.cursor_fallback) if name]}
    needed["upsert.no_key"] = list(_key(pick)) if upsert else []
    for code, names in needed.items():
        for name in names:
            if name in stream.exclude or (stream.columns is not None and name not in stream.columns):
                raise ConfigError(
                    code,
                    f"{pick.key} cannot be read without its column {name!r}.",
                    hint="Select it: it is the cursor, or a part of the primary key.",
                    field=f"{pick.place}.selected_columns.columns",
                )


def _check_targets(found: Sequence[Pick]) -> None:
    taken: dict[str, str] = {}
    for pick in found:
        table = pick.offer.destination_table or pick.offer.name
        first = taken.setdefault(table, pick.key)
        if first != pick.key:
            raise ConfigError(
                "target.duplicate",
                f"{first} and {pick.key} would both be written to {table!r}.",
                hint="Give one of them another destination_table.",
                field=f"{pick.entry}.destination_table",
            )


def _namespace(found: Sequence[Pick]) -> str | None:
    """The one that all agree in."""
    wanted = [namespace_of(pick.offer.destination_database, pick.namespace) for pick in found]
    for pick, one in zip(found, wanted, strict=True):
        if one != wanted[0]:
            raise ConfigError(
                "namespace.several",
                f"{pick.key} would be written to {one or 'the default'!r}, "
                f"and {found[0].key} to {wanted[0] or 'the default'!r}.",
                hint="A job writes to one destination_database: make them equal, or make two jobs.",
                field=f"{pick.entry}.destination_database",
            )
    return wanted[0]

"""From what a flow reads and writes to ``streams_config``."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from towpath.api.console.streams import columns, filters, offering
from towpath.api.console.streams.cursors import cursor_field
from towpath.api.console.streams.document import Json, StreamsConfig, TypeSchema, key_of, parsed
from towpath.api.console.streams.partitions import pattern_of
from towpath.api.console.streams.places import database_of
from towpath.api.console.streams.reading import flow_streams
from towpath.core.errors import ConfigError
from towpath.core.flows import FlowStream
from towpath.core.model import ReadMode, Stream, WriteMode
from towpath.core.partitions import parse


def streams_config_of(
    streams: Sequence[FlowStream], namespace: str | None = None, offered: Sequence[Stream] | None = None
) -> Json:
    """The document that says the same: `flow_streams` of it gives ``streams`` and ``namespace`` again.

    Without any stream it selects all that are offered.
    """
    return _document(streams, namespace, offering.catalogue(offered or ()))


def shown(
    kept: str | Mapping[str, Any] | None, streams: Sequence[FlowStream], namespace: str | None = None
) -> Json:
    """The document to show for a flow: ``kept`` (its metadata's) as long as it says what the flow does, and
    otherwise one made from the flow with ``kept``'s catalogue.
    """
    try:
        document = parsed(kept)
        if flow_streams(document) == (tuple(streams), namespace):
            return document
        StreamsConfig.read(document)
    except ConfigError:
        document = {}
    return _document(streams, namespace, deepcopy(document.get("streams") or []))


def every_stream(entries: list[Json], namespace: str | None) -> Json:
    """The document that says of each stream of the catalogue what a flow does that names none."""
    streams = [
        FlowStream(name=_key(entry), target=entry["stream"].get("destination_table") or None)
        for entry in entries
    ]
    return _said(streams, namespace, entries)


def _document(streams: Sequence[FlowStream], namespace: str | None, entries: list[Json]) -> Json:
    return _said(streams, namespace, entries) if streams else every_stream(entries, namespace)


def _said(streams: Sequence[FlowStream], namespace: str | None, entries: list[Json]) -> Json:
    known = {_key(entry): entry for entry in entries}
    chosen: dict[str, list[Json]] = {}
    for stream in streams:
        entry = known.get(stream.name)
        if entry is None:
            entry = _entry_of(stream)
            entries.append(entry)
        offer = entry["stream"]
        offer |= _choices(stream, offer, namespace) | _admitted(stream, offer)
        chosen.setdefault(offer.get("namespace") or "", []).append(_selected(stream, offer))
    return {"selected_streams": chosen, "streams": entries}


def _key(entry: Json) -> str:
    return key_of(entry["stream"].get("namespace"), entry["stream"]["name"])


def _entry_of(stream: FlowStream) -> Json:
    """What is known of a stream that no catalogue describes: the columns that its flow names."""
    namespace, dot, name = stream.name.partition(".")
    if not (dot and namespace and name):
        namespace, name = "", stream.name
    offer = {
        "name": name,
        "namespace": namespace,
        "source_defined_primary_key": list(stream.primary_key or ()),
        "available_cursor_fields": [name for name in (stream.cursor, stream.cursor_fallback) if name],
        "default_stream_properties": {"normalization": True, "append_mode": False},
    }
    return {"stream": offer}


def _admitted(stream: FlowStream, offer: Json) -> Json:
    """The catalogue's part of what the flow needs of the stream, whether or not the catalogue knew it."""
    known = offering.properties_of(offer)
    where = [column for part in stream.where for column in part.to_condition().columns]
    named = [stream.cursor, stream.cursor_fallback, *(stream.columns or ()), *stream.exclude, *where]
    named += [*(stream.primary_key or ()), *(parse(entry, known).column for entry in stream.partition_by)]
    new = {column: {"type": ["null"], "destination_column_name": column} for column in named if column}
    modes = [*(offer.get("supported_sync_modes") or ()), str(stream.mode)]
    return {
        "type_schema": {"properties": {**new, **known}},
        "supported_sync_modes": list(dict.fromkeys(modes)),
    }


def _choices(stream: FlowStream, offer: Json, namespace: str | None) -> Json:
    """What of the stream stands in the catalogue."""
    found = {
        "sync_mode": str(stream.mode),
        "destination_database": database_of(namespace, offer.get("namespace") or ""),
        "destination_table": stream.target or offer["name"],
    }
    if stream.mode is ReadMode.INCREMENTAL:
        found["cursor_field"] = cursor_field(stream.cursor, stream.cursor_fallback)
    return found


def _selected(stream: FlowStream, offer: Json) -> Json:
    known = offering.properties_of(offer)
    return {
        "stream_name": offer["name"],
        "partition_regex": pattern_of(stream.partition_by, known),
        "normalization": not stream.document,
        "append_mode": stream.write is WriteMode.APPEND,
        **filters.said(stream.where),
        "selected_columns": columns.said(stream, _own(known)),
        **_ours(stream),
    }


def _own(schema: Mapping[str, Any]) -> list[str]:
    """The columns of the catalogue that are the source's."""
    found = TypeSchema.model_validate({"properties": schema}).properties
    return [name for name, column in found.items() if not column.foreign]


def _ours(stream: FlowStream) -> Json:
    """What the dialect has no word for."""
    found: Json = {}
    if stream.write not in (None, WriteMode.APPEND):
        found["write_mode"] = str(stream.write)
    if stream.primary_key is not None:
        found["primary_key"] = list(stream.primary_key)
    if stream.lookback:
        found["lookback"] = stream.lookback
    return found

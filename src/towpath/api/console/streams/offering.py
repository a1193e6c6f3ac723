"""What a source offers, as the catalogue of this dialect."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from towpath.api.console.streams.document import Json
from towpath.api.console.streams.types import word_of
from towpath.core.model import ReadMode, Stream

if TYPE_CHECKING:
    import pyarrow as pa

#: In the order in which consoles list them.
_ORDER = (ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL, ReadMode.CDC)


def catalogue(streams: Sequence[Stream], modes: Collection[ReadMode] = ()) -> list[Json]:
    """An entry for each stream; ``modes`` are those that the connector can, none for whatever streams say."""
    names = Counter(stream.name for stream in streams)
    return [{"stream": _offer(stream, modes, alone=names[stream.name] == 1)} for stream in streams]


def _offer(stream: Stream, modes: Collection[ReadMode], *, alone: bool) -> Json:
    can = [mode for mode in _ORDER if mode in stream.read_modes and (not modes or mode in modes)]
    return {
        "name": stream.name,
        "namespace": stream.namespace or "",
        "type_schema": {
            "properties": {
                field.name: _column(field, key=field.name in stream.primary_key) for field in stream.schema
            }
        },
        "supported_sync_modes": [str(mode) for mode in can],
        "source_defined_primary_key": list(stream.primary_key),
        "available_cursor_fields": list(stream.cursors),
        "cursor_field": stream.cursors[0] if stream.cursors else "",
        "sync_mode": str(_usual(stream, can)),
        "destination_database": "",
        # Two tables of one name, in two schemas, shall not become one.
        "destination_table": stream.name if alone else f"{stream.namespace or ''}_{stream.name}",
        "default_stream_properties": {"normalization": True, "append_mode": False},
    }


def _column(field: "pa.Field[Any]", *, key: bool) -> Json:
    word = word_of(field.type)
    nullable = ["null"] if field.nullable and not key and word != "null" else []
    return {"type": [word, *nullable], "destination_column_name": field.name}


def _usual(stream: Stream, can: Sequence[ReadMode]) -> ReadMode:
    """What never misses a change: the log of changes, or all of it. A cursor is the user's choice."""
    return ReadMode.CDC if ReadMode.CDC in can and stream.primary_key else ReadMode.FULL_REFRESH


def properties_of(offer: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What the catalogue's entry says of each column."""
    return ((offer or {}).get("type_schema") or {}).get("properties") or {}


def selected(offer: Json) -> Json:
    """The usual choices for a stream of the catalogue."""
    return {
        "stream_name": offer["name"],
        "partition_regex": "",
        "normalization": True,
        "append_mode": False,
        "filter": "",
        "selected_columns": {"columns": list(properties_of(offer)), "sync_new_columns": True},
    }


def whole(entries: Sequence[Json]) -> Json:
    """The document that selects every stream of the catalogue, each with the usual choices."""
    chosen: dict[str, list[Json]] = {}
    for entry in entries:
        offer = entry["stream"]
        chosen.setdefault(offer["namespace"], []).append(selected(offer))
    return {"selected_streams": chosen, "streams": list(entries)}

"""What lies between a job's saved streams and their update."""

from collections.abc import Mapping
from typing import Any

from towpath.api.console.streams.document import Json, StreamsConfig, key_of, parsed
from towpath.api.console.streams.picks import Pick, picks
from towpath.api.console.streams.reading import flow_streams
from towpath.core.flows import FlowStream
from towpath.core.model import ReadMode, WriteMode

#: What decides which records are there, where, and what they look like.
_DECISIVE = (
    "mode",
    "cursor",
    "cursor_fallback",
    "where",
    "write",
    "target",
    "primary_key",
    "partition_by",
    "document",
)


def difference(saved: str | Mapping[str, Any] | None, updated: str | Mapping[str, Any] | None) -> Json:
    """``{"selected_streams": {namespace: […]}, "streams": […]}``: the streams, as updated, that stay selected
    and whose data already written would be wrong, so that it must be cleared. Both empty if there are none.

    Data is wrong if records in it would not be read or not be written like this by the update, or records
    are missing that it would have. Streams that each run replaces as a whole are right after the next one.
    Raises `ConfigError` for an update that cannot be used.
    """
    before, place = flow_streams(saved)
    known = {stream.name: stream for stream in before}
    catalogue = _columns(saved)
    after, new_place = flow_streams(updated)
    changed = set()
    for stream in after:
        old = known.get(stream.name, None if known else FlowStream(name=stream.name))
        if old is None or _is_replaced(stream):
            continue
        moved = place != new_place
        if moved or _is_changed(old, stream) or _reads_more(old, stream, catalogue.get(stream.name, ())):
            changed.add(stream.name)
    return _only(updated, changed)


def _is_replaced(stream: FlowStream) -> bool:
    return stream.mode is ReadMode.FULL_REFRESH and stream.write in (None, WriteMode.OVERWRITE)


def _is_changed(old: FlowStream, new: FlowStream) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in _DECISIVE)


def _reads_more(old: FlowStream, new: FlowStream, columns: tuple[str, ...]) -> bool:
    """Whether a column is read that was there before, and was not read: it is empty in what was written."""
    return not _read(new, columns) <= _read(old, columns)


def _read(stream: FlowStream, columns: tuple[str, ...]) -> set[str]:
    return set(columns if stream.columns is None else stream.columns) & set(columns) - set(stream.exclude)


def _columns(streams_config: str | Mapping[str, Any] | None) -> dict[str, tuple[str, ...]]:
    """The columns that the catalogue knew, by stream."""
    return {pick.key: tuple(pick.facts.words) for pick in _picks(streams_config)}


def _picks(streams_config: str | Mapping[str, Any] | None) -> list[Pick]:
    return list(picks(StreamsConfig.read(streams_config), None))


def _only(streams_config: str | Mapping[str, Any] | None, keys: set[str]) -> Json:
    """The part of the document that is about these streams."""
    document = parsed(streams_config)
    chosen = {
        namespace: [one for one in some if _is_one_of(keys, namespace, one)]
        for namespace, some in (document.get("selected_streams") or {}).items()
    }
    entries = [
        entry
        for entry in document.get("streams") or ()
        if key_of(entry["stream"].get("namespace"), entry["stream"]["name"]) in keys
    ]
    return {"selected_streams": {name: some for name, some in chosen.items() if some}, "streams": entries}


def _is_one_of(keys: set[str], namespace: str, selected: Json) -> bool:
    return not selected.get("disabled") and key_of(namespace, selected["stream_name"]) in keys

"""What a source offers now, with the choices that a job has saved."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from towpath.api.console.streams import offering
from towpath.api.console.streams.document import Column, Json, StreamsConfig, key_of, parsed
from towpath.api.console.streams.offering import properties_of
from towpath.api.console.streams.places import database_of, namespace_of
from towpath.api.console.streams.saying import every_stream
from towpath.core.model import ReadMode, Stream

#: Choices that stand in the catalogue.
_CHOICES = ("cursor_field", "destination_database", "destination_table", "default_stream_properties")


def proposal(streams: Sequence[Stream], modes: Collection[ReadMode] = ()) -> Json:
    """What a new job starts from: every stream, selected with the usual choices. ``modes`` are those that the
    connector can; none if streams decide.
    """
    return offering.whole(offering.catalogue(streams, modes))


def merged(
    saved: str | Mapping[str, Any] | None,
    streams: Sequence[Stream],
    modes: Collection[ReadMode] = (),
    namespace: str | None = None,
) -> Json:
    """What an update of a job starts from: its saved choices, without the streams and columns that are gone.
    New streams are offered and not selected; new columns are read where the job reads whatever comes.

    ``namespace``: where a job writes to that has saved nothing, which reads every stream.
    """
    document, read = parsed(saved), StreamsConfig.read(saved)
    if read.silent:
        return every_stream(offering.catalogue(streams, modes), namespace)
    before = {_key(entry["stream"]): entry["stream"] for entry in document.get("streams") or ()}
    entries = offering.catalogue(streams, modes)
    offers = {_key(entry["stream"]): entry["stream"] for entry in entries}
    place = _namespace(read)
    for key, offer in offers.items():
        _keep(offer, before.get(key), place)
    chosen: dict[str, list[Json]] = {}
    for own, some in (document.get("selected_streams") or {}).items():
        for one in some:
            key = key_of(own, one["stream_name"])
            if key in offers:
                kept = _selected(one, offers[key], before.get(key))
                chosen.setdefault(offers[key]["namespace"], []).append(kept)
    return {"selected_streams": chosen, "streams": entries}


def _key(offer: Json) -> str:
    return key_of(offer.get("namespace"), offer["name"])


def _namespace(read: StreamsConfig) -> str | None:
    """Where the job writes to: its streams agree in that."""
    offers = {key_of(entry.stream.namespace, entry.stream.name): entry.stream for entry in read.streams}
    for namespace, some in read.selected_streams.items():
        for one in some:
            offer = offers.get(key_of(namespace, one.stream_name))
            if offer is not None and not one.disabled:
                return namespace_of(offer.destination_database, namespace)
    return None


def _keep(offer: Json, before: Json | None, place: str | None) -> None:
    """Put what was chosen before into the fresh description of a stream."""
    offer["destination_database"] = database_of(place, offer["namespace"])
    if before is None:
        return
    offer |= {name: before[name] for name in _CHOICES if before.get(name)}
    if before.get("sync_mode") in offer["supported_sync_modes"]:
        offer["sync_mode"] = before["sync_mode"]
    offer["type_schema"]["properties"] |= {
        name: column
        for name, column in properties_of(before).items()
        if Column.model_validate(column).foreign and name not in offer["type_schema"]["properties"]
    }


def _selected(one: Json, offer: Json, before: Json | None) -> Json:
    """The saved choices with the columns of today."""
    columns = one.get("selected_columns") or {}
    if columns.get("columns") is None:
        return one
    fresh, known = properties_of(offer), properties_of(before)
    wanted = [name for name in columns["columns"] if name in fresh]
    if columns.get("sync_new_columns"):
        gone = columns.get("excluded") or ()
        wanted += [name for name in fresh if name not in known and name not in wanted and name not in gone]
    return one | {"selected_columns": columns | {"columns": wanted}}

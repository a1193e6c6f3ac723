"""The selected streams of a document, each with what is known of it and where it stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from towpath.api.console.streams.document import ROOT, Offer, Selected, StreamsConfig, key_of
from towpath.api.console.streams.types import words_of
from towpath.core.errors import ConfigError
from towpath.core.model import Stream


@dataclass(frozen=True)
class Facts:
    """What is known of a stream apart from all choices."""

    words: Mapping[str, str]
    """The type of each column of the source; none if nothing is known."""
    foreign: frozenset[str]
    """Columns in the catalogue that the source does not have."""
    primary_key: tuple[str, ...]
    modes: tuple[str, ...]
    """How it can be read; none if nothing is known."""


@dataclass(frozen=True)
class Pick:
    """One selected stream."""

    key: str
    """What we call it."""
    namespace: str
    selected: Selected
    offer: Offer
    facts: Facts
    place: str
    """Path of the selected stream in the document."""
    entry: str
    """Path of the stream in the catalogue."""


def picks(document: StreamsConfig, offered: Sequence[Stream] | None) -> Iterator[Pick]:
    """In the document's order. Raises `ConfigError` for a stream named twice, and for one in no catalogue."""
    entries = {
        key_of(item.stream.namespace, item.stream.name): (index, item.stream)
        for index, item in enumerate(document.streams)
    }
    fresh = None if offered is None else {stream.key: stream for stream in offered}
    seen: set[str] = set()
    for namespace, index, selected in _selected(document):
        key, place = key_of(namespace, selected.stream_name), f"selected_streams.{namespace}.{index}"
        known = entries if fresh is None else fresh
        if key in seen or key not in known:
            raise _misnamed(key, f"{ROOT}.{place}.stream_name", twice=key in seen)
        seen.add(key)
        # Chosen without being in the catalogue: then with the usual choices.
        number, offer = entries.get(key, (None, Offer(name=selected.stream_name, namespace=namespace)))
        entry = place if number is None else f"streams.{number}.stream"
        facts = _facts(offer) if fresh is None else _fresh(fresh[key], offer)
        yield Pick(key, namespace, selected, offer, facts, f"{ROOT}.{place}", f"{ROOT}.{entry}")


def _selected(document: StreamsConfig) -> Iterator[tuple[str, int, Selected]]:
    for namespace, chosen in document.selected_streams.items():
        for index, selected in enumerate(chosen):
            if not selected.disabled:
                yield namespace, index, selected


def _misnamed(key: str, field: str, *, twice: bool) -> ConfigError:
    if twice:
        return ConfigError(
            "stream.duplicate", f"{key} is selected twice.", hint="Keep one of the two.", field=field
        )
    return ConfigError(
        "stream.not_found",
        f"The stream {key} is selected, and not among the streams of the source.",
        hint="Ask for the streams of the source again, and select from those.",
        field=field,
    )


def _facts(offer: Offer) -> Facts:
    columns = offer.type_schema.properties
    return Facts(
        words={name: column.word for name, column in columns.items() if not column.foreign},
        foreign=frozenset(name for name, column in columns.items() if column.foreign),
        primary_key=offer.source_defined_primary_key,
        modes=offer.supported_sync_modes,
    )


def _fresh(stream: Stream, offer: Offer) -> Facts:
    return Facts(
        words=words_of(stream),
        foreign=_facts(offer).foreign - set(stream.schema.names),
        primary_key=stream.primary_key,
        modes=tuple(sorted(stream.read_modes)),
    )

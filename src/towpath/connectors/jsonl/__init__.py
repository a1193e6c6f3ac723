"""JSON Lines files, in a folder or on S3-compatible storage."""

from contextlib import AbstractContextManager

from towpath.connectors.jsonl.config import JsonlConfig
from towpath.sdk import Category, Connector, Destination, ReadMode, Source, WriteMode

__all__ = ["connector"]


def _source(config: JsonlConfig) -> AbstractContextManager[Source]:
    from towpath.connectors.jsonl.source import JsonlSource

    return JsonlSource(config)


def _destination(config: JsonlConfig) -> AbstractContextManager[Destination]:
    from towpath.connectors.jsonl.destination import JsonlDestination

    return JsonlDestination(config)


connector = Connector(
    name="jsonl",
    title="JSON Lines files",
    version="1.0.0",
    categories=(Category.FILES,),
    config=JsonlConfig,
    source=_source,
    destination=_destination,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    write_modes=frozenset({WriteMode.APPEND, WriteMode.OVERWRITE}),
    summary="One JSON object a line, exact decimals and nested values, published in whole commits.",
)

"""From a file to the connector that it describes."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from towpath.core.model import ReadMode
from towpath.core.ports import Connector, Source, StreamOffer
from towpath.sdk.rest import document
from towpath.sdk.rest.auth import OAuth2Auth, kind
from towpath.sdk.rest.config import config_class
from towpath.sdk.rest.definition import Definition
from towpath.sdk.rest.stream import StreamDefinition


def load(file: Path) -> Connector[Any]:
    """The connector that the file describes. Raises `ConfigError` ``connector.invalid``."""
    definition = document.read(file)
    icon = (file.parent / definition.icon).read_text() if definition.icon else ""
    return connector(definition, icon)


def connector(definition: Definition, icon: str = "") -> Connector[Any]:
    """The connector; ``icon`` is an SVG document. Without streams it is no source."""

    def source(config: BaseModel) -> AbstractContextManager[Source]:
        from towpath.sdk.rest.source import RestSource

        return RestSource(definition, config)

    streams = definition.streams.items()
    modes = {ReadMode.FULL_REFRESH} if definition.streams else set()
    if any(stream.incremental for _, stream in streams):
        modes.add(ReadMode.INCREMENTAL)
    oauth = next((auth.public() for auth in definition.auth if isinstance(auth, OAuth2Auth)), None)
    return Connector(
        name=definition.name,
        title=definition.title,
        version=definition.version,
        categories=definition.categories,
        config=config_class(definition),
        source=source if definition.streams else None,
        read_modes=frozenset(modes),
        icon=icon,
        summary=definition.summary,
        tags=definition.tags,
        auth=tuple(kind(auth) for auth in definition.auth),
        oauth=oauth,
        streams=tuple(_offer(name, stream) for name, stream in streams),
    )


def _offer(name: str, stream: StreamDefinition) -> StreamOffer:
    incremental = stream.incremental
    return StreamOffer(
        name=name,
        title=stream.title or name,
        summary=stream.summary,
        mode=ReadMode.INCREMENTAL if incremental else ReadMode.FULL_REFRESH,
        cursor=incremental.cursor if incremental else None,
        intervals=stream.intervals,
    )

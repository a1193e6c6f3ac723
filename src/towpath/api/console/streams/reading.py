"""From ``streams_config`` to what a flow reads and writes."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.flows import FlowStream
from towpath.core.model import Stream


def flow_streams(
    streams_config: str | Mapping[str, Any] | None, offered: Sequence[Stream] | None = None
) -> tuple[tuple[FlowStream, ...], str | None]:
    """The selected streams, and the namespace to write into (None: the destination's own default).

    No stream at all means every stream, as in a flow's document; that is so only where nothing was said.
    ``offered``: fresh discovery, if there is one; without it the catalogue inside of the document is believed.
    Raises `ConfigError` whose field is a path like ``streams_config.selected_streams.public.0.filter``.
    """
    raise NotImplementedError

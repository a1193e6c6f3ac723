"""From what a flow reads and writes to ``streams_config``."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.flows import FlowStream
from towpath.core.model import Stream


def streams_config_of(
    streams: Sequence[FlowStream], namespace: str | None = None, offered: Sequence[Stream] | None = None
) -> dict[str, Any]:
    """The document that says the same: `flow_streams` of it gives ``streams`` and ``namespace`` again."""
    raise NotImplementedError


def shown(
    kept: str | Mapping[str, Any] | None, streams: Sequence[FlowStream], namespace: str | None = None
) -> dict[str, Any]:
    """The document to show for a flow: ``kept`` (its metadata's) as long as it says what the flow does, and
    otherwise one made from the flow with ``kept``'s catalogue.
    """
    raise NotImplementedError

"""The streams of a job: the document as it was sent, for as long as it says what the job's flow does.

The flow is what counts. The document is kept beside it, with a digest of the flow that was made of it: a flow
that was changed elsewhere has another one, and a new document is made of it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.api.console import entities, streams
from towpath.core.flows import FlowStream
from towpath.core.ports import Connector
from towpath.services.jobs.jobs import Job

Sent = str | Mapping[str, Any] | None
"""``streams_config``: JSON text, or an object."""

Read = tuple[tuple[FlowStream, ...], str | None]
"""Streams, and the namespace that they are written into."""


def read(sent: Sent, writer: Connector[Any]) -> Read:
    """Raises `ConfigError` naming the place."""
    return streams.flow_streams(sent, writes=writer.write_modes)


def notes(sent: Sent, found: Read) -> dict[str, str]:
    """What is kept of a document that was read so."""
    # A text that says nothing may be none that consoles can parse.
    text = sent if isinstance(sent, str) and found[0] else _text(streams.parsed(sent))
    return {"streams_config": text, "streams_digest": _digest(*found)}


def shown(job: Job) -> str:
    """The document as JSON text."""
    kept = job.flow.metadata.get(entities.NOTES, {})
    found = job.streams, job.namespace
    # Reading the document of a great source takes long, and lists show many.
    if kept.get("streams_digest") == _digest(*found):
        return str(kept["streams_config"])
    return _text(streams.shown(kept.get("streams_config"), *found))


def is_shown(job: Job, sent: Sent) -> bool:
    """Whether it is what the job was shown with: then its flow stays, with what has no word in a document."""
    now = shown(job)
    return sent == now or streams.parsed(sent) == streams.parsed(now)


def cleared(difference: Sent, found: Sequence[FlowStream]) -> tuple[str, ...]:
    """Those of the streams that the difference names; none if it is empty."""
    selected = streams.parsed(difference).get("selected_streams")
    if not isinstance(selected, Mapping) or not any(selected.values()):
        return ()
    names = {stream.name for stream in streams.flow_streams(difference)[0]}
    known = {stream.name for stream in found} or names
    return tuple(sorted(names & known))


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


def _digest(found: Sequence[FlowStream], namespace: str | None) -> str:
    digest = hashlib.sha256(json.dumps(namespace).encode())
    for stream in found:
        # Fields that come with later versions, unset, change nothing.
        digest.update(stream.model_dump_json(exclude_defaults=True).encode())
    return digest.hexdigest()

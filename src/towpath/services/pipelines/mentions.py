"""Whether what a document names is there."""

from collections.abc import Iterable, Mapping
from typing import Any

from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.services.pipelines.drafts import Mention
from towpath.services.pipelines.faults import Faults

#: Connections that are parts of something else, or no system at all: they are not used by their ids.
PRIVATE = frozenset({"stack", "client", "listener"})


def check(work: UnitOfWork, org: str, mentions: Iterable[Mention], faults: Faults) -> None:
    """Tell every one that is not."""
    for mention in mentions:
        if _find(work, org, mention) is None:
            faults.dangling(mention.field, mention.kind)


def connection(work: UnitOfWork, org: str, id: str) -> Connection | None:
    """The connection with this id that steps may use."""
    row = work.connections.find(org, id=id, deleted_at=None)
    return None if row is None or row.role in PRIVATE else row


def _find(work: UnitOfWork, org: str, mention: Mention) -> Any:
    if mention.kind == "connection":
        return connection(work, org, mention.id)
    if mention.kind == "stack":
        return work.connections.find(org, id=mention.id, deleted_at=None, role="stack")
    if mention.kind == "integration":
        # What shares a source belongs together as a whole, and is changed as a whole.
        return work.integrations.find(org, id=mention.id, connection=None)
    rows: Mapping[str, Any] = {
        "export": work.exports,
        "import": work.imports,
        "flow": work.flows,
    }
    return rows[mention.kind].find(org, id=mention.id)

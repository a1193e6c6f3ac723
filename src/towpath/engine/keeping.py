"""How long a snapshot that slices read under must be kept open."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from towpath.core.errors import NotFoundError
from towpath.core.records import SliceStatus, StreamStatus
from towpath.core.repositories import Store, UnitOfWork

#: A worker that has not beaten for this long is dead, as far as the others know.
DEAD_AFTER = timedelta(seconds=10)


class Need(StrEnum):
    """Whether a kept snapshot is still of use."""

    LIVE = "live"
    """Slices are still to be read under it, and there are workers to do so."""
    IDLE = "idle"
    """Slices are still to be read under it, but no worker is alive."""
    OVER = "over"


def still_needed(store: Store, org: str, run: str, held: Mapping[str, int]) -> Need:
    """Whether any stream of ``held`` (stream → epoch) still has slices to be read under its snapshot."""
    with store.read() as work:
        return needed(work, org, run, held)


def needed(work: UnitOfWork, org: str, run: str, held: Mapping[str, int]) -> Need:
    """The same within a unit of work."""
    try:
        if work.runs.get(org, run).status.final:
            return Need.OVER
    except NotFoundError:
        return Need.OVER
    if not any(_unread(work, org, run, stream, epoch) for stream, epoch in held.items()):
        return Need.OVER
    return Need.LIVE if work.workers.alive(DEAD_AFTER) else Need.IDLE


def _unread(work: UnitOfWork, org: str, run: str, stream: str, epoch: int) -> bool:
    try:
        known = work.streams.get(org, run, stream)
        if known.epoch > epoch or known.status in (StreamStatus.COMMITTED, StreamStatus.FAILED):
            return False
    except NotFoundError:
        return True  # planned, and about to be saved
    slices = work.streams.slices(org, run, stream)
    return any(piece.status is not SliceStatus.DONE for piece in slices)

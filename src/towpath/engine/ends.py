"""The one place in which runs become final."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from towpath.core.errors import BusyError, UnreachableError
from towpath.core.records import Run, RunStatus
from towpath.core.repositories import UnitOfWork
from towpath.engine import followers, retries

#: Called once for each run, in the unit of work that makes it final and with the run as it is then: what it
#: writes is there if and only if the run has ended. It must be quick, and talk to nothing but the store.
Ended: TypeAlias = Callable[[UnitOfWork, Run], None]

_logger = logging.getLogger(__name__)


def unheard(work: UnitOfWork, run: Run) -> None:
    """For engines whose runs end without anybody being told."""


def finish(
    work: UnitOfWork,
    ended: Ended,
    org: str,
    run: str,
    status: RunStatus,
    error: Mapping[str, Any] | None = None,
) -> Run:
    """Make a run final, and with it what it was to send again. One that is final already stays as it is."""
    work.runs.lock(org, run)  # two that finish it at once: the second sees what the first did
    before = work.runs.get(org, run)
    if before.status.final:
        return before
    finished = work.runs.finish(org, run, status, error)
    if finished.parent is not None:
        retries.settle(work, org, run)
    elif status is RunStatus.SUCCEEDED:
        followers.start(work, finished)
    _tell(work, ended, finished)
    return finished


def _tell(work: UnitOfWork, ended: Ended, run: Run) -> None:
    try:
        ended(work, run)
    except (UnreachableError, BusyError):
        raise  # the store's: the whole unit of work is tried again
    except Exception:
        # A defect of whoever listens must not keep runs from ending.
        _logger.exception("nobody was told that %s ended", run.id)

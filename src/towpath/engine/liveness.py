"""Which workers are alive."""

import os
import socket
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from towpath.core.records import Worker
from towpath.core.repositories import UnitOfWork
from towpath.engine.keeping import DEAD_AFTER

#: Seconds between two signs of life.
BEAT_EVERY = 2.0
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def new_worker() -> Worker:
    """The present process under a name that no other process has or ever will have."""
    host, pid = socket.gethostname(), os.getpid()
    return Worker(id=f"{host}-{pid}-{uuid4().hex[:8]}", host=host, pid=pid)


def gone(worker: Worker) -> Worker:
    """The row of a worker that ends now, so that nobody waits for its next beat."""
    return Worker(id=worker.id, host=worker.host, pid=worker.pid, beat_at=_LONG_AGO)


def living(unit: UnitOfWork, me: str, within: timedelta = DEAD_AFTER) -> frozenset[str]:
    """Ids of the workers that have beaten of late, and of this one. Left out are those of this machine
    whose process is gone: after a crash and a restart nobody waits for them.
    """
    here = socket.gethostname()
    workers = unit.workers.alive(within)
    return frozenset(worker.id for worker in workers if worker.host != here or _runs(worker.pid)) | {me}


def _runs(pid: int) -> bool:
    # A dead worker may have had the process id of this one, if it ran in the same container.
    return pid != os.getpid() and _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""A planning child that keeps its source, and the snapshot it exported, open for the slices.

It outlives its worker: what was read under the snapshot need not be read again when another worker, or
the same one restarted, goes on.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from towpath.engine.keeping import Need
from towpath.engine.talk import Talk

#: How long a snapshot is kept for a run that nobody works on. It hinders the source's own housekeeping.
GRACE = 600.0
_LOOK_EVERY = 1.0


def wait_until_over(task: Mapping[str, Any], talk: Talk, held: Mapping[str, int]) -> None:
    """Return when the worker releases the snapshot or, the worker being gone, when nobody needs it."""
    while not talk.released.wait(_LOOK_EVERY):
        if talk.orphaned.is_set():
            _wait_as_orphan(task, held)
            return


def _wait_as_orphan(task: Mapping[str, Any], held: Mapping[str, int]) -> None:
    if task["watcher"] is None:
        return
    from towpath.engine.task import load

    look: Callable[..., str] = load(task["watcher"])
    alive_at = time.monotonic()
    while time.monotonic() - alive_at < GRACE:
        match _ask(look, task, held):
            case Need.OVER:
                return
            case Need.LIVE:
                alive_at = time.monotonic()
            case _:
                pass
        time.sleep(_LOOK_EVERY)


def _ask(look: Callable[..., str], task: Mapping[str, Any], held: Mapping[str, int]) -> str:
    try:
        return look(task["org"], task["run"], held, **task["watcher_args"])
    except Exception:  # noqa: BLE001 - the store may be away for a while, as the worker is
        return Need.IDLE

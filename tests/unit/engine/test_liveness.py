import os
import socket
from datetime import timedelta

import pytest

from towpath.core.records import Worker, now
from towpath.engine.keeping import DEAD_AFTER
from towpath.engine.liveness import gone, living, new_worker

HERE = socket.gethostname()


def alive(store, *workers: Worker) -> frozenset[str]:
    with store.begin() as work:
        for worker in workers:
            work.workers.beat(worker)
        return living(work, "me")


def test_names_are_never_used_again():
    assert new_worker().id != new_worker().id


def test_who_beats_on_another_machine_lives(store):
    assert alive(store, Worker(id="w", host="elsewhere", pid=1)) == {"me", "w"}


def test_who_has_not_beaten_for_long_is_dead(store):
    late = Worker(id="w", host="elsewhere", pid=1, beat_at=now() - DEAD_AFTER - timedelta(seconds=1))
    assert alive(store, late) == {"me"}


def test_who_left_is_dead_at_once(store):
    worker = Worker(id="w", host="elsewhere", pid=1)
    assert alive(store, worker, gone(worker)) == {"me"}


@pytest.mark.parametrize(("pid", "known"), [(1, {"me", "w"}), (2**22 - 1, {"me"}), (None, {"me"})])
def test_on_this_machine_the_process_must_be_there(store, pid, known):
    """Our own process id under another name is that of a dead worker in a restarted container."""
    assert alive(store, Worker(id="w", host=HERE, pid=pid or os.getpid())) == known

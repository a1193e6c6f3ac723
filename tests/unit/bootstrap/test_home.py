import os
import stat
import subprocess
import sys

import pytest

from towpath.bootstrap.home import ensure_home
from towpath.bootstrap.lock import HomeLock
from towpath.core.errors import BusyError, ResourceError

HOLD = """
import sys
from pathlib import Path
from towpath.bootstrap.lock import HomeLock
lock = HomeLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_the_home_is_for_its_owner_only_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        assert ensure_home(tmp_path / "a" / "home")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "home").stat().st_mode) == 0o700
    assert not ensure_home(tmp_path / "a" / "home")


def test_a_home_that_cannot_be_made_is_an_error_with_a_hint(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError) as caught:
        ensure_home(tmp_path / "file" / "home")
    assert caught.value.code == "path.read_only"


def test_one_process_holds_a_home_until_it_ends_in_whatever_way(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        lock = HomeLock(tmp_path)
        with pytest.raises(BusyError) as caught:
            lock.acquire()
        assert caught.value.code == "home.in_use"
        assert str(holder.pid) in caught.value.message
        holder.kill()
        holder.wait()
        lock.acquire()
        assert lock.held
        lock.release()


def test_taking_the_lock_again_in_one_process_is_harmless(tmp_path):
    lock = HomeLock(tmp_path)
    assert lock.try_acquire()
    assert lock.try_acquire()
    assert not HomeLock(tmp_path).try_acquire()
    lock.release()
    lock.release()
    other = HomeLock(tmp_path)
    assert other.try_acquire()
    other.release()

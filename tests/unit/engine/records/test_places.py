"""Places of a connection, among real processes."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from towpath.engine.records import places
from towpath.engine.records.places import place

#: The module alone: it imports nothing of ours, and a process with all of it takes seconds to start.
_HEAD = f"""
import os, sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
spec = spec_from_file_location("places", {places.__file__!r})
module = module_from_spec(spec)
spec.loader.exec_module(module)
place = module.place
"""

_HOLDER = """
with place(Path(sys.argv[1]), "lane", 2, lambda: None):
    print("held", flush=True)
    sys.stdin.readline()
"""

_CROWD = """
folder = Path(sys.argv[1])
inside = folder / "inside"
for turn in range(25):
    with place(folder, "lane", 2, lambda: None):
        mine = inside / f"{os.getpid()}-{turn}"
        mine.touch()
        print(len(list(inside.iterdir())), flush=True)
        mine.unlink()
"""


class TooLongError(Exception):
    pass


def impatient(seconds: float = 0.1) -> object:
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise TooLongError

    return check


def start(script: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HEAD + script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_the_level_holds_over_processes_and_threads(tmp_path) -> None:
    (tmp_path / "inside").mkdir()
    crowd = [start(_CROWD, tmp_path) for _ in range(3)]
    seen: list[int] = []
    for process in crowd:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        seen += map(int, out.split())
    assert len(seen) == 75
    assert max(seen) <= 2


def test_a_place_is_freed_by_the_death_of_its_holder(tmp_path) -> None:
    holders = [start(_HOLDER, tmp_path) for _ in range(2)]
    try:
        assert [holder.stdout.readline() for holder in holders] == ["held\n"] * 2
        with pytest.raises(TooLongError), place(tmp_path, "lane", 2, impatient()):
            pass
        with place(tmp_path, "other", 2, impatient()):
            pass
        holders[0].kill()
        holders[0].wait()
        with place(tmp_path, "lane", 2, impatient(20)):
            pass
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()


def test_threads_share_the_places(tmp_path) -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with place(tmp_path, "lane/../x", 2, lambda: None):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert inside == 0
    assert 0 < most <= 2
    assert [path.parent for path in tmp_path.glob("*/0")] != [tmp_path]

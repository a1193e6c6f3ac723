"""Runs a command and says what its whole process tree cost: wall and CPU seconds, peak memory.

The tree is everything that carries the run's mark in its environment, however it was started: children of
children, forked servers, processes that lost their parent. CPU is the sum of each process's own user and
system time at its last sighting; memory is the peak of the summed proportional set sizes (pages that
several processes share are counted once).
"""

import os
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_MARK = "TOWPATH_BENCH_MARK"
_TICK = os.sysconf("SC_CLK_TCK")
_INTERVAL = 0.05


@dataclass
class Cost:
    """What a command cost. Seconds, and bytes."""

    wall: float
    cpu: float
    peak: int
    exit_code: int
    output: str = field(repr=False, default="")


def measure(command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Cost:
    """Run the command to its end. What it prints is kept as ``output``."""
    mark = new_mark()
    began = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        env={**os.environ, **(env or {}), **mark},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with Watcher(mark) as watcher:
        output, _ = process.communicate()
        wall = time.perf_counter() - began
    return Cost(wall, watcher.cpu, watcher.peak, process.returncode, output)


def new_mark() -> dict[str, str]:
    """An environment variable that marks a process and all that it starts as one tree."""
    return {_MARK: uuid.uuid4().hex}


class Watcher(threading.Thread):
    """Watches the tree of a mark while the block runs: what it used meanwhile."""

    def __init__(self, mark: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self._mark = f"{_MARK}={mark[_MARK]}".encode()
        self._cpu: dict[int, float] = {}
        self._before: dict[int, float] = {}
        self._mine: dict[int, bool] = {}
        self._over = threading.Event()
        self.peak = 0

    @property
    def cpu(self) -> float:
        return sum(self._cpu.values()) - sum(self._before.values())

    def __enter__(self) -> Self:
        self._look()
        self._before = dict(self._cpu)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(_INTERVAL):
            self._look()

    def _look(self) -> None:
        total = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_mine(int(entry.name)):
                pid = int(entry.name)
                self._cpu[pid] = max(self._cpu.get(pid, 0.0), _cpu(pid))
                total += _memory(pid)
        self.peak = max(self.peak, total)

    def _is_mine(self, pid: int) -> bool:
        if not self._mine.get(pid):
            try:
                self._mine[pid] = self._mark in Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                return False
        return self._mine[pid]


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:13])) / _TICK


def _memory(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0

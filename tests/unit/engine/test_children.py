"""Real child processes: what they say, and how they end."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import psutil
import pytest

from towpath.engine.children import Child, Nursery
from towpath.engine.supervise import died
from towpath.sdk.testing.memory import add_fault

REGISTRY = "towpath.sdk.testing.memory:registry"
PATIENCE = 20


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.stop()


def task(tmp_path, **config) -> dict:
    end = {"connector": "memory", "config": {"path": str(tmp_path / "world"), **config}}
    return {"kind": "discard", "registry": REGISTRY, "source": end, "destination": end, "targets": []}


def close(child: Child) -> None:
    child.kill()
    assert child.wait(PATIENCE)
    child.channel.close()


def test_a_child_tells_its_result_and_ends(nursery, tmp_path):
    child = nursery.spawn()
    child.channel.send(task(tmp_path))
    assert child.channel.receive(PATIENCE) == {"kind": "result", "value": {"committed": {}}}
    assert child.wait(PATIENCE)
    assert child.exit_code == 0
    close(child)


@pytest.mark.parametrize(
    ("wrong", "code"), [({"registry": REGISTRY}, "config.invalid"), ({"kind": "unheard of"}, "task.crashed")]
)
def test_a_child_tells_errors_and_defects(nursery, tmp_path, wrong, code):
    child = nursery.spawn()
    child.channel.send(task(tmp_path, unknown=1) | wrong)
    message = child.channel.receive(PATIENCE)
    assert message["kind"] == "error"
    assert message["error"]["code"] == code
    close(child)


def test_a_killed_child_is_noticed(nursery):
    child = nursery.spawn()
    while child.pid is None:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(EOFError):
        child.channel.receive(PATIENCE)
    assert child.wait(PATIENCE)
    assert child.exit_code == -signal.SIGKILL
    assert "memory" in died(child.exit_code).hint
    close(child)


def test_a_child_ends_when_its_worker_hangs_up(nursery, tmp_path):
    fault = add_fault(tmp_path / "faults", "hold", "discard", "wait")
    child = nursery.spawn()
    child.channel.close()
    assert child.wait(PATIENCE)
    fault.unlink()


def test_children_start_with_different_random_numbers(nursery, tmp_path):
    pids = set()
    for _ in range(3):
        child = nursery.spawn()
        child.channel.send(task(tmp_path))
        child.channel.receive(PATIENCE)
        pids.add(child.pid)
        close(child)
    assert len(pids) == 3


def test_the_nursery_is_started_again_if_somebody_kills_it():
    nursery = Nursery()
    first = nursery.spawn()
    assert nursery._process is not None
    os.kill(nursery._process.pid, signal.SIGKILL)
    assert first.wait(PATIENCE)
    until = time.monotonic() + PATIENCE
    while nursery._control is not None and time.monotonic() < until:
        time.sleep(0.01)
    second = nursery.spawn()
    second.channel.send({"kind": "unheard of"})
    assert second.channel.receive(PATIENCE)["kind"] == "error"
    first.channel.close()
    nursery.stop()


def test_stopping_leaves_no_process():
    nursery = Nursery()
    children = [nursery.spawn() for _ in range(3)]
    until = time.monotonic() + PATIENCE
    while any(child.pid is None for child in children) and time.monotonic() < until:
        time.sleep(0.01)
    family = psutil.Process().children(recursive=True)
    nursery.stop()
    assert all(child.exit_code == -signal.SIGKILL for child in children)
    pids = {child.pid for child in children}
    assert not any(process.is_running() for process in family if process.pid in pids)


def test_nothing_survives_a_killed_worker(tmp_path):
    """The worker is a process of its own here; its nursery and its children end with it."""
    script = """
        import time
        from towpath.engine.children import Nursery
        nursery = Nursery()
        child = nursery.spawn()
        while child.pid is None:
            time.sleep(0.01)
        print(child.pid, nursery._process.pid, flush=True)
        time.sleep(60)
    """
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    pids = [int(pid) for pid in worker.stdout.readline().split()]
    worker.kill()
    worker.wait()
    worker.stdout.close()
    until = time.monotonic() + PATIENCE
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(psutil.pid_exists, pids))

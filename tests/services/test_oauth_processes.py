"""Tokens that many processes want at once, and processes that die while they renew one."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.lent import Lab, opened
from support.oauth import Held, Provider
from towpath.core.records import Connection, ConnectionStatus, now

TESTS = Path(__file__).parents[1]
PATIENCE = 120


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service("postgres"))])
def shared(
    request: pytest.FixtureRequest, tmp_path: Path, provider: Provider
) -> Iterator[tuple[Lab, dict[str, str]]]:
    """A home that several processes use, and the settings that they need besides."""
    chosen = {}
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres_database")
        chosen["database_url"] = request.getfixturevalue("postgres").url(database)
    with opened(tmp_path / "home", provider, **chosen) as lab:
        yield lab, chosen


@contextmanager
def process(
    lab: Lab, chosen: dict[str, str], row: Connection, threads: int = 1
) -> Iterator["subprocess.Popen[str]"]:
    """One that is ready, and begins at the next line that it is sent."""
    paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "support.renewer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    ) as started:
        told = {"home": str(lab.container.settings.home), "chosen": chosen, "org": lab.org}
        send(started, json.dumps(told | {"connection": row.id, "threads": threads}))
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == "ready\n"
            yield started
        finally:
            if started.poll() is None:
                started.kill()


def send(started: "subprocess.Popen[str]", line: str = "go") -> None:
    assert started.stdin is not None
    started.stdin.write(line + "\n")
    started.stdin.flush()


def answers(started: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    out, _ = started.communicate(timeout=PATIENCE)
    assert started.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


def test_a_hundred_that_want_it_at_once_make_one_call(shared):
    lab, chosen = shared
    row = lab.signed_in()
    lab.provider.faults.delay = 0.5
    with (
        process(lab, chosen, row, 25) as one,
        process(lab, chosen, row, 25) as two,
        process(lab, chosen, row, 25) as three,
        process(lab, chosen, row, 25) as four,
    ):
        everybody = [one, two, three, four]
        for started in everybody:
            send(started)
        found = [answer for started in everybody for answer in answers(started)]
    assert lab.provider.count() == 1
    assert len(found) == 100
    token = lab.credentials(row)["access_token"]
    assert {(answer["status"], answer["token"]) for answer in found} == {("active", token)}
    assert lab.provider.live(token)


def test_a_hundred_that_want_it_while_the_provider_is_down_ask_it_once(shared):
    lab, chosen = shared
    row = lab.signed_in(ends_in=240)
    lab.change(row, status=ConnectionStatus.ERROR)
    old = lab.credentials(row)["access_token"]
    for _ in range(100):
        lab.provider.faults.answer(503)
    with process(lab, chosen, row, 50) as one, process(lab, chosen, row, 50) as two:
        send(one)
        send(two)
        found = answers(one) + answers(two)
    assert lab.provider.count() == 1
    assert {(answer["status"], answer["token"]) for answer in found} == {("error", old)}


def test_killed_before_the_answer_came(shared):
    """The provider has used up the refresh token; nobody of us knows the new one."""
    lab, chosen = shared
    row = lab.signed_in()
    held = lab.provider.faults.after = Held()
    with process(lab, chosen, row) as dying:
        send(dying)
        assert held.reached.wait(PATIENCE)
        dying.kill()
        dying.wait(PATIENCE)
    held.go.set()
    it_ends_in_expired(lab, row)


def test_killed_between_the_answer_and_our_commit(tmp_path: Path, provider: Provider):
    with opened(tmp_path / "home", provider) as lab:
        row = lab.signed_in()
        held = lab.provider.faults.after = Held()
        with process(lab, {}, row) as dying:
            send(dying)
            assert held.reached.wait(PATIENCE)
            file = tmp_path / "home" / "towpath.db"
            with closing(sqlite3.connect(file, isolation_level=None)) as blocker:
                blocker.execute("BEGIN IMMEDIATE")  # nobody commits now
                held.go.set()
                wait_for_answer(lab, dying.pid)
                dying.kill()
                dying.wait(PATIENCE)
                blocker.execute("ROLLBACK")
        it_ends_in_expired(lab, row)


def wait_for_answer(lab: Lab, pid: int) -> None:
    """Until the process has read the provider's answer, and closed the connection to it."""
    port = int(lab.provider.url.rpartition(":")[2])
    psutil = pytest.importorskip("psutil")
    until = time.monotonic() + PATIENCE
    while any(one.raddr and one.raddr.port == port for one in psutil.Process(pid).net_connections()):
        assert time.monotonic() < until
        time.sleep(0.01)


def it_ends_in_expired(lab: Lab, row: Connection) -> None:
    lab.provider.faults.after = lambda: None
    left = lab.lease(row)
    assert left.owner, "the dead one's lease is still there"
    with lab.container.store.begin() as work:  # and runs out
        assert work.renewals.claim(lab.org, row.id, left.owner, now(), now() - timedelta(seconds=1))
    for _ in range(5):
        assert lab.renew(row).status is ConnectionStatus.EXPIRED
    assert lab.provider.count() == 2, "one call of the dead one, one that was refused, and no loop"

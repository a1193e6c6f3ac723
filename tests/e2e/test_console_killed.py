"""The server is killed while jobs are made and changed: afterwards each of them is whole, or is not there at
all; and whatever was answered has happened.
"""

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing

import httpx2
import pytest

from support.command import PATIENCE
from support.jobs import streams

PROJECT = "/api/v1/project/bakery"
PERSON = {"username": "ann", "password": "correct horse battery"}
ROUNDS = 3


def body(folder, name):
    """A job with ends of its own."""
    ends = {
        role: {"name": f"{role} of {name}", "type": "sqlite", "config": {"path": str(folder / f"{role}.db")}}
        for role in ("source", "destination")
    }
    return {"name": name, **ends, "frequency": "", "streams_config": streams("orders", mode="incremental")}


def signed_in(url, cookies):
    return httpx2.Client(base_url=url, cookies=cookies, timeout=PATIENCE, trust_env=False)


def data(client, method, path, content=None):
    answer = client.request(method, f"{PROJECT}{path}", json=content)
    assert answer.is_success, answer.text
    return answer.json()["data"]


def make_until_killed(url, cookies, folder, turn, answered):
    """Make jobs, and change each so that it has to be cleared, until nobody answers any more."""
    with signed_in(url, cookies) as client:
        for number in range(10_000):
            name = f"job {turn}.{number}"
            try:
                made = data(client, "POST", "/jobs", body(folder, name))
                answered.add(name)
                wanted = streams("orders", mode="incremental", filter="id < 10")
                change = {"name": f"{name} changed", "streams_config": wanted, "difference_streams": wanted}
                data(client, "PUT", f"/jobs/{made['id']}", change)
                answered.remove(name)
                answered.add(change["name"])
            except httpx2.HTTPError:
                return


@pytest.mark.slow
def test_no_job_is_half_made(towpath, tmp_path):
    with closing(sqlite3.connect(tmp_path / "source.db")) as shop, shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, at TEXT)")
    answered, cookies = set(), {}
    for turn in range(ROUNDS):
        with towpath.serving() as (url, process):
            with signed_in(url, cookies) as client:
                if not cookies:
                    assert client.post("/signup", json=PERSON).is_success
                    cookies = {
                        "towpath-session": client.post("/login", json=PERSON).cookies["towpath-session"]
                    }
                check(client, answered)
            before = len(answered)
            work = threading.Thread(target=make_until_killed, args=(url, cookies, tmp_path, turn, answered))
            work.start()
            until = time.monotonic() + PATIENCE
            while len(answered) < before + 2 and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(0.013 * turn)
            os.kill(process.pid, signal.SIGKILL)
            work.join(PATIENCE)
            assert not work.is_alive()
    with towpath.serving() as (url, _), signed_in(url, cookies) as client:
        check(client, answered)
    assert len(answered) >= ROUNDS


def check(client, answered):
    """What was answered is there; and whatever is there is whole."""
    jobs = data(client, "GET", "/jobs")
    names = {job["name"] for job in jobs}
    # The last change before a kill may have happened unanswered.
    assert {name for name in answered if name not in names and f"{name} changed" not in names} == set()
    for role in ("source", "destination"):
        used = {job[role]["name"] for job in jobs}
        assert {row["name"] for row in data(client, "GET", f"/{role}s")} == used
        assert len(used) == len(jobs)
    for job in jobs:
        # Changed and to be cleared, or neither.
        tasks = [task["job_type"] for task in data(client, "GET", f"/jobs/{job['id']}/tasks")]
        assert tasks == (["clear"] if job["name"].endswith("changed") else []), job["name"]

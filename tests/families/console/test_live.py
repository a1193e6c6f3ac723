"""Live events, heard by a client that knows nothing but lines of bytes."""

import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import pytest

from support.api import running, settings_of
from support.pasts import make_job
from towpath.api.console import live_feed
from towpath.core.records import KeyKind, Level, RunStatus, now
from towpath.server import serving

PATIENCE = 60


class Ear:
    """One stream: its head, and its events as (name, data, id)."""

    def __init__(self, sock):
        self._sock = sock
        self._file = sock.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = dict(self._header(line) for line in iter(self._file.readline, b"\r\n"))
        self.comments = []
        self.retry = None
        self.last_id = None

    @staticmethod
    def _header(line):
        name, _, value = line.decode().partition(":")
        return name.lower(), value.strip()

    def _lines(self):
        """Of a chunked body."""
        rest = b""
        while size := int(self._file.readline(), 16):
            rest += self._file.read(size)
            self._file.readline()
            *whole, rest = rest.split(b"\n")
            yield from whole

    def __iter__(self):
        event = {}
        for line in self._lines():
            if not line:
                if "data" in event:
                    self.last_id = event.get("id", self.last_id)
                    yield event["event"], json.loads(event["data"]), event.get("id")
                event = {}
            elif line.startswith(b":"):
                self.comments.append(line)
            else:
                name, _, value = line.decode().partition(": ")
                event[name] = value
                self.retry = event.get("retry", self.retry)

    def body(self):
        return self._file.read(int(self.headers["content-length"]))

    def close(self):
        self._file.close()
        self._sock.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(live_feed, "EVERY", 0.02)


@contextmanager
def listening(job, token, path="/events", method="GET", **headers):
    host, _, port = job.api.url.removeprefix("http://").partition(":")
    sock = socket.create_connection((host, int(port)), PATIENCE)
    given = {"Host": host, "Authorization": f"Bearer {token}", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    sock.sendall(f"{method} {job.path}{path} HTTP/1.1\r\n{head}\r\n".encode())
    ear = Ear(sock)
    try:
        yield ear
    finally:
        ear.close()


def told(events, name):
    return [data for event, data, _ in events if event == name]


def wait_until(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_task_is_told_from_its_begin_to_its_end(job, token):
    run = job.run(RunStatus.RUNNING)
    job.stream(run, rows_expected=10)
    job.log(run, "one")
    job.log(run, "hidden", level=Level.DEBUG)
    heard = []
    with listening(job, token, "/tasks/1/events") as ear:
        assert ear.status == 404
    number = job.api.get(f"{job.path}/tasks", token).json()["data"][0]["id"]
    with listening(job, token, f"/tasks/{number}/events") as ear:
        assert ear.status == 200
        assert ear.headers["content-type"].startswith("text/event-stream")
        assert ear.headers["cache-control"] == "no-store"
        assert ear.headers["x-accel-buffering"] == "no"
        for event in ear:
            heard.append(event)
            if event[0] == "progress" and event[1]["rows"] == 0:
                job.progress(run, rate=2.5, read=4, written=4, bytes=99)
                job.log(run, "two", "three")
            if event[0] == "log" and event[1]["message"] == "three":
                job.log(run, "The run failed", level=Level.ERROR)
                job.finish(run, RunStatus.FAILED, {"code": "a.b", "message": "No.", "hint": ""})
        assert ear.retry == "2000"
    assert [line["message"] for line in told(heard, "log")] == ["one", "two", "three", "The run failed"]
    assert heard[0][0] == "status"
    assert heard[0][1]["status"] == "Running"
    assert heard[-1][0] == "status"
    assert (heard[-1][1]["status"], heard[-1][1]["error"]["code"]) == ("Failed", "a.b")
    last = told(heard, "progress")[-1]
    assert (last["rows"], last["bytes"], last["rows_per_second"], last["expected"]) == (4, 99, 2.5, 10)
    assert last["streams"][0]["stream"] == "orders"


@pytest.mark.parametrize("by", ["header", "query", "both"])
def test_who_comes_back_misses_nothing_and_hears_nothing_twice(job, token, by):
    run = job.run(RunStatus.RUNNING)
    job.log(run, *(f"line {number}" for number in range(1200)))
    heard, last = [], None
    for stop in (3, 700, 1201, None):
        if stop == 1201:
            job.log(run, "late")
        if stop is None:
            job.finish(run, RunStatus.SUCCEEDED)
        query = f"?last_event_id={last}" if last and by == "query" else ""
        query = f"?last_event_id={run}.1" if by == "both" else query
        headers = {"Last-Event-ID": last} if last and by != "query" else {}
        with listening(job, token, f"/tasks/{run}/events{query}", **headers) as ear:
            for event, data, _ in ear:
                if event == "log":
                    heard.append(data["message"])
                    if len(heard) == stop:
                        break
            last = ear.last_id
        if by == "both" and stop == 3:
            heard.insert(0, "line 0")
    assert heard == [f"line {number}" for number in range(1200)] + ["late"]
    assert last == f"{run}.1201.end"
    with listening(job, token, f"/tasks/{run}/events", **{"Last-Event-ID": last}) as ear:
        assert ear.status == 204


def test_a_cursor_of_the_log_is_a_place_to_begin(job, token):
    run = job.run(RunStatus.RUNNING)
    job.log(run, "one", "two")
    page = job.api.get(f"{job.path}/task/{run}/logs?limit=1", token).json()["data"]
    job.log(run, "three")
    job.finish(run, RunStatus.SUCCEEDED)
    cursor = page["newer_cursor"]
    with listening(job, token, f"/tasks/{run}/events?last_event_id={cursor}") as ear:
        assert [line["message"] for line in told(ear, "log")] == ["three"]


def test_a_job_is_followed_from_task_to_task(job, token):
    first = job.run(RunStatus.RUNNING)
    job.log(first, "of the first")
    with listening(job, token) as ear:
        for event, _, _ in ear:
            if event == "log":
                job.finish(first, RunStatus.SUCCEEDED)
        last = ear.last_id
    second = []

    def start():
        second.append(job.run(RunStatus.RUNNING))
        job.log(second[0], "of the second")
        job.finish(second[0], RunStatus.CANCELLED)

    later = threading.Timer(0.1, start)
    with listening(job, token, **{"Last-Event-ID": last}) as ear:
        later.start()
        heard = list(ear)
    later.join()
    assert [line["message"] for line in told(heard, "log")] == ["of the second"]
    assert told(heard, "status")[-1]["status"] == "Canceled"
    assert told(heard, "status")[-1]["file_path"] == second[0]


def test_a_job_that_never_ran_is_waited_for(job, token):
    with listening(job, token) as ear:
        later = threading.Timer(0.1, job.run, [RunStatus.SUCCEEDED])
        later.start()
        assert told(ear, "status")[-1]["status"] == "Completed"
        later.join()


def test_silence_is_broken_by_comments(job, token, monkeypatch):
    monkeypatch.setattr(live_feed, "BEAT", 0.05)
    run = job.run(RunStatus.RUNNING)
    with listening(job, token) as ear:
        later = threading.Timer(0.5, job.finish, [run, RunStatus.SUCCEEDED])
        later.start()
        assert told(ear, "status")[-1]["status"] == "Completed"
        later.join()
        assert len(ear.comments) >= 2


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled"])
def test_it_ends_with_the_session(job, token, how, monkeypatch):
    monkeypatch.setattr(live_feed, "CHECK", 0.0)
    job.run(RunStatus.RUNNING)
    with listening(job, token) as ear:
        events = iter(ear)
        assert next(events)[1]["status"] == "Running"
        with job.api.container.store.begin() as work:
            (session,) = work.keys.list(job.org, kind=KeyKind.SESSION)
            if how == "revoked":
                work.keys.update(job.org, session.id, revoked_at=now())
            elif how == "expired":
                work.keys.update(job.org, session.id, expires_at=now())
            else:
                work.users.update(job.org, session.user, disabled=True)
        assert list(events) == []


def test_it_ends_with_the_job(job, token):
    run = job.run(RunStatus.RUNNING)
    with listening(job, token) as ear, listening(job, token, **{"Last-Event-ID": f"{run}.0.end"}) as waiting:
        events = iter(ear)
        assert next(events)[0] == "status"
        with job.api.container.store.begin() as work:
            work.runs.delete(job.org, run)
            work.flows.delete(job.org, job.flow)
        assert list(events) == []
        assert list(waiting) == []


def test_nobody_listens_too_often(job, token, server):
    run = job.run(RunStatus.RUNNING)
    ears = [listening(job, token) for _ in range(live_feed.MOST)]
    for ear in ears:
        assert next(iter(ear.__enter__()))[0] == "status"
    with listening(job, token) as refused:
        assert refused.status == 429
        assert json.loads(refused.body())["success"] is False
        assert refused.headers["retry-after"]
    with listening(job, server.session(job.org)) as other:
        assert other.status == 200
    ears.pop().__exit__(None, None, None)

    def free():
        with listening(job, token) as again:
            return again.status == 200

    wait_until(free)
    job.finish(run, RunStatus.SUCCEEDED)
    for ear in ears:
        ear.__exit__(None, None, None)


def test_listeners_share_one_look(job, token, monkeypatch):
    monkeypatch.setattr(live_feed, "EVERY", 0.3)
    looks = []
    look = live_feed.Watching.look

    def counted(self, *given):
        looks.append(time.monotonic())
        return look(self, *given)

    monkeypatch.setattr(live_feed.Watching, "look", counted)
    run = job.run(RunStatus.RUNNING)
    ears = [listening(job, token) for _ in range(8)]
    opened = [ear.__enter__() for ear in ears]
    later = threading.Timer(1.0, job.finish, [run, RunStatus.SUCCEEDED])
    later.start()
    for ear in opened:
        assert told(ear, "status")[-1]["status"] == "Completed"
    later.join()
    for ear in ears:
        ear.__exit__(None, None, None)
    pauses = [after - before for before, after in pairwise(looks)]
    assert all(pause >= 0.29 for pause in pauses)


@pytest.mark.parametrize("id", ["x", "run_1.2", "-1", "1.end.end", "1" * 40])
def test_ids_that_are_not_ours_are_refused(job, token, id):
    job.run()
    answer = job.api.get(f"{job.path}/events?last_event_id={id}", token)
    assert answer.status_code == 400
    assert "last_event_id" in answer.json()["message"]


def test_an_id_of_another_task_begins_anew(job, token):
    other = job.run(RunStatus.SUCCEEDED)
    run = job.run(RunStatus.RUNNING)
    job.log(run, "one")
    job.finish(run, RunStatus.SUCCEEDED)
    with listening(job, token, f"/tasks/{run}/events", **{"Last-Event-ID": f"{other}.7.end"}) as ear:
        assert [line["message"] for line in told(ear, "log")] == ["one"]


def test_a_head_request_waits_for_nothing(job, token):
    job.run(RunStatus.RUNNING)
    answer = job.api.call("HEAD", f"{job.path}/events", token)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_other_projects_and_organizations_hear_nothing(job, token, server):
    run = job.run(RunStatus.RUNNING)
    stranger = server.session(server.organization())
    for path in ("/events", f"/tasks/{run}/events"):
        assert job.api.get(f"{job.path}{path}", stranger).status_code == 404
        assert job.api.get(f"{job.path.replace('/main/', '/x/')}{path}", token).status_code == 404
    sibling = make_job(server, job.org, name="other")
    assert job.api.get(f"{sibling.path}/tasks/{run}/events", token).status_code == 404


def test_a_server_that_stops_ends_them(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "GRACE", 10_000)
    with ExitStack() as stack:
        with running(settings_of(tmp_path / "home")) as api:
            org = api.organization()
            job, token = make_job(api, org), api.session(org)
            job.run(RunStatus.RUNNING)
            ears = [iter(stack.enter_context(listening(job, token))) for _ in range(3)]
            for ear in ears:
                assert next(ear)[0] == "status"
        # It has stopped, though nobody went away; and each answer has its proper end.
        assert [list(ear) for ear in ears] == [[], [], []]

"""Logs of tasks: page by page from both ends, and as a file."""

import gzip
import io
import json
import tarfile

import pytest

from support.pasts import make_job, messages
from towpath.core.records import Counters, Level, LogLine, RunStatus, now


def pages(job, token, run, task="1", **query):
    answer = job.api.post(f"{job.path}/tasks/{task}/logs", token, params=query, json={"file_path": run})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def download(job, token, run, **headers):
    return job.api.get(f"{job.path}/logs/download", token, params={"file_path": run}, headers=headers)


def test_the_log_in_its_published_form(job, token):
    run = job.run(RunStatus.RUNNING)
    job.log(run, "one")
    job.log(run, "hidden", level=Level.DEBUG)
    job.log(run, "two", level=Level.WARNING)
    number = job.api.get(f"{job.path}/tasks", token).json()["data"][0]["id"]
    for form in ("task", "tasks"):
        data = job.api.get(f"{job.path}/{form}/{number}/logs", token).json()["data"]
        assert messages(data["task_logs"]) == ["one", "two"]
        assert data["task_logs"] == data["logs"]
        line = data["task_logs"][1]
        assert (line["level"], line["stream"]) == ("warning", "orders")
        assert line["time"].endswith("Z")


def test_a_task_without_lines(job, token):
    data = pages(job, token, job.run())
    assert data == {
        "logs": [],
        "older_cursor": 0,
        "newer_cursor": 0,
        "has_more_older": False,
        "has_more_newer": False,
    }


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_from_the_end_to_the_begin_and_back(job, token, limit):
    run = job.run(RunStatus.RUNNING)
    texts = [f"line {number}" for number in range(10)]
    for text in texts:
        job.log(run, f"hidden {text}", level=Level.DEBUG)
        job.log(run, text)
    page = pages(job, token, run, cursor=-1, limit=limit, direction="older")
    assert page["has_more_newer"] is False
    seen = messages(page["logs"])
    while page["has_more_older"]:
        page = pages(job, token, run, cursor=page["older_cursor"], limit=limit, direction="older")
        assert page["has_more_newer"] is True
        assert len(page["logs"]) <= limit
        seen = messages(page["logs"]) + seen
    assert seen == texts
    back = messages(page["logs"])
    while page["has_more_newer"]:
        page = pages(job, token, run, cursor=page["newer_cursor"], limit=limit, direction="newer")
        assert page["has_more_older"] is True
        back += messages(page["logs"])
    assert back == texts


def test_lines_that_come_while_somebody_reads(job, token):
    run = job.run(RunStatus.RUNNING)
    job.log(run, "one", "two", "three")
    page = pages(job, token, run, limit=2)
    assert messages(page["logs"]) == ["two", "three"]
    job.log(run, "four")
    assert messages(pages(job, token, run, cursor=page["older_cursor"])["logs"]) == ["one"]
    newer = pages(job, token, run, cursor=page["newer_cursor"], direction="newer")
    assert (messages(newer["logs"]), newer["has_more_newer"]) == (["four"], False)
    again = pages(job, token, run, cursor=newer["newer_cursor"], direction="newer")
    assert (again["logs"], again["newer_cursor"], again["has_more_older"]) == (
        [],
        newer["newer_cursor"],
        True,
    )
    job.log(run, "five")
    last = pages(job, token, run, cursor=again["newer_cursor"], direction="newer")
    assert messages(last["logs"]) == ["five"]


def test_the_number_in_the_path_will_do(job, token):
    runs = [job.run(RunStatus.SUCCEEDED) for _ in range(2)]
    for run in runs:
        job.log(run, run)
    listed = job.api.get(f"{job.path}/tasks", token).json()["data"]
    for task in listed:
        for body in ({}, {"file_path": ""}, None):
            answer = job.api.post(f"{job.path}/tasks/{task['id']}/logs", token, json=body)
            assert messages(answer.json()["data"]["logs"]) == [task["file_path"]], answer.text
    assert messages(pages(job, token, runs[1], task="1")["logs"]) == [runs[1]]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "cursor=-2", f"cursor={2**60}", "cursor=x", "direction=up"]
)
def test_pages_that_cannot_be_are_refused(job, token, query):
    run = job.run()
    answer = job.api.post(f"{job.path}/tasks/1/logs?{query}", token, json={"file_path": run})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(query.partition("=")[0])


@pytest.mark.parametrize("limit", [1, 10_000])
@pytest.mark.parametrize("direction", ["older", "newer"])
def test_cursors_beyond_the_log(job, token, limit, direction):
    run = job.run(RunStatus.RUNNING)
    job.log(run, "one", "two")
    page = pages(job, token, run, cursor=10**12, limit=limit, direction=direction)
    assert page["has_more_older"] is (limit == 1 or direction == "newer")
    page = pages(job, token, run, cursor=0, limit=limit, direction=direction)
    assert page["has_more_newer"] is (limit == 1 or direction == "older")


def test_logs_of_others_are_missing(job, token, server):
    run = job.run(RunStatus.SUCCEEDED)
    sibling = make_job(server, job.org, name="other")
    hidden = make_job(server, job.org, "hidden", name="hidden")
    foreign = make_job(server, server.organization())
    for other in (sibling, hidden, foreign):
        other.run(RunStatus.SUCCEEDED)
    strangers = [other.run(RunStatus.SUCCEEDED) for other in (sibling, hidden, foreign)]
    for name in (*strangers, "run_01K3V0Q8W6Z5D1N4YB2M7RXT9C", "99", "9" * 30, "../../etc/passwd", "é"):
        body = {"file_path": name}
        posted = job.api.post(f"{job.path}/tasks/1/logs", token, json=body)
        fetched = download(job, token, name)
        assert (posted.status_code, fetched.status_code) == (404, 404), name
    for answer in (
        job.api.get(f"{job.path}/task/{strangers[0]}/logs", token),
        job.api.get(f"{hidden.path.replace('/hidden/', '/main/')}/task/{strangers[1]}/logs", token),
        job.api.get(f"{job.path}/task/{run}/logs", server.session(foreign.org)),
        job.api.post(f"{job.path}/tasks/0/logs", token, json={}),
    ):
        assert answer.status_code == 404
        assert answer.json()["success"] is False


# ── downloads ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def done(job):
    """A run that has ended."""
    run = job.run(RunStatus.RUNNING)
    job.stream(
        run,
        counters=Counters(read=3, written=3, bytes=9),
        state_before={"cursor": 1},
        state_after={"cursor": 4},
    )
    job.log(run, *(f"line {number} é" for number in range(2500)))
    job.log(run, "detail", level=Level.DEBUG)
    job.finish(run, RunStatus.FAILED, {"code": "a.b", "message": "No.", "hint": ""})
    return run


def unpacked(answer):
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_everything_of_a_task_in_one_file(job, token, done):
    answer = download(job, token, done)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "job-1-task-1.tar.gz" in answer.headers["content-disposition"]
    files = unpacked(answer)
    assert set(files) == {f"logs/{done}.log", "state.json", "run.json"}
    lines = [json.loads(line) for line in files[f"logs/{done}.log"].splitlines()]
    assert messages(lines) == [*(f"line {number} é" for number in range(2500)), "detail"]
    state = json.loads(files["state.json"])
    assert state == {"streams": [{"stream": "orders", "before": {"cursor": 1}, "after": {"cursor": 4}}]}
    run = json.loads(files["run.json"])
    assert (run["status"], run["error"]["code"], run["streams"][0]["counters"]["read"]) == (
        "failed",
        "a.b",
        3,
    )


def test_a_finished_task_gives_the_same_bytes_again(job, token, done):
    first, second = download(job, token, done), download(job, token, done)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert first.content[4:8] == bytes(4), "no time in the head of the gzip"


@pytest.mark.parametrize(
    ("range", "expected"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=5-9", slice(5, 10)),
        ("bytes=7-", slice(7, None)),
        ("bytes=-4", slice(-4, None)),
    ],
)
def test_parts_of_it(job, token, done, range, expected):
    whole = download(job, token, done).content
    answer = download(job, token, done, Range=range)
    assert answer.status_code == 206
    assert answer.content == whole[expected]
    first, last, _ = expected.indices(len(whole))
    assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{len(whole)}"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_download_goes_on_where_it_broke(job, token, done):
    whole = download(job, token, done)
    etag = whole.headers["etag"]
    rest = download(job, token, done, **{"Range": "bytes=100-", "If-Range": etag})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    changed = download(job, token, done, **{"Range": "bytes=100-", "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)


def test_a_part_that_is_not_there(job, token, done):
    size = len(download(job, token, done).content)
    answer = download(job, token, done, Range=f"bytes={size}-")
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert answer.json()["success"] is False


def test_the_head_of_a_download(job, token, done):
    path = f"{job.path}/logs/download?file_path={done}"
    answer = job.api.call("HEAD", path, token)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == download(job, token, done).headers["content-length"]


def test_nothing_stays_behind(job, token, done, tmp_path, monkeypatch):
    import tempfile

    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for headers in ({}, {"Range": "bytes=0-0"}, {"Range": "bytes=99999999-"}):
        download(job, token, done, **headers)
    assert list(folder.iterdir()) == []


def test_a_download_of_a_task_that_goes_on(job, token):
    run = job.run(RunStatus.RUNNING)
    job.log(run, "one")
    files = unpacked(download(job, token, run))
    assert messages([json.loads(files[f"logs/{run}.log"])]) == ["one"]


def test_a_line_may_hold_anything(job, token):
    run = job.run(RunStatus.RUNNING)
    odd = LogLine(
        message="a\nb \x00 \u2028", fields={"at": "x", "big": 2**70, "deep": [{"x": None}]}, at=now()
    )
    with job.api.container.store.begin() as work:
        work.log.append(job.org, run, [odd])
    (line,) = pages(job, token, run)["logs"]
    assert line["message"] == "a\nb \ufffd \u2028"
    text = unpacked(download(job, token, run))[f"logs/{run}.log"]
    assert json.loads(text)["fields"]["big"] == 2**70
    assert gzip.decompress(download(job, token, run).content)


def test_no_download_without_a_name(job, token):
    for path in ("/logs/download", "/logs/download?file_path="):
        assert job.api.get(f"{job.path}{path}", token).status_code == 400

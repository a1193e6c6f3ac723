"""The history of a job."""

import pytest

from support.pasts import make_job
from towpath.core.records import Counters, RunStatus


def tasks(job, token, **query):
    answer = job.api.get(f"{job.path}/tasks", token, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    return answer.json()["data"]


def test_a_job_that_never_ran_has_an_empty_history(job, token):
    assert tasks(job, token) == []


def test_a_task_tells_all_of_its_run(job, token):
    error = {"type": "ConfigError", "code": "config.invalid", "message": "No.", "hint": "Yes.", "context": {}}
    run = job.run(RunStatus.FAILED, error)
    job.stream(run, "a", counters=Counters(read=5, written=3, filtered=1, rejected=1, bytes=70))
    job.stream(run, "b", counters=Counters(read=2, written=2, bytes=30))
    (task,) = tasks(job, token)
    assert task["start_time"].endswith("Z")
    assert isinstance(task["runtime"], int)
    assert task["runtime_text"] == "0s"
    expected = {
        "id": "1",
        "status": "Failed",
        "job_type": "sync",
        "cause": "manual",
        "rows": 7,
        "written": 5,
        "filtered": 1,
        "rejected": 1,
        "bytes": 100,
        "error": {"code": "config.invalid", "message": "No.", "hint": "Yes."},
    }
    assert {name: task[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (RunStatus.QUEUED, "Running"),
        (RunStatus.RUNNING, "Running"),
        (RunStatus.SUCCEEDED, "Completed"),
        (RunStatus.CANCELLED, "Canceled"),
    ],
)
def test_states_in_the_words_of_consoles(job, token, status, word):
    job.run(status, cause="clear", clear=True)
    (task,) = tasks(job, token)
    assert (task["status"], task["job_type"], task["error"]) == (word, "clear", None)


def test_the_newest_first_and_page_by_page(job, token):
    for _ in range(5):
        job.run(RunStatus.SUCCEEDED)
    assert [task["id"] for task in tasks(job, token)] == ["5", "4", "3", "2", "1"]
    job.run()
    seen, before = [], {}
    while found := tasks(job, token, limit=2, **before):
        assert len(found) <= 2
        seen += [task["id"] for task in found]
        before = {"before": found[-1]["id"]}
    assert seen == ["6", "5", "4", "3", "2", "1"]
    by_key = tasks(job, token, before=tasks(job, token)[0]["file_path"])
    assert len(by_key) == 5


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "before="])
def test_pages_that_cannot_be_are_refused(job, token, query):
    answer = job.api.get(f"{job.path}/tasks?{query}", token)
    assert answer.status_code in (400, 404)
    assert answer.json()["success"] is False


def test_many_runs_take_few_queries(job, token):
    """However many runs there are."""
    from sqlalchemy import event

    counts = []
    engine = job.api.container.store._engine
    for more in (1, 30):
        for _ in range(more):
            run = job.run(RunStatus.SUCCEEDED)
            job.stream(run)
        tasks(job, token)
        asked = []

        def count(*given, asked=asked):
            asked.append(given[2])

        event.listen(engine, "before_cursor_execute", count)
        tasks(job, token)
        event.remove(engine, "before_cursor_execute", count)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_what_has_no_project_every_project_shows(server, org, token):
    job = make_job(server, org, None)
    job.run()
    assert len(tasks(job, token)) == 1
    job.project = "another"
    assert len(tasks(job, token)) == 1


def test_other_projects_and_organizations_have_no_such_job(job, token, server):
    job.run()
    elsewhere = job.api.get(job.path.replace("/main/", "/other/") + "/tasks", token)
    stranger = job.api.get(f"{job.path}/tasks", server.session(server.organization()))
    missing = job.api.get(job.path.replace(f"/{job.number}", f"/{job.number + 7}") + "/tasks", token)
    for answer in (elsewhere, stranger, missing):
        assert answer.status_code == 404
    assert elsewhere.json() == stranger.json()
    assert elsewhere.json()["message"] == missing.json()["message"].replace(
        str(job.number + 7), str(job.number)
    )


def test_nobody_is_told_anything_without_a_session(job):
    for path in ("/tasks", "/task/1/logs", "/tasks/1/events", "/events", "/logs/download?file_path=x"):
        assert job.api.get(f"{job.path}{path}").status_code == 401, path

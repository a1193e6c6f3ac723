"""Several people do the same, or the contrary, at the same moment: one after the other, in whatever order."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2

from support.jobs import runs_of
from towpath.core.records import RunStatus

AT_ONCE = 6
ROUNDS = 5
PASSWORD = "correct horse battery"


def at_once(api, *calls):
    """All calls (method, path, token, body) at the same moment: their answers. None is a 5xx."""
    start = threading.Barrier(len(calls))

    def one(call):
        method, path, token, body = call
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx2.Client(base_url=api.url, timeout=60, trust_env=False) as client:
            start.wait(60)
            return client.request(method, path, headers=headers, **({} if body is None else {"json": body}))

    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(pool.map(one, calls))
    assert not [answer.text for answer in answers if answer.status_code >= 500]
    return answers


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


def call(person, method, path, body=None):
    return method, f"/api/v1/project/{person.project}{path}", person.token, body


def once(count=AT_ONCE):
    return [200] + [409] * (count - 1)


def test_one_name_is_taken_once(anybody):
    thing = {"name": "shop", "type": "sqlite", "config": {"path": "x"}}
    for path in ("/sources", "/destinations"):
        answers = at_once(anybody.api, *[call(anybody, "POST", path, thing)] * AT_ONCE)
        assert statuses(answers) == once(), path
        assert anybody.names(path) == ["shop"]


def test_one_job_is_made_once_with_all_that_it_needs(anybody):
    answers = at_once(anybody.api, *[call(anybody, "POST", "/jobs", anybody.job())] * AT_ONCE)
    assert statuses(answers) == once()
    assert [anybody.names(path) for path in ("/sources", "/destinations", "/jobs")] == [
        ["shop"],
        ["lake"],
        ["nightly"],
    ]


def test_the_first_user_is_one(api):
    people = [{"username": f"user {n}", "password": PASSWORD} for n in range(AT_ONCE)]
    answers = at_once(api, *[("POST", "/signup", None, person) for person in people])
    assert statuses(answers) == [200] + [403] * (AT_ONCE - 1)
    with api.container.store.read() as work:
        (user,) = work.users.list(api.container.organization.id)
    assert user.role == "owner"


def test_one_invitation_lets_one_person_in(api):
    owner = {"username": "ann", "password": PASSWORD}
    assert api.post("/signup", json=owner).is_success
    token = api.post("/login", json=owner).cookies["towpath-session"]
    invitation = api.post("/auth/invitations", token).json()["data"]["token"]
    people = [
        {"username": f"user {n}", "password": PASSWORD, "invitation": invitation} for n in range(AT_ONCE)
    ]
    answers = at_once(api, *[("POST", "/signup", None, person) for person in people])
    assert statuses(answers) == [200] + [403] * (AT_ONCE - 1)


def test_a_project_is_made_once_and_all_come_in(anybody):
    answers = at_once(anybody.api, *[call(anybody, "GET", "/sources")] * AT_ONCE)
    assert statuses(answers) == [200] * AT_ONCE
    with anybody.api.container.store.read() as work:
        assert len(work.projects.list(anybody.org)) == 1


def test_settings_are_set_at_once(anybody):
    urls = [{"webhook_alert_url": f"https://93.184.216.{n + 1}/"} for n in range(AT_ONCE)]
    answers = at_once(anybody.api, *[call(anybody, "PUT", "/settings", url) for url in urls])
    assert statuses(answers) == [200] * AT_ONCE
    assert {"webhook_alert_url": anybody.data("GET", "/settings")["webhook_alert_url"]} in urls


def test_no_job_has_a_source_that_was_deleted(anybody):
    for turn in range(ROUNDS):
        thing = {"name": f"shop {turn}", "type": "sqlite", "config": anybody.shop["config"]}
        source = anybody.data("POST", "/sources", thing)["id"]
        job = anybody.job(f"job {turn}", source={"id": source})
        made, deleted = at_once(
            anybody.api,
            call(anybody, "POST", "/jobs", job),
            call(anybody, "DELETE", f"/sources/{source}"),
        )
        there = made.status_code == 200
        assert (made.status_code, deleted.status_code) in [(200, 409), (400, 200)], (made.text, deleted.text)
        assert (thing["name"] in anybody.names("/sources")) is there
        assert (job["name"] in anybody.names("/jobs")) is there


def test_jobs_are_changed_and_deleted_at_once(anybody):
    for turn in range(ROUNDS):
        made = anybody.make(f"job {turn}")
        path = f"/jobs/{made['id']}"
        answers = at_once(
            anybody.api,
            call(anybody, "PUT", path, {"frequency": "2-days", "source": anybody.shop}),
            call(anybody, "DELETE", path),
            call(anybody, "PUT", path, {"frequency": "3-days", "destination": anybody.lake}),
            call(anybody, "DELETE", path),
        )
        assert {answer.status_code for answer in answers} <= {200, 404}, [answer.text for answer in answers]
        anybody.refused(404, "GET", path)
    assert anybody.data("GET", "/jobs") == []


def test_sources_are_changed_and_deleted_at_once(anybody):
    thing = {"name": "shop", "type": "sqlite", "config": {"path": "x"}}
    for turn in range(ROUNDS):
        number = anybody.data("POST", "/sources", thing | {"name": f"shop {turn}"})["id"]
        path = f"/sources/{number}"
        answers = at_once(
            anybody.api,
            call(anybody, "PUT", path, thing | {"name": f"new {turn}"}),
            call(anybody, "DELETE", path),
            call(anybody, "PUT", path, thing | {"name": f"newer {turn}"}),
            call(anybody, "DELETE", path),
        )
        assert {answer.status_code for answer in answers} <= {200, 404}, [answer.text for answer in answers]
        anybody.refused(404, "GET", path)
    assert anybody.data("GET", "/sources") == []


def test_two_syncs_never_run_at_once(anybody):
    """Each is a run of its own that waits for the one before it."""
    path = f"/jobs/{anybody.make()['id']}"
    answers = at_once(anybody.api, *[call(anybody, "POST", f"{path}/sync")] * 2)
    assert statuses(answers) == [200, 200]
    runs = runs_of(anybody)
    assert [run.status for run in runs] == [RunStatus.QUEUED] * 2
    assert [task["status"] for task in anybody.data("GET", f"{path}/tasks")] == ["Running"] * 2
    anybody.api.container.work()
    seen = set()
    while True:
        states = [run.status for run in runs_of(anybody)]
        seen.add(states.count(RunStatus.RUNNING))
        if all(state.final for state in states):
            break
    assert max(seen) <= 1
    assert {run.status for run in runs_of(anybody)} == {RunStatus.SUCCEEDED}


def test_syncs_changes_and_cancels_at_once(anybody):
    path = f"/jobs/{anybody.make()['id']}"
    for turn in range(ROUNDS):
        answers = at_once(
            anybody.api,
            call(anybody, "POST", f"{path}/sync"),
            call(anybody, "POST", f"{path}/cancel"),
            call(anybody, "PUT", path, {"frequency": f"{turn + 1}-days"}),
            call(anybody, "POST", f"{path}/clear-destination"),
            call(anybody, "POST", f"{path}/activate", {"activate": True}),
        )
        assert {answer.status_code for answer in answers} <= {200, 409}, [answer.text for answer in answers]
        assert anybody.data("GET", path)["frequency"] == f"{turn + 1}-days"

"""Alerts: set by a project's people, sent to a real receiver when a run fails."""

import json
import time

import pytest
from standardwebhooks import Webhook

from support.api import running, settings_of
from support.http import endpoint
from support.pasts import make_job
from towpath.core.records import Connection, RunStatus
from towpath.sdk import guard
from towpath.services.connections import Connections
from towpath.services.documents.apply import Documents
from towpath.services.events import deliver
from towpath.services.jobs.alerts import run_ended
from towpath.services.partners.destinations import Destinations
from towpath.services.runs import Runs

ERROR = {
    "type": "ConfigError",
    "code": "config.invalid",
    "message": "Column <!channel>\nis gone.",
    "hint": "Look.",
    "retryable": False,
    "context": {},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    before = guard.allowed_hosts()
    home = tmp_path_factory.mktemp("console") / "home"
    with running(settings_of(home, allowed_hosts=("127.0.0.0/8",))) as api:
        _ = api.container.registry
        yield api
    guard.configure(before)


@pytest.fixture
def org(server):
    return server.organization()


@pytest.fixture
def token(server, org):
    return server.session(org)


@pytest.fixture
def ear():
    with endpoint() as served:
        yield served


class Settings:
    def __init__(self, api, token, project="main"):
        self.api, self.token = api, token
        self.path = f"/api/v1/project/{project}/settings"

    def get(self):
        return self.data(self.api.get(self.path, self.token))

    def put(self, **body):
        return self.api.call("PUT", self.path, self.token, json=body)

    def set(self, url, **body):
        return self.data(self.put(webhook_alert_url=url, **body))

    def test(self):
        return self.api.post(f"{self.path}/test", self.token)

    def data(self, answer):
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture
def settings(server, token):
    return Settings(server, token)


def fail(job, status=RunStatus.FAILED, error=ERROR, times=1):
    """End a run as the engine does."""
    run = job.run(RunStatus.RUNNING)
    with job.api.container.store.begin() as work:
        ended = work.runs.finish(job.org, run, status, error)
        for _ in range(times):
            run_ended(work, ended)
    return run


def events(job):
    with job.api.container.store.read() as work:
        return work.events.list(job.org)


def test_settings_of_a_new_project(settings):
    first = settings.get()
    assert (first["project_id"], first["webhook_alert_url"]) == ("main", "")
    assert isinstance(first["id"], int)
    assert settings.get() == first


def test_what_is_set_is_there_and_its_secret_is_shown_once(settings, ear):
    answer = settings.put(project_id="main", webhook_alert_url=f" {ear.url}/hook ", id=7, other=True)
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()["data"]
    assert made["webhook_alert_url"] == f"{ear.url}/hook"
    assert made["webhook_signing_secret"].startswith("whsec_")
    assert settings.get() == {key: made[key] for key in ("id", "project_id", "webhook_alert_url")}
    assert settings.set(f"{ear.url}/hook")["webhook_signing_secret"] is None
    moved = settings.set(f"{ear.url}/other")["webhook_signing_secret"]
    rotated = settings.data(settings.put(rotate_signing_secret=True))["webhook_signing_secret"]
    assert len({made["webhook_signing_secret"], moved, rotated}) == 3
    assert settings.get()["webhook_alert_url"] == f"{ear.url}/other"


@pytest.mark.parametrize("nothing", ["", None, "  "])
def test_alerts_are_switched_off_and_on(settings, ear, nothing):
    settings.set(ear.url)
    for _ in range(2):
        assert settings.set(nothing)["webhook_alert_url"] == ""
        assert settings.get()["webhook_alert_url"] == ""
    assert settings.set(ear.url)["webhook_signing_secret"]


def test_what_is_left_out_stays(settings, ear):
    settings.set(ear.url)
    assert settings.data(settings.put())["webhook_alert_url"] == ear.url


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/latest/meta-data", "http.blocked_host"),
        ("http://10.0.0.8/", "http.blocked_host"),
        ("https://[::1]/", "http.blocked_host"),
        ("http://2130706433/", "http.blocked_host"),
        ("ftp://example.com/", "http.invalid_url"),
        ("file:///etc/passwd", "http.invalid_url"),
        ("https://user:pass@example.com/", "http.invalid_url"),
        ("no url", "http.invalid_url"),
        ("https://nothing.invalid/", "connection.unresolved"),
    ],
)
def test_addresses_that_cannot_or_may_not_be_reached(settings, url, code):
    answer = settings.put(webhook_alert_url=url)
    body = answer.json()
    assert (answer.status_code, body["code"], body["field"]) == (400, code, "webhook_alert_url")
    assert "pass@" not in answer.text
    assert settings.get()["webhook_alert_url"] == ""


@pytest.mark.parametrize("body", [{"project_id": "other"}, {"project_id": 1}, {"webhook_alert_url": 5}])
def test_wishes_that_cannot_be_granted(settings, body):
    assert settings.put(**body).status_code == 400


def test_a_project_may_repeat_itself_as_a_number(server, token):
    settings = Settings(server, token, "123")
    assert settings.data(settings.put(project_id=123))["project_id"] == "123"


def test_the_receiver_is_no_source_and_no_destination(settings, ear, server, token):
    settings.set(ear.url)
    for kind in ("sources", "destinations"):
        answer = server.get(f"/api/v1/project/main/{kind}", token)
        assert (answer.status_code, answer.json()["data"]) == (200, [])


def test_other_families_and_documents_take_it_for_no_destination(settings, ear, server, org):
    settings.set(ear.url)
    assert Destinations(server.container).list(org) == []
    assert Documents(server.container).export(org) == ([], [])


def test_projects_do_not_see_each_others_settings(settings, server, token, ear):
    settings.set(ear.url)
    other = Settings(server, token, "other")
    assert other.get()["webhook_alert_url"] == ""
    assert other.get()["id"] != settings.get()["id"]
    stranger = Settings(server, server.session(server.organization()))
    assert stranger.get()["webhook_alert_url"] == ""
    assert stranger.set(ear.url)["webhook_signing_secret"]


# ── tests of the receiver ────────────────────────────────────────────────────────────────────────


def test_a_test_arrives_signed(settings, ear):
    secret = settings.set(ear.url)["webhook_signing_secret"]
    ear.answers((200, {}, b"thank you"))
    answer = settings.test().json()
    assert answer["data"] == {"delivered": True, "status": 200, "answer": "thank you"}
    (asked,) = ear.asked
    body = Webhook(secret).verify(asked.body, asked.headers)
    assert body["type"] == "alert.test"
    assert "main" in body["text"]


def test_a_receiver_that_refuses_says_so(settings, ear):
    settings.set(ear.url)
    ear.answers((403, {}, b"invalid_token"))
    answer = settings.test()
    assert answer.status_code == 200
    assert answer.json()["data"] == {"delivered": False, "status": 403, "answer": "invalid_token"}
    assert "403" in answer.json()["message"]


def test_a_receiver_that_is_away(settings, ear):
    settings.set(ear.url)
    ear.answers("reset")
    data = settings.test().json()["data"]
    assert (data["delivered"], data["status"]) == (False, None)
    assert data["answer"]


def test_there_is_nothing_to_test_or_to_rotate_while_alerts_are_off(settings):
    for answer in (settings.test(), settings.put(rotate_signing_secret=True)):
        assert (answer.status_code, answer.json()["code"]) == (400, "alerts.off")


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_run_is_told_once_and_signed(settings, server, org, ear):
    secret = settings.set(ear.url + "/hook")["webhook_signing_secret"]
    job = make_job(server, org, name="orders <b> & co")
    fail(job, times=3)
    assert deliver(server.container) == 1
    assert deliver(server.container) == 0
    (asked,) = ear.asked
    body = Webhook(secret).verify(asked.body, asked.headers)
    assert body["type"] == "run.failed"
    assert body["text"] == (
        "The job 'orders &lt;b&gt; &amp; co' of the project main failed (task 1): "
        "Column &lt;!channel&gt; is gone."
    )
    data = body["data"]
    assert data["project"] == "main"
    assert data["job"] == {"id": job.number, "name": "orders <b> & co"}
    assert data["task"] == {"id": "1", "type": "sync"}
    assert data["error"] == {name: ERROR[name] for name in ("code", "message", "hint")}
    assert data["ended_at"] == body["timestamp"]
    (task,) = server.get(f"{job.path}/tasks", settings.token).json()["data"]
    assert task["id"] == data["task"]["id"]


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.CANCELLED])
def test_other_ends_are_no_alerts(settings, server, org, ear, status):
    settings.set(ear.url)
    job = make_job(server, org)
    fail(job, status, None)
    assert events(job) == []


def test_alerts_of_one_project_do_not_reach_another(settings, server, org, ear):
    settings.set(ear.url)
    job = make_job(server, org, "other")
    fail(job)
    assert events(job) == []


def test_what_has_no_project_is_told_to_the_organization(settings, server, org, ear):
    settings.set(ear.url + "/project")
    job = make_job(server, org, None)
    fail(job)
    assert events(job) == []
    Connections(server.container).create(org, "events", "http", {"url": ear.url + "/organization"})
    fail(job)
    assert deliver(server.container) == 1
    assert [asked.path for asked in ear.asked] == ["/organization"]
    assert json.loads(ear.asked[0].body)["data"]["project"] is None


def test_a_projects_own_connection_is_not_the_organizations_receiver(server, org, ear):
    hooked = make_job(server, org, name="hooked")
    with server.container.store.begin() as work:
        project = work.projects.find(org, name="main").id
        row = Connection(
            org=org,
            name="events",
            connector="http",
            config={"url": ear.url},
            project=project,
            role="destination",
        )
        work.connections.add(org, row)
    fail(hooked)
    fail(make_job(server, org, None))
    assert events(hooked) == []


def test_a_receiver_that_is_gone_ends_it(settings, server, org, ear):
    settings.set(ear.url)
    job = make_job(server, org)
    fail(job)
    settings.set("")
    assert deliver(server.container) == 0
    (event,) = events(job)
    assert event.ended_at
    assert "no receiver" in event.error
    assert ear.asked == []


def test_an_alert_is_sent_again_until_it_is_taken(settings, server, org, ear):
    settings.set(ear.url)
    job = make_job(server, org)
    fail(job)
    ear.answers(500)
    assert deliver(server.container) == 0
    (event,) = events(job)
    assert event.ended_at is None
    assert deliver(server.container, event.due_at) == 1
    assert len({asked.headers["webhook-id"] for asked in ear.asked}) == 1


def test_an_alert_of_what_did_not_happen_is_not_there(settings, server, org, ear):
    settings.set(ear.url)
    job = make_job(server, org)
    run = job.run(RunStatus.RUNNING)

    class BrokenError(Exception):
        pass

    def end():
        with server.container.store.begin() as work:
            run_ended(work, work.runs.finish(org, run, RunStatus.FAILED, ERROR))
            raise BrokenError

    with pytest.raises(BrokenError):
        end()
    assert events(job) == []


def test_a_worker_tells_it(tmp_path, ear):
    before = guard.allowed_hosts()
    try:
        with running(settings_of(tmp_path / "home", allowed_hosts=("127.0.0.0/8",))) as api:
            _ = api.container.registry
            org = api.organization()
            Settings(api, api.session(org)).set(ear.url)
            job = make_job(api, org)
            api.container.work()
            run = Runs(api.container).start(org, job.flow)
            until = time.monotonic() + 60
            while not ear.asked and time.monotonic() < until:
                time.sleep(0.05)
            (asked,) = ear.asked
            assert json.loads(asked.body)["type"] == "run.failed"
            with api.container.store.read() as work:
                assert work.runs.get(org, run.id).status is RunStatus.FAILED
    finally:
        guard.configure(before)

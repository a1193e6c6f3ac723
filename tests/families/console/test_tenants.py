"""Nobody reaches what is another's: every operation of the document, with numbers of others in every place.

What is another organization's, another project's or deleted is answered byte for byte as what never was, and
stays as it is. # Invariant 9
"""

import itertools
import json
import re
from dataclasses import dataclass, replace

import pytest

from support.api import cases_of, running, settings_of
from support.jobs import Person
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.records import Connection, Export, Flow, Import, Role, Run, RunStatus
from towpath.services.numbering import Kind, Numbering

PROJECT = "/api/v1/project/{projectid}"
JOB, TASKS = PROJECT + "/jobs/{job}", PROJECT + "/jobs/{job}/tasks"
THING = {"name": "stolen", "type": "sqlite", "config": {"path": "stolen.db"}}

#: Every operation that has numbers of its own in it: what to send it.
CASES = {
    ("GET", PROJECT + "/sources/{source}"): None,
    ("PUT", PROJECT + "/sources/{source}"): THING,
    ("DELETE", PROJECT + "/sources/{source}"): None,
    ("GET", PROJECT + "/destinations/{destination}"): None,
    ("PUT", PROJECT + "/destinations/{destination}"): THING,
    ("DELETE", PROJECT + "/destinations/{destination}"): None,
    ("GET", JOB): None,
    ("PUT", JOB): {"name": "stolen"},
    ("DELETE", JOB): None,
    ("POST", JOB + "/sync"): None,
    ("POST", JOB + "/activate"): {"activate": False},
    ("POST", JOB + "/cancel"): None,
    ("GET", JOB + "/cancel"): None,
    ("POST", JOB + "/clear-destination"): None,
    ("GET", JOB + "/clear-destination"): None,
    ("POST", JOB + "/stream-difference"): {"updated_streams_config": {}},
    ("POST", PROJECT + "/sources/streams"): {"job_id": "{job}"},
    ("GET", TASKS): None,
    ("GET", TASKS + "?before={task}"): None,
    ("GET", JOB + "/task/{task}/logs"): None,
    ("GET", JOB + "/task/{file_path}/logs"): None,
    ("POST", TASKS + "/{task}/logs"): None,
    ("POST", TASKS + "/1/logs"): {"file_path": "{file_path}"},
    ("GET", JOB + "/logs/download?file_path={file_path}"): None,
    ("GET", TASKS + "/{task}/events"): None,
    ("GET", JOB + "/events"): None,
    ("DELETE", "/auth/sessions/{session}"): None,
    ("GET", "/api/v1/users/{user}"): None,
    ("PUT", "/api/v1/users/{user}"): {"email": "a@b.example"},
    ("DELETE", "/api/v1/users/{user}"): None,
}
#: All others: they take no number, or have tests of their own below.
OTHERS = {
    ("POST", "/login"),
    ("POST", "/signup"),
    ("POST", "/logout"),
    ("GET", "/auth"),
    ("GET", "/auth/check"),
    ("PUT", "/auth/password"),
    ("GET", "/auth/sessions"),
    ("POST", "/auth/invitations"),
    ("GET", "/api/v1/users"),
    ("POST", "/api/v1/users"),
    ("GET", "/telemetry-id"),
    ("GET", "/health"),
    ("GET", "/api/v1/platform/opt/status"),
    ("GET", "/api/v1/platform/releases"),
    *(
        (method, f"{PROJECT}/{kind}s/spec")
        for method in ("GET", "POST")
        for kind in ("source", "destination")
    ),
    *(("GET", f"{PROJECT}/{kind}s/versions") for kind in ("source", "destination")),
    *(("POST", f"{PROJECT}/{kind}s/test") for kind in ("source", "destination")),
    *(
        (method, f"{PROJECT}/{kind}s")
        for method in ("GET", "POST")
        for kind in ("source", "destination", "job")
    ),
    ("POST", PROJECT + "/check-unique"),
    ("GET", PROJECT + "/jobs/source_id={source}"),
    ("GET", PROJECT + "/jobs/dest_id={destination}"),
    ("GET", PROJECT + "/settings"),
    ("PUT", PROJECT + "/settings"),
    ("POST", PROJECT + "/settings/test"),
}
NEVER = 2**31 - 1
NOTHING = b'{"success":false,"message":"Resource not found"}'


@dataclass(frozen=True)
class Ids:
    source: int = NEVER
    destination: int = NEVER
    job: int = NEVER
    task: int = NEVER
    file_path: str = "run_00000000000000000000000000"
    session: str = "key_00000000000000000000000000"
    user: int = NEVER


class Someone(Person):
    """A person in a project, with one of everything."""

    def furnished(self, name="nightly"):
        made = self.make(name)
        store, api = self.api.container.store, self.api.container
        flow = Numbering(api).id(self.org, Kind.FLOW, made["id"])
        self.data("POST", f"/jobs/{made['id']}/sync")
        with store.begin() as work:
            (run,) = work.runs.list(self.org, flow=flow)
            work.runs.claim(self.org, run.id)
            work.runs.finish(self.org, run.id, RunStatus.SUCCEEDED)
        (task,) = self.data("GET", f"/jobs/{made['id']}/tasks")
        return Ids(made["source"]["id"], made["destination"]["id"], made["id"], task["id"], task["file_path"])

    def promote(self):
        """Let her decide who comes in."""
        with self.api.container.store.begin() as work:
            user = work.users.list(self.org)[0]
            work.users.update(self.org, user.id, role=Role.OWNER)

    def call(self, case, ids):
        """Status, body and headers of the answer to this case."""
        method, path = case
        body = CASES[case]
        if body is not None:
            body = {key: filled(value, ids) for key, value in body.items()}
        where = path.format(projectid=self.project, **vars(ids))
        answer = self.api.call(method, where, self.token, **({} if body is None else {"json": body}))
        kept = {name: text for name, text in answer.headers.items() if name not in ("date", "x-request-id")}
        return answer.status_code, answer.content, kept

    def everything(self):
        """All that there is in the project, and what was done in the organization."""
        shown = [
            self.ask("GET", f"/{kind}").content for kind in ("sources", "destinations", "jobs", "settings")
        ]
        with self.api.container.store.read() as work:
            runs = [(run.id, run.status, run.cancel_requested) for run in work.runs.list(self.org)]
            return shown, runs, len(work.audit.list(self.org)), work.users.list(self.org)


def filled(value, ids):
    """The text with ids in it; a number where it is a number alone."""
    if not isinstance(value, str):
        return value
    text = value.format(**vars(ids))
    return int(text) if value == "{job}" else text


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(settings_of(tmp_path_factory.mktemp("tenants") / "home")) as api:
        yield api


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def newcomer(server, folder):
    """Somebody in an organization of their own."""
    return Someone(server, folder, server.organization())


class World:
    """Ann, and all whose things are not hers."""

    def __init__(self, server, folder):
        org, other = server.organization(), server.organization()
        self.ann = Someone(server, folder, org, "ann")
        self.ann.promote()
        self.own = self.ann.furnished()
        self.sibling = Someone(server, folder, org, "bea", project="mill")
        self.stranger = Someone(server, folder, other, "ann")
        # Enough of everything that the last numbers are none of Ann's.
        for name in "abcdefghijkl":
            self.stranger.data("POST", "/sources", THING | {"name": name})
        for name in "abcdefgh":
            foreign = self.stranger.furnished(name)
            near = self.sibling.furnished(name)
        gone = self.ann.furnished("gone")
        self.ann.data("DELETE", f"/jobs/{gone.job}")
        lone = [self.ann.data("POST", f"/{kind}", THING)["id"] for kind in ("sources", "destinations")]
        for kind, number in zip(("sources", "destinations"), lone, strict=True):
            self.ann.data("DELETE", f"/{kind}/{number}")
        self.foreign = {
            "another organization's": replace(
                foreign, session=self.session_of(self.stranger), user=self.user_of(self.stranger)
            ),
            # Users are the organization's, not a project's.
            "another project's": replace(near, session=self.session_of(self.sibling)),
            "deleted": replace(gone, source=lone[0], destination=lone[1]),
            "shown to no project": self.customers(server),
        }

    def session_of(self, person):
        (session,) = person.api.get("/auth/sessions", person.token).json()["data"]
        return session["id"]

    def user_of(self, person):
        """The last of some new ones."""
        person.promote()
        for name in ("x", "y", "z"):
            new = {"username": name, "password": "correct horse"}
            made = person.api.post("/api/v1/users", person.token, json=new).json()["data"]
        return made["id"]

    def customers(self, server):
        """Of flows that a customer's connection takes out of sight."""
        org, customer = self.ann.org, server.customer(self.ann.org)
        common = {"org": org, "name": "customer's"}
        with server.container.store.begin() as work:
            row = Connection(**common, connector="sqlite", config={"path": "x"}, customer=customer)
            lake = work.connections.add(org, Connection(org=org, name="own", connector="sqlite", config={}))
            work.connections.add(org, row)
            reads = work.exports.add(org, Export(**common, connection=row.id, spec=ExportSpec()))
            writes = work.imports.add(org, Import(**common, connection=lake.id, spec=ImportSpec()))
            flow = work.flows.add(org, Flow(**common, exports=(reads.id,), imports=(writes.id,)))
            number = work.numbers.assign(org, Kind.CONNECTION, [row.id])[row.id]
            job = work.numbers.assign(org, Kind.FLOW, [flow.id])[flow.id]
        with server.container.store.begin() as work:
            run = self.a_run(work, org, flow)
            task = work.numbers.assign(org, Kind.RUN, [run])[run]
        return Ids(number, number, job, task, run)

    def a_run(self, work, org, flow):
        run = work.runs.add(org, Run(org=org, flow=flow.id))
        work.runs.claim(org, run.id)
        return work.runs.finish(org, run.id, RunStatus.SUCCEEDED).id

    def everything(self):
        return [person.everything() for person in (self.ann, self.sibling, self.stranger)]


@pytest.fixture(scope="module")
def world(server, folder):
    return World(server, folder)


WHOSE = ["another organization's", "another project's", "deleted", "shown to no project"]


def test_every_operation_has_its_line_here(server):
    found = cases_of(server.client.get("/openapi/console.json").json())
    assert {shape(case) for case in found} == {shape(case) for case in {*CASES, *OTHERS}} - HIDDEN


def shape(case):
    """The operation with all its places but the project alike."""
    method, path = case
    path = path.partition("?")[0].replace("/tasks/1/", "/tasks/{task}/")
    return method, re.sub(r"\{\w+\}", "{}", path)


#: Consoles call it, and the document does not say it.
HIDDEN = {("GET", "/api/v1/project/{}/jobs/{}/cancel")}


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_what_is_anothers_reads_as_what_never_was(world, case):
    text = case[1] + str(CASES[case])
    places = [name for name in vars(Ids()) if f"{{{name}}}" in text]
    before = world.everything()
    for count in range(1, len(places) + 1):
        for chosen in itertools.combinations(places, count):
            never = replace(world.own, **{name: getattr(Ids(), name) for name in chosen})
            nothing = world.ann.call(case, never)
            assert nothing[:2] == (404, NOTHING), chosen
            for whose in WHOSE:
                foreign = world.foreign[whose]
                if all(getattr(foreign, name) == getattr(Ids(), name) for name in chosen):
                    continue
                ids = replace(world.own, **{name: getattr(foreign, name) for name in chosen})
                assert world.ann.call(case, ids) == nothing, (whose, chosen)
    assert world.everything() == before


#: What is refused though it is one's own: nothing runs; it is in use; nobody removes himself.
REFUSED = {
    ("POST", JOB + "/cancel"): 409,
    ("GET", JOB + "/cancel"): 409,
    ("DELETE", PROJECT + "/sources/{source}"): 409,
    ("DELETE", PROJECT + "/destinations/{destination}"): 409,
}


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_the_owner_reaches_it(newcomer, case):
    """Else the test above would find nothing wrong with an operation that never finds anything."""
    own = newcomer.furnished()
    newcomer.promote()
    other = {"username": "other", "password": "correct horse"}
    made = newcomer.api.post("/api/v1/users", newcomer.token, json=other).json()["data"]
    (session,) = newcomer.api.get("/auth/sessions", newcomer.token).json()["data"]
    status, content, _ = newcomer.call(case, replace(own, user=made["id"], session=session["id"]))
    assert status == REFUSED.get(case, 200), content


# ── one name, two organizations ──────────────────────────────────────────────────────────────────


def test_a_project_of_the_same_name_is_another_one(world, newcomer):
    """Of two projects of one name nobody sees anything of the other's, names included."""
    for path in ("/sources", "/destinations", "/jobs"):
        assert newcomer.data("GET", path) == []
    for kind in ("source", "destination", "job"):
        wish = {
            "name": {"source": "shop", "destination": "lake", "job": "nightly"}[kind],
            "entity_type": kind,
        }
        assert newcomer.data("POST", "/check-unique", wish) == {"unique": True}
    newcomer.furnished()
    assert newcomer.data("GET", "/settings")["webhook_alert_url"] == ""
    with newcomer.api.container.store.read() as work:
        (project,) = work.projects.list(newcomer.org)
        (other,) = work.projects.list(world.stranger.org)
    assert (project.name, project.id == other.id) == (other.name, False)


def test_lists_hold_what_is_ones_own(world):
    """Of all others, not even names are anywhere: in uses, in lists by number."""
    seen = json.dumps([world.ann.data("GET", path) for path in ("/sources", "/destinations", "/jobs")])
    assert "customer's" not in seen
    assert [row["name"] for row in world.ann.data("GET", "/jobs")] == ["nightly"]
    for whose in WHOSE:
        ids = world.foreign[whose]
        for query in (
            f"/source_id={ids.source}",
            f"/dest_id={ids.destination}",
            f"?source_id={ids.source}",
            f"?dest_id={ids.destination}",
        ):
            assert world.ann.data("GET", f"/jobs{query}") == [], (whose, query)
    users = world.ann.api.get("/api/v1/users", world.ann.token).json()["data"]
    assert {row["username"] for row in users} == {"ann", "bea"}


def test_jobs_are_not_made_of_what_is_anothers(world):
    before = world.everything()
    path = f"/jobs/{world.own.job}"
    for role in ("source", "destination"):
        calls = [("POST", "/jobs", world.ann.job("new")), ("PUT", path, {})]
        for method, where, body in calls:
            for whose in WHOSE:
                number = getattr(world.foreign[whose], role)
                told = world.ann.refused(400, method, where, body | {role: {"id": number}})
                never = world.ann.refused(400, method, where, body | {role: {"id": NEVER}})
                assert json.dumps(told).replace(str(number), str(NEVER)) == json.dumps(never)
    assert world.everything() == before


def test_a_job_of_another_project_is_not_named(world):
    """What the whole organization shares may be in use where one cannot look."""
    ann, sibling = world.ann, world.sibling
    with ann.api.container.store.begin() as work:
        row = Connection(org=ann.org, name="shared", connector="sqlite", config={"path": "x"})
        work.connections.add(ann.org, row)
    (number,) = [one["id"] for one in ann.data("GET", "/sources") if one["name"] == "shared"]
    made = sibling.data("POST", "/jobs", sibling.job("hush-hush") | {"source": {"id": number}})
    refused = [
        ann.refused(409, "DELETE", f"/sources/{number}"),
        ann.refused(409, "PUT", f"/sources/{number}", THING | {"type": "csv"}),
    ]
    assert "hush" not in json.dumps(refused)
    assert ann.data("GET", f"/sources/{number}")["jobs"] == []
    sibling.data("DELETE", f"/jobs/{made['id']}")
    ann.data("DELETE", f"/sources/{number}")

"""The whole life of a job at a console, every secret of it marked; then all that was said, written or started
is searched, on both stores. # Invariant 8
"""

import gzip
import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from support.command import Towpath
from support.http import endpoint
from support.postgres import PostgresServer

from .test_api_canary import DISGUISED, MARK, Answers, Spy, eventually

PERSON = {"username": "ann", "password": f"{MARK}correct-horse", "email": "ann@bakery.example"}
PROJECT = "/api/v1/project/bakery"


class Desk:
    """Somebody at a console, who keeps all that she is told."""

    def __init__(self, url: str) -> None:
        self.ask = Answers(url)

    def __call__(self, method, path, body=None, *, status=200, **options):
        content = {} if body is None else {"json": body}
        answer = self.ask(method, f"{PROJECT}{path}", **content, **options)
        assert answer.status_code == status, (method, path, answer.text)
        return answer

    def data(self, *call, **options):
        return self(*call, **options).json()["data"]


@pytest.fixture
def databases(postgres: PostgresServer) -> Iterator[tuple[str, str, str]]:
    """Names of a shop's database and of one for the store; and of a role that reads the shop."""
    shop, store, role = postgres.create_database(), postgres.create_database(), "shopper"
    with psycopg.connect(postgres.url(shop), autocommit=True) as database:
        database.execute("CREATE TABLE orders (id bigint PRIMARY KEY)")
        database.execute("INSERT INTO orders SELECT generate_series(1, 100)")
        database.execute(f"CREATE ROLE {role} LOGIN")
        database.execute(f"GRANT SELECT ON orders TO {role}")
    yield shop, store, role
    with psycopg.connect(postgres.url(shop), autocommit=True) as database:
        database.execute(f"DROP OWNED BY {role}")
        database.execute(f"DROP ROLE {role}")
    for name in (shop, store):
        postgres.drop_database(name)


def let_in(postgres, role, password):
    with psycopg.connect(postgres.url(), autocommit=True) as database:
        text = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
        database.execute(text)


@pytest.mark.slow
@pytest.mark.service("postgres")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_secret_of_a_console_is_found_anywhere(towpath: Towpath, tmp_path, postgres, databases, kind):
    shop, store, role = databases
    temporary, log = tmp_path / "temporary", tmp_path / "server.log"
    temporary.mkdir()
    towpath.environment |= {
        "TOWPATH_ALLOWED_HOSTS": "127.0.0.1",
        "TOWPATH_LOG_LEVEL": "debug",
        "TMPDIR": str(temporary),
    }
    if kind == "postgresql":
        towpath.environment["TOWPATH_DATABASE_URL"] = postgres.url(store)
    with ExitStack() as stack:
        hook = stack.enter_context(endpoint())
        output = stack.enter_context(log.open("w"))
        process = stack.enter_context(towpath.started("serve", "--port", "0", stdout=output, stderr=output))
        eventually(lambda: "Ctrl-C" in log.read_text(), "the start of the server")
        spy = stack.enter_context(Spy(process.pid))
        desk = Desk("http://" + log.read_text().split("http://")[1].split()[0])
        stack.enter_context(desk.ask.client)
        secrets = [MARK, *(text.decode() for text in DISGUISED), *come_in(desk)]
        place = postgres.config(shop) | {"username": role, "password": f"{MARK}right"}
        secrets.append(watch(desk, hook.url))
        work(desk, place, tmp_path, lambda password: let_in(postgres, role, password))
        eventually(lambda: hook.asked, "the alert")
        said = [
            towpath(*words).stdout
            for words in (["export"], ["audit", "export"], ["runs", "list"], ["connections", "list"])
        ]
    assert not [what for what, whole in desk.ask.plain for one in secrets if one in whole]
    assert not [text for text in said for one in secrets if one in text]
    told = "".join(str((asked.headers, asked.body)) for asked in hook.asked)
    assert not [one for one in secrets if one in told]
    files = [log, *(path for top in (towpath.home, temporary, tmp_path / "lake") for path in top.rglob("*"))]
    for path in filter(Path.is_file, files):
        assert not [one for one in secrets if one.encode() in path.read_bytes()], path
    assert not [1 for seen in spy.seen for one in secrets if one.encode() in seen]
    if kind == "postgresql":
        rows = list(rows_of(postgres.url(store)))
        assert len(rows) > 20
        assert not [row for row in rows if any(one in row for one in secrets)]
    # All of it was really there.
    assert "auth_failed" in told
    assert f"POST {PROJECT}/jobs" in log.read_text()
    assert len(spy.processes) > 1


def come_in(desk):
    """Sign up and in; the session's token."""
    ask = desk.ask
    assert ask("POST", "/signup", json=PERSON).status_code == 200
    for wrong in (
        {"password": f"{MARK}wrong"},
        {"password": [f"{MARK}x"]},
        {"username": [], "x": f"{MARK}x"},
    ):
        assert ask("POST", "/login", json=PERSON | wrong).status_code in (400, 401)
    answer = ask("POST", "/login", granted=True, json=PERSON)
    token = answer.cookies["towpath-session"]
    change = {"current_password": PERSON["password"], "new_password": f"{MARK}another-horse"}
    assert ask("PUT", "/auth/password", json=change).status_code == 200
    assert ask("GET", "/auth/sessions").status_code == 200
    link = ask("POST", "/auth/invitations", granted=True).json()["data"]
    return token, link["token"]


def watch(desk, url):
    """Have alerts sent there; the secret that signs them."""
    answer = desk.ask("PUT", f"{PROJECT}/settings", granted=True, json={"webhook_alert_url": f"{url}/alerts"})
    assert answer.is_success, answer.text
    desk("GET", "/settings")
    return answer.json()["data"]["webhook_signing_secret"]


def work(desk, place, tmp_path, let_in):
    """A source is tried and kept; a job works, and then does not."""
    kind = {"type": "postgres", "version": "v1.0.0"}
    for wrong in (
        {"port": 1},
        {"host": "nowhere.invalid"},
        {"password": f"{MARK}wrong"},
        {"database": "none"},
    ):
        tried = desk.data("POST", "/sources/test", kind | {"config": place | wrong})
        assert tried["connection_result"]["status"] == "FAILED", wrong
    for wrong in ({"port": f"{MARK}port"}, {"password": [f"{MARK}x"]}, {"ssl": {"mode": f"{MARK}x"}}):
        desk("POST", "/sources/test", kind | {"config": place | wrong}, status=400)
    desk("POST", "/sources/streams", kind | {"config": place | {"port": 1}}, status=503)
    let_in(f"{MARK}right")
    source = desk.data("POST", "/sources", kind | {"name": "shop", "config": json.dumps(place)})
    assert desk.data("POST", "/sources/test", source)["connection_result"]["status"] == "SUCCEEDED"
    found = desk.data("POST", "/sources/streams", {**source, "job_id": -1})
    lake = {"name": "lake", "type": "csv", "config": {"path": str(tmp_path / "lake")}}
    job = {"name": "nightly", "source": {"id": source["id"]}, "destination": lake, "frequency": ""}
    made = desk.data("POST", "/jobs", job | {"streams_config": json.dumps(found["streams_config"])})
    path = f"/jobs/{made['id']}"
    assert run(desk, path) == "Completed"
    let_in(f"{MARK}changed")
    assert run(desk, path) == "Failed"
    for one in ("/sources", "/destinations", "/jobs", path, f"{path}/tasks"):
        desk("GET", one)
    for task in desk.data("GET", f"{path}/tasks"):
        look_at(desk, path, task)
    # The password is put right; then everything goes.
    desk("PUT", f"/sources/{source['id']}", source | {"config": place | {"password": f"{MARK}changed"}})
    assert run(desk, path) == "Completed"
    desk("DELETE", path)
    desk("DELETE", f"/sources/{source['id']}")


def run(desk, path):
    """Status of a sync that has ended."""
    desk("POST", f"{path}/sync")

    def ended():
        task = desk.data("GET", f"{path}/tasks")[0]
        return task["status"] if task["status"] != "Running" else None

    return eventually(ended, "the end of the task")


def look_at(desk, path, task):
    """All that is told of a task."""
    logs = desk.data("POST", f"{path}/tasks/1/logs", {"file_path": task["file_path"]})["logs"]
    assert logs
    assert "event: log" in desk("GET", f"{path}/tasks/{task['id']}/events").text
    archive = desk("GET", f"{path}/logs/download?file_path={task['file_path']}").content
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as files:
        texts = [files.extractfile(name).read().decode() for name in files.getnames()]
    desk.ask.plain += [("the archive", text) for text in texts]
    assert any("run" in text for text in texts)


def rows_of(url):
    """Every row of every table, as text."""
    with psycopg.connect(url) as database:
        tables = database.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
            "AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for table in tables:
            name = sql.Identifier(*table)
            query = sql.SQL("SELECT t::text FROM {} t").format(name)
            yield from itertools.chain.from_iterable(database.execute(query))

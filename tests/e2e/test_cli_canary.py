"""Secrets are marked, used, and searched for everywhere they must not be. # Invariant 8"""

import re
import threading
import time
from pathlib import Path

import pytest
from psycopg import sql

from support.command import PATIENCE, connection, flow

pytestmark = [pytest.mark.slow, pytest.mark.service("postgres")]

PASSWORD = "canary-5d0c1f7e-password"
WRONG = "canary-5d0c1f7e-mistaken"
MARK = b"canary-5d0c1f7e"

#: Everything that looks at what runs have left behind.
WORDS = (
    ("export",),
    ("connections", "show", "good", "--json"),
    ("logs", "works"),
    ("logs", "fails", "--json"),
    ("runs", "list", "--json"),
    ("runs", "show", "fails", "--json"),
    ("errors", "list", "--json"),
    ("state", "get", "works", "--json"),
    ("audit", "list", "--json"),
    ("doctor",),
)


class Spy(threading.Thread):
    """Reads the arguments of every process, again and again, until it is told to stop."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.02):
            for arguments in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(arguments.read_bytes())
                except OSError:
                    continue

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()


@pytest.fixture
def database(postgres):
    """A database with a table, that only the marked password opens."""
    name = postgres.create_database()
    with postgres.connect(name) as admin:
        admin.execute("CREATE TABLE items AS SELECT n AS id, 'item' AS name FROM generate_series(1, 1000) n")
        admin.execute("DROP ROLE IF EXISTS canary")
        admin.execute(sql.SQL("CREATE ROLE canary LOGIN PASSWORD {}").format(PASSWORD))
        admin.execute("GRANT SELECT ON items TO canary")
    yield postgres, name
    with postgres.connect(name) as admin:
        admin.execute("DROP OWNED BY canary")
        admin.execute("DROP ROLE canary")


def test_no_secret_is_found_anywhere(towpath, database, tmp_path):
    server, name = database
    config = server.config(name) | {"username": "canary"}
    documents = tmp_path / "documents.yaml"
    documents.write_text(
        connection("good", "postgres", **config | {"password": "${env:GOOD}"})
        + connection("wrong", "postgres", **config | {"password": "${env:WRONG}"})
        + connection("copy", "sqlite", path=str(tmp_path / "copy.db"))
        + flow("works", "good", "copy", streams=[{"name": "public.items"}])
        + flow("fails", "wrong", "copy", streams=[{"name": "public.items"}])
        + flow("vanished", "good", "copy", streams=[{"name": "public.nothing"}])
    )
    said = []
    towpath.environment |= {"GOOD": PASSWORD, "WRONG": WRONG, "TOWPATH_LOG_LEVEL": "debug"}
    said.append(towpath("apply", "-f", documents))
    # The children of a run must not find secrets in what they inherit either.
    del towpath.environment["GOOD"], towpath.environment["WRONG"]
    with Spy() as spy:
        said.append(towpath("check", "good"))
        said.append(towpath("check", "wrong", code=4))
        said.append(towpath("discover", "good", "--json"))
        said.append(towpath("preview", "good", "items"))
        said.append(towpath("run", "works"))
        said.append(towpath("run", "fails", code=4))
        said.append(towpath("--debug", "run", "vanished", code=1))
    assert len([arguments for arguments in spy.seen if b"towpath" in arguments]) > 3
    said.extend(towpath(*words) for words in WORDS)

    assert not [arguments for arguments in spy.seen if MARK in arguments]
    assert not [done.args for done in said if MARK.decode() in done.stdout + done.stderr]
    assert not [path for path in files(towpath.home) if MARK in path.read_bytes()]
    # What was searched for was really there and in use.
    assert re.search(r"committed +1,000", "".join(done.stdout for done in said))


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_children_inherit_no_secret(towpath, database, tmp_path):
    server, name = database
    with server.connect(name) as admin:
        admin.execute(
            "CREATE VIEW slow AS SELECT n, pg_sleep(0.01)::text AS slept FROM generate_series(1, 100000) n"
        )
        admin.execute("GRANT SELECT ON slow TO canary")
    config = server.config(name) | {"username": "canary", "password": "${env:GOOD}"}
    (tmp_path / "documents.yaml").write_text(
        connection("good", "postgres", **config)
        + connection("copy", "sqlite", path=str(tmp_path / "copy.db"))
        + flow("slow", "good", "copy", streams=[{"name": "public.slow"}])
    )
    towpath.environment["GOOD"] = PASSWORD
    towpath("apply", "-f", tmp_path / "documents.yaml")
    del towpath.environment["GOOD"]
    towpath.environment["TOWPATH_MASTER_KEY"] = (towpath.home / "master.key").read_text().strip()
    key = towpath.environment["TOWPATH_MASTER_KEY"].encode()
    with towpath.started("run", "slow") as process:
        children = wait_for_children(process.pid)
        for child in children:
            environment = Path(f"/proc/{child}/environ").read_bytes()
            assert MARK not in environment
            assert key not in environment


def wait_for_children(pid):
    """The processes that read slices: children of the command, once there are some."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        others = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        found = sorted({*found, *(child for group in others for child in group)})
        # One that is only just forked off is still a copy of the command, environment and all.
        found = [child for child in found if b"nursery" in Path(f"/proc/{child}/cmdline").read_bytes()]
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("no child was ever started")

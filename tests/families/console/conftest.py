"""A person at a console."""

import json
import sqlite3

import pytest

from support.api import running, settings_of
from support.jobs import Person
from support.pasts import make_job
from towpath.api.console import family


@pytest.fixture(scope="session")
def offered():
    return (family,)


class Console:
    """A person who has signed in, in a project, with a shop to copy and a place to copy it to."""

    project = "/api/v1/project/123"

    def __init__(self, api, folder):
        self.api, self.folder = api, folder
        with sqlite3.connect(folder / "shop.db") as shop:
            shop.executescript("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount REAL)")
        shop.close()
        person = {"email": "ann@bakery.example", "username": "ann", "password": "correct horse"}
        assert api.post("/signup", json=person).is_success
        login = api.post("/login", json=person)
        assert login.is_success
        self.cookie = login.headers["set-cookie"].partition(";")[0]

    def ask(self, method, path, body=None):
        headers = {"Cookie": self.cookie, "Authorization": "Bearer authenticated"}
        content = {} if body is None else {"json": body}
        return self.api.call(method, f"{self.project}{path}", headers=headers, **content)

    @property
    def shop(self):
        config = {"path": str(self.folder / "shop.db")}
        return {"name": "shop", "type": "sqlite", "version": "v1.0.0", "config": config}

    @property
    def lake(self):
        config = json.dumps({"type": "PARQUET", "writer": {"local_path": str(self.folder / "lake")}})
        return {"name": "lake", "type": "parquet", "config": config, "version": "v1.0.0"}

    def streams(self):
        asked = {name: self.shop[name] for name in ("type", "version", "config")}
        return self.ask("GET", "/source/streams", asked)

    def job(self, name="nightly"):
        found = self.streams().json()["data"]["streams_config"]
        config = found if isinstance(found, str) else json.dumps(found)
        body = {"name": name, "source": self.shop, "destination": self.lake}
        return body | {"frequency": "0 3 * * *", "streams_config": config}

    def made_job(self):
        """Number of a new job."""
        made = self.ask("POST", "/jobs", self.job())
        assert made.is_success, made.text
        return self.ask("GET", "/jobs").json()["data"][0]["id"]


@pytest.fixture
def console(api_sqlite, tmp_path):
    return Console(api_sqlite, tmp_path)


@pytest.fixture
def ann(server, tmp_path):
    """Somebody who makes jobs."""
    return Person(server, tmp_path, server.organization())


@pytest.fixture
def anybody(api, tmp_path):
    """The same on both stores."""
    return Person(api, tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One for all tests of a module: each has an organization of its own."""
    with running(settings_of(tmp_path_factory.mktemp("console") / "home"), family) as api:
        yield api


@pytest.fixture
def org(server):
    return server.organization()


@pytest.fixture
def token(server, org):
    return server.session(org)


@pytest.fixture
def job(server, org):
    return make_job(server, org)

"""A partner of one organization: its key and token, and short ways to ask for things."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.api import Api, running, settings_of
from towpath.bootstrap.settings import Settings

#: Numbers of templates, as in the catalogue's file.
SQLITE, DUCKDB, POSTGRES = 4, 6, 1
#: Every 5 and every 10 minutes.
FIVE, TEN = 3, 4
NOT_FOUND = {"detail": "Not found."}
NO_OBJECT = 'Invalid pk "{}" - object does not exist.'

#: A source with two streams that are known beforehand, and a secret.
PMS = """
name: pms
title: Test PMS
summary: Listings and reservations
tags: [PMS, Hospitality]
fields:
  token: {title: Token, secret: true, placeholder: Paste it}
  site: {title: Site, default: https://pms.invalid, advanced: true}
auth:
  - {type: api_key, header: X-Token, value: "{token}"}
base_url: "{site}"
streams:
  listings: {path: /listings, records: $, intervals: [300, 600], schema: {id: integer}}
  reservations:
    path: /reservations
    records: $
    schema: {id: integer, updated_at: timestamp}
    primary_key: [id]
    intervals: [300]
    incremental: {cursor: updated_at, parameter: since}
"""


@dataclass
class Partner:
    """One organization as a program sees it that holds a partner's key."""

    api: Api
    org: str
    key: str
    secret: str
    token: str

    @classmethod
    def furnish(cls, api: Api) -> "Partner":
        org = api.organization()
        shown = api.shown_key(org, "partner")
        assert shown.secret is not None
        key, secret = shown.text.get_secret_value(), shown.secret.get_secret_value()
        return cls(api, org, key, secret, token_of(api, key, secret))

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.api.call(method, f"/api/v2/{path}", self.token, **options)

    def get(self, path: str, code: int = 200, **options: Any) -> Any:
        answer = self.ask("GET", path, **options)
        assert answer.status_code == code, answer.text
        return answer.json()

    def send(self, method: str, path: str, body: Any, code: int = 200) -> Any:
        answer = self.ask(method, path, json=body)
        assert answer.status_code == code, answer.text
        return answer.json()

    def post(self, path: str, body: Any, code: int = 201) -> Any:
        return self.send("POST", path, body, code)

    def drop(self, path: str, code: int = 204) -> None:
        answer = self.ask("DELETE", path)
        assert answer.status_code == code, answer.text

    def destination(self, path: Path, name: str = "lake") -> int:
        """Number of a new DuckDB destination."""
        body = {"name": name, "credential_json": {"path": str(path)}, "type_adapter": DUCKDB}
        number: int = self.post("destinations/", body)["id"]
        return number

    def everything(self, template: int = SQLITE) -> int:
        """Number of the entity that stands for all streams."""
        (entity,) = self.get(f"connector-templates/{template}")["entities"]
        number: int = entity["id"]
        return number

    def copy(self, source: Path, *destinations: int, name: str = "copy") -> dict[str, Any]:
        """The body of a connector that copies a SQLite file."""
        entity = {"id": self.everything(), "entity_timer_id": FIVE, "is_active": True}
        return {
            "name": name,
            "connector_category_id": SQLITE,
            "credentials": {"path": str(source)},
            "targets": [{"destination_id": number, "entities": [entity]} for number in destinations],
        }

    def rows(self) -> dict[str, int]:
        """How much of everything that a connector is made of the organization has."""
        with self.api.container.store.read() as work:
            kinds = (work.integrations, work.exports, work.imports, work.flows)
            counts = {
                type(kind).__name__ + str(at): len(kind.list(self.org)) for at, kind in enumerate(kinds)
            }
            alive = work.connections.list(self.org, deleted_at=None)
            sealed = [row for row in work.connections.list(self.org) if work.secrets.get(self.org, row.id)]
            return counts | {"connections": len(alive), "sealed": len(sealed)}


def token_of(api: Api, key: str, secret: str) -> str:
    answer = api.client.post("/o/token/", auth=(key, secret), json={"grant_type": "client_credentials"})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def with_pms(home: Path) -> Settings:
    """Settings of a home whose operator has added a connector, ``pms``."""
    (home / "connectors").mkdir(parents=True)
    (home / "connectors" / "pms.yaml").write_text(PMS)
    return settings_of(home)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One server for all tests that may share it: each has an organization of its own."""
    with running(with_pms(tmp_path_factory.mktemp("partners") / "home")) as api:
        yield api


@pytest.fixture
def acme(server: Api) -> Partner:
    """A partner; on SQLite, for what no store can change."""
    return Partner.furnish(server)


@pytest.fixture
def either(api: Api) -> Partner:
    """A partner; each test runs on both stores."""
    return Partner.furnish(api)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A SQLite file with two tables."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount REAL)")
        database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
        database.executemany("INSERT INTO orders VALUES (?, ?)", [(n, n / 2) for n in range(20)])
    return path

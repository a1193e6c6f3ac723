"""A person at a console, and what a job of theirs may be made of."""

import json
import sqlite3
from contextlib import contextmanager

from sqlalchemy import event

PROJECT = "bakery"


class Person:
    """Somebody who has signed in, and what a job of theirs may be made of."""

    def __init__(self, api, folder, org=None, name="ann", project=PROJECT):
        self.api, self.folder, self.project = api, folder, project
        self.org = org or api.container.organization.id
        self.token = api.session(self.org, name)
        with sqlite3.connect(folder / "shop.db") as shop:
            shop.executescript(
                "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, at TEXT);"
                "CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, name TEXT);"
            )
        shop.close()

    def ask(self, method, path, body=None):
        content = {} if body is None else {"json": body}
        return self.api.call(method, f"/api/v1/project/{self.project}{path}", self.token, **content)

    def data(self, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found.keys() == {"success", "message", "data"}
        assert found["success"] is True
        return found["data"]

    def refused(self, status, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.status_code == status, answer.text
        assert answer.json()["success"] is False
        return answer.json()

    @property
    def shop(self):
        config = json.dumps({"path": str(self.folder / "shop.db")})
        return {"name": "shop", "type": "sqlite", "version": "v1.0.0", "config": config}

    @property
    def lake(self):
        config = json.dumps({"path": str(self.folder / "lake.db")})
        return {"name": "lake", "type": "sqlite", "version": "v1.0.0", "config": config}

    def job(self, name="nightly", **more):
        body = {"name": name, "source": self.shop, "destination": self.lake, "frequency": "1-days"}
        return body | {"streams_config": json.dumps(streams("orders"))} | more

    def make(self, name="nightly", **more):
        return self.data("POST", "/jobs", self.job(name, **more))

    def names(self, path):
        return [row["name"] for row in self.data("GET", path)]


def streams(*names, mode="full_refresh", **selected):
    """A ``streams_config`` that selects these tables."""
    columns = {"id": {"type": ["integer"]}, "at": {"type": ["string", "null"]}}
    offers = [
        {
            "stream": {
                "name": name,
                "namespace": "",
                "type_schema": {"properties": columns},
                "supported_sync_modes": ["full_refresh", "incremental"],
                "source_defined_primary_key": ["id"],
                "available_cursor_fields": ["id", "at"],
                "cursor_field": "id" if mode == "incremental" else "",
                "sync_mode": mode,
            }
        }
        for name in names
    ]
    chosen = [{"stream_name": name, "normalization": True, **selected} for name in names]
    return {"selected_streams": {"": chosen}, "streams": offers}


@contextmanager
def counted(store):
    """The statements that are sent to the store meanwhile."""
    statements = []

    def count(*call):
        statements.append(call[2])

    event.listen(store._engine, "before_cursor_execute", count)
    yield statements
    event.remove(store._engine, "before_cursor_execute", count)


def flow_of(ann):
    with ann.api.container.store.read() as work:
        [flow] = work.flows.list(ann.org)
    return flow


def runs_of(ann):
    with ann.api.container.store.read() as work:
        return work.runs.list(ann.org)


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}

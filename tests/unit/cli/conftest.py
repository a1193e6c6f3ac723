"""The command, called as a program would call it, in a home of its own with real SQLite files."""

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from towpath.cli.app import app


@dataclass
class Command:
    """Calls ``towpath`` in this process."""

    home: Path
    runner: CliRunner = field(default_factory=CliRunner)

    def __call__(self, *words, code=0, input=None, env=None):
        result = self.runner.invoke(app, ["--home", str(self.home), *map(str, words)], input=input, env=env)
        assert result.exit_code == code, (words, result.exit_code, result.stdout, result.stderr)
        return result

    def json(self, *words, **more):
        return json.loads(self(*words, "--json", **more).stdout)


@pytest.fixture
def towpath(tmp_path, monkeypatch):
    for name in ("TOWPATH_HOME", "TOWPATH_DATABASE_URL", "TOWPATH_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Command(tmp_path / "home")


@pytest.fixture
def shop(tmp_path):
    return make_shop(tmp_path / "shop.db")


def make_shop(path):
    """A SQLite database with two tables."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount REAL)")
        database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
        database.executemany("INSERT INTO orders VALUES (?, ?)", [(n, n / 2) for n in range(100)])
        database.executemany("INSERT INTO items VALUES (?, ?)", [(n, f"item {n}") for n in range(10)])
    database.close()
    return path


CONNECTION = """\
apiVersion: towpath/v1
kind: Connection
metadata:
  name: {name}
spec:
  connector: {connector}
  config: {config}
"""


def connection(name, connector, **config):
    return CONNECTION.format(name=name, connector=connector, config=json.dumps(config))


@pytest.fixture
def documents(tmp_path, shop):
    return write_documents(tmp_path, shop)


def write_documents(parent, shop):
    """Two connections and a flow between them, and a connection with a secret."""
    folder = parent / "documents"
    folder.mkdir()
    (folder / "a-flow.yaml").write_text(
        """\
apiVersion: towpath/v1
kind: Flow
metadata:
  name: copy
spec:
  source: {connection: shop}
  destination: {connection: copy}
  streams:
    - name: orders
      mode: incremental
      cursor: id
      where: [{column: id, op: ">=", value: 3}]
    - name: items
      columns: [id, name]
  schedule: {cron: "0 6 * * *", timezone: Europe/Amsterdam}
"""
    )
    (folder / "connections.yml").write_text(
        connection("shop", "sqlite", path=str(shop))
        + "---\n"
        + connection("copy", "sqlite", path=str(parent / "copy.db"))
        + "---\n"
        + connection(
            "remote", "postgres", host="h", database="d", username="u", password="${env:REMOTE_PASSWORD}"
        )
    )
    return folder


SECRETS = {"REMOTE_PASSWORD": "canary-1f6e"}


@pytest.fixture
def applied(towpath, documents):
    """A home in which the documents are applied."""
    towpath("apply", "-f", documents, env=SECRETS)
    return towpath

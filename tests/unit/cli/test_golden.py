"""What ``--json`` prints is read by scripts: its keys and types stay as they are."""

import json
import re
from pathlib import Path

import pytest

from .conftest import SECRETS, Command, make_shop, write_documents

GOLDEN = Path(__file__).parent / "golden"
#: What differs from call to call, and what stands for it in the golden files.
VARYING = {
    r"[a-z]{3}_[0-9A-Z]{26}$": "id",
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$": "uuid",
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}": "time",
    r"tp_[a-z]+_": "key",
    r"http://127\.0\.0\.1:8080/login/link/tp_link_": "login link",
    r"http://127\.0\.0\.1:8080/signup/tp_invite_": "invitation",
    r"[0-9a-f]{64}$": "digest",
    r"/": "path",
    r"SQLite 3\.": "SQLite",
}

CALLS = {
    "connections-list": ("connections", "list"),
    "connections-show": ("connections", "show", "remote"),
    "flows-list": ("flows", "list"),
    "flows-show": ("flows", "show", "copy"),
    "runs-list": ("runs", "list"),
    "state-get": ("state", "get", "copy"),
    "errors-list": ("errors", "list"),
    "audit-list": ("audit", "list"),
    "audit-verify": ("audit", "verify"),
    "check": ("check", "shop"),
    "discover": ("discover", "shop"),
    "preview": ("preview", "shop", "items", "--limit", "2"),
    "keys-list": ("keys", "list"),
    "users-list": ("users", "list"),
    "customers-list": ("customers", "list"),
    "instances-list": ("instances", "list"),
    "version": ("version",),
}
MADE = {
    "keys-create-partner": ("keys", "create", "k", "--kind", "partner"),
    "keys-create-broker": ("keys", "create", "k2", "--kind", "broker"),
    "customers-create": ("customers", "create", "c"),
    "instances-create": ("instances", "create", "i", "--customer", "acme"),
    "users-create": ("users", "create", "u", "--password-stdin"),
    "users-link": ("users", "link", "ann"),
    "users-invite": ("users", "invite"),
    "apply": ("apply", "--dry-run", "-f", "{documents}"),
    "flows-create": ("flows", "create", "f", "--from", "shop", "--to", "copy"),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A home with one of everything, and the folder of its documents."""
    folder = tmp_path_factory.mktemp("golden")
    towpath = Command(folder / "home")
    documents = write_documents(folder, make_shop(folder / "shop.db"))
    towpath("apply", "-f", documents, env=SECRETS)
    towpath("users", "create", "ann", "--password-stdin", input="a long password\n")
    towpath("keys", "create", "first", "--kind", "integrator")
    towpath("customers", "create", "acme")
    towpath("instances", "create", "one", "--customer", "acme")
    towpath("state", "set", "copy", "orders", '{"cursor": 17}', "--yes")
    return towpath, documents


@pytest.mark.parametrize("name", [*CALLS, *MADE])
def test_json_keeps_its_shape(filled, name):
    towpath, documents = filled
    words = [word.format(documents=documents) for word in {**CALLS, **MADE}[name]]
    found = shape(towpath.json(*words, input="a long password\n", env=SECRETS))
    golden = GOLDEN / f"{name}.json"
    assert found == json.loads(golden.read_text()), f"if the change is meant, write it to {golden}"


def shape(value):
    """The value with what differs from call to call replaced by the name of its kind."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, str):
        return next((name for pattern, name in VARYING.items() if re.match(pattern, value)), value)
    return value


def test_connectors_are_listed_with_these_keys(towpath):
    keys = {"name", "title", "version", "summary", "categories", "reads", "writes"}
    assert all(set(one) == keys for one in towpath.json("connectors", "list"))
    assert set(towpath.json("connectors", "show", "sqlite")) == keys | {"config"}

"""Flows, states, errors, keys, users, customers, instances and the audit trail."""

import sqlite3
from datetime import datetime, timedelta

import pytest

from .conftest import connection

SENDING = """\
---
apiVersion: towpath/v1
kind: Flow
metadata: {name: send}
spec:
  source: {connection: shop}
  destination: {connection: away}
  streams: [{name: items, write: append}]
"""


def test_a_flow_is_created_disabled_enabled_and_deleted(applied):
    applied(
        "flows", "create", "second", "--from", "shop", "--to", "copy", "--stream", "items", "--every", "60"
    )
    assert applied.json("flows", "show", "second")["next_due"]
    applied("flows", "disable", "second")
    assert applied.json("flows", "show", "second")["next_due"] is None
    applied("flows", "enable", "second")
    assert applied.json("flows", "show", "second")["next_due"]
    applied("flows", "delete", "second", "--yes")
    assert [flow["name"] for flow in applied.json("flows", "list")] == ["copy"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--every", "1"), "schedule.too_often"),
        (("--cron", "* * *"), "cron"),
        (("--cron", "* * * * *", "--timezone", "Mars"), "timezone"),
        (("--to", "nothing"), "connection.unknown"),
    ],
)
def test_a_flow_that_cannot_be_is_3(applied, words, says):
    printed = applied("flows", "create", "x", "--from", "shop", "--to", "copy", *words, code=3)
    assert says in printed.stderr


def test_a_schedule_stays_due_when_something_else_changes(applied, documents):
    before = applied.json("flows", "show", "copy")["next_due"]
    flow = documents / "a-flow.yaml"
    flow.write_text(flow.read_text().replace("value: 3", "value: 4"))
    assert applied.json("apply", "-f", flow)[0]["action"] == "updated"
    assert applied.json("flows", "show", "copy")["next_due"] == before


def test_a_state_is_set_and_reset(applied):
    assert applied.json("state", "get", "copy") == []
    applied("state", "set", "copy", "orders", '{"cursor": 17}', "--yes")
    (state,) = applied.json("state", "get", "copy")
    assert (state["state"], state["generation"]) == ({"cursor": 17}, 1)
    applied("state", "reset", "copy", "--yes")
    (state,) = applied.json("state", "get", "copy", "orders")
    assert (state["state"], state["generation"]) == (None, 2)


def test_a_state_is_an_object(applied):
    applied("state", "set", "copy", "orders", "17", "--yes", code=2)
    applied("state", "reset", "nothing", "--yes", code=6)


def test_clearing_asks_first_and_names_what_it_does_not_know(applied):
    assert "orders" in applied("flows", "clear", "copy", "--stream", "order", "--yes", code=6).stderr
    applied("flows", "clear", "nothing", "--yes", code=6)
    applied("flows", "clear", "copy", input="n\n", code=1)
    assert applied.json("runs", "list") == []


def test_what_was_sent_away_cannot_be_cleared(applied, tmp_path):
    file = tmp_path / "away.yaml"
    file.write_text(connection("away", "http", url="https://receiver.example/things") + SENDING)
    applied("apply", "-f", file)
    assert "clear.unsupported" in applied("flows", "clear", "send", "--yes", code=3).stderr
    assert applied.json("runs", "list") == []


def test_an_unknown_run_or_error_is_6(applied):
    applied("runs", "show", "nothing", code=6)
    assert "has not run yet" in applied("logs", "copy", code=6).stderr
    applied("errors", "resolve", "err_1", code=6)
    applied("errors", "retry", "err_1", code=6)
    applied("run", "nothing", code=6)
    applied("run", "copy", "--stream", "nothing", code=6)


def test_a_key_is_shown_once(towpath):
    made = towpath.json("keys", "create", "k", "--kind", "partner")
    assert made["key"].startswith("tp_partner_")
    assert made["secret"].startswith("tp_secret_")
    assert made["key"] not in towpath("keys", "list").stdout
    assert "secret" not in towpath.json("keys", "create", "other", "--kind", "broker")
    towpath("keys", "revoke", "k", "--yes")
    assert [key["name"] for key in towpath.json("keys", "list")] == ["other"]
    towpath("keys", "create", "x", "--kind", "proxy", code=2)


def test_a_key_is_known_by_how_it_begins(towpath):
    made = towpath.json("keys", "create", "k", "--kind", "integrator", "--expires-in", "90d")
    assert made["hint"] == made["key"][:18]
    (listed,) = towpath.json("keys", "list")
    assert (listed["hint"], listed["expires_at"]) == (made["hint"], made["expires_at"])
    life = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(listed["created_at"])
    assert timedelta(days=90) <= life + timedelta(seconds=1) <= timedelta(days=90, minutes=1)
    assert made["hint"] in towpath("keys", "list").stdout
    assert towpath.json("keys", "create", "ever", "--kind", "broker")["expires_at"] is None
    towpath("keys", "create", "x", "--kind", "broker", "--expires-in", "soon", code=2)
    assert (
        "config.invalid"
        in towpath("keys", "create", "x", "--kind", "broker", "--expires-in", "0", code=3).stderr
    )


def test_a_proxy_key_is_rotated(towpath):
    towpath("customers", "create", "acme")
    first = towpath.json("instances", "create", "one", "--customer", "acme")
    second = towpath.json("instances", "rotate", "one", "--overlap", "1h")
    assert (second["id"], second["proxy_key"][:13]) == (first["id"], second["hint"])
    assert second["proxy_key"] != first["proxy_key"]
    (row,) = towpath.json("instances", "list")
    assert [key["hint"] for key in row["keys"]] == [first["proxy_key"][:13], second["hint"]]
    assert [key["expires_at"] is None for key in row["keys"]] == [False, True]
    assert second["hint"] in towpath("instances", "list").stdout
    third = towpath.json("instances", "rotate", first["id"], "--overlap", "0")
    (row,) = towpath.json("instances", "list")
    assert [key["hint"] for key in row["keys"]] == [third["hint"]]
    towpath("instances", "rotate", "one", "--overlap", "-1h", code=2)
    towpath("instances", "rotate", "nobody", code=6)
    towpath("instances", "delete", "one", "--yes")
    assert towpath.json("keys", "list") == []


def test_a_password_is_hashed_and_never_an_argument(towpath):
    towpath("users", "create", "ann", "--password-stdin", input="canary-password\n")
    assert (
        "password.too_short"
        in towpath("users", "create", "b", "--password-stdin", input="x\n", code=3).stderr
    )
    assert (
        "user.exists"
        in towpath("users", "create", "ann", "--password-stdin", input="12345678\n", code=1).stderr
    )
    with sqlite3.connect(towpath.home / "towpath.db") as store:
        (stored,) = store.execute("SELECT password_hash FROM users").fetchone()
    store.close()
    assert stored.startswith("$argon2id$")


def test_the_first_user_is_the_owner_and_one_owner_stays(towpath):
    roles = [
        towpath.json("users", "create", name, *more, "--password-stdin", input="long enough\n")["role"]
        for name, *more in (("ann",), ("bob",), ("cy", "--role", "owner"))
    ]
    assert roles == ["owner", "member", "owner"]
    towpath("users", "update", "ann", "--role", "member", "--email", "ann@a.test")
    assert "user.last_owner" in towpath("users", "update", "cy", "--disable", code=1).stderr
    assert "user.last_owner" in towpath("users", "delete", "cy", "--yes", code=1).stderr
    assert "--role" in towpath("users", "update", "cy", code=2).stderr
    towpath("users", "passwd", "bob", "--password-stdin", input="another word\n")
    towpath("users", "update", "bob", "--disable")
    assert "user.disabled" in towpath("users", "link", "bob", code=4).stderr
    assert [(row["name"], row["role"], row["disabled"]) for row in towpath.json("users", "list")] == [
        ("ann", "member", False),
        ("bob", "member", True),
        ("cy", "owner", False),
    ]
    assert "/login/link/tp_link_" in towpath("users", "link", "ann").stdout


def test_the_last_user_of_all_may_go(towpath):
    towpath("users", "create", "ann", "--password-stdin", input="long enough\n")
    towpath("users", "delete", "ann", "--yes")
    assert towpath.json("users", "list") == []


def test_customers_and_instances(towpath):
    customer = towpath.json("customers", "create", "acme")
    made = towpath.json("instances", "create", "one", "--customer", customer["id"])
    assert made["proxy_key"].startswith("tp_proxy_")
    assert made["customer"] == customer["id"]
    assert "instance.exists" in towpath("instances", "create", "one", "--customer", "acme", code=1).stderr
    assert "in_use" in towpath("customers", "delete", "acme", "--yes", code=1).stderr
    towpath("instances", "delete", "one", "--yes")
    towpath("customers", "delete", "acme", "--yes")
    towpath("instances", "create", "two", "--customer", "acme", code=6)


def test_every_change_is_in_the_audit_trail_and_the_trail_holds(applied):
    applied("keys", "create", "k", "--kind", "broker")
    actions = [entry["action"] for entry in applied.json("audit", "list")]
    assert actions == [*["connection.create"] * 3, "flow.create", "key.create"]
    whole = {"ok": True, "first_broken": None, "seq": None, "reason": None}
    assert applied.json("audit", "verify") == whole


def test_rotation_keeps_secrets_readable(applied, documents):
    before = (applied.home / "master.key").read_bytes()
    done = applied.json("secrets", "rotate")
    assert done["rewrapped"] == 1
    assert (applied.home / "master.key").read_bytes() != before
    result = applied.json("apply", "-f", documents, env={"REMOTE_PASSWORD": "canary-1f6e"})
    assert {one["action"] for one in result} == {"unchanged"}

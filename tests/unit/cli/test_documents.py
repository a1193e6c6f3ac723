"""``apply`` and ``export``: all or nothing, idempotent, and never a secret."""

import pytest
import yaml

from .conftest import SECRETS, connection


def actions(result):
    return {f"{one['kind']} {one['name']}": one["action"] for one in result}


ALL = ("Connection shop", "Connection copy", "Connection remote", "Flow copy")


def test_documents_are_created_then_unchanged_then_updated(towpath, documents):
    assert actions(towpath.json("apply", "-f", documents, env=SECRETS)) == dict.fromkeys(ALL, "created")
    assert actions(towpath.json("apply", "-f", documents, env=SECRETS)) == dict.fromkeys(ALL, "unchanged")
    flow = documents / "a-flow.yaml"
    flow.write_text(flow.read_text().replace("0 6 * * *", "0 7 * * *"))
    changed = towpath.json("apply", "-f", documents, env=SECRETS | {"REMOTE_PASSWORD": "other"})
    assert actions(changed) == {
        "Connection shop": "unchanged",
        "Connection copy": "unchanged",
        "Connection remote": "updated",
        "Flow copy": "updated",
    }


def test_a_dry_run_tells_and_changes_nothing(towpath, documents):
    result = towpath.json("apply", "-f", documents, "--dry-run", env=SECRETS)
    assert actions(result) == dict.fromkeys(ALL, "created")
    assert towpath.json("connections", "list") == []
    assert towpath.json("audit", "list") == []


def test_what_is_exported_can_be_applied_and_changes_nothing(applied, tmp_path):
    text = applied("export").stdout
    (tmp_path / "again.yaml").write_text(text)
    result = applied.json("apply", "-f", tmp_path / "again.yaml", env=SECRETS)
    assert actions(result) == dict.fromkeys(ALL, "unchanged")


def test_an_export_makes_the_same_in_another_home(applied, tmp_path):
    exported = applied("export").stdout
    (tmp_path / "again.yaml").write_text(exported)
    applied.home = tmp_path / "other"
    applied("apply", "-f", tmp_path / "again.yaml", env=SECRETS)
    assert applied("export").stdout == exported


def test_an_export_names_variables_instead_of_secrets(applied):
    exported = applied("export").stdout
    assert "canary" not in exported
    assert "password: ${env:REMOTE_PASSWORD}" in exported
    assert {document["kind"] for document in yaml.safe_load_all(exported)} == {"Connection", "Flow"}


def test_a_secret_from_a_file_beside_the_document(towpath, tmp_path):
    (tmp_path / "password").write_text("canary\n")
    text = connection("c", "postgres", host="h", database="d", username="u", password="${file:password}")
    (tmp_path / "c.yaml").write_text(text)
    towpath("apply", "-f", tmp_path / "c.yaml")
    assert towpath.json("connections", "show", "c")["config"]["password"] == "********"


GOOD = {"host": "h", "database": "d", "username": "u"}
CASES = {
    "literal secret": (
        connection("c", "postgres", **GOOD, password="canary"),
        ["document 1, spec.config.password:", "secret.literal"],
    ),
    "unset variable": (
        connection("c", "postgres", **GOOD, password="${env:NOT_SET_ANYWHERE}"),
        ["spec.config.password:", "NOT_SET_ANYWHERE", "reference.unset"],
    ),
    "missing file": (
        connection("c", "postgres", **GOOD, password="${file:nowhere}"),
        ["spec.config.password:", "reference.unreadable"],
    ),
    "wrong setting": (
        connection("c", "postgres", **GOOD, port="canary"),
        ["spec.config.port", "config.invalid"],
    ),
    "unknown connector": (
        connection("c", "postgre", **GOOD),
        ["spec.connector:", "'postgre'", "'postgres'", "connector.unknown"],
    ),
    "no kind": ("apiVersion: towpath/v1\n", ["kind", "document.kind"]),
    "unknown field": (
        connection("c", "sqlite", path="x") + "  color: red\n",
        ["spec.color", "document.invalid"],
    ),
    "bad name": (connection("' x'", "sqlite", path="x"), ["metadata.name", "document.invalid"]),
    "twice": (
        connection("c", "sqlite", path="x") + "---\n" + connection("c", "sqlite", path="y"),
        ["document 2", "document 1 already", "document.twice"],
    ),
    "not YAML": ("kind: [", ["line 1", "document.syntax"]),
    "empty": ("", ["document.none"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_document_is_named_with_file_place_and_field(towpath, tmp_path, case):
    text, expected = CASES[case]
    (tmp_path / "bad.yaml").write_text(text)
    printed = towpath("apply", "-f", tmp_path / "bad.yaml", code=3).stderr
    for part in ["bad.yaml", *expected]:
        assert part in printed
    assert "canary" not in printed
    assert "Traceback" not in printed


FLOW = """\
---
apiVersion: towpath/v1
kind: Flow
metadata: {name: f}
spec: {spec}
"""
FLOWS = {
    "{source: {connection: shop}, destination: {connection: nowhere}}": (
        "spec.destination.connection:",
        "connection.unknown",
    ),
    "{source: {connection: shop}, destination: {connection: shop}, schedule: {every: 59}}": (
        "spec.schedule.every:",
        "schedule.too_often",
    ),
    "{source: {connection: shop}, destination: {connection: shop}, schedule: {cron: '61 * * * *'}}": (
        "schedule",
        "document.invalid",
    ),
    "{source: {connection: shop}, destination: {connection: shop}, streams: [{name: a, mode: cdc}]}": (
        "spec.streams.0.mode:",
        "read_mode.unsupported",
    ),
    "{source: {connection: shop}, destination: {connection: shop}, streams: [{name: a}, {name: a}]}": (
        "spec.streams.1.name:",
        "stream.duplicate",
    ),
    "{source: {connection: shop}, destination: {connection: shop}, streams: [{name: a, cursor: b}]}": (
        "spec.streams.0",
        "cursor",
    ),
}


@pytest.mark.parametrize("spec", FLOWS)
def test_a_flow_that_cannot_work_is_refused_and_nothing_is_kept(towpath, tmp_path, spec):
    text = connection("shop", "sqlite", path="x") + FLOW.replace("{spec}", spec)
    (tmp_path / "bad.yaml").write_text(text)
    printed = towpath("apply", "-f", tmp_path / "bad.yaml", code=3).stderr
    for part in ("bad.yaml, document 2", *FLOWS[spec]):
        assert part in printed
    assert towpath.json("connections", "list") == []


def test_a_missing_file_is_not_found(towpath, tmp_path):
    assert "path.not_found" in towpath("apply", "-f", tmp_path / "nowhere.yaml", code=6).stderr

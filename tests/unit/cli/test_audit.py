"""``towpath audit``: what was done to the trail behind its back is found, and said exactly."""

import hashlib
import json
import sqlite3
from dataclasses import replace
from datetime import datetime

import pytest


def tamper(towpath, *statements):
    with sqlite3.connect(towpath.home / "towpath.db") as store:
        for statement in statements:
            store.execute(statement)
    store.close()


REORDER = [
    "UPDATE audit SET seq = -2 WHERE seq = 2",
    "UPDATE audit SET seq = 2 WHERE seq = 3",
    "UPDATE audit SET seq = 3 WHERE seq = -2",
]
CUT = [
    "DELETE FROM audit WHERE seq >= 3",
    "UPDATE audit_heads SET seq = 2, digest = (SELECT digest FROM audit WHERE seq = 2)",
]
FLIP = "UPDATE audit SET object = substr(object, 1, 5) || 'x' || substr(object, 7) WHERE seq = 2"


@pytest.mark.parametrize(
    ("statements", "seq", "reason", "place"),
    [
        ([FLIP], 2, "changed", 1),
        (["UPDATE audit SET updated_at = datetime(updated_at, '1 second') WHERE seq = 4"], 4, "changed", 3),
        (["DELETE FROM audit WHERE seq = 2"], 2, "missing", None),
        (["DELETE FROM audit WHERE seq = 4"], 4, "cut off", None),
        (REORDER, 2, "changed", 2),
    ],
    ids=["flip", "time", "delete", "cut", "reorder"],
)
def test_a_forged_audit_trail_is_found(applied, statements, seq, reason, place):
    before = applied.json("audit", "list")
    tamper(applied, *statements)
    done = applied("audit", "verify", "--json", code=1)
    entry = None if place is None else before[place]["id"]
    assert json.loads(done.stdout) == {"ok": False, "first_broken": entry, "seq": seq, "reason": reason}
    told = " ".join(done.stderr.split())
    assert "audit.broken" in told
    assert f"entry {seq} is {reason}" in told


def test_a_checkpoint_shows_what_was_cut_off_with_care(applied, tmp_path):
    """Whoever cuts the trail and moves its head as well is found by the line that was kept elsewhere."""
    file = tmp_path / "checkpoints.jsonl"
    early = applied("audit", "checkpoint").stdout
    assert early.count("\n") == 1
    file.write_text(early)
    applied("keys", "create", "k", "--kind", "broker")
    with file.open("a") as lines:
        lines.write("\n" + applied("audit", "checkpoint").stdout)
    assert applied.json("audit", "verify", "--checkpoint", file)["ok"]
    tamper(applied, *CUT)
    assert applied.json("audit", "verify")["ok"]
    done = applied("audit", "verify", "--checkpoint", file, "--json", code=1)
    assert (json.loads(done.stdout)["seq"], json.loads(done.stdout)["reason"]) == (3, "cut off")
    # Whatever comes after does not hide it.
    for number in range(5):
        applied("keys", "create", f"k{number}", "--kind", "broker")
    assert applied.json("audit", "verify")["ok"]
    done = applied("audit", "verify", "--checkpoint", file, "--json", code=1)
    assert (json.loads(done.stdout)["seq"], json.loads(done.stdout)["reason"]) == (4, "changed")


def test_checkpoints_cannot_be_forged(applied, tmp_path):
    file = tmp_path / "checkpoints.jsonl"
    line = applied("audit", "checkpoint").stdout
    content = json.loads(line)
    assert set(content) == {"organization", "seq", "digest", "at", "signature"}
    for change in (
        {"seq": 2},
        {"digest": "0" * 64},
        {"at": "2000"},
        {"signature": "é"},
        {"organization": "o"},
    ):
        file.write_text(line + json.dumps(content | change))
        assert "checkpoint.forged" in applied("audit", "verify", "--checkpoint", file, code=1).stderr
    for text in (
        "",
        "\n",
        "{}",
        "[1]",
        "nonsense",
        line.replace("{", "["),
        json.dumps(content | {"seq": "4"}),
    ):
        file.write_text(text)
        assert "checkpoint.unreadable" in applied("audit", "verify", "--checkpoint", file, code=3).stderr
    applied("audit", "verify", "--checkpoint", tmp_path / "nothing", code=2)


def test_a_checkpoint_of_another_store_is_refused(applied, tmp_path):
    other = replace(applied, home=tmp_path / "other")
    file = tmp_path / "checkpoints.jsonl"
    file.write_text(other("audit", "checkpoint").stdout)
    assert "checkpoint.forged" in applied("audit", "verify", "--checkpoint", file, code=1).stderr


def test_the_exported_trail_can_be_verified_by_anyone(applied):
    """The digest of each line is made of the line, its number and the digest before."""
    lines = applied("audit", "export").stdout.splitlines()
    previous = ""
    for number, line in enumerate(lines, 1):
        entry = json.loads(line)
        assert entry["previous"] == previous
        content = {name: entry[name] for name in entry if name not in ("at", "organization", "digest")}
        content |= {"org": entry["organization"], "seq": number}
        for name, value in (("created_at", entry["at"]), ("updated_at", entry["updated_at"])):
            content[name] = datetime.fromisoformat(value).isoformat(timespec="microseconds")
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        previous = entry["digest"]
        assert previous == hashlib.sha256(text.encode()).hexdigest()
    assert json.loads(applied("audit", "checkpoint").stdout)["digest"] == previous
    assert applied("audit", "export", "--after", json.loads(lines[1])["id"]).stdout.splitlines() == lines[2:]

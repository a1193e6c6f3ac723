"""``towpath audit``: what was done to the trail behind its back is found, and said exactly."""

import json
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

HOWTO = Path(__file__).parents[3] / "docs" / "howto" / "check-the-audit-trail.md"


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
    named = f" ({entry} of " if entry else f" is {reason}."
    assert f"entry {seq}{named}" in told


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
    """With the program in the documentation."""
    page = HOWTO.read_text()
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    lines = applied("audit", "export").stdout.splitlines(keepends=True)

    def verify(text):
        words = [sys.executable, "-c", program]
        return subprocess.run(words, input=text, capture_output=True, text=True, check=False)

    end = json.loads(applied("audit", "checkpoint").stdout)
    assert verify("".join(lines)).stdout == f"{end['seq']} {end['digest']}\n"
    assert "AssertionError: 2" in verify("".join([lines[0], *lines[2:]])).stderr
    assert "AssertionError: 4" in verify("".join(lines).replace("flow.create", "flow.delete")).stderr
    assert applied("audit", "export", "--after", json.loads(lines[1])["id"]).stdout == "".join(lines[2:])

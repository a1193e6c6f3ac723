"""What the how-to pages tell users to type works as it stands, and every path that they name is there.

The sessions of the README are run by the families' own tests: ``families/*/test_story.py``.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support.command import PATIENCE, Towpath

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "howto"
BLOCK = re.compile(r"^( *)```(?P<kind>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
DEFAULT = "http://localhost:8080"
#: ``POST /v1/customers/{c}/connections``, or with … for what was said before.
NAMED = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) ((?:/|…/)[^\s`?]+)")


def blocks(page: str, kind: str) -> list[str]:
    """The blocks of one kind, in their order."""
    found = BLOCK.finditer((PAGES / page).read_text())
    return [
        re.sub(r"^   ", "", one["text"], flags=re.MULTILINE) if one[1] else one["text"]
        for one in found
        if one["kind"] == kind
    ]


class Shell:
    """A shell beside a running server."""

    def __init__(self, towpath: Towpath, folder: Path, url: str) -> None:
        self._towpath, self._folder, self._url = towpath, folder, url
        self.variables: dict[str, str] = {"no_proxy": "localhost,127.0.0.1"}

    def __call__(self, text: str) -> str:
        path = f"{Path(self._towpath.program).parent}:{self._towpath.environment['PATH']}"
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail"],
            input=text.replace(DEFAULT, self._url),
            env=self._towpath.environment | {"PATH": path} | self.variables,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture
def shell(towpath: Towpath, tmp_path: Path) -> Iterator[Shell]:
    (towpath.home / "connectors").mkdir(parents=True)
    (described,) = blocks("connect-with-oauth.md", "yaml")
    (towpath.home / "connectors" / f"{yaml.safe_load(described)['name']}.yaml").write_text(described)
    with towpath.serving() as (url, _):
        made = Shell(towpath, tmp_path, url)
        made.variables["KEY"] = towpath.json("keys", "create", "my-app", "--kind", "broker")["key"]
        yield made


@pytest.mark.slow
def test_connecting_with_oauth(shell: Shell):
    register, sign_in = (
        one.replace("…", "x") if "client_id" in one else one for one in blocks("connect-with-oauth.md", "sh")
    )
    assert json.loads(shell(register))["redirect_uri"].endswith("/connect/callback")
    ask = f'curl -sS -H "X-Api-Key: $KEY" {DEFAULT}'
    customer = json.loads(shell(f"""{ask}/v1/customers -d '{{"name": "Acme"}}'"""))["id"]
    shell.variables["CUSTOMER"] = customer

    made, link = re.findall(r"(curl .*?)# → (.*?)$", sign_in, re.DOTALL | re.MULTILINE)
    pending = json.loads(shell(made[0]))
    assert (pending["status"], "pending" in made[1]) == ("pending", True)
    shell.variables["CONNECTION"] = pending["id"]
    shown = json.loads(shell(link[0]))
    assert set(shown) == set(json.loads(link[1]))
    assert "/connect/" in shown["url"]
    assert '"acme"' in shell(f"{ask}/v1/providers")

    for body in blocks("connect-with-oauth.md", "json"):
        answer = json.loads(shell(f"{ask}/v1/customers/$CUSTOMER/connections -d '{body}'"))
        assert answer["status"] == "active", answer


@pytest.mark.slow
def test_rotating_keys_and_checking_the_trail(shell: Shell, towpath: Towpath, tmp_path: Path):
    rotate, revoke = blocks("rotate-keys.md", "")
    shell("towpath customers create Acme && towpath instances create one --customer Acme")
    shell("towpath keys create reports-2026 --kind broker")
    assert "tp_proxy_" in shell(rotate)
    shell(revoke.replace("revoke", "revoke --yes"))

    look, checkpoint = blocks("check-the-audit-trail.md", "")
    (verify,) = blocks("check-the-audit-trail.md", "python")
    shell(look)
    shell(checkpoint.replace("/mnt/elsewhere", str(tmp_path)))
    (tmp_path / "verify.py").write_text(verify)
    said = json.loads((tmp_path / "audit-checkpoints.jsonl").read_text())
    assert shell("towpath audit export | python verify.py").split() == [str(said["seq"]), said["digest"]]

    (told,) = (one for one in blocks("get-told-of-broken-connections.md", "sh") if "connections add" in one)
    shell(told)
    assert [one["name"] for one in towpath.json("connections", "list")] == ["events"]


def paths() -> set[tuple[str, str]]:
    """Every operation, with a star for each part that varies."""
    found = set()
    for name in ("broker", "partners", "console", "integrator"):
        document = json.loads((ROOT / "openapi" / f"{name}.json").read_text())
        for path, item in document["paths"].items():
            found |= {(method.upper(), re.sub(r"\{.*?\}", "*", path).rstrip("/")) for method in item}
    return found


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("*.md")))
def test_paths_that_are_named_are_there(page: str):
    known = paths()
    for method, path in NAMED.findall((PAGES / page).read_text()):
        named = re.sub(r"\{.*?\}|\$\w+", "*", path).rstrip("/.,;:")
        pattern = re.escape(named).replace("…", ".*").replace(r"\*", "[^/]+")
        if not named.startswith(("/hook", "/wp-json", "/function")):
            assert any(method == other and re.fullmatch(pattern, there) for other, there in known), (
                method,
                path,
            )

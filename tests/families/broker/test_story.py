"""The whole way, as users go it: the session in the README, pasted into a shell beside a running server."""

import json
import re
import subprocess
from pathlib import Path

import httpx2
import pytest

from support.command import PATIENCE, Towpath

README = Path(__file__).parents[3] / "README.md"
DEFAULT = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def session() -> str:
    section = README.read_text().split("\n## Lend credentials\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert DEFAULT in block
    return block


def pasted(towpath: Towpath, text: str, url: str) -> str:
    """What a shell prints that is given the text; the server is not at its usual place here."""
    path = f"{Path(towpath.program).parent}:{towpath.environment['PATH']}"
    done = subprocess.run(
        ["bash", "-eu"],
        input=text.replace(DEFAULT, url),
        env=towpath.environment | {"PATH": path, "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_session_in_the_readme_works_as_pasted(towpath, session):
    with towpath.serving() as (url, _):
        printed = pasted(towpath, session, url)
        trail = towpath.json("audit", "list")
        towpath("audit", "verify")
    grant, *rest = re.findall(r"\{.*?\}(?=\{|$|\s)", printed)
    assert set(json.loads(grant)) == {"capabilities", "connection_id", "granted_at", "id", "instance_id"}
    lent, gone = re.findall(r"# (\{.*\})$", session, re.MULTILINE)
    assert rest == [lent, gone]
    assert "ya29" in lent
    assert gone == '{"detail":"Not found"}'
    done = [(entry["action"], entry["detail"].get("outcome")) for entry in trail]
    assert [one for one in done if one[0] != "token.revoke"][-8:] == [
        ("customer.create", None),
        ("instance.create", None),
        ("key.create", None),
        ("connection.create", None),
        ("grant.create", None),
        ("credential.fetch", 200),
        ("connection.delete", None),
        ("credential.fetch", 404),
    ]
    assert "ya29" not in str(trail)


def test_what_one_server_takes_back_no_other_lends(towpath):
    """Processes share nothing but the store: a grant counts, and ends, in all of them at once."""
    with towpath.serving() as (here, _), towpath.serving() as (there, _):
        key = towpath.json("keys", "create", "app", "--kind", "broker")["key"]
        options = {"headers": {"X-Api-Key": key}, "trust_env": False, "timeout": PATIENCE}
        with httpx2.Client(base_url=here, **options) as ask, httpx2.Client(base_url=there, **options) as look:
            customer = ask.post("/v1/customers", json={"name": "Bakery"}).json()["id"]
            runtime = look.post(f"/v1/customers/{customer}/instances", json={"name": "runtime"}).json()
            body = {"provider": "gmail", "name": "mailbox", "credentials": {"access_token": "t"}}
            connections = f"/v1/customers/{customer}/connections"
            connection = ask.post(connections, json=body).json()["id"]
            grants = f"{connections}/{connection}/grants"
            proxy = {"Authorization": f"Bearer {runtime['proxy_key']}"}

            def fetch() -> int:
                path = f"/internal/v1/instances/{runtime['id']}/connections"
                return look.get(path, params={"provider": "gmail"}, headers=proxy).status_code

            for _round in range(5):
                assert fetch() == 404
                body = {"instance_id": runtime["id"], "capabilities": []}
                grant = ask.post(grants, json=body).json()["id"]
                assert fetch() == 200
                assert ask.delete(f"{grants}/{grant}").status_code == 204
            assert fetch() == 404

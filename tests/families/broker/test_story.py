"""The whole way, as users go it: the session in the README, pasted into a shell beside a running server."""

import json
import re

import httpx2

from support.command import PATIENCE
from support.readme import pasted, session


def test_the_session_in_the_readme_works_as_pasted(towpath, tmp_path):
    text = session("Lend credentials")
    with towpath.serving() as (url, _):
        printed = pasted(towpath, text, url, tmp_path)
        trail = towpath.json("audit", "list")
        towpath("audit", "verify")
    grant, *rest = re.findall(r"\{.*?\}(?=\{|$|\s)", printed)
    assert set(json.loads(grant)) == {"capabilities", "connection_id", "granted_at", "id", "instance_id"}
    lent, gone = re.findall(r"# (\{.*\})$", text, re.MULTILINE)
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

"""A new master key while programs fetch, store and change credentials: nobody is turned away."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.api import Api, running, settings_of, uuid
from support.command import PATIENCE, Towpath

ROTATIONS = 2


class Program:
    """What a program with a broker's and a partner's key does all day; every answer counts."""

    def __init__(self, api: Api) -> None:
        self.api = api
        org = api.organization()
        customer = api.customer(org)
        instance, self._proxy = api.instance(org, customer)
        self._key, self._at = api.key(org, "broker"), f"/v1/customers/{uuid(customer)}"
        self._instance, self._token = str(uuid(instance)), self._signed_in(org)
        self.lent = self.connect("lent", "first")
        grant = {"instance_id": self._instance, "capabilities": []}
        self.ask("POST", f"{self.lent}/grants", 201, json=grant)
        self.asked = dict.fromkeys(self.jobs, 0)

    def _signed_in(self, org: str) -> str:
        shown = self.api.shown_key(org, "partner")
        assert shown.secret
        auth = (shown.text.get_secret_value(), shown.secret.get_secret_value())
        answer = self.api.client.post("/o/token/", auth=auth, json={"grant_type": "client_credentials"})
        return str(answer.json()["access_token"])

    def ask(self, method: str, path: str, status: int, key: str = "", **options: Any) -> httpx2.Response:
        answer = self.api.call(method, path, key or self._key, **options)
        assert answer.status_code == status, (method, path, answer.text)
        return answer

    def connect(self, name: str, secret: str) -> str:
        body = {"name": name, "provider": "acme", "credentials": {"access_token": secret}}
        made = self.ask("POST", f"{self._at}/connections", 201, json=body)
        return f"{self._at}/connections/{made.json()['id']}"

    @property
    def jobs(self) -> dict[str, Callable[[int], object]]:
        return {
            "fetch": self.fetch,
            "store": lambda n: self.connect(f"mailbox {n}", f"secret {n}"),
            "change": lambda n: self.ask(
                "PATCH", self.lent, 200, json={"credentials": {"access_token": f"secret {n}"}}
            ),
            "key": lambda _: self.ask(
                "POST", f"{self._at}/instances/{self._instance}/rotate-key", 200, json={}
            ),
            "client": lambda n: self.ask(
                "PUT", "/v1/providers/xero/client", 200, json={"client_id": "i", "client_secret": f"s{n}"}
            ),
            "destination": self._destination,
        }

    def fetch(self, _: int = 0) -> dict[str, Any]:
        path = f"/internal/v1/instances/{self._instance}/connections?provider=acme&name=lent"
        credentials: dict[str, Any] = self.ask("GET", path, 200, self._proxy).json()["credentials"]
        return credentials

    def _destination(self, n: int) -> None:
        form = {"host": "h", "port": 1, "database": "d", "username": "u", "password": f"secret {n}"}
        body = {"name": f"warehouse {n}", "credential_json": form, "type_adapter": 1}
        self.ask("POST", "/api/v2/destinations/", 201, self._token, json=body)

    def work(self, job: str, stop: threading.Event) -> None:
        for n in count():
            if stop.wait(0.01):
                return
            self.jobs[job](n)
            self.asked[job] = n + 1


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with running(settings_of(tmp_path / "home")) as api:
        yield Program(api)


@pytest.mark.slow
def test_a_new_master_key_disturbs_nobody(program: Program, tmp_path: Path):
    command = Towpath(tmp_path / "home")
    old = (tmp_path / "home" / "master.key").read_bytes()
    stop = threading.Event()
    with ThreadPoolExecutor(len(program.jobs)) as threads:
        going = [threads.submit(program.work, job, stop) for job in program.jobs]
        try:
            for _ in range(ROTATIONS):
                command("secrets", "rotate")
            before = dict(program.asked)
            for _ in range(10 * PATIENCE):
                if all(program.asked[job] > before[job] for job in before):
                    break
                assert not any(one.done() for one in going), [one.exception() for one in going if one.done()]
                time.sleep(0.1)
        finally:
            stop.set()
        for one in going:
            one.result(PATIENCE)
    assert all(program.asked[job] > before[job] > 0 for job in before), (before, program.asked)
    assert program.fetch() == {"access_token": f"secret {program.asked['change'] - 1}"}

    # The key of before opens nothing: a server that has it says so and does not start.
    (tmp_path / "home" / "master.key").write_bytes(old)
    refused = command("serve", "--port", "0", code=1)
    assert "vault.key_wrong" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert old.decode().strip() not in refused.stdout + refused.stderr

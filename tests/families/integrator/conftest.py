"""A program with a token, on one server for all tests of a module."""

from typing import Any

import httpx2
import pytest

from support.api import Api, running, settings_of
from towpath.api import broker
from towpath.api.integrator import family
from towpath.core.ids import as_object_id
from towpath.sdk import guard


class Program:
    """A program that calls the family for one organization."""

    def __init__(self, api: Api, token: str | None = None) -> None:
        self.api = api
        self.org = api.organization()
        self.token = token or api.key(self.org, "integrator")

    @property
    def account(self) -> str:
        """The `_userId` of the organization."""
        return as_object_id(self.org)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        content = {} if body is None else {"json": body}
        return self.api.call(method, f"/v1{path}", options.pop("token", self.token), **content, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.good("GET", path, **options).json()

    def good(self, method: str, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        """The answer to a call that must succeed."""
        found = self.call(method, path, body, **options)
        assert found.is_success, (found.status_code, found.text)
        return found

    def make(self, path: str, body: Any) -> Any:
        """A new resource, as it is answered."""
        found = self.call("POST", path, body)
        assert found.status_code == 201, (found.status_code, found.text)
        return found.json()

    def refused(self, status: int, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The errors of a call that must be refused with the status."""
        found = self.call(method, path, body, **options)
        assert found.status_code == status, (found.status_code, found.text)
        return found.json()["errors"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One for all tests of a module: each has an organization of its own."""
    home, before = tmp_path_factory.mktemp("integrator") / "home", guard.allowed_hosts()
    chosen = {"integrator_bucket_size": 0, "allowed_hosts": ("127.0.0.1",)}
    # The pages on which people sign in are the broker's.
    with running(settings_of(home, **chosen), family, broker.family) as api:
        yield api
    guard.configure(before)


@pytest.fixture
def program(server):
    return Program(server)


@pytest.fixture
def stranger(server):
    """A program of another organization."""
    return Program(server)

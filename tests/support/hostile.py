"""Somebody who means harm at a console, and how what she is answered is looked at."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from support.api import Api, cases_of, running, settings_of
from support.jobs import Person

CANARY = "canary-7d2b9e"
PROJECT = "/api/v1/project/bakery"


@pytest.fixture(scope="module")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One for all tests of a module."""
    with running(settings_of(tmp_path_factory.mktemp("hostile") / "home")) as found:
        yield found


@pytest.fixture(scope="module")
def eve(hostile_server: Api, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """An owner who means harm; her project has a source, a destination and a job, all of number 1 or 2."""
    person = Person(hostile_server, tmp_path_factory.mktemp("data"))
    with hostile_server.container.store.begin() as work:
        (user,) = work.users.list(person.org)
        work.users.update(person.org, user.id, role="owner")
    person.make()
    return person


@pytest.fixture(scope="module")
def operations(hostile_server: Api) -> list[tuple[str, str]]:
    """(method, path) of all that the document has."""
    return cases_of(hostile_server.client.get("/openapi/console.json").json())


def place(path: str, other: str = "1") -> str:
    """The path in her project, with this wherever an id belongs."""
    return re.sub(r"\{[a-z_]+\}", other, path.replace("{projectid}", "bakery"))


def sent(eve: Person, method: str, path: str, **options: Any) -> httpx2.Response:
    """The answer, which is well-formed whatever was asked."""
    answer: httpx2.Response = eve.api.call(method, path, eve.token, **options)
    said = f"{method} {path[:100]}: {answer.status_code} {answer.text[:400]}"
    assert answer.status_code < 500, said
    assert "Traceback" not in answer.text, said
    if answer.status_code >= 400:
        enveloped(answer)
    return answer


def enveloped(answer: httpx2.Response) -> None:
    """Assert that it is an error as this family says it."""
    body = answer.json()
    assert body["success"] is False
    assert isinstance(body["message"], str)
    assert body["message"]
    assert set(body) <= {"success", "message", "code", "field"}


def refused(eve: Person, method: str, path: str, *statuses: int, **options: Any) -> httpx2.Response:
    """The answer, which is one of these statuses (or 400), and repeats no canary."""
    answer = sent(eve, method, path, **options)
    assert answer.status_code in (statuses or (400,)), (path, answer.status_code, answer.text[:400])
    assert CANARY not in answer.text + str(answer.headers), answer.text[:400]
    return answer

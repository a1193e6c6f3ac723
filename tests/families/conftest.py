"""A family that has what the kit promises, and nothing else."""

import threading
from typing import Any

import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel

from support.api import running, settings_of
from towpath.api.kit.callers import bearer, known_key, unauthorized
from towpath.api.kit.errors import Errors
from towpath.api.kit.family import Family, new_app
from towpath.api.kit.routing import Router
from towpath.core.errors import ConflictError, NotFoundError, UnreachableError
from towpath.core.records import KeyKind

LARGE = 1024 * 1024


class Thing(BaseModel):
    name: str
    more: Any = None


def errors(kind: str) -> None:
    if kind == "defect":
        raise RuntimeError("canary in the text of an exception")
    raise ERRORS[kind]("toy.made", "It says what.", hint="It says what to do.")


class Toy:
    """The family, and what its slow path waits for."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.family = Family(
            "toy",
            "Toy",
            ("/toy", "/toy/inner"),
            self._build,
            unmetered=("/toy/free",),
            max_body={"/toy/large": LARGE},
        )

    def _build(self, rooms: Any) -> FastAPI:
        router = Router(prefix="/toy")

        @router.post("/things/", status_code=201)
        def make(thing: Thing) -> Thing:
            return thing

        router.post("/large/things", status_code=201, include_in_schema=False)(make)

        @router.get("/things/")
        def things() -> list[str]:
            return ["one"]

        @router.get("/things/{name}")
        def thing(name: str) -> dict[str, str]:
            return {"name": name}

        @router.get("/link/{token}")
        def link(token: str) -> str:
            return "opened"

        @router.get("/free")
        def free() -> str:
            return "free"

        @router.get("/door")
        def door(request: Request) -> str:
            key = known_key(rooms, bearer(request), KeyKind.BROKER)
            if key is None:
                raise unauthorized("Who are you?")
            return key.name

        router.get("/errors/{kind}")(errors)

        @router.get("/slow")
        def slow() -> str:
            self.begun.set()
            assert self.go_on.wait(60)
            return "done"

        app = new_app("Toy", "For tests.", errors=Errors())
        app.include_router(router)
        return app


ERRORS = {"missing": NotFoundError, "taken": ConflictError, "away": UnreachableError}


@pytest.fixture
def toy():
    return Toy()


@pytest.fixture
def serving_toy(toy, tmp_path):
    """Serves the toy family with these settings; a context manager that yields an `Api`."""
    return lambda **chosen: running(settings_of(tmp_path / "home", **chosen), toy.family)


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """One server for all tests that change nothing of it."""
    with running(settings_of(tmp_path_factory.mktemp("toys") / "home"), Toy().family) as api:
        yield api

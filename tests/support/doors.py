"""The doors of the console family: what somebody who wants to come in can do."""

import re

import pytest

from support.api import Api
from towpath.services.people.onetime import OneTimeKeys

WORD, OTHER = "correct horse", "battery staple"


class Doors:
    """What somebody at the door can do."""

    def __init__(self, api):
        self.api = api
        self.home = api.container.organization.id

    def sign_up(self, name, word=WORD, **more):
        return self.api.post("/signup", json={"username": name, "password": word, "email": ""} | more)

    def login(self, name, word=WORD, **options):
        return self.api.post("/login", json={"username": name, "password": word}, **options)

    def token(self, name, word=WORD):
        """Of a new session."""
        found = self.login(name, word)
        assert found.status_code == 200, found.text
        return cookie_of(found)

    def opens(self, token):
        return self.api.get("/auth", token).status_code == 200

    def invitation(self):
        return OneTimeKeys(self.api.container).invite(self.home).token.get_secret_value()

    def link(self, name):
        return OneTimeKeys(self.api.container).link(self.home, name).token.get_secret_value()

    def rows(self, **equals):
        with self.api.container.store.read() as work:
            return work.keys.list(self.home, **equals)


def cookie_of(answer):
    return re.match("towpath-session=([^;]+);", answer.headers["set-cookie"])[1]


def with_cookie(token):
    return {"Cookie": f"towpath-session={token}"}


@pytest.fixture
def doors(api_sqlite: Api) -> Doors:
    return Doors(api_sqlite)


@pytest.fixture
def house(doors: Doors) -> Doors:
    """With the first user."""
    assert doors.sign_up("ann").status_code == 200
    return doors

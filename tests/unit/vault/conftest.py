"""A home: a store and the key file beside it."""

from contextlib import closing
from pathlib import Path

import pytest

from towpath.core.records import Connection, Organization
from towpath.store import open_store
from towpath.vault import FileKeys, open_vault


class Home:
    def __init__(self, folder: Path, url: str | None = None):
        self.folder = folder
        self.url = url or f"sqlite:///{folder}/towpath.sqlite"

    @staticmethod
    def secrets(number):
        """What `fill` keeps for its connection of this number."""
        return {"password": f"hunter{number}", "auth.token": "tökén"}

    @property
    def key_file(self):
        return self.folder / "master.key"

    def store(self):
        return closing(open_store(self.url))

    def vault(self, store):
        """As another process would open it."""
        return open_vault(store, FileKeys(self.key_file))

    def fill(self, count):
        """Migrate, and keep the secrets of so many connections; (organization, connection) of each."""
        with self.store() as store:
            store.migrate()
            vault = self.vault(store)
            with store.begin() as unit:
                org = unit.organizations.add(Organization(name="acme")).id
                places = []
                for n in range(count):
                    row = Connection(org=org, name=f"c{n}", connector="postgres", config={})
                    unit.connections.add(org, row)
                    vault.keep(unit, org, row.id, self.secrets(n))
                    places.append((org, row.id))
        return places

    def opened(self, places):
        """All secrets, by a fresh process."""
        with self.store() as store, store.read() as unit:
            vault = self.vault(store)
            return [
                {
                    path: secret.get_secret_value()
                    for path, secret in vault.open(unit.secrets.get(*place)).items()
                }
                for place in places
            ]


@pytest.fixture
def make_home():
    return Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)

"""Joins the rooms. Every one is opened when it is first asked for, so that light commands stay light."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from towpath.bootstrap import logs
from towpath.bootstrap.home import ensure_home
from towpath.bootstrap.lock import HomeLock
from towpath.bootstrap.settings import Settings, for_children

if TYPE_CHECKING:
    from towpath.core.records import Organization
    from towpath.core.repositories import Store
    from towpath.engine import Engine
    from towpath.sdk.registry import Registry
    from towpath.services.context import Bucket
    from towpath.services.lending.desk import Desk
    from towpath.services.upkeep import Upkeep
    from towpath.vault import Vault

DEFAULT_ORGANIZATION = "default"


class Container:
    """The rooms of one process, joined by its settings. Close it when done."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = HomeLock(settings.home)
        self.working = False
        """Whether this process executes runs."""

    @property
    def minimum_interval(self) -> float:
        return self.settings.minimum_interval

    @property
    def public_url(self) -> str | None:
        return self.settings.public_url

    @property
    def trusted_origins(self) -> tuple[str, ...]:
        return self.settings.cors_origins

    @property
    def open_signup(self) -> bool:
        return self.settings.open_signup

    @property
    def integrator_bucket(self) -> "Bucket | None":
        from towpath.services.context import Bucket

        size = self.settings.integrator_bucket_size
        return Bucket(size, self.settings.integrator_bucket_rate) if size else None

    @property
    def places(self) -> Path:
        return self.settings.home / "places"

    @cached_property
    def store(self) -> "Store":
        """The store, migrated. Raises what `open_store` and `Store.begin` raise."""
        from towpath.store import open_store

        ensure_home(self.settings.home)
        store = open_store(self.settings.database_url)
        store.migrate()
        return store

    @cached_property
    def organization(self) -> "Organization":
        """The organization that the command line acts for; made at the first start."""
        from towpath.core.records import Organization

        with self.store.read() as work:
            known = work.organizations.list()
        if known:
            return known[0]
        with self.store.begin() as work:
            return work.organizations.add(Organization(name=DEFAULT_ORGANIZATION))

    @cached_property
    def registry(self) -> "Registry":
        from towpath.bootstrap import plugins

        return plugins.installed(self.settings)

    @cached_property
    def vault(self) -> "Vault":
        """The vault, its key checked. Raises what `open_vault` raises."""
        from pydantic import SecretStr

        from towpath.vault import FileKeys, GivenKeys, open_vault

        given = self.settings.master_key
        if given:
            return open_vault(self.store, GivenKeys(SecretStr(given)))
        file = self.settings.master_key_file
        # A path that somebody wrote names a key that exists: a mistyped one must not become a new key.
        return open_vault(self.store, FileKeys(file, create=file == self.settings.home / "master.key"))

    @cached_property
    def desk(self) -> "Desk":
        """Where this process lends credentials; its thread starts with the first fetch."""
        from towpath.services.lending.desk import Desk
        from towpath.services.tokens.renewing import due

        return Desk(self, due)

    @cached_property
    def upkeep(self) -> "Upkeep":
        """What a worker does beside its runs."""
        from towpath.services.upkeep import Upkeep

        return Upkeep(self)

    def conceal(self, secret: str) -> None:
        """Keep the value out of this process's log from now on."""
        logs.remember(secret)

    @cached_property
    def engine(self) -> "Engine":
        """The engine; it executes nothing before `work`."""
        from towpath.engine import Engine, EngineSettings
        from towpath.services.jobs.alerts import run_ended
        from towpath.services.pipelines.ends import words

        settings = EngineSettings(
            url=self._engine_url,
            slots=self.settings.slots,
            minimum_interval=self.settings.minimum_interval,
            registry="towpath.bootstrap.plugins:in_child",
            folder=self.settings.home,
            words=words,
            token=self._lend_token,
            spend=self._spend_token,
            environment=for_children(self.settings),
            watcher="towpath.bootstrap.watch:run_watch",
            watcher_args={"home": str(self.settings.home), "database_url": self.settings.database_url},
        )
        return Engine(self.store, self.resolve, settings, run_ended)

    @property
    def _engine_url(self) -> str:
        url = self.settings.database_url
        if self.settings.embedded:
            return f"sqlite:///{self.settings.home / 'engine.db'}"
        return "postgresql+psycopg://" + url.split("://", 1)[1]

    def resolve(self, org: str, connection: str) -> tuple[str, Mapping[str, Any]]:
        """A connection's connector and plain configuration: what the engine opens it with."""
        from towpath.services.connections import plain_config
        from towpath.services.tokens.renewing import make_fresh

        _ = self.vault
        make_fresh(self, org, connection)
        with self.store.read() as work:
            row = work.connections.get(org, connection)
            return row.connector, plain_config(self, work, org, row)

    def _lend_token(self, org: str, run: str, step: str) -> tuple[str, str]:
        """A one-time token for a function that a step of a run calls."""
        from towpath.services.people import once
        from towpath.services.pipelines.hosting import token_scope

        with self.store.read() as work:
            scope = token_scope(work, org, step)
        id, token = once.lend(self, org, scope)
        return id, token.get_secret_value()

    def _spend_token(self, org: str, id: str) -> None:
        from towpath.services.people import once

        once.spend(self, org, id)

    def work(self) -> None:
        """Become a worker. Raises `BusyError` (``home.in_use``) while another one works in this home."""
        if not self.try_work():
            self.lock.acquire()

    def try_work(self) -> bool:
        """Become a worker; False, and nothing done, if another process is the one of this home."""
        if self.working:
            return True
        ensure_home(self.settings.home)
        if self.settings.embedded and not self.lock.try_acquire():
            return False
        self.open()
        self.engine.start()
        self.upkeep.start()
        self.working = True
        return True

    def open(self) -> None:
        """Make sure of what every answer and every run needs: without its key a process refuses to start,
        instead of failing later at everything it is asked.
        """
        _ = self.vault
        _ = self.organization

    def work_if_nobody_does(self) -> bool:
        """Become a worker unless another process is one; True if this process is."""
        if not self.working and not self._somebody_works():
            self.work()
        return self.working

    def _somebody_works(self) -> bool:
        if self.settings.embedded:
            return not self.lock.try_acquire()
        from towpath.engine.keeping import DEAD_AFTER

        with self.store.read() as work:
            return bool(work.workers.alive(DEAD_AFTER))

    def close(self) -> None:
        """Stop working and release everything. Idempotent."""
        if self.working:
            self.__dict__.pop("upkeep").stop()
            self.engine.stop()
            self.working = False
        self.lock.release()
        if "desk" in self.__dict__:
            self.__dict__.pop("desk").close()
        if "store" in self.__dict__:
            self.__dict__.pop("store").close()

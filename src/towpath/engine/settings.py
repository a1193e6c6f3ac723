"""What an engine needs to know about its surroundings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Resolve(Protocol):
    """Opens a connection's settings, secrets included, for the moment of their use."""

    def __call__(self, org: str, connection: str) -> tuple[str, Mapping[str, Any]]:
        """The connector's name and the plain config, ready for `parse_config`.

        Raises `NotFoundError`, and whatever the vault raises. Called from many threads at once.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Settings of one engine process. All processes of an installation share ``url``."""

    url: str
    """Database of the execution engine: ``sqlite:///<path>`` for one process, or
    ``postgresql+psycopg://…`` for any number of workers."""
    slots: int = field(default_factory=lambda: max(2, os.cpu_count() or 1))
    """How many slices this process reads at once, over all flows."""
    poll_interval: float = 0.25
    """Seconds between two looks at the queues."""
    minimum_interval: float = 60.0
    """Shortest ``every`` that the scheduler obeys, in seconds; shorter ones are stretched to it."""
    retry_delay: float = 1.0
    """Seconds before a failed attempt is repeated for the first time; doubles with every further one."""
    commit_rows: int = 100_000
    """An ordered stream commits a micro-batch after so many rows, …"""
    commit_bytes: int = 32 << 20
    """… so many bytes, …"""
    commit_seconds: float = 10.0
    """… or so many seconds, whichever comes first."""
    registry: str = "towpath.sdk.registry:Registry.installed"
    """Dotted name of a function without parameters that returns the `Registry`; called in children."""
    watcher: str | None = None
    """Dotted name of a function ``(org, run, held, **watcher_args) -> str`` that answers
    `towpath.engine.still_needed` with a store of its own. A child that keeps a snapshot open asks it
    once a second after its worker was killed. None: such a child ends with its worker."""
    watcher_args: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of ``watcher``: plain JSON. They travel through a pipe and may hold secrets."""
    environment: Mapping[str, str] | None = None
    """Environment of the children; None: this process's own. Leave the master key out of it."""

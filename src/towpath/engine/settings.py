"""What an engine needs to know about its surroundings."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from towpath.core.records import Connection


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
    folder: str | Path = field(default_factory=lambda: Path(tempfile.gettempdir(), f"towpath-{os.getuid()}"))
    """Where runs keep files, and where the places of connections are; the same for all processes of one
    installation on this machine."""
    words: Callable[[Connection], Mapping[str, Any]] | None = None
    """What templates see of a connection; never a secret."""
    token: Callable[[str, str, str], tuple[str, str]] | None = None
    """Makes a one-time token for a function that is called: (org, run, step) → its id, and its text. None:
    functions get none."""
    spend: Callable[[str, str], None] | None = None
    """Ends a one-time token: (org, id). Idempotent."""
    environment: Mapping[str, str] | None = None
    """Environment of the children; None: this process's own. Leave the master key out of it."""

    @property
    def places(self) -> Path:
        """Folder of the lock files that bound how many use a connection at once."""
        return Path(self.folder) / "places"

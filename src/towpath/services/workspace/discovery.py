"""Looking through a source that is not stored, or through a job's, within a limit of time."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import UnreachableError
from towpath.core.model import ReadMode, Stream
from towpath.core.ports import Source
from towpath.core.records import Project
from towpath.services.connections import Connections, known_connector
from towpath.services.context import UseCases
from towpath.services.jobs.jobs import Job
from towpath.services.workspace.workspace import Workspace

#: How long somebody waits for the streams of a source, in seconds.
PATIENCE = 120.0


@dataclass(frozen=True)
class Offered:
    """What a source offers."""

    streams: Sequence[Stream]
    modes: frozenset[ReadMode]
    """What its connector can; none if only streams know."""


class Discovery(UseCases):
    """Discovering. Raises whatever the connector does, and `UnreachableError` (``connection.timeout``)."""

    def of_config(
        self,
        org: str,
        project: Project,
        connector: str,
        config: Mapping[str, Any],
        patience: float = PATIENCE,
    ) -> Offered:
        """The streams of a configuration that is not stored; it may refer to stored secrets."""
        workspace = Workspace(self.rooms, self.actor)
        return self._offered(
            connector, lambda: workspace.opened(org, project, connector, config, "streams"), patience
        )

    def of_job(self, org: str, job: Job, patience: float = PATIENCE) -> Offered:
        """The streams of a job's source."""
        connections = Connections(self.rooms, self.actor)
        return self._offered(job.source.connector, lambda: connections.source(org, job.source.id), patience)

    def _offered(
        self, connector: str, opened: Callable[[], AbstractContextManager[Source]], patience: float
    ) -> Offered:
        plugin = known_connector(self.rooms, connector)
        return Offered(_in_time(lambda: _discovered(opened), plugin.title, patience), plugin.read_modes)


def _discovered(opened: Callable[[], AbstractContextManager[Source]]) -> Sequence[Stream]:
    with opened() as source:
        return source.discover()


def _in_time(do: Callable[[], Sequence[Stream]], title: str, patience: float) -> Sequence[Stream]:
    """What ``do`` returns. If it takes too long its thread is left to the time limits of its connector."""
    found: list[Sequence[Stream]] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(do())
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for it
            failed.append(error)

    thread = threading.Thread(target=run, name="discovery", daemon=True)
    thread.start()
    thread.join(patience)
    if failed:
        raise failed[0]
    if not found:
        raise UnreachableError(
            "connection.timeout",
            f"{title} did not say within {patience:g} seconds which streams it has.",
            hint="Check whether it is overloaded, and name fewer schemas or folders if it has very many.",
        )
    return found[0]

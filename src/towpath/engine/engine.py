"""The engine as the rest of Towpath sees it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from towpath.core.records import Run, RunStatus
from towpath.core.repositories import Store
from towpath.engine.ends import Ended, finish, unheard
from towpath.engine.settings import EngineSettings, Resolve

if TYPE_CHECKING:
    from towpath.engine.machine import Machine


class Engine:
    """Executes runs that the store knows.

    A process that only submits and cancels (an API server beside separate workers) never calls `start`:
    the workers find its runs in the store within a second. At most one engine is started per process.
    """

    def __init__(
        self, store: Store, resolve: Resolve, settings: EngineSettings, ended: Ended = unheard
    ) -> None:
        self._store = store
        self._resolve = resolve
        self._settings = settings
        self._ended = ended
        self._lock = threading.Lock()
        self._machine: Machine | None = None

    def start(self) -> None:
        """Become a worker: execute runs, start scheduled flows, take over what dead workers left.

        Returns once the worker is ready; the work goes on in threads and child processes. Idempotent.
        """
        from towpath.engine.machine import Machine

        with self._lock:
            if self._machine is None:
                machine = Machine(self._store, self._resolve, self._settings, self._ended)
                # In a thread of its own: DBOS would otherwise adopt the event loop of a web server.
                with ThreadPoolExecutor(1) as starter:
                    starter.submit(machine.start).result()
                self._machine = machine

    def stop(self) -> None:
        """End all work at once and leave it resumable; returns when no child process is left. Idempotent."""
        with self._lock:
            machine, self._machine = self._machine, None
        if machine is not None:
            machine.stop()

    def submit(self, run: Run) -> None:
        """Have a queued run executed, after the earlier runs of its flow. The run is in the store already.

        Idempotent, and only a shortcut: the store is what the workers take runs from, in their order, every
        second, whether somebody submits them or not.
        """
        machine = self._machine
        if machine is not None and not run.status.final:
            machine.wake()

    def cancel(self, org: str, run: str) -> Run:
        """Ask for the end of a run; it ends within seconds. A queued run is cancelled when this returns, a
        final one stays as it is. Raises `NotFoundError`.
        """
        with self._store.begin() as work:
            asked = work.runs.request_cancel(org, run)
            if asked.status is RunStatus.QUEUED:
                # Whoever claims it from now on sees the request, so nothing of it can be running.
                return finish(work, self._ended, org, run, RunStatus.CANCELLED)
            return asked

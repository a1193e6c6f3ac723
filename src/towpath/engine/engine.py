"""The engine as the rest of Towpath sees it."""

from towpath.core.records import Run, RunStatus
from towpath.core.repositories import Store
from towpath.engine.settings import EngineSettings, Resolve


class Engine:
    """Executes runs that the store knows.

    A process that only submits and cancels (an API server beside separate workers) never calls `start`:
    the workers find its runs in the store within a second. At most one engine is started per process.
    """

    def __init__(self, store: Store, resolve: Resolve, settings: EngineSettings) -> None:
        self._store = store
        self._resolve = resolve
        self._settings = settings

    def start(self) -> None:
        """Become a worker: execute runs, start scheduled flows, take over what dead workers left.

        Returns once the worker is ready; the work goes on in threads and child processes. Call it from a
        thread without a running event loop.
        """

    def stop(self) -> None:
        """End all work at once and leave it resumable; returns when no child process is left. Idempotent."""

    def submit(self, run: Run) -> None:
        """Have a queued run executed, after the earlier runs of its flow. The run is in the store already.

        Idempotent, and only a shortcut: a queued run is found by the workers even if nobody submits it.
        """

    def cancel(self, org: str, run: str) -> Run:
        """Ask for the end of a run; it ends within seconds. A queued run is cancelled when this returns, a
        final one stays as it is. Raises `NotFoundError`.
        """
        with self._store.begin() as work:
            asked = work.runs.request_cancel(org, run)
            if asked.status is RunStatus.QUEUED:
                # Whoever claims it from now on sees the request, so nothing of it can be running.
                return work.runs.finish(org, run, RunStatus.CANCELLED)
            return asked

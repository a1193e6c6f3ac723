"""Figures that are read from the store whenever somebody asks for them."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from towpath.bootstrap.container import Container
from towpath.core.errors import TowpathError
from towpath.core.records import RunStatus

#: A worker that has not shown itself for longer does not work.
ALIVE = timedelta(seconds=60)


class StoreFigures(Collector):
    """Runs that wait and go on, workers alive, and whether the store answers."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: the store is not asked before somebody collects."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("towpath_store_up", "1 while the store answers.")
        try:
            found = list(self._read())
        except TowpathError:
            found = []
        up.add_metric([], bool(found))
        return iter([up, *found])

    def _read(self) -> Iterator[GaugeMetricFamily]:
        with self._container.store.read() as work:
            statuses = Counter(run.status for run in work.runs.unfinished())
            alive = len(work.workers.alive(ALIVE))
        runs = GaugeMetricFamily("towpath_runs", "Runs that are not over, by status.", labels=["status"])
        for status in (RunStatus.QUEUED, RunStatus.RUNNING):
            runs.add_metric([status], statuses[status])
        workers = GaugeMetricFamily("towpath_workers_alive", "Processes that execute runs.")
        workers.add_metric([], alive)
        yield from (runs, workers)

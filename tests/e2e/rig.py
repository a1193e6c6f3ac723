"""What the end-to-end tests of the engine share: an installation whose processes they may kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil
import pyarrow as pa

from towpath.core.flows import ExportSpec, ImportSpec, Policy, Schedule, StreamRead, StreamWrite
from towpath.core.records import (
    Attempt,
    Connection,
    Export,
    Flow,
    Import,
    Organization,
    Run,
    RunStatus,
    RunStream,
)
from towpath.core.repositories import UnitOfWork
from towpath.engine import Engine, EngineSettings
from towpath.sdk.testing.memory import Table, World, add_fault
from towpath.store import open_store

T = TypeVar("T")

HERE = Path(__file__).parent
PATIENCE = 60.0


def eventually(look: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """The first true value; fails the test if none comes."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {patience} s")


class WorkerProcess:
    """A process that runs an engine."""

    def __init__(self, store: str, settings: Mapping[str, Any]) -> None:
        environment = os.environ | {"PYTHONPATH": str(HERE)}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(HERE / "worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"store": store, "settings": dict(settings)}) + "\n")
        self._process.stdin.flush()

    def wait_until_ready(self) -> Self:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def family(self) -> list[psutil.Process]:
        """The nursery and all children."""
        return psutil.Process(self.pid).children(recursive=True)

    def kill(self) -> None:
        self._process.kill()
        self._finish()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._finish()

    def ask_to_end(self) -> None:
        """Whatever state it is in."""
        with suppress(ProcessLookupError):
            self.thaw()
            self._process.terminate()

    def end(self) -> None:
        """Wait for the end that it was asked for."""
        if self._process.poll() is None:
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._finish()

    def _finish(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


class Rig:
    """One installation: store, connections, flows, and the workers that a test starts and kills."""

    def __init__(self, folder: Path, store: str, engine: str, **settings: Any) -> None:
        self.folder = folder
        self.faults = folder / "faults"
        self.store_url = store
        self.store = open_store(store)
        self.store.migrate()
        self.settings = {
            "url": engine,
            "slots": 2,
            "poll_interval": 0.1,
            "retry_delay": 0.1,
            "registry": "towpath.sdk.testing.memory:registry",
            "watcher": "worker:watch",
            "watcher_args": {"store": store},
        } | settings
        self.workers: list[WorkerProcess] = []
        self.here = World(folder / "here.world")
        self.there = World(folder / "there.world")
        with self.store.begin() as work:
            self.org = work.organizations.add(Organization(name="test")).id
        # An engine that is not started: it submits and cancels as an API server does.
        self.desk = Engine(self.store, lambda *_: ("", {}), EngineSettings(url=engine))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.ask_to_end()
        for worker in self.workers:
            worker.end()
        self.store.close()

    def start(self, count: int = 1) -> list[WorkerProcess]:
        """Start workers beside those that run."""
        fresh = [WorkerProcess(self.store_url, self.settings) for _ in range(count)]
        self.workers += fresh
        return [worker.wait_until_ready() for worker in fresh]

    @property
    def worker(self) -> WorkerProcess:
        """A worker that runs; started if there is none."""
        for worker in self.workers:
            if worker.runs:
                return worker
        return self.start()[0]

    # ── flows ────────────────────────────────────────────────────────────────────────────────────

    def table(self, rows: int) -> str:
        """A new table in the source."""
        name = f"t{len(self.here.look().tables)}"
        self.fill(name, rows)
        return name

    def fill(self, name: str, rows: int, start: int = 0) -> None:
        """Add rows to a table of the source."""
        ids = pa.array(range(start, start + rows), pa.int64())
        fresh = pa.table({"id": ids, "value": pa.array([f"v{id}" for id in range(start, start + rows)])})
        with self.here.change() as world:
            known = world.tables.get(name)
            together = fresh if known is None else pa.concat_tables([known.rows, fresh])
            world.tables[name] = Table(together, ("id",))

    def flow(
        self,
        *streams: StreamRead,
        writes: Sequence[StreamWrite] = (),
        policy: Policy | None = None,
        schedule: Schedule | None = None,
        source: tuple[str, Mapping[str, Any]] | None = None,
        max_parallel: int = 4,
        **config: Any,
    ) -> Flow:
        """A flow from `here` to `there`; ``config`` is for the source."""
        name = f"flow-{time.monotonic_ns()}"
        faults = str(self.faults)
        connector, settings = source or ("memory", {"path": str(self.here.path), "faults": faults, **config})
        with self.store.begin() as work:
            here = self._connection(work, f"{name}-here", connector, settings, max_parallel)
            place = {"path": str(self.there.path), "faults": faults}
            there = self._connection(work, f"{name}-there", "memory", place, max_parallel)
            export = Export(org=self.org, name=name, connection=here, spec=ExportSpec(streams=streams))
            imported = Import(
                org=self.org, name=name, connection=there, spec=ImportSpec(streams=tuple(writes))
            )
            work.exports.add(self.org, export)
            work.imports.add(self.org, imported)
            flow = Flow(
                org=self.org,
                name=name,
                exports=(export.id,),
                imports=(imported.id,),
                policy=policy or Policy(),
                schedule=schedule,
            )
            return work.flows.add(self.org, flow)

    def _connection(
        self, work: UnitOfWork, name: str, connector: str, config: Mapping[str, Any], max_parallel: int
    ) -> str:
        row = Connection(
            org=self.org, name=name, connector=connector, config=config, max_parallel=max_parallel
        )
        return work.connections.add(self.org, row).id

    def fault(self, point: str, do: str, **more: Any) -> Path:
        """Strike at a point; removing the file ends it."""
        return add_fault(self.faults, f"fault-{time.monotonic_ns()}", point, do, **more)

    def struck(self, fault: Path, patience: float = PATIENCE) -> int:
        """The process that the fault has struck."""
        hit = fault.with_suffix(".hit")
        text = eventually(lambda: hit.exists() and hit.read_text(), f"fault {fault.stem}", patience)
        return int(str(text).split()[0])

    def first_struck(self, faults: Mapping[str, Path]) -> str | None:
        """The name of a fault that has struck; None as long as none has."""
        return next((name for name, fault in faults.items() if fault.with_suffix(".hit").exists()), None)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    def submit(self, flow: Flow, **more: Any) -> Run:
        run = Run(org=self.org, flow=flow.id, **more)
        with self.store.begin() as work:
            work.runs.add(self.org, run)
        self.desk.submit(run)
        return run

    def run(self, id: str) -> Run:
        with self.store.read() as work:
            return work.runs.get(self.org, id)

    def finished(
        self, run: Run, status: RunStatus | None = RunStatus.SUCCEEDED, patience: float = PATIENCE
    ) -> Run:
        """The run, once it is final; fails with its log if it is not as expected."""
        try:
            final = eventually(
                lambda: (now := self.run(run.id)).status.final and now, "the run's end", patience
            )
        except AssertionError:
            raise AssertionError(self.story(run)) from None
        assert isinstance(final, Run)
        assert status in (None, final.status), self.story(run)
        return final

    def story(self, run: Run) -> str:
        """Everything that is known of a run, for failed tests."""
        with self.store.read() as work:
            lines = [f"{line.at:%T.%f} {line.message}" for line in work.log.read(self.org, run.id)]
        tries = [f"{one.task} {one.worker} {one.outcome} {one.error}" for one in self.attempts(run)]
        return "\n".join([repr(self.run(run.id)), *lines, *tries, *map(repr, self.streams(run))])

    def attempts(self, run: Run, task: str = "") -> list[Attempt]:
        with self.store.read() as work:
            attempts = work.attempts.list(self.org, run.id)
        return [attempt for attempt in attempts if attempt.task.startswith(task)]

    def streams(self, run: Run) -> list[RunStream]:
        with self.store.read() as work:
            return list(work.streams.list(self.org, run.id))

    def events(self, run: Run) -> list[str]:
        with self.store.read() as work:
            return [line.event for line in work.log.read(self.org, run.id)]

    # ── the target ───────────────────────────────────────────────────────────────────────────────

    def ids(self, name: str) -> list[int]:
        """The ids in the target table, sorted."""
        table = self.there.look().tables.get(name)
        return [] if table is None else sorted(table.rows.column("id").to_pylist())

    def staging(self, name: str) -> list[str]:
        """Runs of the stream that have something staged."""
        return [run for _, stream, run in self.there.look().staging if stream == name]

    def commits(self, name: str) -> list[tuple[str, int]]:
        """(run, number) of every commit that changed the target."""
        return [(run, number) for stream, run, number in self.there.look().commits if stream == name]


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

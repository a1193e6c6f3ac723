"""Flows of the records lane over lists of records, for the end-to-end tests of the engine."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from e2e.rig import Rig
from towpath.core.flows import ExportSpec, ImportSpec, Policy
from towpath.core.pipelines import Generator, Pipeline, Processor
from towpath.core.records import (
    Connection,
    ErrorStatus,
    Export,
    Flow,
    Import,
    RecordError,
    Run,
    RunStream,
    SavedState,
)
from towpath.core.steps import PageRead, RecordWrite


class PagesRig(Rig):
    """A rig whose flows go from lists of records in `here` to lists in `there`."""

    def __init__(self, folder: Path) -> None:
        store, engine = f"sqlite:///{folder / 'store.sqlite'}", f"sqlite:///{folder / 'engine.sqlite'}"
        super().__init__(folder, store, engine)
        self.settings["folder"] = str(folder / "work")

    def records(self, name: str, records: Sequence[Any]) -> str:
        with self.here.change() as state:
            state.records[name] = list(records)
        return name

    def sink(self, name: str) -> list[Any]:
        return list(self.there.look().records.get(name, []))

    def memory(self, name: str, place: str = "here", **more: Any) -> Connection:
        world = self.here if place == "here" else self.there
        config = {"path": str(world.path), "faults": str(self.faults)}
        row = Connection(
            org=self.org, name=f"{name}-{time.monotonic_ns()}", connector="memory", config=config
        )
        with self.store.begin() as work:
            return work.connections.add(self.org, row)

    def export(self, connection: Connection, request: Mapping[str, Any], **pages: Any) -> Export:
        spec = ExportSpec(pages=PageRead(request=request, **{"page_size": 3, **pages}))
        name = f"export-{time.monotonic_ns()}"
        row = Export(org=self.org, name=name, connection=connection.id, spec=spec)
        with self.store.begin() as work:
            return work.exports.add(self.org, row)

    def import_(self, connection: Connection, request: Mapping[str, Any], **records: Any) -> Import:
        spec = ImportSpec(records=RecordWrite(request=request, **records))
        name = f"import-{time.monotonic_ns()}"
        row = Import(org=self.org, name=name, connection=connection.id, spec=spec)
        with self.store.begin() as work:
            return work.imports.add(self.org, row)

    def pipeline(
        self,
        generators: Sequence[Export],
        processors: Sequence[tuple[Export | Import, Mapping[str, Any]]],
        policy: Policy | None = None,
        **more: Any,
    ) -> Flow:
        pipeline = Pipeline(
            generators=tuple(Generator(step=one.id) for one in generators),
            processors=tuple(
                Processor(step=one.id, kind="import" if isinstance(one, Import) else "lookup", **about)
                for one, about in processors
            ),
            **more,
        )
        lookups = [one for one, _ in processors if isinstance(one, Export)]
        imports = [one for one, _ in processors if isinstance(one, Import)]
        row = Flow(
            org=self.org,
            name=f"flow-{time.monotonic_ns()}",
            exports=tuple(one.id for one in [*generators, *lookups]),
            imports=tuple(one.id for one in imports),
            pipeline=pipeline,
            policy=policy or Policy(),
        )
        with self.store.begin() as work:
            return work.flows.add(self.org, row)

    def simple(self, name: str, records: Sequence[Any], **pages: Any) -> tuple[Flow, Export, Import]:
        """From the list ``name`` to the list of the same name on the other side."""
        self.records(name, records)
        export = self.export(self.memory(f"{name}-from"), {"name": name}, trace_key="{{id}}", **pages)
        imported = self.import_(self.memory(f"{name}-to", "there"), {"name": name})
        return self.pipeline([export], [(imported, {})]), export, imported

    def step(self, run: Run, step: Export | Import) -> RunStream:
        return next(row for row in self.streams(run) if row.stream == step.id)

    def counters(self, run: Run, step: Export | Import) -> tuple[int, int, int, int]:
        """Read, written, filtered, rejected."""
        counters = self.step(run, step).counters
        assert counters.balanced
        return counters.read, counters.written, counters.filtered, counters.rejected

    def errors(self, run: Run, status: ErrorStatus | None = ErrorStatus.OPEN) -> list[RecordError]:
        equals = {} if status is None else {"status": status}
        with self.store.read() as work:
            return list(work.record_errors.list(self.org, run=run.id, **equals))

    def retry(self, parent: Run, errors: Sequence[RecordError] = ()) -> Run:
        run = Run(org=self.org, flow=parent.flow, cause="retry", parent=parent.id)
        with self.store.begin() as work:
            work.record_errors.claim(self.org, [error.id for error in errors], run.id)
            work.runs.add(self.org, run)
        self.desk.submit(run)
        return run

    def saved(self, flow: Flow, export: Export) -> SavedState:
        with self.store.read() as work:
            return work.states.get(self.org, flow.id, export.id)

"""The steps of a flow, opened when they are needed."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Self

from towpath.core.errors import ConfigError
from towpath.core.pipelines import Processor
from towpath.engine.records.assignment import Assignment
from towpath.engine.records.crew import Crew
from towpath.engine.records.ends import Host
from towpath.engine.records.exporting import ExportStep, open_export
from towpath.engine.records.functions import Functions
from towpath.engine.records.importing import ImportStep, open_import
from towpath.engine.records.stations import ImportStation, LookupStation, Station


class Opened:
    """The steps of one attempt. Close it, or use it as a context manager."""

    def __init__(self, assignment: Assignment, host: Host) -> None:
        self._all = assignment
        self._host = host
        self._stack = ExitStack()
        self._exports: dict[str, ExportStep] = {}
        self.imports: dict[str, ImportStep] = {}
        """Those that records may come to."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def functions(self) -> Functions:
        """The functions of the flow itself: those of its routers."""
        flow = Functions("", "flow", None, self._all.ends, self._host, self._all.words)
        return self._stack.enter_context(flow)

    def station(self, processor: Processor) -> Station:
        step = self._all.steps.get(processor.step)
        if step is None or step.connection is None:
            raise ConfigError(
                "step.not_found",
                f"The flow has a step {processor.step} that is not there.",
                hint="Take it out of the flow, or name another one.",
                step=processor.step,
            )
        functions = self._stack.enter_context(
            Functions(step.id, processor.kind, step.connection, self._all.ends, self._host, step.words)
        )
        if processor.kind == "lookup":
            if step.export is None or step.export.pages is None:
                raise _not_of_the_lane(step.id)
            level = self._all.ends[step.connection].level
            crew = self._stack.enter_context(Crew(self.opener(step.id), level))
            return LookupStation(processor, step.connection, step.export.pages, crew, functions)
        if step.imported is None:
            raise _not_of_the_lane(step.id)
        if step.id not in self.imports:
            self.imports[step.id] = self._stack.enter_context(
                open_import(step.id, step.imported, self._all.ends, step.connection, self._host, step.words)
            )
        return ImportStation(processor, step.connection, self.imports[step.id], functions)

    def opener(self, id: str) -> Callable[[], AbstractContextManager[ExportStep]]:
        step, ends = self._all.steps[id], self._all.ends
        if step.export is None:
            raise _not_of_the_lane(id)
        export = step.export
        return lambda: open_export(
            id, export, ends, step.connection, self._host, step.words, state=step.state
        )

    def back(self, step: str) -> ExportStep:
        """The export, opened for what is not read ahead."""
        if step not in self._exports:
            self._exports[step] = self._stack.enter_context(self.opener(step)())
        return self._exports[step]


def _not_of_the_lane(step: str) -> ConfigError:
    return ConfigError(
        "step.wrong_kind",
        f"The step {step} is not what the flow takes it for.",
        hint="A lookup is an export that reads pages; an import writes records.",
        step=step,
    )

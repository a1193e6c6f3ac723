"""Keeping flows of the records lane, and starting them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from croniter import CroniterBadDateError

from towpath.core.errors import ConfigError, ConflictError
from towpath.core.ids import new_id
from towpath.core.pipelines import GIVEN, WINDOW, Pipeline
from towpath.core.records import Flow, Run, RunStatus, now
from towpath.core.repositories import UnitOfWork
from towpath.engine import first_due
from towpath.services.context import UseCases, audit
from towpath.services.pipelines import languages, mentions
from towpath.services.pipelines.changes import changes
from towpath.services.pipelines.drafts import FlowDraft
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.faults import Faults
from towpath.services.pipelines.steps import free_name

#: From a flow as it is to what it shall be, inside the unit of work that changes it.
Revise = Callable[[Flow], FlowDraft]

_UNFINISHED = [RunStatus.QUEUED, RunStatus.RUNNING]


class PipelineFlows(UseCases):
    """The use cases of flows whose steps are exports and imports of their own."""

    def create(self, org: str, draft: FlowDraft) -> Flow:
        """Raises `ConfigError` (``request.invalid``) with all that is wrong as ``faults``."""
        with self.rooms.store.begin() as work:
            return self.create_in(work, org, draft)

    def create_in(self, work: UnitOfWork, org: str, draft: FlowDraft) -> Flow:
        self._check(work, org, draft)
        id = new_id("flw")
        row = Flow(
            id=id,
            org=org,
            name=free_name(work.flows, org, id, draft.name),
            created_by=self.actor.user,
            metadata={DOCUMENT: dict(draft.document)},
            **self._values(work, org, draft, None),
        )
        work.flows.add(org, row)
        audit(work, org, self.actor, "flow.create", id, name=row.name)
        return row

    def update(self, org: str, id: str, revise: Revise) -> Flow:
        """Replace it as a whole. What ``revise`` raises changes nothing."""
        with self.rooms.store.begin() as work:
            before = work.flows.update(org, id)
            draft = revise(before)
            self._check(work, org, draft)
            metadata = {**before.metadata, DOCUMENT: dict(draft.document)}
            values = self._values(work, org, draft, before)
            name = free_name(work.flows, org, id, draft.name)
            row = work.flows.update(org, id, name=name, metadata=metadata, **values)
            detail = changes(before.metadata.get(DOCUMENT, {}), draft.document)
            audit(work, org, self.actor, "flow.update", id, changes=detail)
            return row

    def delete(self, org: str, id: str) -> Flow:
        """Remove it with its history; its steps stay. Raises `ConflictError` (``flow.in_use``) while it runs,
        or while another flow starts it.
        """
        with self.rooms.store.begin() as work:
            row = work.flows.get(org, id)
            if work.runs.list(org, flow=id, status=_UNFINISHED, limit=1):
                raise _in_use(row, "it runs", "Wait for its end, or cancel its job.")
            users = [flow.name for flow in work.flows.list(org) if id in _next(flow)]
            if users:
                raise _in_use(row, f"the flow {users[0]!r} starts it", "Change that flow first.")
            work.flows.delete(org, id)
            audit(work, org, self.actor, "flow.delete", id, name=row.name)
            return row

    def get(self, org: str, id: str) -> Flow:
        with self.rooms.store.read() as work:
            return work.flows.get(org, id)

    def list(self, org: str, **equals: Any) -> Sequence[Flow]:
        with self.rooms.store.read() as work:
            return work.flows.list(org, **equals)

    def run(
        self,
        org: str,
        id: str,
        *,
        exports: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Run:
        """Queue a run; it begins when the earlier ones have ended. # Invariant 5

        While one that was asked for in the same way is still queued, it is returned and no other is made: one
        more after the present one is enough. ``exports``: the only generators to run. ``since`` and ``until``
        stand for the saved cutoff and for the present. Raises `ConflictError` (``flow.inactive``).
        """
        window = {"since": since and since.isoformat(), "until": until and until.isoformat()}
        with self.rooms.store.begin() as work:
            row = work.flows.update(org, id)
            _check_active(row)
            _check_generators(row, exports)
            chosen = tuple(dict.fromkeys(exports)) or None
            waiting = self._waiting(work, row, chosen, window)
            if waiting is not None:
                return waiting
            run = work.runs.add(org, Run(org=org, flow=id, streams=chosen))
            if since or until:
                work.values.put(org, run.id, WINDOW, window)
            audit(work, org, self.actor, "run.start", run.id, flow=row.name, full=False)
        self.rooms.engine.submit(run)
        return run

    def _waiting(
        self, work: UnitOfWork, row: Flow, chosen: tuple[str, ...] | None, window: Mapping[str, Any]
    ) -> Run | None:
        """The queued run that does the same."""
        for run in work.runs.list(row.org, flow=row.id, status=RunStatus.QUEUED, clear=False, parent=None):
            given = work.values.find(row.org, run.id, prefix=GIVEN, limit=1)
            own = work.values.get(row.org, run.id, WINDOW)
            same = (own.value if own else {"since": None, "until": None}) == window
            if not given and same and run.streams == chosen and not run.cancel_requested:
                return run
        return None

    def _values(self, work: UnitOfWork, org: str, draft: FlowDraft, before: Flow | None) -> dict[str, Any]:
        return {
            "exports": draft.exports,
            "imports": draft.imports,
            "pipeline": None if _copies(work, org, draft) else draft.pipeline,
            "schedule": draft.schedule,
            "enabled": draft.enabled,
            "next_due": self._due(draft, before),
            "integration": draft.integration,
            "updated_by": self.actor.user,
        }

    def _due(self, draft: FlowDraft, before: Flow | None) -> datetime | None:
        if draft.schedule is None or not draft.enabled:
            return None
        if before and before.next_due and before.schedule == draft.schedule:
            return before.next_due
        return first_due(draft.schedule, now(), self.rooms.minimum_interval)

    def _check(self, work: UnitOfWork, org: str, draft: FlowDraft) -> None:
        faults = Faults()
        mentions.check(work, org, draft.mentions, faults)
        if draft.pipeline is not None:
            languages.check_pipeline(draft.pipeline, faults)
            _check_routers(draft.pipeline, faults)
        _check_mix(work, org, draft, faults)
        self._check_schedule(draft, faults)
        faults.raise_any()

    def _check_schedule(self, draft: FlowDraft, faults: Faults) -> None:
        if draft.schedule is None:
            return
        try:
            first_due(draft.schedule, now(), self.rooms.minimum_interval)
        except CroniterBadDateError:
            faults.invalid("schedule", "The time never comes: check its day and month.")


def _check_routers(pipeline: Pipeline, faults: Faults) -> None:
    """Records must get somewhere, and not go round in circles."""
    known = [router.id for router in pipeline.routers]
    for place, router in enumerate(pipeline.routers):
        if router.id in known[:place]:
            faults.invalid(f"routers[{place}].id", "Another router has this id.")
        for which, branch in enumerate(router.branches):
            field = f"routers[{place}].branches[{which}].nextRouterId"
            if branch.router is not None and branch.router not in known[place + 1 :]:
                faults.invalid(field, "It is the id of a router further down.")


def _check_mix(work: UnitOfWork, org: str, draft: FlowDraft, faults: Faults) -> None:
    """Steps that copy streams go together with each other only."""
    if _copies(work, org, draft):
        return
    for rows, ids, lane in ((work.exports, draft.exports, "pages"), (work.imports, draft.imports, "records")):
        repository: Any = rows
        for row in repository.list(org, id=list(ids)) if ids else ():
            if getattr(row.spec, lane) is None:
                field = next((item.field for item in draft.mentions if item.id == row.id), "pageGenerators")
                told = (
                    "It copies streams: it goes with one other step that does so too, and with nothing else."
                )
                faults.invalid(field, told)


def _copies(work: UnitOfWork, org: str, draft: FlowDraft) -> bool:
    """Whether the flow copies streams: one export and one import that say nothing of pages."""
    pipeline = draft.pipeline
    if pipeline is None or pipeline.routers or len(pipeline.processors) != 1 or len(pipeline.generators) != 1:
        return False
    if len(draft.exports) != 1 or len(draft.imports) != 1:
        return False
    reads, writes = (
        work.exports.find(org, id=draft.exports[0]),
        work.imports.find(org, id=draft.imports[0]),
    )
    return bool(reads and writes) and reads.spec.pages is None and writes.spec.records is None  # type: ignore[union-attr] # both are there


def _next(flow: Flow) -> tuple[str, ...]:
    return flow.pipeline.run_next if flow.pipeline else ()


def _check_active(row: Flow) -> None:
    if not row.enabled:
        raise ConflictError(
            "flow.inactive",
            f"The flow {row.name!r} is disabled.",
            hint="Enable it, and run it then.",
            faults=[_inactive(f"The flow {row.name!r} is disabled. Enable it, and run it then.")],
        )
    if row.pipeline is not None and not row.pipeline.generators:
        raise ConflictError(
            "flow.inactive",
            f"The flow {row.name!r} has no export that begins it.",
            hint="Add one to pageGenerators.",
            faults=[_inactive(f"The flow {row.name!r} has no pageGenerators. Add one.")],
        )


def _inactive(message: str) -> Mapping[str, str]:
    return {"code": "inactive_flow", "message": message}


def _check_generators(row: Flow, exports: Sequence[str]) -> None:
    known = [item.step for item in row.pipeline.generators] if row.pipeline else []
    for number, export in enumerate(exports):
        if export not in known:
            raise ConfigError(
                "request.invalid",
                "It is not one of the flow's pageGenerators.",
                hint="Name the _ids of exports that begin the flow.",
                field=f"_exportIds[{number}]",
            )


def _in_use(row: Flow, why: str, hint: str) -> ConflictError:
    return ConflictError("flow.in_use", f"The flow {row.name!r} is in use: {why}.", hint=hint, flow=row.name)

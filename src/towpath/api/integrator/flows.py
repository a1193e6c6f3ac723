"""``/flows``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from towpath.api.integrator import flows_document
from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, Document, Given, MaybeGiven, answer, iso, times
from towpath.api.integrator.errors import Fault, Refused, invalid
from towpath.api.integrator.exports import exports
from towpath.api.integrator.flows_cloning import Cloning
from towpath.api.integrator.ids import Reference, ours, referred
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.imports import imports
from towpath.api.integrator.moments import moment
from towpath.api.integrator.resources import Change, Resource, add_resource
from towpath.api.integrator.step_types.keeping import connection_map, still_owned
from towpath.api.kit.routing import Router
from towpath.core.records import Flow
from towpath.services.pipelines.drafts import FlowDraft
from towpath.services.pipelines.flows import PipelineFlows
from towpath.services.pipelines.using import last_cutoff

router = Router(prefix="/v1", tags=["Flows"])

PATCHABLE = (
    "/name", "/description", "/disabled", "/schedule", "/timezone", "/_integrationId", "/skipRetries",
    "/pageGenerators", "/pageProcessors", "/routers", "/_exportId", "/_importId", "/_runNextFlowIds",
    "/runPageGeneratorsInParallel", "/autoResolveMatchingTraceKeys", "/settings", "/_flowGroupingId",
)  # fmt: skip


class FlowKeeper:
    """All flows of one caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.org = caller.org
        self.flows = PipelineFlows(*caller.use)

    def list(self, limit: int) -> Sequence[Document]:
        rows = self.flows.list(self.org) if self.caller.app else self.flows.list(self.org, limit=limit)
        return self.shown([row for row in rows if self._sees(row)][:limit])

    def get(self, id: str) -> Document:
        return self.shown([self.flows.get(self.org, id)])[0]

    def create(self, document: dict[str, Any]) -> Document:
        return self.shown([self.flows.create(self.org, flows_document.draft(document))])[0]

    def change(self, id: str, how: Change) -> Document:
        ran = self._ran([id])

        def revise(row: Flow) -> FlowDraft:
            now = _whole(row, ran)
            return flows_document.draft(still_owned(now, how(now)))

        return self.shown([self.flows.update(self.org, id, revise)])[0]

    def delete(self, id: str) -> None:
        self.flows.delete(self.org, id)

    def dependencies(self, id: str) -> Document:
        """What it uses that is not its own, and the flows that start it."""
        self.flows.get(self.org, id)
        with self.caller.rooms.store.read() as work:
            users = [
                flow for flow in work.flows.list(self.org) if flow.pipeline and id in flow.pipeline.run_next
            ]
        return {"flows": [{"_id": shown_id(flow.id), "name": flow.name} for flow in users]} if users else {}

    def clone(self, id: str, asked: dict[str, Any]) -> Any:
        """All that was copied, the flow last: ``[{"model", "_id"}]``."""
        copying = Cloning(self.caller, connection_map(asked))
        return copying.flow(self.flows.get(self.org, id), asked.get("name"))

    def shown(self, rows: Sequence[Flow]) -> Sequence[Document]:
        ran = self._ran([row.id for row in rows])
        return [_whole(row, ran) for row in rows]

    def _ran(self, ids: Sequence[str]) -> Mapping[str, datetime]:
        """When the flows were last run."""
        with self.caller.rooms.store.read() as work:
            runs = work.runs.latest(self.org, ids)
        return {flow: run.started_at or run.created_at for flow, run in runs.items()}

    def _sees(self, row: Flow) -> bool:
        app = self.caller.app
        document: Mapping[str, Any] = row.metadata.get("integrator", {})
        return app is None or document.get("_connectorId") == shown_id(app)


def _whole(row: Flow, ran: Mapping[str, datetime]) -> dict[str, Any]:
    last = {"lastExecutedAt": iso(ran[row.id])} if row.id in ran else {}
    return {**flows_document.shown(row), **last, **times(row)}


add_resource(
    router,
    Resource(
        "flows",
        "flow",
        FlowKeeper,
        patchable=PATCHABLE,
        volatile=("lastExecutedAt",),
        dependencies=True,
        clones=True,
    ),
)

Reading = Annotated[Caller, Depends(reads("flows"))]
Writing = Annotated[Caller, Depends(writes("flows"))]


@router.post("/flows/{id}/run", status_code=201, summary="Run a flow")
def run_flow(caller: Writing, id: str, given: MaybeGiven) -> Response:
    """Queue a job. While one that was asked for in the same way still waits, it is that one.

    `export.startDate` and `export.endDate` stand for the time of the last job and for now; `_exportIds` names
    the only page generators to run.
    """
    faults: list[Fault] = []
    window = given.get("export") or {}
    if not isinstance(window, Mapping):
        raise Refused(invalid("export", "It is an object with startDate and endDate."))
    since = moment(window.get("startDate"), "export.startDate", faults)
    until = moment(window.get("endDate"), "export.endDate", faults)
    if faults:
        raise Refused(*faults)
    run = PipelineFlows(*caller.use).run(
        caller.org, ours("flows", id), exports=_exports(given), since=since, until=until
    )
    return answer({"_jobId": shown_id(run.id)}, 201)


def _exports(given: Mapping[str, Any]) -> list[str]:
    found = given.get("_exportIds") or []
    if not isinstance(found, list):
        raise Refused(invalid("_exportIds", "It is a list of the _ids of exports."))
    return [
        referred(Reference(f"_exportIds[{number}]", "exports"), digits) for number, digits in enumerate(found)
    ]


@router.put(
    "/flows/{id}/replaceConnection", summary="Use another connection for the steps", openapi_extra=BODY
)
def replace_flow_connection(caller: Writing, id: str, given: Given) -> Response:
    """All steps of the flow that use `_connectionId` use `_newConnectionId` from now on."""
    flow = PipelineFlows(*caller.use).get(caller.org, ours("flows", id))
    old, new = given.get("_connectionId"), given.get("_newConnectionId")
    for field, digits in (("_connectionId", old), ("_newConnectionId", new)):
        referred(Reference(field, "connections"), digits)
    for keeper, steps in ((exports(caller), flow.exports), (imports(caller), flow.imports)):
        for step in steps:
            if keeper.get(step).get("_connectionId") == old:
                keeper.replace_connection(step, given)
    return answer(FlowKeeper(caller).get(flow.id))


@router.get("/flows/{id}/template", summary="The flow with its steps")
def flow_template(caller: Reading, id: str) -> Response:
    """The documents of the flow, its exports and its imports: what it takes to make it elsewhere."""
    flow = PipelineFlows(*caller.use).get(caller.org, ours("flows", id))
    return answer(
        {
            "flow": FlowKeeper(caller).get(flow.id),
            "exports": [exports(caller).get(step) for step in flow.exports],
            "imports": [imports(caller).get(step) for step in flow.imports],
        }
    )


@router.get("/flows/{id}/lastExportDateTime", summary="Where the next delta begins")
def last_export_date_time(caller: Reading, id: str) -> Response:
    """The start of the last job that succeeded; null before there was one."""
    flow = PipelineFlows(*caller.use).get(caller.org, ours("flows", id))
    with caller.rooms.store.read() as work:
        since = last_cutoff(work, flow)
    return answer({"lastExportDateTime": iso(since) if since else None})

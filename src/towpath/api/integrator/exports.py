"""``/exports``."""

from towpath.api.integrator import exports_document
from towpath.api.integrator.auth import Caller
from towpath.api.integrator.resources import Resource, add_resource
from towpath.api.integrator.step_types.keeping import StepKeeper
from towpath.api.integrator.step_types.routes import add_step_routes
from towpath.api.kit.routing import Router
from towpath.core.flows import ExportSpec
from towpath.core.records import Export
from towpath.services.pipelines.exports import Exports

router = Router(prefix="/v1", tags=["Exports"])

#: What PATCH may change: everything, but what is computed.
PATCHABLE = (
    "/name", "/description", "/_connectionId", "/_integrationId", "/type", "/delta", "/once", "/test",
    "/pageSize", "/isLookup", "/oneToMany", "/pathToMany", "/groupByFields", "/dataURITemplate",
    "/traceKeyTemplate", "/transform", "/filter", "/inputFilter", "/hooks", "/settings", "/sampleData",
    "/mockOutput", "/rest", "/http", "/file", "/ftp", "/s3", "/rdbms", "/wrapper", "/webhook", "/netsuite",
    "/salesforce", "/towpath", "/debugUntil",
)  # fmt: skip


def exports(caller: Caller) -> StepKeeper[Export, ExportSpec]:
    """The keeper of the caller's exports."""
    return StepKeeper(caller, Exports(*caller.use), exports_document.draft, exports_document.shown)


add_resource(
    router, Resource("exports", "export", exports, patchable=PATCHABLE, dependencies=True, clones=True)
)
add_step_routes(router, "exports", "export", exports)

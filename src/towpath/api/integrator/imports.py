"""``/imports``."""

from towpath.api.integrator import imports_document
from towpath.api.integrator.auth import Caller
from towpath.api.integrator.resources import Resource, add_resource
from towpath.api.integrator.step_types.keeping import StepKeeper
from towpath.api.integrator.step_types.routes import add_step_routes
from towpath.api.kit.routing import Router
from towpath.core.flows import ImportSpec
from towpath.core.records import Import
from towpath.services.pipelines.imports import Imports

router = Router(prefix="/v1", tags=["Imports"])

#: What PATCH may change: everything, but what is computed.
PATCHABLE = (
    "/name", "/description", "/_connectionId", "/_integrationId", "/ignoreExisting", "/ignoreMissing",
    "/maxAttempts", "/idLockTemplate", "/dataURITemplate", "/traceKeyTemplate", "/oneToMany", "/pathToMany",
    "/filter", "/mapping", "/mappings", "/lookups", "/hooks", "/responseTransform", "/settings",
    "/sampleData", "/mockResponse", "/rest", "/http", "/file", "/ftp", "/s3", "/rdbms", "/wrapper",
    "/netsuite", "/netsuite_da", "/salesforce", "/towpath", "/distributed", "/debugUntil",
)  # fmt: skip


def imports(caller: Caller) -> StepKeeper[Import, ImportSpec]:
    """The keeper of the caller's imports."""
    return StepKeeper(caller, Imports(*caller.use), imports_document.draft, imports_document.shown)


add_resource(
    router, Resource("imports", "import", imports, patchable=PATCHABLE, dependencies=True, clones=True)
)
add_step_routes(router, "imports", "import", imports)

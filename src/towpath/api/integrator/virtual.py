"""Exports and imports that are not stored: said in the request, over a connection that is."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from towpath.api.integrator import exports_document, imports_document, paging_state
from towpath.api.integrator.auth import Caller, invokes
from towpath.api.integrator.documents import BODY, Given, answer
from towpath.api.integrator.errors import Refused, invalid, required
from towpath.api.integrator.ids import ours
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.invoking_answers import mapped, outcome, page, records_of
from towpath.api.kit.routing import Router
from towpath.core.errors import DataError, NotFoundError
from towpath.services.pipelines.running import Running, Step

router = Router(prefix="/v1", tags=["Virtual exports and imports"])

Invoking = Annotated[Caller, Depends(invokes("connections"))]


@router.post("/connections/{id}/export", summary="Run a virtual export", openapi_extra=BODY)
def run_export(caller: Invoking, id: str, given: Given) -> Response:
    """All of its records. The body is the export, or `{"export": …}`."""
    model, _ = paging_state.split(given)
    step = _step(caller, id, model, "export")
    found = Running(*caller.use).read(caller.org, step)
    if found.after is not None:
        raise DataError(
            "request.too_large",
            f"There are more than {len(found.records)} records.",
            hint="Read them page by page: POST …/export/pages.",
        )
    return answer(page(found))


@router.post("/connections/{id}/export/pages", summary="Run a virtual export by pages", openapi_extra=BODY)
def run_export_page(caller: Invoking, id: str, given: Given) -> Response:
    """One page of it; the answer's `pagedExportState`, sent back with the same export, leads to the next."""
    model, state = paging_state.split(given)
    step = _step(caller, id, model, "export")
    return answer(paging_state.one_page(caller, step, ours("connections", id), model, state))


@router.post("/connections/{id}/import", summary="Run a virtual import", openapi_extra=BODY)
def run_import(caller: Invoking, id: str, given: Given) -> Response:
    """What became of each record, in their order."""
    step, records = _import(caller, id, given)
    return answer([outcome(item) for item in Running(*caller.use).write(caller.org, step, records)])


@router.post(
    "/connections/{id}/import/map", summary="Map the records of a virtual import", openapi_extra=BODY
)
def map_import(caller: Invoking, id: str, given: Given) -> Response:
    """The records after the mapping; nothing is sent."""
    step, records = _import(caller, id, given)
    return answer([mapped(item) for item in Running(*caller.use).map(caller.org, step, records)])


def _import(caller: Caller, id: str, given: Mapping[str, Any]) -> tuple[Step, list[Any]]:
    if "import" not in given:
        raise Refused(required("import"))
    records = records_of(given)
    if not isinstance(records, list):
        raise Refused(required("data") if records is None else invalid("data", "It is a list of records."))
    return _step(caller, id, given["import"], "import"), records


def _step(caller: Caller, digits: str, model: Any, what: str) -> Step:
    """The export or import, which is as good as a stored one. Raises `Refused`, and `NotFoundError` for the
    connection.
    """
    id = ours("connections", digits)
    with caller.rooms.store.read() as work:
        if work.connections.find(caller.org, id=id, deleted_at=None) is None:
            raise NotFoundError("connection.not_found", "There is no such connection.", hint="Check the _id.")
    if not isinstance(model, Mapping):
        raise Refused(invalid(what, "It is an object."))
    document = {**model, "_connectionId": shown_id(id)}
    if what == "export":
        return Running(*caller.use).check(caller.org, exports_document.draft(document))
    return Running(*caller.use).check(caller.org, imports_document.draft(document))

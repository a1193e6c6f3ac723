"""Stored exports and imports that run for one request; and unsaved ones, to see what they would do."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from towpath.api.integrator import exports_document, imports_document, paging_state
from towpath.api.integrator.auth import Caller, Signed, Way, invokes
from towpath.api.integrator.documents import BODY, Given, GivenAny, answer
from towpath.api.integrator.errors import Refused, invalid, required
from towpath.api.integrator.ids import ours
from towpath.api.integrator.invoking_answers import mapped, outcome, page, records_of
from towpath.api.kit.routing import Router
from towpath.core.records import Export
from towpath.services.pipelines.exports import Exports
from towpath.services.pipelines.identifiers import identified
from towpath.services.pipelines.imports import Imports
from towpath.services.pipelines.running import Running, Step

router = Router(prefix="/v1", tags=["Invocation"])

Exporting = Annotated[Caller, Depends(invokes("exports"))]
Importing = Annotated[Caller, Depends(invokes("imports"))]

#: Kinds of exports that read what they are given.
_GIVEN = ("webhook", "simple")


@router.post("/exports/preview", summary="Preview an export", openapi_extra=BODY)
def preview_export(caller: Exporting, given: Given) -> Response:
    """The first records of an export that is not stored; `test.limit` says how many, or else one page is."""
    document = {**given}
    if isinstance(given.get("test"), Mapping):
        document["type"] = "test"
    draft = exports_document.draft(document)
    step = Running(*caller.use).check(caller.org, draft)
    return answer(page(Running(*caller.use).page(caller.org, step, given=_sample(given, document))))


@router.post("/imports/preview", summary="Preview an import", openapi_extra=BODY)
def preview_import(caller: Importing, given: Given) -> Response:
    """What the records of `data` would become; nothing is sent."""
    document = given.get("import", {name: value for name, value in given.items() if name != "data"})
    if not isinstance(document, Mapping):
        raise Refused(invalid("import", "It is an object."))
    step = Running(*caller.use).check(caller.org, imports_document.draft(document))
    records = _records(given.get("data"))
    return answer([mapped(item) for item in Running(*caller.use).map(caller.org, step, records)])


@router.post("/exports/{id}/invoke", summary="Invoke an export")
def invoke_export(caller: Exporting, id: str, given: GivenAny) -> Response:
    """Its records: `{"data": […]}`. `pagedExportState` is there if there are more: send it back to get them.
    An export that is posted to takes its records from the body.
    """
    return answer(_read(caller, ours("exports", id), given))


@router.post("/imports/{id}/invoke", summary="Invoke an import")
def invoke_import(caller: Importing, id: str, given: GivenAny) -> Response:
    """What became of each of the records of the body, in their order."""
    return answer(_written(caller, ours("imports", id), given))


class _Identifier(Convertor[str]):
    """Whatever may be an apiIdentifier; other names below ``/v1`` are paths that are not there."""

    regex = "[ei][0-9a-f]{7,10}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("apiidentifier", _Identifier())


@router.post("/{identifier:apiidentifier}", summary="Invoke by apiIdentifier")
def invoke(caller: Signed, identifier: str, given: GivenAny) -> Response:
    """An export answers its records, an import takes those of the body."""
    kind, id = identified(caller.rooms, caller.org, identifier)
    caller.check(Way.INVOKE, f"{kind}s", id)
    return answer(_read(caller, id, given) if kind == "export" else _written(caller, id, given))


def _read(caller: Caller, id: str, given: Any) -> dict[str, Any]:
    row = Exports(*caller.use).get(caller.org, id)
    state = given.get(paging_state.STATE) if isinstance(given, Mapping) else None
    return paging_state.many(caller, _step(row), row.spec.model_dump(mode="json"), state, _posted(row, given))


def _step(row: Export) -> Step:
    pages = row.spec.pages
    if pages is None:
        raise Refused(invalid("_id", "It belongs to a flow that copies streams, and can only run in it."))
    connection = None if pages.kind in _GIVEN else row.connection
    return Step(spec=row.spec, connection=connection, id=row.id)


def _posted(row: Export, given: Any) -> list[Any] | None:
    """The records of the body, for an export that takes them from there."""
    if row.spec.pages is None or row.spec.pages.kind not in _GIVEN:
        return None
    return _records(given)


def _written(caller: Caller, id: str, given: Any) -> list[dict[str, Any]]:
    row = Imports(*caller.use).get(caller.org, id)
    if row.spec.records is None:
        raise Refused(invalid("_id", "It belongs to a flow that copies streams, and can only run in it."))
    step = Step(spec=row.spec, connection=row.connection, id=row.id)
    return [outcome(item) for item in Running(*caller.use).write(caller.org, step, _records(given))]


def _records(given: Any) -> list[Any]:
    records = records_of(given)
    if records is None:
        raise Refused(required("data"))
    if not isinstance(records, list):
        raise Refused(invalid("data", "It is a list of records."))
    return records


def _sample(given: Mapping[str, Any], document: Mapping[str, Any]) -> list[Any] | None:
    """What an export that is posted to is tried with: the records of ``data``, or its sample."""
    if document.get("type") not in _GIVEN:
        return None
    return _records(given.get("data", given.get("sampleData") or []))

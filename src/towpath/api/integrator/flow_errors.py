"""Errors by step of a flow, whatever job they come from: ``errorId`` and ``retryDataKey`` are one id."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import BODY, Given, MaybeGiven, answer, iso
from towpath.api.integrator.errors import Fault, Refused, invalid, required
from towpath.api.integrator.ids import ours
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.joberrors_document import step_error
from towpath.api.integrator.jobs_filters import span, words
from towpath.api.integrator.retries import started
from towpath.api.kit.routing import Router
from towpath.core.errors import NotFoundError
from towpath.core.ids import of_object_id
from towpath.core.records import ErrorStatus, RecordError
from towpath.core.repositories import Standing
from towpath.services.pipelines.failures import Failures, Step, check_data
from towpath.services.pipelines.flows import PipelineFlows
from towpath.services.pipelines.groups import Groups
from towpath.services.pipelines.retrying import Retrying

router = Router(prefix="/v1", tags=["Errors of steps"])

#: How many errors a page has, and how many one request changes.
MOST = 1000

Reading = Annotated[Caller, Depends(reads("flows"))]
Writing = Annotated[Caller, Depends(writes("flows"))]
ReadingGroup = Annotated[Caller, Depends(reads("integrations"))]

_LEFT = (ErrorStatus.OPEN, ErrorStatus.RETRYING)


@router.get("/flows/{id}/errors", summary="How many errors the steps of a flow have")
def flow_errors(caller: Reading, id: str) -> Response:
    """Only steps that have open ones."""
    flow = PipelineFlows(*caller.use).get(caller.org, ours("flows", id))
    found = Failures(*caller.use).standing(caller.org, [flow.id])
    # Streams that are copied fail where they are written.
    shown = [_standing(one, flow.imports[0] if flow.pipeline is None else one.stream) for one in found]
    return answer({"flowErrors": shown})


@router.get("/integrations/{id}/errors", summary="How many errors the flows of an integration have")
def integration_errors(caller: ReadingGroup, id: str) -> Response:
    """Only flows that have open ones."""
    group = Groups(*caller.use).get(caller.org, ours("integrations", id))
    flows = PipelineFlows(*caller.use).list(caller.org, integration=group.id)
    steps = Failures(*caller.use).standing(caller.org, [flow.id for flow in flows])
    found: dict[str, dict[str, Any]] = {}
    for one in steps:
        known = found.setdefault(one.flow, {"_flowId": shown_id(one.flow), "numError": 0, "lastErrorAt": ""})
        known["numError"] += one.open
        known["lastErrorAt"] = max(known["lastErrorAt"], iso(one.last))
    return answer(list(found.values()))


class _Page:
    """The part of a list of errors that is asked for."""

    def __init__(
        self,
        request: Request,
        occurredAt_gte: Annotated[str, Query(max_length=64)] = "",  # noqa: N803 - as it is published
        occurredAt_lte: Annotated[str, Query(max_length=64)] = "",  # noqa: N803 - as it is published
        source: Annotated[str, Query(max_length=500, description="One or several, with commas.")] = "",
        after: Annotated[str, Query(max_length=24, description="As `nextPageURL` says it.")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
    ) -> None:
        faults: list[Fault] = []
        self.request = request
        self.limit = limit
        self.after = _id(after) if after else None
        self.between = {"created_at": span(occurredAt_gte, occurredAt_lte, "occurredAt", faults)}
        self.sources = frozenset(words([source]))
        if faults:
            raise Refused(*faults, status=400)

    def takes(self, error: RecordError) -> bool:
        return not self.sources or error.detail.get("source", "application") in self.sources

    def next(self, caller: Caller, last: str) -> str:
        base = caller.rooms.public_url or f"{self.request.url.scheme}://{self.request.url.netloc}"
        asked = {name: text for name, text in self.request.query_params.items() if name != "after"}
        return f"{base}{self.request.url.path}?{urlencode({**asked, 'after': last})}"


Paged = Annotated[_Page, Depends(_Page)]


@router.get("/flows/{id}/{step}/errors", summary="List open errors of a step")
def list_step_errors(caller: Reading, id: str, step: str, page: Paged) -> Response:
    """The newest first, with `nextPageURL` if there are more."""
    return _listed(caller, step_of(caller, id, step), page, "errors", _LEFT)


@router.get("/flows/{id}/{step}/resolved", summary="List resolved errors of a step")
def list_resolved(caller: Reading, id: str, step: str, page: Paged) -> Response:
    """The same of those that are resolved."""
    return _listed(caller, step_of(caller, id, step), page, "resolved", (ErrorStatus.RESOLVED,))


@router.put("/flows/{id}/{step}/resolved", status_code=204, summary="Resolve errors", openapi_extra=BODY)
def resolve_step_errors(caller: Writing, id: str, step: str, given: Given) -> Response:
    """`errors` is a list of `errorId`s. Those that are being sent again stay as they are."""
    where = step_of(caller, id, step)
    Failures(*caller.use).resolve(caller.org, where, _chosen(caller, where, given, "errors"))
    return Response(status_code=204)


@router.delete(
    "/flows/{id}/{step}/resolved", status_code=204, summary="Delete resolved errors", openapi_extra=BODY
)
def delete_resolved(caller: Writing, id: str, step: str, given: Given) -> Response:
    """`errors` is a list of `errorId`s."""
    where = step_of(caller, id, step)
    Failures(*caller.use).delete_resolved(caller.org, where, _chosen(caller, where, given, "errors"))
    return Response(status_code=204)


@router.post("/flows/{id}/{step}/retry", summary="Retry records of a step")
def retry_step(caller: Writing, id: str, step: str, given: MaybeGiven) -> Response:
    """Those with the `retryDataKeys` or the `errorIds`; without either all that are open."""
    where = step_of(caller, id, step)
    for field in ("retryDataKeys", "errorIds"):
        if field in given:
            ids = _chosen(caller, where, given, field)
            return started(caller, Retrying(*caller.use).some(caller.org, ids))
    if "errorFileId" in given:
        raise Refused(Fault("not_supported", "Send the errorIds of the file.", "errorFileId"))
    return started(caller, Retrying(*caller.use).step(caller.org, where))


@router.put("/flows/{id}/{step}/errors/assign", status_code=204, summary="Assign errors", openapi_extra=BODY)
def assign_errors(caller: Writing, id: str, step: str, given: Given) -> Response:
    """To whoever has the `email`."""
    email = given.get("email")
    if not isinstance(email, str) or "@" not in email:
        raise Refused(invalid("email", "It is an e-mail address.") if email else required("email"))
    return _noted(caller, step_of(caller, id, step), given, "errorIds", {"assigned_to": {"email": email}})


@router.put(
    "/flows/{id}/{step}/errors/unassign", status_code=204, summary="Unassign errors", openapi_extra=BODY
)
def unassign_errors(caller: Writing, id: str, step: str, given: Given) -> Response:
    """`errorIds` says which."""
    return _noted(caller, step_of(caller, id, step), given, "errorIds", {"assigned_to": None})


@router.put("/flows/{id}/{step}/tags", status_code=204, summary="Tag errors", openapi_extra=BODY)
def tag_errors(caller: Writing, id: str, step: str, given: Given) -> Response:
    """`errors` is a list of `{"id"}`; `tagIds` are all tags that they have from now on."""
    tags = given.get("tagIds")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Refused(invalid("tagIds", "It is a list of texts."))
    items = given.get("errors")
    if isinstance(items, list):
        items = [item.get("id") if isinstance(item, Mapping) else item for item in items]
    return _noted(caller, step_of(caller, id, step), {"errors": items}, "errors", {"tags": tags})


@router.get("/flows/{id}/{step}/requests/{key}", summary="What was sent when a record failed")
def captured_requests(caller: Reading, id: str, step: str, key: str) -> Response:
    """What the connection captured of the step until then, if somebody debugged it."""
    where = step_of(caller, id, step)
    lines = Failures(*caller.use).captured(caller.org, where, _one(caller, where, key))
    if not lines:
        raise NotFoundError("error.not_captured", "Nothing was captured.", hint="Debug the connection.")
    shown = [{"time": iso(line.at), "type": line.what, **line.detail} for line in lines]
    return answer({"key": key, "requests": shown})


@router.get("/flows/{id}/{step}/{key}/data", summary="Get what will be sent again")
def step_data(caller: Reading, id: str, step: str, key: str) -> Response:
    """The record, where it enters the flow again, and its trace key."""
    error = _one(caller, step_of(caller, id, step), key)
    check_data(error)
    return answer(_data(error))


@router.put("/flows/{id}/{step}/{key}/data", summary="Replace what will be sent again", openapi_extra=BODY)
def replace_step_data(caller: Writing, id: str, step: str, key: str, given: Given) -> Response:
    """`data` is the record; the rest stays as it is."""
    error = _one(caller, step_of(caller, id, step), key)
    if "data" not in given:
        raise Refused(required("data"))
    return answer(_data(Failures(*caller.use).edit(caller.org, error.id, given["data"]).error))


def step_of(caller: Caller, flow: str, step: str) -> Step:
    """Raises `NotFoundError`."""
    candidates = [ours(kind, step) for kind in ("exports", "imports")]
    return Failures(*caller.use).step(caller.org, ours("flows", flow), candidates)


def _listed(caller: Caller, step: Step, page: _Page, word: str, status: tuple[ErrorStatus, ...]) -> Response:
    failures = Failures(*caller.use)
    found = failures.of_step(
        caller.org,
        step,
        status,
        limit=page.limit + 1,
        after=page.after,
        between=page.between,
        takes=page.takes,
    )
    captured = failures.is_captured(caller.org, step)
    shown = [step_error(one, captured=captured) for one in found[: page.limit]]
    more = {"nextPageURL": page.next(caller, shown[-1]["errorId"])} if len(found) > page.limit else {}
    return answer({word: shown, **more})


def _chosen(caller: Caller, step: Step, given: Mapping[str, Any], field: str) -> list[str]:
    """Ids of the step's errors that a list in the body names. Raises `Refused`, `NotFoundError`."""
    value = given.get(field)
    if not isinstance(value, list) or not value or len(value) > MOST:
        message = f"It is a list of 1 to {MOST} errorIds."
        raise Refused(required(field) if value is None else invalid(field, message))
    ids = [_id(str(digits)) for digits in value]
    return [error.id for error in Failures(*caller.use).within(caller.org, step, ids)]


def _one(caller: Caller, step: Step, digits: str) -> RecordError:
    return Failures(*caller.use).within(caller.org, step, [_id(digits)])[0]


def _id(digits: str) -> str:
    try:
        return of_object_id("err", digits)
    except ValueError:
        raise NotFoundError("error.not_found", "There is no such error.", hint="Check its errorId.") from None


def _noted(
    caller: Caller, step: Step, given: Mapping[str, Any], field: str, note: Mapping[str, Any]
) -> Response:
    ids = _chosen(caller, step, given, field)

    def change(detail: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: value for name, value in {**detail, **note}.items() if value is not None}

    Failures(*caller.use).note(caller.org, step, ids, change)
    return Response(status_code=204)


def _data(error: RecordError) -> dict[str, Any]:
    detail = error.detail
    return {"data": error.record, "stage": detail.get("stage", "page"), "traceKey": detail.get("trace_key")}


def _standing(one: Standing, step: str) -> dict[str, Any]:
    return {"_expOrImpId": shown_id(step), "numError": one.open, "lastErrorAt": iso(one.last)}

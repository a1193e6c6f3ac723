"""What lists of jobs can be asked for."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from towpath.api.integrator.errors import Fault, Refused
from towpath.api.integrator.ids import PREFIXES
from towpath.api.integrator.moments import parsed
from towpath.core.ids import of_object_id
from towpath.services.pipelines.jobs import Span, Wanted
from towpath.services.pipelines.jobs_shape import RUNS, Kind, State

#: How many jobs a list holds at most: one more than others, so that the last of a page begins the next.
MOST = 1001

_LAST = datetime.max.replace(tzinfo=UTC) - timedelta(seconds=1)

T = TypeVar("T")
_Texts = list[Annotated[str, Field(max_length=30_000)]]
_Count = Annotated[int | None, Field(ge=0, le=2**53)]


class Filters(BaseModel):
    """The query of a list of jobs. Several values: one parameter for each, or all of one with commas."""

    model_config = ConfigDict(extra="ignore")

    integration: _Texts = Field([], alias="_integrationId")
    export: _Texts = Field([], alias="_exportId")
    imported: _Texts = Field([], alias="_importId")
    flow: _Texts = Field([], alias="_flowId")
    flow_in: _Texts = Field([], alias="_flowId_in")
    flow_job: _Texts = Field([], alias="_flowJobId")
    parent_job: _Texts = Field([], alias="_parentJobId")
    bulk_job: _Texts = Field([], alias="_bulkJobId")
    created_lte: str | None = Field(None, alias="createdAt_lte", max_length=64)
    created_gte: str | None = Field(None, alias="createdAt_gte", max_length=64)
    started_lte: str | None = Field(None, alias="startedAt_lte", max_length=64)
    started_gte: str | None = Field(None, alias="startedAt_gte", max_length=64)
    status: _Texts = []
    status_in: _Texts = []
    type: _Texts = []
    type_in: _Texts = []
    retriable: bool | None = None
    success_gte: _Count = Field(None, alias="numSuccess_gte")
    success_lte: _Count = Field(None, alias="numSuccess_lte")
    error_gte: _Count = Field(None, alias="numError_gte")
    error_lte: _Count = Field(None, alias="numError_lte")
    ignore_gte: _Count = Field(None, alias="numIgnore_gte")
    ignore_lte: _Count = Field(None, alias="numIgnore_lte")
    open_gte: _Count = Field(None, alias="numOpenError_gte")
    open_lte: _Count = Field(None, alias="numOpenError_lte")
    resolved_gte: _Count = Field(None, alias="numResolved_gte")
    resolved_lte: _Count = Field(None, alias="numResolved_lte")
    export_gte: _Count = Field(None, alias="numExport_gte")
    export_lte: _Count = Field(None, alias="numExport_lte")
    limit: int = Field(MOST, ge=1, le=MOST)


Asked = Annotated[Filters, Query()]

_COUNTED = ("success", "error", "ignore", "open", "resolved")
#: Types that are published, and that nothing here has.
_UNUSED = ("bulk_retry",)


def wanted(asked: Filters) -> Wanted | None:
    """What is looked for; None for what there cannot be. Raises `Refused` (``invalid_query``)."""
    faults: list[Fault] = []
    kinds = _kinds(asked, faults)
    states = frozenset(_chosen(State, [*asked.status, *asked.status_in], "status", faults))
    created = span(asked.created_gte, asked.created_lte, "createdAt", faults)
    started = span(asked.started_gte, asked.started_lte, "startedAt", faults)
    if faults:
        raise Refused(*faults, status=400)
    # Nothing is ever counted as exported, or made by a bulk retry.
    if asked.bulk_job or (asked.export_gte or 0) > 0 or not kinds:
        return None
    return Wanted(
        kinds=kinds,
        states=states or None,
        flows=ids("flows", [*asked.flow, *asked.flow_in]),
        integrations=ids("integrations", asked.integration),
        steps=_either(ids("exports", asked.export), ids("imports", asked.imported)),
        runs=ids("jobs", [*asked.flow_job, *asked.parent_job]),
        created=created,
        started=started,
        least=_bounds(asked, "gte"),
        most=_bounds(asked, "lte"),
        retriable=asked.retriable,
        limit=asked.limit,
    )


def _kinds(asked: Filters, faults: list[Fault]) -> frozenset[Kind]:
    """Runs, unless types are named; of a run its steps and retries."""
    named = [word for word in words([*asked.type, *asked.type_in]) if word not in _UNUSED]
    if not named and (asked.type or asked.type_in):
        return frozenset()
    if not named:
        return frozenset(Kind) - {Kind.FLOW} if asked.flow_job or asked.parent_job else RUNS
    return frozenset(_chosen(Kind, named, "type", faults))


def states(given: Iterable[str]) -> frozenset[State]:
    """Raises `Refused` (``invalid_query``)."""
    faults: list[Fault] = []
    found = frozenset(_chosen(State, given, "status", faults))
    if faults:
        raise Refused(*faults, status=400)
    return found


def span(first: str | None, last: str | None, field: str, faults: list[Fault]) -> Span:
    """From the first moment to the last, both included: to the millisecond, as they are shown."""
    since, until = (
        _moment(first, f"{field}_gte", faults),
        _moment(last, f"{field}_lte", faults),
    )
    return since, until and min(until, _LAST) + timedelta(milliseconds=1)


def words(given: Iterable[str]) -> list[str]:
    return [word.strip() for text in given for word in text.split(",") if word.strip()]


def _chosen(kind: Callable[[str], T], given: Iterable[str], field: str, faults: list[Fault]) -> list[T]:
    found = []
    for word in words(given):
        try:
            found.append(kind(word))
        except ValueError:
            faults.append(Fault("invalid_query", f"No job has the {field} {word[:40]!r}.", field))
    return found


def _moment(text: str | None, field: str, faults: list[Fault]) -> datetime | None:
    if not text:
        return None
    found = parsed(text)
    if found is None:
        faults.append(Fault("invalid_query", f"{field} is no date like 2030-01-31T12:00:00.000Z.", field))
    return found


def ids(kind: str, given: list[str]) -> frozenset[str] | None:
    """Ids of ours; what is none finds nothing."""
    return frozenset(_known(PREFIXES[kind], words(given))) if given else None


def _known(prefix: str, digits: Iterable[str]) -> Iterable[str]:
    for one in digits:
        try:
            yield of_object_id(prefix, one)
        except ValueError:
            continue


def _either(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    return None if first is None and second is None else (first or frozenset()) | (second or frozenset())


def _bounds(asked: Filters, end: str) -> dict[str, int]:
    found: dict[str, Any] = {name: getattr(asked, f"{name}_{end}") for name in _COUNTED}
    return {name: bound for name, bound in found.items() if bound is not None}

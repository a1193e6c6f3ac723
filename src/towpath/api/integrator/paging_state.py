"""``pagedExportState``: between pages as callers see them and `towpath.services.pipelines.paging`."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.api.integrator.auth import Caller
from towpath.api.integrator.invoking_answers import page
from towpath.core.flows import ExportSpec
from towpath.core.steps import PAGE_SIZE
from towpath.services.pipelines import paging
from towpath.services.pipelines.running import Answer, Running, Step

STATE = "pagedExportState"


def one_page(caller: Caller, step: Step, subject: str, model: Any, state: Any) -> dict[str, Any]:
    """One page and the state that leads to the next: the first without a state. ``subject`` and ``model`` are
    what the state is bound to.
    """
    bound = paging.Bound(org=caller.org, subject=subject, model=model)
    size = _size(step)
    before = paging.Progress(after={}, index=1, size=size)
    if state is not None:
        before = paging.read(caller.rooms, bound, state)
        if before.after is None:
            return {"data": [], "dataURIs": [], STATE: dict(state)}
    answer = Running(*caller.use).page(caller.org, step, before.after or None)
    return {**page(answer), STATE: paging.write(caller.rooms, bound, _beyond(before, answer, 1))}


def many(caller: Caller, step: Step, model: Any, state: Any, given: Sequence[Any] | None) -> dict[str, Any]:
    """As much as one answer takes, with a state only if there is more."""
    bound = paging.Bound(org=caller.org, subject=step.id, model=model)
    before = paging.Progress(after={}, index=1, size=_size(step))
    if state is not None:
        before = paging.read(caller.rooms, bound, state)
        if before.after is None:
            return {"data": []}
    answer = Running(*caller.use).read(caller.org, step, before.after or None, given)
    found = page(answer)
    if answer.after is not None and given is None:
        found[STATE] = paging.write(caller.rooms, bound, _beyond(before, answer, _pages(answer, before.size)))
    return found


def _size(step: Step) -> int:
    pages = step.spec.pages if isinstance(step.spec, ExportSpec) else None
    return pages.page_size if pages else PAGE_SIZE


def _pages(answer: Answer, size: int) -> int:
    return max(1, -(-len(answer.records) // size))


def _beyond(before: paging.Progress, answer: Answer, pages: int) -> paging.Progress:
    """How far it has come; totals are what was told first."""
    return paging.Progress(
        after=answer.after,
        index=before.index + pages,
        size=before.size,
        total_records=answer.total_records if before.total_records is None else before.total_records,
        total_pages=answer.total_pages if before.total_pages is None else before.total_pages,
    )


def split(given: Mapping[str, Any]) -> tuple[Any, Any]:
    """The export of a body, which may stand in it or be it, and the state."""
    if "export" in given:
        return given["export"], given.get(STATE)
    return {name: value for name, value in given.items() if name != STATE}, given.get(STATE)

"""One to many: a record whose children are sent one by one, and count as one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from towpath.core.application import Failure, Outcome
from towpath.dataplane import shaping


@dataclass(frozen=True, kw_only=True)
class Folded(Outcome):
    """The outcome of a record by those of its children: failed if any of them failed."""

    children: tuple[tuple[int, Outcome], ...] = ()
    """Number and outcome of each child that was sent."""

    @property
    def failed_children(self) -> list[int]:
        return [number for number, child in self.children if child.failed]


def children(record: Any, path: str | None, only: Sequence[int] | None) -> list[tuple[int, Any]]:
    """The children of a record with their numbers. Raises `DataError` if there is no list of them."""
    found = list(enumerate(shaping.fan_out(record, path)))
    return found if only is None else [one for one in found if one[0] in only]


def fold(outcomes: Sequence[tuple[int, Outcome]]) -> Folded:
    """What became of a record."""
    failed = [outcome for _, outcome in outcomes if outcome.failed]
    worst = min(failed, key=lambda one: (one.status not in (401, 403), one.status), default=None)
    errors = [_placed(error, number) for number, outcome in outcomes for error in outcome.errors]
    return Folded(
        status=200 if worst is None else worst.status,
        json=[outcome.json for _, outcome in outcomes],
        errors=tuple(errors),
        ignored=worst is None and all(outcome.ignored for _, outcome in outcomes),
        data_uri=next((outcome.data_uri for _, outcome in outcomes if outcome.data_uri), None),
        children=tuple(outcomes),
    )


def _placed(error: Failure, number: int) -> Failure:
    place = f"[{number}]" if not error.field else f"[{number}].{error.field}"
    return replace(error, field=place)

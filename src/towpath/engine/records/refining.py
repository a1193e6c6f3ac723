"""What becomes of the rows of a page before it leaves an export: transform, filter, sort, group, cut."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from towpath.core.application import Failure
from towpath.core.errors import DataError, TowpathError
from towpath.core.steps import PAGE_BYTES, PageRead
from towpath.dataplane import shaping
from towpath.dataplane.context import Context
from towpath.dataplane.dates import parse_date
from towpath.dataplane.paths import MISSING, compile_path
from towpath.engine.records.functions import Functions, failures_of
from towpath.engine.records.languages import change, condition


@dataclass(frozen=True)
class Refined:
    """Rows that go on, those that failed, and how many were left out."""

    records: list[Any]
    failures: tuple[Failure, ...] = ()
    filtered: int = 0


class Refining:
    """Compiled once for an export.

    Rows are filtered before they are grouped, so that a filter always sees single rows.
    """

    def __init__(self, spec: PageRead, context: Context, functions: Functions) -> None:
        self._spec = spec
        self._change = change(spec.transform, context, functions, "transformation")
        self._passes = condition(spec.filter, context, functions, "output_filter")
        self._new = _newness(spec, context)

    def refined(self, rows: Sequence[Any], failures: Sequence[Failure]) -> Refined:
        """The rows after transform and filter."""
        if self._change is None and self._passes is None and self._new is None:
            return Refined(list(rows), tuple(failures))
        records, failed = [], list(failures)
        filtered = 0
        for row in rows:
            source = "transformation"
            try:
                if self._new is not None and not self._new(row):
                    filtered += 1
                    continue
                record = row if self._change is None else self._change(row)
                source = "output_filter"
                if self._passes is not None and not self._passes(record):
                    filtered += 1
                    continue
            except TowpathError as error:
                failed += failures_at(error, source, row)
            else:
                records.append(record)
        return Refined(records, tuple(failed), filtered)

    def cut(self, refined: Refined, held: Sequence[Any], *, last: bool) -> tuple[list[Refined], list[Any]]:
        """The pieces that leave, at least one, and the rows that are held back for the next page."""
        records, kept = refined.records, []
        if self._spec.sort_by:
            records = shaping.sort(records, self._spec.sort_by)
        if self._spec.group_by:
            groups = list(shaping.group([*held, *records], self._spec.group_by))
            if groups and not last:
                kept = groups.pop()
            records = groups
        pieces, failed = self._pieces(records)
        first = Refined(pieces[0], (*refined.failures, *failed), refined.filtered)
        return [first, *(Refined(piece) for piece in pieces[1:])], kept

    def _pieces(self, records: list[Any]) -> tuple[list[list[Any]], list[Failure]]:
        cuts = list(shaping.pages(records, self._spec.page_size))
        failed = [_too_large(record) for cut in cuts for record in cut.too_large]
        return [cut.records for cut in cuts if cut.records] or [[]], failed


def failures_at(error: TowpathError, source: str, record: Any) -> Iterator[Failure]:
    """The failures of a record that an error ends."""
    for one in failures_of(error, str(getattr(error, "source", error.context.get("source", source)))):
        yield Failure(
            code=one.code,
            message=one.message,
            source=one.source,
            field=getattr(error, "field", None) or error.context.get("field"),
            record=record,
            retryable=one.retryable,
        )


def _too_large(record: Any) -> Failure:
    return Failure(
        code="record.too_large",
        message=f"The record is larger than a page may be: {PAGE_BYTES:,} bytes.",
        source="resource",
        record=record,
    )


def _newness(spec: PageRead, context: Context) -> Callable[[Any], bool] | None:
    """Whether a row is one that this run is about, where the rows themselves say so."""
    if spec.kind == "once" and spec.once and spec.once.field:
        flag = compile_path(spec.once.field)
        return lambda row: not _is_true(flag.get(row))
    since = context.words.get("exportSince")
    if spec.kind != "delta" or spec.delta is None or not spec.delta.field or not since:
        return None
    cutoff, form = datetime.fromisoformat(since), spec.delta.format
    paths = [compile_path(name.strip()) for name in spec.delta.field.split(",")]

    def is_new(row: Any) -> bool:
        found = [path.get(row) for path in paths]
        dates = [_moment(one, form) for one in found if one is not MISSING and one is not None]
        # Without any date nobody can say that it is old.
        return not dates or any(date > cutoff for date in dates)

    return is_new


def _moment(value: Any, form: str | None) -> datetime:
    try:
        return parse_date(value, form)
    except ValueError as error:
        raise DataError(
            "delta.bad_date",
            f"Nobody can tell whether the record is new: {error}.",
            hint="Look at the date field and the date format of the export.",
            source="transformation",
        ) from error


def _is_true(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "yes", "t", "y")

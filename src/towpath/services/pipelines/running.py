"""Exports and imports that run for one request: no job, no state, and nothing stored but what a connection
captures that is debugged.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from towpath.core.application import Failure, Outcome
from towpath.core.errors import DataError
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.model import State
from towpath.core.records import now
from towpath.core.steps import Hook, PageRead, RecordWrite
from towpath.dataplane.dates import format_date
from towpath.engine.records import (
    ExportStep,
    ImportStep,
    Mapped,
    ReadPage,
    open_export,
    open_import,
)
from towpath.services.context import UseCases
from towpath.services.pipelines.checks import check_step
from towpath.services.pipelines.drafts import StepDraft
from towpath.services.pipelines.ends import ends
from towpath.services.pipelines.faults import INVALID, Faults, wrong
from towpath.services.pipelines.hosting import RequestHost, hosting

__all__ = ["Answer", "Mapped", "Running", "Step"]

#: Where everything begins.
_EVER = datetime.fromtimestamp(0, UTC)
#: Records of one request, and their bytes as JSON, at most.
MOST_RECORDS = 10_000
MOST_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is run."""

    spec: ExportSpec | ImportSpec
    connection: str | None
    """None for what is only posted to."""
    id: str = ""
    """Of a stored one."""
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Answer:
    """What was read."""

    records: list[Any] = field(default_factory=list)
    data_uris: list[str | None] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    after: State | None = None
    """Where more can be read; None: this was all."""
    total_records: int | None = None
    total_pages: int | None = None
    warnings: list[str] = field(default_factory=list)

    def add(self, page: ReadPage) -> None:
        self.records += page.records
        self.data_uris += page.data_uris
        self.failures += page.failures
        self.after = page.after
        self.total_records = page.total_records if self.total_records is None else self.total_records
        self.total_pages = page.total_pages if self.total_pages is None else self.total_pages
        self.warnings += [item for item in page.warnings if item not in self.warnings]


class Running(UseCases):
    """The use cases. Whatever fails the whole raises; what fails single records is part of the answer."""

    def check(self, org: str, draft: StepDraft[Any]) -> Step:
        """The step that a draft is, which is not stored. Raises `ConfigError` (``request.invalid``)."""
        faults = Faults()
        with self.rooms.store.read() as work:
            row = check_step(self.rooms, work, org, draft, faults)
        faults.raise_any()
        return Step(spec=draft.spec, connection=row.id if row else None)

    def page(
        self, org: str, step: Step, after: State | None = None, given: Sequence[Any] | None = None
    ) -> Answer:
        """One page of an export: the first, or the one that begins at ``after``."""
        answer = Answer()
        with self._export(org, step) as (export, host):
            for page in export.pages(after=after, given=given):
                answer.add(page)
                break
            answer.warnings += [text for text in host.warnings if text not in answer.warnings]
        return answer

    def read(
        self, org: str, step: Step, after: State | None = None, given: Sequence[Any] | None = None
    ) -> Answer:
        """All pages of an export, or as many as one request takes: what is left begins at ``after``."""
        answer, size = Answer(), 0
        with self._export(org, step) as (export, host):
            for page in export.pages(after=after, given=given):
                answer.add(page)
                size += _bytes(page.records)
                if len(answer.records) >= MOST_RECORDS or size > MOST_BYTES:
                    break
                host.check_wanted()
            answer.warnings += [text for text in host.warnings if text not in answer.warnings]
        return answer

    def write(self, org: str, step: Step, records: Sequence[Any]) -> list[Outcome]:
        """Send the records: one outcome for each, in their order."""
        _refuse_many(records)
        with self._import(org, step) as opened:
            outcomes = opened.write(records)
            opened.finish()
            return outcomes

    def map(self, org: str, step: Step, records: Sequence[Any]) -> list[Mapped]:
        """What the records become; nothing is sent."""
        _refuse_many(records)
        with self._import(org, step) as opened:
            return opened.map(records)

    @contextmanager
    def _export(self, org: str, step: Step) -> Iterator[tuple[ExportStep, RequestHost]]:
        spec = step.spec
        assert isinstance(spec, ExportSpec)  # noqa: S101 - imports are not read
        hooks = spec.pages.hooks if spec.pages else {}
        opened = ends(self.rooms, org, _needed(step, hooks))
        words = {**_moments(spec.pages), **step.words}
        with (
            hosting(self.rooms, org, opened) as host,
            open_export(step.id, spec, opened, step.connection, host, words) as export,
        ):
            yield export, host

    @contextmanager
    def _import(self, org: str, step: Step) -> Iterator[ImportStep]:
        spec = step.spec
        assert isinstance(spec, ImportSpec)  # noqa: S101 - exports are not written
        assert step.connection is not None  # noqa: S101 - imports have one
        records = spec.records or RecordWrite()
        opened = ends(self.rooms, org, _needed(step, records.hooks))
        with (
            hosting(self.rooms, org, opened) as host,
            open_import(step.id, spec, opened, step.connection, host, step.words) as found,
        ):
            yield found


def _needed(step: Step, hooks: Mapping[Any, Hook]) -> list[str]:
    stacks = [hook.stack for hook in hooks.values() if hook.stack]
    return [*([step.connection] if step.connection else []), *stacks]


def _moments(pages: PageRead | None) -> dict[str, Any]:
    """What templates see of times. Nothing was read before: the cutoff is where the export says that it
    begins.
    """
    delta = pages.delta if pages else None
    form, start = (delta.format, delta.start) if delta else (None, None)
    try:
        at = format_date(now(), form)
        found = {"currentExportDateTime": at, "exportStartTime": at}
        found["lastExportDateTime"] = format_date(start or _EVER, form)
    except ValueError as error:
        raise wrong(INVALID, "delta.dateFormat", f"Dates cannot be written so: {error}.") from None
    return {**found, **({"exportSince": start.isoformat()} if start else {})}


def _bytes(records: Sequence[Any]) -> int:
    return sum(len(json.dumps(record, default=str)) for record in records)


def _refuse_many(records: Sequence[Any]) -> None:
    if len(records) > MOST_RECORDS:
        raise DataError(
            "request.too_large",
            f"These are {len(records)} records; one request takes {MOST_RECORDS}.",
            hint="Send them in several requests.",
        )

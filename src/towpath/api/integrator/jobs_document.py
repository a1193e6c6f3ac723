"""Jobs as they are shown."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from towpath.api.integrator.documents import iso
from towpath.api.integrator.ids import ours
from towpath.api.integrator.ids import shown as shown_id
from towpath.core.ids import of_object_id
from towpath.services.pipelines.jobs import Jobs
from towpath.services.pipelines.jobs_shape import Job, Kind, Numbers, Part, Whole

#: How long a job is promised to be kept.
KEPT = timedelta(days=30)


def known(jobs: Jobs, org: str, digits: str) -> Job:
    """The job that the path means: a run, or a step of one. Raises `NotFoundError`."""
    return jobs.get(org, ours("jobs", digits), of_object_id("stp", digits))


def shown(job: Job) -> dict[str, Any]:
    return _part(job) if isinstance(job, Part) else _whole(job)


def family(job: Whole, retries: Sequence[Whole]) -> dict[str, Any]:
    """With its steps as ``children``, and the jobs that sent its records again as ``retries``."""
    own = {**_whole(job), "children": [_part(part) for part in job.parts]}
    return {**own, "retries": [family(one, []) for one in retries]} if retries else own


def _whole(job: Whole) -> dict[str, Any]:
    run, flow = job.run, job.flow
    found = {
        "_id": shown_id(run.id),
        "type": job.kind,
        "_integrationId": flow and flow.integration and shown_id(flow.integration),
        "_exportId": shown_id(flow.exports[0]) if flow and flow.exports else None,
        "_flowId": shown_id(run.flow),
        "_retryOfJobId": run.parent and shown_id(run.parent),
        "_flowJobId": run.parent and shown_id(run.parent),
        "startedAt": _maybe(run.started_at),
        "endedAt": _maybe(run.ended_at),
        "lastExecutedAt": _maybe(run.started_at),
        "queueTime": run.started_at and int((run.started_at - run.created_at) / timedelta(milliseconds=1)),
        "status": job.state,
        **_numbers(job.numbers),
        "numExport": 0,
        "numPagesGenerated": job.numbers.generated,
        "numPagesProcessed": 0,
        "doneExporting": job.exported,
        "canceledBy": _canceled_by(job),
        **_times(run.created_at, max([run.updated_at, *(part.row.updated_at for part in job.parts)])),
        "files": [file for part in job.parts for file in _files(part)] or None,
        "error": _failure(run.error),
    }
    return {name: value for name, value in found.items() if value is not None}


def _part(job: Part) -> dict[str, Any]:
    row, run, flow = job.row, job.run, job.flow
    found = {
        "_id": shown_id(row.id),
        "type": job.kind,
        "_integrationId": flow and flow.integration and shown_id(flow.integration),
        **_step(job),
        "_flowId": shown_id(run.flow),
        "_flowJobId": shown_id(run.id),
        "startedAt": _maybe(row.started_at),
        "endedAt": _maybe(row.ended_at),
        "status": job.state,
        **_numbers(job.numbers),
        **_pages(job),
        "oIndex": job.position,
        "retriable": job.retriable,
        **_times(row.created_at, row.updated_at),
        "files": _files(job) or None,
        "error": _failure(row.error),
    }
    return {name: value for name, value in found.items() if value is not None}


def _step(job: Part) -> dict[str, Any]:
    """What it is a step of. A stream that is copied has an export and an import at once."""
    if job.flow is not None and job.flow.pipeline is None:
        ends = {"_exportId": job.flow.exports, "_importId": job.flow.imports}
        found: dict[str, Any] = {name: shown_id(ids[0]) for name, ids in ends.items() if ids}
        return {**found, "towpath": {"stream": job.row.stream}}
    return {"_exportId" if job.kind is Kind.EXPORT else "_importId": shown_id(job.row.stream)}


def _pages(job: Part) -> dict[str, int]:
    if job.kind is Kind.EXPORT:
        return {"numPagesGenerated": job.numbers.generated}
    return {"numPagesProcessed": job.numbers.processed}


def _numbers(numbers: Numbers) -> dict[str, int]:
    return {
        "numError": numbers.error,
        "numResolved": numbers.resolved,
        "numOpenError": numbers.open,
        "numSuccess": numbers.success,
        "numIgnore": numbers.ignore,
    }


def _times(created: datetime, modified: datetime) -> dict[str, str]:
    return {"createdAt": iso(created), "purgeAt": iso(created + KEPT), "lastModified": iso(modified)}


def _files(job: Part) -> list[dict[str, str]]:
    return [{"id": file_id(name), "host": "source", "name": name} for name in job.files]


def file_id(name: str) -> str:
    """32 hex digits."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _canceled_by(job: Whole) -> str | None:
    """The `_userId` of the account, whose program it was; ``system`` for ourselves."""
    if not job.run.cancel_requested:
        return None
    return "system" if job.cancelled_by in (None, "system") else shown_id(job.run.org)


def _failure(error: Any) -> dict[str, str] | None:
    """Why it failed as a whole."""
    return error and {"code": str(error.get("code", "")), "message": str(error.get("message", ""))}


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)

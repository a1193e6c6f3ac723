"""Failed records as they are shown: as errors of a job, as errors of a step, as what can be sent again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from towpath.api.integrator.documents import iso
from towpath.api.integrator.ids import shown
from towpath.core.records import ErrorStatus, RecordError
from towpath.services.inbox import has_data
from towpath.services.pipelines.failures import Failed


def job_error(failed: Failed, org: str) -> dict[str, Any]:
    """As ``/jobs/{id}/joberrors`` shows it."""
    error, detail = failed.error, failed.error.detail
    resolved = error.status is ErrorStatus.RESOLVED
    return {
        "_id": shown(error.id),
        "resolve": resolved,
        "resolved": resolved,
        "retry": error.retry is not None,
        "createdAt": iso(error.created_at),
        "code": error.code,
        "extract": "",
        "generate": _text(detail, "field"),
        "extracted": "",
        "generated": "",
        "message": error.message,
        "source": _text(detail, "source"),
        "exportDataURI": _text(detail, "data_uri"),
        "importDataURI": _text(detail, "import_data_uri"),
        "_retryId": shown(error.id) if has_data(error) else None,
        "_jobId": shown(failed.part),
        "_userId": shown(org),
    }


def step_error(failed: Failed, *, captured: bool) -> dict[str, Any]:
    """As the errors of a step are shown. ``captured``: whether requests of the step were."""
    error, detail = failed.error, failed.error.detail
    found = {
        "errorId": shown(error.id),
        "occurredAt": iso(error.created_at),
        "source": _text(detail, "source") or "application",
        "code": error.code,
        "message": error.message,
        "traceKey": detail.get("trace_key"),
        "exportDataURI": detail.get("data_uri"),
        "importDataURI": detail.get("import_data_uri"),
        "oIndex": failed.position,
        "retryDataKey": shown(error.id) if has_data(error) else None,
        "_flowJobId": shown(error.run),
        "classification": classification(error),
        "classifiedBy": "auto",
        "reqAndResKey": shown(error.id) if captured else None,
        "assignedTo": detail.get("assigned_to"),
        "tagIds": detail.get("tags") or None,
        "retrying": error.status is ErrorStatus.RETRYING or None,
    }
    if error.status is ErrorStatus.RESOLVED:
        found |= {"resolvedAt": iso(error.updated_at), "_retryJobId": error.retry and shown(error.retry)}
    return {name: value for name, value in found.items() if value is not None}


def retry(failed: Failed) -> dict[str, Any]:
    """As ``/retries`` shows it."""
    error = failed.error
    return {
        "_id": shown(error.id),
        "type": "page" if isinstance(error.record, list) else "object",
        "_jobId": shown(failed.part),
        "createdAt": iso(error.created_at),
        "data": {"id": shown(error.id), "host": "towpath"},
    }


#: Classes of errors, and how they are known: the first that fits.
_CLASSES: Sequence[tuple[str, Callable[[RecordError], bool]]] = (
    ("rate limit", lambda error: error.code in ("429", "rate_limited")),
    ("too large", lambda error: error.code == "413" or error.code.endswith(".too_large")),
    ("connection", lambda error: error.detail.get("source") == "connection" or error.code in ("401", "403")),
    ("intermittent", lambda error: bool(error.detail.get("retryable")) or _is_server(error.code)),
    ("duplicate", lambda error: error.code == "409"),
    ("missing", lambda error: error.code == "404" or error.detail.get("source") == "lookup"),
    ("parse", lambda error: error.code.startswith(("file.", "xml.", "csv.", "json."))),
    ("value", lambda error: error.code in ("400", "422") or "mapping" in error.detail.get("source", "")),
)


def classification(error: RecordError) -> str:
    """What kind of failure it is; ``none`` for what is of no known kind."""
    return next((name for name, fits in _CLASSES if fits(error)), "none")


def _text(detail: Mapping[str, Any], name: str) -> str:
    return str(detail.get(name) or "")


def _is_server(code: str) -> bool:
    """Whether the code is an HTTP status of a server in trouble."""
    return code.isdecimal() and code.startswith("5")

"""Rows as the JSON that scripts read: keys are stable, times are ISO 8601, secrets are masked."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.core.model import Stream
    from towpath.core.records import (
        AuditEntry,
        Connection,
        Flow,
        LogLine,
        RecordError,
        RunStream,
        SavedState,
    )
    from towpath.services.documents.models import FlowSpec
    from towpath.services.runs import RunDetail


def _time(value: Any) -> str | None:
    return None if value is None else value.isoformat()


def connection(row: "Connection", projects: "Mapping[str, str]") -> dict[str, Any]:
    """``projects`` are the names of all, by id."""
    from towpath.services.secrets.fields import shown

    return {
        "id": row.id,
        "name": row.name,
        "project": projects.get(row.project or ""),
        "role": row.role,
        "connector": row.connector,
        "config": shown(row.config),
        "max_parallel": row.max_parallel,
        "created_at": _time(row.created_at),
        "updated_at": _time(row.updated_at),
    }


def flow(row: "Flow", projects: "Mapping[str, str]", spec: "FlowSpec | None" = None) -> dict[str, Any]:
    """``spec``, as its YAML document has it, is there for flows that one document can say; ``projects`` are
    the names of all, by id.
    """
    return {
        "id": row.id,
        "name": row.name,
        "project": projects.get(row.project or ""),
        "enabled": row.enabled,
        "next_due": _time(row.next_due),
        "spec": spec.model_dump(mode="json") if spec else None,
        "created_at": _time(row.created_at),
        "updated_at": _time(row.updated_at),
    }


def run(detail: "RunDetail") -> dict[str, Any]:
    row = detail.run
    return {
        "id": row.id,
        "flow": detail.flow,
        "project": detail.project,
        "status": str(row.status),
        "cause": row.cause,
        "parent": row.parent,
        "full": row.full,
        "cancel_requested": row.cancel_requested,
        "created_at": _time(row.created_at),
        "started_at": _time(row.started_at),
        "ended_at": _time(row.ended_at),
        "error": row.error,
        "streams": [run_stream(stream) for stream in detail.streams],
    }


def run_stream(row: "RunStream") -> dict[str, Any]:
    return {
        "stream": row.stream,
        "status": str(row.status),
        "read": row.counters.read,
        "written": row.counters.written,
        "filtered": row.counters.filtered,
        "rejected": row.counters.rejected,
        "bytes": row.counters.bytes,
        "rows_expected": row.rows_expected,
        "rows_per_second": row.rows_per_second,
        "error": row.error,
        "started_at": _time(row.started_at),
        "ended_at": _time(row.ended_at),
    }


def stream(row: "Stream") -> dict[str, Any]:
    return {
        "stream": row.key,
        "primary_key": list(row.primary_key),
        "cursors": list(row.cursors),
        "read_modes": sorted(map(str, row.read_modes)),
        "rows": row.rows,
        "bytes": row.bytes,
        "columns": [
            {"name": field.name, "type": str(field.type), "nullable": field.nullable} for field in row.schema
        ],
    }


def state(row: "SavedState") -> dict[str, Any]:
    return {
        "stream": row.stream,
        "generation": row.generation,
        "state": row.state,
        "run": row.run,
        "updated_at": _time(row.updated_at),
    }


def log_line(row: "LogLine") -> dict[str, Any]:
    return {
        "seq": row.seq,
        "ts": _time(row.at),
        "level": str(row.level),
        "event": row.event,
        "stream": row.stream,
        "slice": row.slice,
        "msg": row.message,
        "fields": dict(row.fields),
    }


def record_error(row: "RecordError") -> dict[str, Any]:
    return {
        "id": row.id,
        "run": row.run,
        "flow": row.flow,
        "stream": row.stream,
        "status": str(row.status),
        "code": row.code,
        "message": row.message,
        "record": dict(row.record),
        "retry": row.retry,
        "created_at": _time(row.created_at),
    }


def audit_entry(row: "AuditEntry") -> dict[str, Any]:
    return {
        "id": row.id,
        "at": _time(row.created_at),
        "actor": row.actor,
        "action": row.action,
        "object": row.object,
        "address": row.address,
        "request": row.request,
        "detail": dict(row.detail),
        "digest": row.digest,
    }


def chained_entry(row: "AuditEntry") -> dict[str, Any]:
    """All that the entry's digest is made of but its place, which is the number of its line."""
    return audit_entry(row) | {
        "organization": row.org,
        "updated_at": _time(row.updated_at),
        "previous": row.previous,
    }

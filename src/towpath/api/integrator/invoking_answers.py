"""What runs are answered with."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.api.integrator.documents import iso
from towpath.core.application import Failure, Outcome
from towpath.core.records import now
from towpath.services.pipelines.running import Answer, Mapped


def failed(failure: Failure) -> dict[str, Any]:
    found: dict[str, Any] = {"code": failure.code, "message": failure.message, "source": failure.source}
    if failure.field:
        found["field"] = failure.field
    return found


def faults(failures: Sequence[Failure]) -> list[dict[str, Any]]:
    """Records that could not be read, for the list of errors."""
    at = iso(now())
    return [{**failed(item), "occurredAt": at} for item in failures]


def outcome(found: Outcome) -> dict[str, Any]:
    """What became of one record: ``statusCode``, and what else there is to say."""
    shown: dict[str, Any] = {"statusCode": found.status}
    if found.id is not None:
        shown["id"] = found.id
    if found.json is not None:
        shown["_json"] = found.json
    if found.ignored:
        shown["ignored"] = True
    if found.errors:
        shown["errors"] = [failed(item) for item in found.errors]
    if found.data_uri:
        shown["dataURI"] = found.data_uri
    return shown


def mapped(found: Mapped) -> Any:
    """One record after the mapping; what failed or was left out says so instead."""
    if found.errors:
        return {"statusCode": 422, "errors": [failed(item) for item in found.errors]}
    return {"ignored": True} if found.ignored else found.data


def page(answer: Answer) -> dict[str, Any]:
    """Records that were read."""
    shown: dict[str, Any] = {"data": answer.records, "dataURIs": answer.data_uris}
    if answer.failures:
        shown["errors"] = faults(answer.failures)
    if answer.warnings:
        shown["warnings"] = answer.warnings
    return shown


def records_of(given: Any) -> Any:
    """The records of a body: a list of them, or ``{"data": […]}``; None if it has none."""
    if isinstance(given, Mapping):
        given = given.get("data")
    return [given] if isinstance(given, Mapping) else given

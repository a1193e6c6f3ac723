"""Hooks: what functions of users are told on a record's way, and what they may answer.

Every answer is checked: lists must be as long as what was given, or all of the page fails, for nobody could
tell any more which answer is for which record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.core.application import Failure, Outcome
from towpath.core.errors import DataError
from towpath.core.steps import Hook
from towpath.engine.records.functions import Functions


@dataclass(frozen=True)
class Told:
    """What a function says of one record: data, errors, both, or nothing, which is to leave it out."""

    data: Any = None
    errors: tuple[Failure, ...] = ()
    has_data: bool = False

    @property
    def ignored(self) -> bool:
        return not self.has_data and not self.errors


@dataclass(frozen=True)
class Saved:
    """What a function makes of a page."""

    records: list[Any]
    failures: tuple[Failure, ...]
    abort: bool = False


def pre_save_page(
    functions: Functions,
    hook: Hook,
    *,
    records: Sequence[Any],
    failures: Sequence[Failure],
    page: int,
    files: Sequence[Mapping[str, Any]],
    words: Mapping[str, Any],
) -> Saved:
    """Show a page to the function before it goes on. Whatever it raises is fatal to the export."""
    source = "pre_save_page_hook"
    keys = {str(number): one for number, one in enumerate(failures)}
    given = [
        {"code": one.code, "message": one.message, "source": one.source, "retryDataKey": key}
        for key, one in keys.items()
    ]
    kept = {key: {"data": one.record, "stage": "read", "traceKey": None} for key, one in keys.items()}
    options = {
        "data": list(records),
        "errors": given,
        "files": [{"fileMeta": dict(one)} for one in files],
        "retryData": kept,
        "pageIndex": page,
        "lastExportDateTime": words.get("lastExportDateTime"),
        "currentExportDateTime": words.get("currentExportDateTime"),
    }
    answer = functions.call(hook, options, source)
    if not isinstance(answer, Mapping) or not isinstance(answer.get("data"), list):
        raise _wrong(hook, source, "an object whose data is a list of records")
    told = [_again(one, keys, source) for one in _errors(answer.get("errors"), hook, source)]
    fresh = [
        failure
        for one in answer.get("newErrorsAndRetryData") or ()
        if isinstance(one, Mapping)
        for failure in _new(one, hook, source)
    ]
    return Saved(list(answer["data"]), (*told, *fresh), abort=bool(answer.get("abort")))


def each(functions: Functions, hook: Hook, options: Mapping[str, Any], count: int, source: str) -> list[Told]:
    """Ask for one answer per record: ``preMap`` and ``postMap``."""
    answer = _listed(functions.call(hook, options, source), count, hook, source)
    return [_told(one, hook, source) for one in answer]


def post_submit(
    functions: Functions,
    hook: Hook,
    options: Mapping[str, Any],
    outcomes: Sequence[Outcome],
) -> list[Outcome]:
    """Have the function look at, and change, what became of the records."""
    source = "post_submit_hook"
    given = {**options, "responseData": [response_data(one) for one in outcomes]}
    answer = _listed(functions.call(hook, given, source), len(outcomes), hook, source)
    return [_outcome(one, before, hook, source) for one, before in zip(answer, outcomes, strict=True)]


def response_data(outcome: Outcome) -> dict[str, Any]:
    """An outcome as functions and response mappings know it."""
    return {
        "statusCode": outcome.status,
        "id": outcome.id,
        "errors": [error_json(error) for error in outcome.errors],
        "ignored": outcome.ignored,
        "_json": outcome.json,
        "dataURI": outcome.data_uri or "",
    } | ({"headers": dict(outcome.headers)} if outcome.headers else {})


def error_json(error: Failure) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "source": error.source}


def post_response_map(functions: Functions, hook: Hook, options: Mapping[str, Any], count: int) -> list[Any]:
    """The records after the function has seen them with their responses."""
    source = "post_response_map_hook"
    answer = _listed(functions.call(hook, options, source), count, hook, source)
    return list(answer)


def branches(functions: Functions, hook: Hook, record: Any, count: int) -> list[int]:
    """Which branches the function sends the record to: their numbers from 0."""
    source = "router"
    answer = functions.call(hook, {"record": record}, source)
    if isinstance(answer, int) and not isinstance(answer, bool):
        answer = [answer]
    numbers = answer if isinstance(answer, list) else None
    if numbers is None or not all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one < count for one in numbers
    ):
        raise _wrong(hook, source, f"a list of branch numbers from 0 to {count - 1}")
    return sorted(set(numbers))


def _told(one: Any, hook: Hook, source: str) -> Told:
    if not isinstance(one, Mapping):
        raise _wrong(hook, source, "a list of objects with data, errors, or both")
    errors = tuple(_errors(one.get("errors"), hook, source))
    return Told(one.get("data"), errors, has_data=one.get("data") is not None)


def _outcome(one: Any, before: Outcome, hook: Hook, source: str) -> Outcome:
    if not isinstance(one, Mapping):
        raise _wrong(hook, source, "a list of objects as it was given")
    status = one.get("statusCode", before.status)
    if not isinstance(status, int):
        raise _wrong(hook, source, "a whole number as each statusCode")
    errors = one.get("errors")
    known = [error_json(error) for error in before.errors]
    return Outcome(
        status=status,
        id=None if one.get("id") is None else str(one["id"]),
        json=one.get("_json"),
        headers=before.headers,
        errors=before.errors if errors == known else tuple(_errors(errors, hook, source)),
        ignored=bool(one.get("ignored")),
        data_uri=one.get("dataURI") or before.data_uri,
        operation=before.operation,
    )


def _again(one: Failure, keys: Mapping[str, Failure], source: str) -> Failure:
    """An error that the function hands back, with the record that it was about."""
    before = keys.get(one.field or "")
    if before is None:
        return Failure(code=one.code, message=one.message, source=source)
    return Failure(
        code=one.code, message=one.message, source=before.source, field=before.field, record=before.record
    )


def _new(one: Mapping[str, Any], hook: Hook, source: str) -> list[Failure]:
    kept = one.get("retryData")
    data = kept.get("data") if isinstance(kept, Mapping) and "data" in kept else kept
    return [
        Failure(code=error.code, message=error.message, source=source, record=data)
        for error in _errors(one.get("errors"), hook, source)
    ]


def _errors(errors: Any, hook: Hook, source: str) -> list[Failure]:
    """The errors of an answer; ``field`` holds the key of their retry data."""
    if errors is None:
        return []
    if not isinstance(errors, list):
        raise _wrong(hook, source, "a list wherever there are errors")
    return [_error(one, source) for one in errors]


def _error(one: Any, source: str) -> Failure:
    if not isinstance(one, Mapping):
        return Failure(code="hook.error", message=str(one), source=source)
    return Failure(
        code=str(one.get("code") or "hook.error"),
        message=str(one.get("message") or ""),
        source=str(one.get("source") or source),
        field=None if one.get("retryDataKey") is None else str(one["retryDataKey"]),
    )


def _listed(answer: Any, count: int, hook: Hook, source: str) -> list[Any]:
    if not isinstance(answer, list) or len(answer) != count:
        raise _wrong(hook, source, f"a list of {count}, one for each record")
    return answer


def _wrong(hook: Hook, source: str, wanted: str) -> DataError:
    return DataError(
        "hook.bad_answer",
        f"The function {hook.function} must answer {wanted}, and did not.",
        hint="Mend the function; the records are in the error inbox.",
        source=source,
        function=hook.function,
    )

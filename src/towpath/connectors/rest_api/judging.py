"""What an answer to a write means for each of its records."""

from collections.abc import Mapping
from typing import Any

from towpath.connectors.rest_api.answers import MISSING, Answer
from towpath.connectors.rest_api.calls import Api
from towpath.connectors.rest_api.existing import Choice
from towpath.connectors.rest_api.parts import Verdict
from towpath.connectors.rest_api.writing import RestWriting
from towpath.sdk import AuthError, DataError, Failure, Outcome, Tools, TowpathError
from towpath.sdk.http import Response

_UNAUTHORIZED, _FORBIDDEN, _FAILED = 401, 403, 422


def judge(
    api: Api, write: RestWriting, tools: Tools, response: Response, choice: Choice, count: int
) -> list[Outcome]:
    """The outcomes of the records of a request, in their order.

    An answer to a batch that is a list with one value for each record is judged value by value.
    """
    answer = api.answer(
        response,
        tools,
        write.success_media_type,
        write.error_media_type,
        has_header=write.response.has_header,
    )
    verdict = write.response.verdict(choice.way)
    trouble = api.trouble(answer, verdict)
    if trouble is not None:
        return [_refused(api, trouble, answer, verdict, choice)] * count
    path, id_path = write.response.paths(choice.way)
    whole = answer.value
    found = answer.at(path) if path else whole
    if write.batch_size > 1 and isinstance(found, list) and len(found) == count:
        parts = [answer.part(one) for one in found]
        return [_outcome(api, part, verdict, choice, part.value, id_path) for part in parts]
    there = None if found is MISSING else found
    if isinstance(there, list) and len(there) == 1:
        there = there[0]
    outcome = _outcome(api, answer, verdict, choice, there, id_path)
    # Of one that answers for several, nobody can say whose id it is.
    return [outcome] if count == 1 else [Outcome(**{**vars(outcome), "id": None})] * count


def _outcome(
    api: Api, answer: Answer, verdict: Verdict, choice: Choice, written: Any, id_path: str | None
) -> Outcome:
    fault = answer.fault(verdict)
    if fault:
        told = answer.told(verdict) if verdict.error_path else fault
        failure = Failure(code=str(_FAILED), message=api.words.mask(told))
        return Outcome(
            status=_FAILED,
            json=answer.value,
            headers=_open(answer.response.headers),
            errors=(failure,),
            operation=choice.operation,
        )
    return Outcome(
        id=_id(answer, written, id_path),
        json=answer.value,
        headers=_open(answer.response.headers),
        operation=choice.operation,
    )


def _refused(api: Api, trouble: TowpathError, answer: Answer, verdict: Verdict, choice: Choice) -> Outcome:
    response = answer.response
    down = isinstance(trouble, AuthError)
    status = response.status if response.status in (_UNAUTHORIZED, _FORBIDDEN) else _UNAUTHORIZED
    told = api.words.mask(answer.told(verdict))
    failure = Failure(
        code=str(_FAILED if response.ok else response.status),
        message=told or f"{response.url} answered {response.status} and nothing else.",
        source="connection" if down else "application",
        retryable=trouble.retryable,
    )
    return Outcome(
        status=status if down else _FAILED,
        json=None if api.words.stand_in(response.body) else answer.told_value(),
        headers=_open(response.headers),
        errors=(failure,),
        operation=choice.operation,
    )


def _open(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers without those that carry sessions."""
    return {name: text for name, text in headers.items() if name != "set-cookie"}


def _id(answer: Answer, written: Any, path: str | None) -> str | None:
    """What the API calls the record: at the path, else ``id``, then ``_id``."""
    found: Any = None
    if path:
        part = answer.part(written)
        found = part.at(path)
        if found is MISSING:
            try:
                found = answer.at(path)
            except DataError:
                found = MISSING
    elif isinstance(written, Mapping):
        found = written.get("id", written.get("_id"))
    if found is MISSING or found is None or isinstance(found, dict | list):
        return None
    return str(found)

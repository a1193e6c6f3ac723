"""A system behind functions of the user's own."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from towpath.connectors.wrapper import exporting
from towpath.connectors.wrapper.answers import OFFLINE, Ping, Written, bad_answer, offline, parsed
from towpath.connectors.wrapper.config import WrapperConfig
from towpath.connectors.wrapper.functions import Functions
from towpath.connectors.wrapper.reading import WrapperRead
from towpath.connectors.wrapper.writing import WrapperWrite
from towpath.sdk import ConfigError, Failure, Outcome, Page, Record, Sending, State, Tools

_FAILED = 400
#: Of what a lookup finds, so many records come at once.
_FOUND = 10_000


class WrapperApplication:
    """Calls the functions, and holds them to what they may answer."""

    def __init__(self, config: WrapperConfig) -> None:
        self._functions = Functions(config)
        self._ping = config.ping_function

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._functions.close()

    def check(self) -> str:
        answer = parsed(Ping, self._functions.ping(), self._ping)
        if answer.status_code in OFFLINE:
            raise offline(self._ping, answer.reasons())
        return f"{self._ping} answered {answer.status_code}"

    def pages(
        self, read: BaseModel, size: int, tools: Tools, *, record: Any = None, after: State | None = None
    ) -> Iterator[Page]:
        data = None if record is None else [record]
        return exporting.pages(self._functions, WrapperRead.model_validate(read), size, tools, data, after)

    def read_back(self, read: BaseModel, records: Sequence[Record], tools: Tools) -> Sequence[Failure | None]:
        """Nothing: the function itself knows which records it gave, and marks them."""
        return [None] * len(records)

    def look(self, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
        """The records that the export function ``lookup["function"]`` gives for the record, or of each what
        lies at ``lookup["extract"]``.
        """
        read = _looking(lookup)
        pages = exporting.pages(self._functions, read, _FOUND, tools, [record], None)
        found = [one for page in pages for one in page.records]
        extract = lookup.get("extract")
        return [tools.value(extract, one) for one in found if tools.has(extract, one)] if extract else found

    def send(self, write: BaseModel, sendings: Sequence[Sending], tools: Tools) -> Sequence[Outcome]:
        """All at once: one call of the function."""
        writing = WrapperWrite.model_validate(write)
        if not sendings:
            return []
        told = {
            "preMapData": [sending.record for sending in sendings],
            "postMapData": [sending.data for sending in sendings],
            "configuration": writing.configuration,
        }
        raw = self._functions.call(writing.function, told, tools)
        answers = parsed(list[Written], raw, writing.function)
        if len(answers) != len(sendings):
            raise bad_answer(writing.function, f"{len(answers)} results for {len(sendings)} records")
        return [_outcome(answer) for answer in answers]

    def finish(self, write: BaseModel, tools: Tools) -> Mapping[str, Any]:
        return {}


def _outcome(answer: Written) -> Outcome:
    lost = answer.status_code in OFFLINE
    errors = [fault.failure("connection" if lost else "application") for fault in answer.errors]
    if answer.status_code >= _FAILED and not errors and not answer.ignored:
        said = f"The function answered {answer.status_code} and gave no error."
        errors = [Failure(code=str(answer.status_code), message=said)]
    return Outcome(
        status=answer.status_code,
        id=answer.id,
        json=answer.answer,
        errors=errors,
        ignored=bool(answer.ignored),
        data_uri=answer.data_uri,
    )


def _looking(lookup: Mapping[str, Any]) -> WrapperRead:
    function = lookup.get("function")
    if not isinstance(function, str) or not function:
        raise ConfigError(
            "config.invalid",
            f"The lookup {lookup.get('name', '')!r} names no function of the wrapper.",
            hint="Set its function, or give it a map.",
            field="lookups",
        )
    return WrapperRead(function=function, configuration=lookup.get("configuration") or {})

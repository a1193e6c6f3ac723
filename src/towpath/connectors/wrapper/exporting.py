"""An export function is called again and again until it says that this was the last page."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from towpath.connectors.wrapper.answers import Export, Fault, offline, parsed
from towpath.connectors.wrapper.functions import Functions
from towpath.connectors.wrapper.reading import WrapperRead
from towpath.sdk import DataError, Page, State, Tools
from towpath.sdk.rest import json

#: So often a function may answer the same in a row.
MOST_ALIKE = 5


def pages(
    functions: Functions,
    read: WrapperRead,
    size: int,
    tools: Tools,
    data: list[Any] | None,
    after: State | None,
) -> Iterator[Page]:
    """The pages; ``data``: the records that a lookup is for. A function answers with as many records as it
    likes: what is more than ``size`` is cut into pages. Going on in the middle of an answer, the function is
    called for it again.
    """
    state, skip = (after or {}).get("state"), (after or {}).get("skip", 0)
    options = _options(read, tools) | ({} if data is None else {"data": data})
    alike = _Alike(read.function)
    while True:
        raw = functions.call(read.function, options | ({} if state is None else {"state": state}), tools)
        alike.hear(raw)
        answer = parsed(Export, raw, read.function)
        yield from _cut(answer, state, skip, size)
        if answer.connection_offline:
            raise offline(read.function, "it says so with connectionOffline")
        if answer.last_page:
            return
        state, skip = answer.state, 0


def _options(read: WrapperRead, tools: Tools) -> dict[str, Any]:
    options: dict[str, Any] = {"configuration": read.configuration}
    if read.type:
        options["type"] = read.type
    if read.type == "delta":
        since = _milliseconds(tools.now.words.get("lastExportDateTime"))
        options["delta"] = {"dateField": read.date_field, "lastExecutionTime": since}
    if read.type == "once":
        options["once"] = {"booleanField": read.boolean_field}
    if read.type == "test":
        options["test"] = {"limit": read.limit or 1}
    return options


def _milliseconds(moment: Any) -> int:
    """Since 1970; 0 before the first run."""
    if isinstance(moment, str) and moment:
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _cut(answer: Export, state: Any, skip: int, size: int) -> Iterator[Page]:
    """One answer as pages of at most ``size`` records; its errors come with the first of all."""
    last = bool(answer.last_page) and not answer.connection_offline
    behind: Mapping[str, Any] | None = None if last else {"state": answer.state}
    faults = [] if skip else answer.errors
    for start in range(skip, max(len(answer.data), skip + 1), size):
        end = start + size
        more = end < len(answer.data)
        yield Page(
            records=answer.data[start:end],  # type: ignore[arg-type]  # rows may be lists, as published
            after={"state": state, "skip": end} if more else behind,
            failures=_failures(faults if start == skip else []),
        )


def _failures(faults: list[Fault]) -> list[Any]:
    return [fault.failure("application") for fault in faults]


class _Alike:
    """Ends what would never end: a function that forgets its state answers the same for ever."""

    def __init__(self, function: str) -> None:
        self._function, self._last, self._times = function, b"", 0

    def hear(self, answer: Any) -> None:
        """Raises `DataError` ``wrapper.loop``."""
        digest = sha256(json.dumps(answer).encode()).digest()
        self._times = self._times + 1 if digest == self._last else 1
        self._last = digest
        if self._times > MOST_ALIKE:
            raise DataError(
                "wrapper.loop",
                f"The wrapper function {self._function} gave the same answer more than {MOST_ALIKE} times.",
                hint="Call back with lastPage: true at the end, and with a state that says how far it is.",
                function=self._function,
            )

"""The pages of one stream, one after the other."""

import datetime as dt
import hashlib
import logging
import time
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from towpath.core.errors import DataError, SchemaError, TowpathError
from towpath.sdk.http import Response
from towpath.sdk.rest import json
from towpath.sdk.rest.client import RestClient
from towpath.sdk.rest.paging import Answer, Pager, Step, pager, total
from towpath.sdk.rest.path import MissingError, describe, find
from towpath.sdk.rest.stream import StreamDefinition

_Item = TypeVar("_Item")
_NO_CONTENT = 204
#: A server may answer with pages that its own filters have emptied, but not for ever.
_MOST_EMPTY = 1_000
#: A short page comes again if something is inserted before it; that happens now and then, not each time.
_MOST_REPEATED = 3
_SECOND = dt.timedelta(seconds=1)
_WRONG = dt.timedelta(minutes=5)

_log = logging.getLogger("towpath.connectors.rest")


@dataclass(frozen=True)
class Page:
    """Records as they came, and the number of their page, from 1."""

    number: int
    records: list[Any]
    bytes: int


class Pages:
    """Reads one stream."""

    def __init__(
        self,
        client: RestClient,
        name: str,
        stream: StreamDefinition,
        query: Mapping[str, str],
        since: Mapping[str, str],
    ) -> None:
        """``query`` is the stream's own, as templates; ``since`` are more parameters, as they are."""
        self._client, self._name, self._stream = client, name, stream
        self._query, self._since = query, since
        self._pager: Pager = pager(stream)
        self._steps, self._contents = set[bytes](), set[bytes]()
        self._empty = self._repeated = 0
        self._before = dict[Any, Any]()
        #: When the first page was asked for, by the clock of the system, or a little earlier; in UTC.
        self.began: dt.datetime | None = None

    def __iter__(self) -> Iterator[Page]:
        """Every page once; those without records are left out. Raises `TowpathError`, naming the page."""
        step: Step | None = self._pager.first()
        url, seen, number = "", 0, 0
        while step is not None:
            number += 1
            try:
                url = self._url(step, url)
                response = self._ask(url)
                body = self._parse(response, number)
                records = self._records(body, number)
            except TowpathError as error:
                raise error.with_context(stream=self._name, page=number) from error.__cause__
            seen += len(records)
            answer = Answer(body, response.headers, len(records), seen)
            self._check_new(records, number)
            step = self._after(step, answer, number)
            fresh = self._not_on_page_before(records)
            if fresh:
                yield Page(number, fresh, len(response.body))

    def _ask(self, url: str) -> Response:
        started = time.monotonic()
        response = self._client.request(self._stream.method, url, self._stream.body)
        if self.began is None:
            taken = dt.timedelta(seconds=time.monotonic() - started)
            self.began = _clock(response.headers.get("date", "")) - taken
        return response

    def _url(self, step: Step, before: str) -> str:
        if step.link:
            return self._client.link(before, step.link)
        return self._client.url(self._stream.path, self._query, {**self._since, **step.query})

    def _parse(self, response: Response, number: int) -> Any:
        if response.status == _NO_CONTENT:
            return None
        try:
            return json.loads(response.body)
        except ValueError as error:
            raise DataError(
                "http.not_json",
                f"Page {number} of {self._name!r} is not JSON: {response.excerpt()!r}.",
                hint="It may be an error page, or cut off: look at what the server logs for this request.",
                url=response.url,
            ) from error

    def _records(self, body: Any, number: int) -> list[Any]:
        if body is None and self._stream.records != "$":
            return []
        try:
            found = find(body, self._stream.records)
        except MissingError as error:
            raise self._no_records(number, f"no {error.at!r} but {error.there}") from None
        if not isinstance(found, list):
            raise self._no_records(number, f"{describe(found)} where the records should be")
        return found

    def _no_records(self, number: int, what: str) -> SchemaError:
        """# Invariant 4: a path that matches nothing is never a silent zero."""
        return SchemaError(
            "answer.no_records",
            f"Page {number} of {self._name!r} has {what}; the records should stand at "
            f"{self._stream.records!r}.",
            hint="Correct the `records` path of the stream, or see if the server reports an error in its "
            "answer. An empty list is fine, a missing one is not.",
        )

    def _check_new(self, records: list[Any], number: int) -> None:
        """A server that does not understand our paging sends the same page for ever."""
        self._empty = 0 if records else self._empty + 1
        if self._empty > _MOST_EMPTY:
            raise self._loop(number, f"is the {self._empty}th without records in a row")
        if not records or (len(records) == 1 and not self._stream.primary_key):
            return
        ends = json.dumps([len(records), records[0], records[-1]])
        if _add(self._contents, ends):
            return
        self._repeated += 1
        if not self._stream.primary_key or self._repeated > _MOST_REPEATED:
            raise self._loop(number, "holds the same records as one before it")

    def _not_on_page_before(self, records: list[Any]) -> list[Any]:
        """What is inserted while pages are counted pushes records on to the next page: they come again."""
        key = self._stream.primary_key
        if not key or not all(isinstance(record, dict) for record in records):
            return records
        by_key = {repr([record.get(name) for name in key]): record for record in records}
        before, self._before = self._before, by_key
        if before.keys().isdisjoint(by_key):
            return records
        again = {name for name in by_key if before.get(name) == by_key[name]}
        return [record for name, record in by_key.items() if name not in again]

    def _after(self, step: Step, answer: Answer, number: int) -> Step | None:
        following = self._pager.after(step, answer)
        if following is None:
            self._compare(total(self._stream.paging, answer), answer.seen)
        elif not _add(self._steps, repr(following)):
            raise self._loop(number, "leads back to a page before it")
        return following

    def _compare(self, told: int | None, seen: int) -> None:
        if told is not None and told > seen:
            _log.warning("%s: the server says that there are %d records, %d came.", self._name, told, seen)

    def _loop(self, number: int, what: str) -> DataError:
        return DataError(
            "answer.loops",
            f"Page {number} of {self._name!r} {what}.",
            hint="Correct the `paging` of the stream: its kind, its parameters, and when it stops.",
            stream=self._name,
            page=number,
        )


def _clock(date: str) -> dt.datetime:
    """The system's time as its answer says it (RFC 9110), or ours with room for a clock that is wrong."""
    try:
        # The text has whole seconds, and stands for any moment of its second.
        return parsedate_to_datetime(date).astimezone(dt.UTC) - _SECOND
    except (ValueError, TypeError, OverflowError):
        return dt.datetime.now(dt.UTC) - _WRONG


def _add(known: set[bytes], text: str) -> bool:
    """Remember the text; False if it was known."""
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=12).digest()
    before = len(known)
    known.add(digest)
    return len(known) > before


def ahead(items: Iterator[_Item]) -> Generator[_Item]:
    """The same items; while one is worked on, the next is fetched in another thread."""
    with ThreadPoolExecutor(1, thread_name_prefix="towpath-page") as pool:
        end: Any = object()
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item

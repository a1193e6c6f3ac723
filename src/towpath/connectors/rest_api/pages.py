"""The pages of an export: one request after the other, each answer cut into pages of the size asked for."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from towpath.connectors.rest_api import bodies, paging
from towpath.connectors.rest_api.answers import MISSING, Answer
from towpath.connectors.rest_api.calls import Api, Call
from towpath.connectors.rest_api.cutting import cut
from towpath.connectors.rest_api.paging import Turn
from towpath.connectors.rest_api.parts import Body
from towpath.connectors.rest_api.reading import RestReading
from towpath.connectors.rest_api.shapes import from_rows
from towpath.sdk import DataError, Escape, Page, State, Tools
from towpath.sdk.rest.urls import with_query

_NO_CONTENT = 204
_MOST_EMPTY = 100


class Reader:
    """One read of an export."""

    def __init__(self, api: Api, read: RestReading, tools: Tools, record: Any) -> None:
        self._api, self._read, self._tools = api, read, tools
        self._record = {} if record is None else record
        self._paging = read.paging
        self._places = set[tuple[Any, ...]]()
        self._digests = set[str]()
        self._empty = 0

    def pages(self, size: int, after: State | None) -> Iterator[Page]:
        """The pages from the cursor on."""
        turn = paging.first(self._paging) if after is None else self._shown(Turn.from_json(after))
        self._digests.add(turn.digest)
        while turn is not None:
            found, answer, url = self._ask(turn)
            if answer is None:
                yield Page(records=())
                return
            following = self._following(turn, answer, found, url)
            yield from self._cut(turn, answer, found, size, following)
            if following is None:
                return
            turn = following

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    def _ask(self, turn: Turn) -> tuple[Sequence[Any] | None, Answer | None, str]:
        """The records of an answer, None if its path led nowhere; no answer where there is no such page."""
        self._places.add(turn.place(self._paging))
        call = self._call(turn)
        response = self._api.call(call, self._tools)
        if turn.index and self._paging and response.status == self._paging.last_page_status:
            return None, None, call.url
        read = self._read
        answer = self._api.answer(response, self._tools, read.success_media_type, read.error_media_type)
        trouble = self._api.trouble(answer, read.verdict)
        if trouble:
            raise trouble
        fault = answer.fault(read.verdict)
        if fault:
            raise DataError(
                "answer.failed",
                f"{response.url} answered {response.status}, and {fault}: "
                f"{self._api.words.mask(answer.told(read.verdict)) or '(nothing)'}.",
                hint="Check the request, and the paths that tell success.",
                url=response.url,
            )
        return self._records(turn, answer), answer, call.url

    def _call(self, turn: Turn) -> Call:
        api, read = self._api, self._read
        url = turn.url or self._with_argument(api.url(self._uri(turn), self._tools), turn)
        body, kind = self._body(turn)
        return Call(
            read.method,
            url,
            api.headers(read.headers, lambda text: self._render(text, turn)),
            body,
            kind,
            read.max_attempts,
            repeatable=True,  # Reads change nothing, whatever their method
        )

    def _uri(self, turn: Turn) -> str:
        if turn.uri is not None:
            return turn.uri
        uri = self._render(self._uri_template(turn.index) or self._read.relative_uri, turn, Escape.URI)
        if not self._read.query:
            return uri
        query = {name: self._render(text, turn) for name, text in self._read.query.items()}
        parts = urlsplit(uri)
        path = urlunsplit(parts._replace(query="", fragment=""))
        return path + with_query(f"?{parts.query}", query)

    def _uri_template(self, index: int) -> str | None:
        return self._paging.relative_uri if index and self._paging else None

    def _with_argument(self, url: str, turn: Turn) -> str:
        way = self._paging
        if way is None or not way.argument or way.method not in ("page", "skip", "token"):
            return url
        value = {"page": turn.page, "skip": turn.skip, "token": turn.token}[way.method]
        return url if value is None else with_query(url, {way.argument: str(value)})

    def _body_template(self, index: int) -> Body | None:
        way = self._paging
        return way.body if index and way and way.body is not None else self._read.body

    def _body(self, turn: Turn) -> bodies.Encoded:
        if turn.body is not None:
            return turn.body.encode(), turn.kind or ""
        template = self._body_template(turn.index)
        if template is None or self._read.method in ("GET", "HEAD"):
            return b"", ""
        media = self._api.media(self._read.request_media_type)
        return bodies.fill(template, media, lambda text, escape: self._render(text, turn, escape))

    def _render(self, text: str, turn: Turn, escape: Escape = Escape.NONE, **more: Any) -> str:
        if "{" not in text:
            return text
        words = {"connection": self._api.words.connection(self._tools), **more}
        words["export"] = _export(self._tools.now.words.get("export"), turn)
        record = words.pop("last_record", self._record)
        return self._tools.render(text, record, escape=escape, **words)

    # ── what came ────────────────────────────────────────────────────────────────────────────────

    def _records(self, turn: Turn, answer: Answer) -> Sequence[Any] | None:
        way = self._paging
        path = (way.resource_path if turn.index and way else None) or self._read.resource_path
        if answer.response.status == _NO_CONTENT or not answer.response.body.strip():
            return []
        found = answer.at(path) if path else answer.value
        if found is MISSING:
            return None
        records = found if isinstance(found, list) else [] if found is None else [found]
        return from_rows(records, self._read.two_d_array) if self._read.two_d_array else records

    def _following(self, turn: Turn, answer: Answer, found: Sequence[Any] | None, url: str) -> Turn | None:
        records = found or ()
        after = paging.following(self._paging, turn, answer, len(records), url)
        if after is None:
            return None
        if after.url and paging.leads_away(after.url, self._api.base(self._tools)):
            raise DataError(
                "answer.foreign_link",
                f"{self._api.shown(url)} leads on to another system: it is not asked, because it would get "
                "the credentials.",
                hint="Let the API name its own address in its links.",
                url=self._api.shown(url),
            )
        after = self._filled(
            replace(after, digest=self._checked(records, answer, url)), turn, answer, records
        )
        if after.place(self._paging) in self._places:
            raise _endless(self._api.shown(url), "it leads back to a page that was read before")
        return after

    def _checked(self, records: Sequence[Any], answer: Answer, url: str) -> str:
        """The digest of the records. Where nothing says how many pages there are, none may come twice."""
        self._empty = 0 if records else self._empty + 1
        if self._empty > _MOST_EMPTY:
            raise _endless(self._api.shown(url), f"{_MOST_EMPTY} answers in a row had no records")
        if not records:
            return ""
        digest = hashlib.blake2b(orjson.dumps(records, default=bodies.plain), digest_size=8).hexdigest()
        if digest in self._digests and paging.totals(self._paging, answer) == (None, None):
            raise _endless(self._api.shown(url), "its records came before, all of them")
        self._digests.add(digest)
        return digest

    def _filled(self, after: Turn, turn: Turn, answer: Answer, records: Sequence[Any]) -> Turn:
        """The turn with those templates rendered that see the page that was just read."""
        way = self._paging
        if way is None or after.url:
            return after
        last = records[-1] if records else {}
        previous = {
            "full_response": answer.value,
            "last_record": last,
            "headers": dict(answer.response.headers),
            **turn.words(),
        }
        if way.last_record_uri:
            text = self._render(
                way.last_record_uri, after, Escape.URI, last_record=last, previous_page=previous
            )
            return replace(after, uri=text)
        template = way.relative_uri or self._read.relative_uri
        if "previous_page" in template:
            after = replace(after, uri=self._render(template, after, Escape.URI, previous_page=previous))
        turned = after
        body = self._body_template(after.index)
        if body is not None and "previous_page" in str(body):
            media = self._api.media(self._read.request_media_type)
            made, kind = bodies.fill(
                body, media, lambda text, escape: self._render(text, turned, escape, previous_page=previous)
            )
            return replace(turned, body=made.decode(), kind=kind)
        return after

    # ── pages ────────────────────────────────────────────────────────────────────────────────────

    def _cut(
        self, turn: Turn, answer: Answer, found: Sequence[Any] | None, size: int, following: Turn | None
    ) -> Iterator[Page]:
        records, pages = paging.totals(self._paging, answer)
        last = None if following is None else self._hidden(following)
        for part in cut(found or (), size, len(answer.response.body), turn.start):
            yield Page(
                records=part.records,
                after=last if part.is_last else self._hidden(replace(turn, start=part.end)),
                total_records=records,
                total_pages=pages,
                failures=part.failures,
                warnings=(self._lost(answer),) if found is None else (),
            )

    def _lost(self, answer: Answer) -> str:
        return (
            f"The answer of {answer.response.url} has nothing at the resource path "
            f"{self._read.resource_path!r}: no records were read."
        )

    def _hidden(self, turn: Turn) -> dict[str, Any]:
        hide = self._api.words.hide
        return {
            name: hide(value) if isinstance(value, str) else value for name, value in turn.to_json().items()
        }

    def _shown(self, turn: Turn) -> Turn:
        show = self._api.words.show
        texts = ("token", "url", "uri", "body")
        shown_texts: dict[str, Any] = {name: show(text) for name in texts if (text := getattr(turn, name))}
        return replace(turn, **shown_texts)


def _export(known: object, turn: Turn) -> dict[str, Any]:
    paging_words = {"paging": turn.words()}
    return {**(known if isinstance(known, Mapping) else {}), "http": paging_words, "rest": paging_words}


def _endless(url: str, why: str) -> DataError:
    return DataError(
        "paging.endless",
        f"The pages of {url} go round in circles: {why}.",
        hint="Check how the next page is asked for: method, argument, path, or the templates of later pages.",
        url=url,
    )

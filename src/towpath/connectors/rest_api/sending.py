"""Writes records: several requests at once, the outcomes in the order of the records."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from towpath.connectors.rest_api import bodies
from towpath.connectors.rest_api.calls import Api, Call
from towpath.connectors.rest_api.crew import Crew
from towpath.connectors.rest_api.existing import Choice, Chooser, LookupError_
from towpath.connectors.rest_api.judging import judge
from towpath.connectors.rest_api.strict import check_names
from towpath.connectors.rest_api.writing import RestWriting
from towpath.sdk import (
    AuthError,
    ConfigError,
    Escape,
    Failure,
    Outcome,
    Sending,
    Tools,
    TowpathError,
    UnreachableError,
)

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})
#: Configuration errors that one record's values may cause.
_OF_RECORDS = frozenset({"http.invalid_url", "http.redirect_refused"})
_UNAUTHORIZED = 401


class Sender:
    """One import's writing. `send` is called from one thread; its work is done in several."""

    def __init__(self, api: Api, write: RestWriting, tools: Tools, crew: Crew) -> None:
        self._api, self._write, self._tools, self._crew = api, write, tools, crew
        self._chooser = Chooser(api, write, tools)
        self._media = api.media(write.request_media_type)
        self._words = api.words.connection(tools)
        self._refusal: Outcome | None = None
        self._is_down = False

    def send(self, sendings: Sequence[Sending]) -> list[Outcome]:
        """One outcome for each, in their order."""
        if self._write.batch_size > 1:
            return self._in_batches(sendings)
        outcomes: list[Outcome | None] = [None] * len(sendings)

        def one(place: int) -> None:
            choice = self._choose(sendings[place])
            outcomes[place] = (
                choice if isinstance(choice, Outcome) else self._write_all([sendings[place]], [choice])[0]
            )

        self._crew.run(one, len(sendings), self._tools.level)
        return [outcome for outcome in outcomes if outcome is not None]

    def _in_batches(self, sendings: Sequence[Sending]) -> list[Outcome]:
        chosen: list[Choice | Outcome | None] = [None] * len(sendings)

        def choose(place: int) -> None:
            chosen[place] = self._choose(sendings[place])

        self._crew.run(choose, len(sendings), 1 if self._chooser.is_plain else self._tools.level)
        batches = list(_batches(chosen, self._write.batch_size))

        def write(number: int) -> None:
            places = batches[number]
            choices = [one for place in places if isinstance(one := chosen[place], Choice)]
            made = self._write_all([sendings[place] for place in places], choices)
            for place, outcome in zip(places, made, strict=True):
                chosen[place] = outcome

        self._crew.run(write, len(batches), self._tools.level)
        return [outcome for outcome in chosen if isinstance(outcome, Outcome)]

    # ── one request ──────────────────────────────────────────────────────────────────────────────

    def _choose(self, sending: Sending) -> Choice | Outcome:
        try:
            choice = self._chooser.choose(sending)
        except LookupError_ as error:
            return Outcome(status=422, errors=(error.failure,))
        except AuthError as error:
            return self._refused(error)
        if choice.ignored:
            id = None if choice.id is None else str(choice.id)
            return Outcome(ignored=True, id=id, operation=choice.operation)
        return choice

    def _write_all(self, sendings: Sequence[Sending], choices: Sequence[Choice]) -> list[Outcome]:
        """Write these in one request, or halve them if its body is too long."""
        if self._refusal:
            return [self._refusal] * len(sendings)
        try:
            call = self._call(sendings, choices)
            limit = self._write.body_limit
            if limit is None or len(call.body) <= limit:
                return self._outcomes(call, len(sendings), choices[0])
        except AuthError as error:
            return [self._refused(error)] * len(sendings)
        except TowpathError as error:
            return [self._failed(error)] * len(sendings)
        if len(sendings) == 1:
            return [_too_long(len(call.body), limit)]
        half = len(sendings) // 2
        return [
            *self._write_all(sendings[:half], choices[:half]),
            *self._write_all(sendings[half:], choices[half:]),
        ]

    def _outcomes(self, call: Call, count: int, choice: Choice) -> list[Outcome]:
        response = self._api.call(call, self._tools)
        made = judge(self._api, self._write, self._tools, response, choice, count)
        if made[0].status == _UNAUTHORIZED:
            self._refusal = made[0]
        return made

    def _call(self, sendings: Sequence[Sending], choices: Sequence[Choice]) -> Call:
        api, write, way, words = self._api, self._write, choices[0].way, choices[0].words
        record = sendings[0].record
        sent = [one.data if write.send_mapped else one.record for one in sendings]
        if write.ignore_empty_nodes:
            sent = [bodies.without_empty(one) for one in sent]
        whole: Any = sent if write.batch_size > 1 else sent[0]
        more = {**words, "lookup": words, "data": whole, "connection": self._words}
        if write.batch_size > 1:
            more["batch_of_records"] = [{"record": one} for one in sent]

        def render(text: str, escape: Escape = Escape.NONE, of: Any = record) -> str:
            if write.strict_templates:
                check_names(text, of, more, self._tools)
            return self._tools.render(text, of, escape=escape, **more) if "{" in text else text

        url = api.url(render(write.relative_uri[way], Escape.URI), self._tools)
        template, method = write.body_of(way), write.method_of(way)
        body, kind = b"", ""
        if template is not None:
            body, kind = bodies.fill(
                template, self._media, lambda text, escape: render(text, escape, sent[0])
            )
        elif method not in _WITHOUT_BODY:
            body, kind = bodies.encode(whole, self._media)
        attempts = 1 if self._is_down else write.max_attempts
        return Call(method, url, api.headers(write.headers, render), body, kind, attempts)

    # ── what went wrong ──────────────────────────────────────────────────────────────────────────

    def _refused(self, error: AuthError) -> Outcome:
        failure = Failure(code=error.code, message=error.message, source="connection")
        self._refusal = Outcome(status=_UNAUTHORIZED, errors=(failure,))
        return self._refusal

    def _failed(self, error: TowpathError) -> Outcome:
        """What fails one record. What fails them all is raised."""
        if isinstance(error, ConfigError) and error.code not in _OF_RECORDS:
            raise error
        gone = isinstance(error, UnreachableError)
        # Nobody is there: whatever else is sent now is tried once.
        self._is_down = self._is_down or bool(gone and error.context.get("unsent"))
        failure = Failure(
            code=error.code,
            message=self._api.words.mask(error.message),
            source="connection" if gone else "application",
            retryable=error.retryable,
        )
        return Outcome(status=422, errors=(failure,))


def _batches(chosen: Sequence[Choice | Outcome | None], size: int) -> Iterator[list[int]]:
    """Places of the records that are written, by their way, so many at once."""
    waiting = [place for place, one in enumerate(chosen) if isinstance(one, Choice)]

    def way(place: int) -> int:
        one = chosen[place]
        return one.way if isinstance(one, Choice) else 0

    for _, group in groupby(sorted(waiting, key=way), key=way):
        places = list(group)
        for start in range(0, len(places), size):
            yield places[start : start + size]


def _too_long(length: int, limit: int | None) -> Outcome:
    failure = Failure(
        code="record.too_large",
        message=f"The body of the request has {length:,} bytes; the most is {limit or 0:,}.",
    )
    return Outcome(status=422, errors=(failure,))

"""What every application must do: read pages that can be resumed, answer for each record that it is given."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, SecretStr

from towpath.core.application import Application, Outcome, Page, Sending
from towpath.core.errors import TowpathError
from towpath.core.ports import Connector
from towpath.sdk.testing.tools import PlainTools, UnwantedError


class ApplicationContract:
    """Subclass it as ``Test…``, set ``connector``, and give the fixture ``config`` and the hooks that apply.

    What the system cannot do is said in the class variables; everything else must pass.
    """

    connector: ClassVar[Connector[Any]]
    #: It reads; it writes.
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    #: It shows written records only after `Application.finish` (files).
    publishes_at_the_end: ClassVar[bool] = False
    #: It can refuse a single record: `refused` makes one.
    refuses: ClassVar[bool] = True

    # ── hooks ────────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture
    def config(self) -> BaseModel:
        """The config of a fresh, empty place."""
        raise NotImplementedError

    def dead(self, config: Any) -> BaseModel:
        """The config of a place where nothing answers."""
        raise NotImplementedError

    def fill(self, config: Any, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Put the records into the place, by another way; the ``request`` that reads them in this order."""
        raise NotImplementedError

    def writing(self, config: Any) -> Mapping[str, Any]:
        """The ``request`` that writes records into the place."""
        raise NotImplementedError

    def written(self, config: Any) -> Sequence[Mapping[str, Any]]:
        """The records that were written, by another way, in any order."""
        raise NotImplementedError

    def refused(self, number: int) -> Mapping[str, Any]:
        """A record that the place refuses with an error of its own."""
        raise NotImplementedError

    # ── helpers ──────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture
    def tools(self, tmp_path: Path) -> PlainTools:
        return PlainTools(tmp_path, words={"page": 1})

    @pytest.fixture
    def application(self, config: Any) -> Iterator[Application]:
        with self.open(config) as application:
            yield application

    def open(self, config: Any) -> AbstractContextManager[Application]:
        assert self.connector.application is not None
        return self.connector.application(config)

    def needs(self, ability: bool) -> None:
        if not ability:
            pytest.skip(f"{self.connector.name} does not do that")

    def reading_of(self, request: Mapping[str, Any]) -> BaseModel:
        assert self.connector.reading is not None
        return self.connector.reading.model_validate(dict(request))

    def writing_of(self, request: Mapping[str, Any]) -> BaseModel:
        assert self.connector.writing is not None
        return self.connector.writing.model_validate(dict(request))

    def pages(
        self, config: Any, request: Mapping[str, Any], tools: PlainTools, after: Any = None, size: int = 10
    ) -> list[Page]:
        """All pages, read as a process of its own would: with its own application, from JSON."""
        with self.open(config) as application:
            pages = list(application.pages(self.reading_of(request), size, tools, after=after))
        assert all(len(page.records) <= size for page in pages)
        assert all(page.after is not None for page in pages[:-1]), "only the last page has no `after`"
        assert not pages or pages[-1].after is None
        return pages

    def send(self, config: Any, records: Sequence[Mapping[str, Any]], tools: PlainTools) -> Sequence[Outcome]:
        write = self.writing_of(self.writing(config))
        with self.open(config) as application:
            sendings = [Sending(data=dict(one), record=dict(one)) for one in records]
            outcomes = application.send(write, sendings, tools)
            if self.publishes_at_the_end:
                application.finish(write, tools)
        assert len(outcomes) == len(records)
        return outcomes

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def test_check_says_what_answered(self, application: Application) -> None:
        assert application.check()

    def test_nobody_there_is_an_error_of_ours(self, config: Any, tools: PlainTools) -> None:
        with self.open(self.dead(config)) as application:
            with pytest.raises(TowpathError) as caught:
                application.check()
            assert caught.value.hint

    def test_pages_hold_every_record_once_and_in_order(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.reads)
        records = numbered(47)
        request = self.fill(config, records)
        assert ids(self.pages(config, request, tools)) == list(range(47))
        assert ids(self.pages(config, request, tools)) == list(range(47)), "the order is always the same"
        assert tools.taken == 0

    def test_an_empty_place_has_no_records(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.reads)
        assert ids(self.pages(config, self.fill(config, []), tools)) == []

    def test_reading_goes_on_behind_every_page(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.reads)
        request = self.fill(config, numbered(35))
        pages = self.pages(config, request, tools)
        seen: list[int] = []
        for page in pages:
            seen += ids([page])
            if page.after is None:
                continue
            after = json.loads(json.dumps(page.after))
            assert after == page.after, "plain JSON"
            assert seen + ids(self.pages(config, request, tools, after)) == list(range(35))
        assert len(pages) >= 4

    def test_cursors_hold_no_secrets(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.reads)
        secrets = list(secrets_of(config))
        for page in self.pages(config, self.fill(config, numbered(25)), tools):
            assert not [secret for secret in secrets if secret in json.dumps(page.after)]

    def test_reading_stops_when_nobody_wants_it(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.reads)
        request = self.fill(config, numbered(60))
        tools.patience = 1
        with self.open(config) as application, pytest.raises(UnwantedError):
            list(application.pages(self.reading_of(request), 10, tools))
        assert tools.taken == 0

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def test_every_record_has_its_outcome(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.writes)
        outcomes = self.send(config, numbered(23), tools)
        assert {outcome.status for outcome in outcomes} == {200}
        assert not any(outcome.errors for outcome in outcomes)
        found = sorted(int(record["id"]) for record in self.written(config))
        assert found == list(range(23))
        assert tools.taken == 0
        assert tools.most <= tools.level

    def test_nothing_to_send(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.writes)
        assert self.send(config, [], tools) == []

    def test_refused_records_fail_alone(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.writes and self.refuses)
        records = [self.refused(n) if n % 3 == 1 else one for n, one in enumerate(numbered(12))]
        outcomes = self.send(config, records, tools)
        assert [outcome.status for outcome in outcomes] == [422 if n % 3 == 1 else 200 for n in range(12)]
        for outcome in outcomes:
            assert bool(outcome.errors) == outcome.failed
            assert all(error.code and error.message and error.source for error in outcome.errors)
        assert len(self.written(config)) == 8

    def test_sending_stops_when_nobody_wants_it(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.writes)
        tools.patience = 0
        with pytest.raises(UnwantedError):
            self.send(config, numbered(5), tools)
        assert tools.taken == 0

    def test_sending_to_nobody_is_an_error_of_ours(self, config: Any, tools: PlainTools) -> None:
        """Either everything fails at once, or each record by itself, as one that may be tried again."""
        self.needs(self.writes)
        write = self.writing_of(self.writing(config))
        with self.open(self.dead(config)) as application:
            try:
                outcomes = application.send(write, [Sending(data={"id": 1}, record={"id": 1})], tools)
                if self.publishes_at_the_end:
                    application.finish(write, tools)
            except TowpathError as error:
                assert error.hint  # noqa: PT017 - one of two ways, both right
            else:
                assert [outcome.failed for outcome in outcomes] == [True]

    def test_finishing_may_be_repeated(self, config: Any, tools: PlainTools) -> None:
        self.needs(self.writes)
        write = self.writing_of(self.writing(config))
        with self.open(config) as application:
            application.send(write, [Sending(data={"id": 1}, record={"id": 1})], tools)
            once = application.finish(write, tools)
            again = application.finish(write, tools)
        assert json.dumps(once) == json.dumps(again)
        assert len(self.written(config)) == 1


def numbered(count: int) -> list[dict[str, Any]]:
    """Records with an ``id`` from 0 and a ``name``."""
    return [{"id": number, "name": f"No. {number}"} for number in range(count)]


def ids(pages: Sequence[Page]) -> list[int]:
    """The ids of all records; files give them as text."""
    return [int(record["id"]) for page in pages for record in page.records]


def secrets_of(value: Any) -> Iterator[str]:
    """All secrets inside a config."""
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_of(item)

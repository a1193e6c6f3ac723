"""The HTTP API connector at work: with the tools that the engine lends, against a shop."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.orders import OrderShop
from support.records import PlainHost
from towpath.connectors.rest_api import connector
from towpath.connectors.rest_api.application import RestApplication
from towpath.connectors.rest_api.config import RestConfig
from towpath.connectors.rest_api.reading import RestReading
from towpath.connectors.rest_api.writing import RestWriting
from towpath.engine.records.ends import End
from towpath.engine.records.tools import StepTools
from towpath.sdk import Outcome, Page, Sending


class NotingHost(PlainHost):
    """Keeps what debugging tells."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def note(self, end: str, step: str, what: str, detail: Mapping[str, Any]) -> None:
        self.told.append((what, detail))


class Line:
    """One connection to a shop, with everything that a step has."""

    def __init__(self, shop: OrderShop, folder: Path, config: Mapping[str, Any], **end: Any) -> None:
        self.shop, self.host = shop, NotingHost(folder)
        self.config = RestConfig.model_validate({"base_uri": shop.url, **config})
        self.end = End(id="con_1", connector=connector, config=self.config, **end)
        self.words: dict[str, Any] = {"connection": {"name": "Shop"}}

    @property
    def tools(self) -> StepTools:
        return StepTools("step_1", self.end, self.host, self.words)

    @contextmanager
    def open(self) -> Iterator[RestApplication]:
        with RestApplication(self.config) as application:
            yield application

    def check(self) -> str:
        with self.open() as application:
            return application.check()

    def pages(self, after: Any = None, size: int = 10, record: Any = None, **read: Any) -> list[Page]:
        with self.open() as application:
            reading = RestReading.model_validate(read)
            return list(application.pages(reading, size, self.tools, record=record, after=after))

    def records(self, **read: Any) -> list[Any]:
        return [record for page in self.pages(**read) for record in page.records]

    def send(self, records: Sequence[Any], data: Sequence[Any] | None = None, **write: Any) -> list[Outcome]:
        writing = RestWriting.model_validate(write)
        sendings = [
            Sending(data=one, record=record) for one, record in zip(data or records, records, strict=True)
        ]
        with self.open() as application:
            return list(application.send(writing, sendings, self.tools))

    def look(self, record: Any, **lookup: Any) -> list[Any]:
        with self.open() as application:
            return list(application.look(lookup, record, self.tools))

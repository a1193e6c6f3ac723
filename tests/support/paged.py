"""A service with one collection, ``/items``, in whatever paging, order and filter a test asks for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson

from support.http import Answer, Asked, Endpoint, endpoint
from support.loopback import loopback
from towpath.sdk.rest.config import config_class
from towpath.sdk.rest.definition import Definition
from towpath.sdk.rest.source import RestSource

KINDS = ("page", "offset", "cursor", "next_url", "link_header", "none")
PAGING: dict[str, dict[str, Any]] = {
    "page": {"parameter": "page"},
    "offset": {"parameter": "offset"},
    "cursor": {"parameter": "after", "next": "paging.next"},
    "next_url": {"next": "paging.next"},
    "link_header": {},
    "none": {},
}


@dataclass
class Items:
    """``most`` is the longest page it gives; ``faults`` are answered first, one per request."""

    server: Endpoint
    kind: str = "offset"
    most: int = 100
    records: list[dict[str, Any]] = field(default_factory=list)
    inclusive: bool = True
    key: Callable[[dict[str, Any]], Any] = lambda one: one["at"]
    """What ``since`` is compared with."""
    since: Callable[[str], Any] = int
    faults: list[Answer | str] = field(default_factory=list)
    tamper: Callable[[Answer], Answer] = lambda answer: answer

    def answer(self, asked: Asked) -> Answer | str:
        if self.faults:
            return self.faults.pop(0)
        parts = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        found = self.records
        if "since" in query:
            since = self.since(query["since"])
            found = [
                one for one in found if self.key(one) > since or (self.inclusive and self.key(one) == since)
            ]
        size = min(int(query.get("size", 10)), self.most)
        if self.kind == "none":
            size = max(1, len(found))
        start = self._start(query, size)
        following = start + size if start + size < len(found) else None
        return self.tamper(self._page(found[start : start + size], following, size, query))

    def _start(self, query: dict[str, str], size: int) -> int:
        if self.kind == "page":
            return (int(query.get("page", 1)) - 1) * size
        return int(query.get("offset" if self.kind == "offset" else "after", 0))

    def _page(
        self, records: list[dict[str, Any]], following: int | None, size: int, query: dict[str, str]
    ) -> Answer:
        body: dict[str, Any] = {"data": {"items": records}}
        headers = {"content-type": "application/json"}
        if following is not None:
            link = f"/items?{urlencode(query | {'after': following, 'size': size})}"
            if self.kind == "cursor":
                body["paging"] = {"next": str(following)}
            elif self.kind == "next_url":
                body["paging"] = {"next": link}
            elif self.kind == "link_header":
                headers["link"] = f'<{self.server.url}{link}>; rel="next"'
        return 200, headers, orjson.dumps(body)

    def definition(self, **more: Any) -> Definition:
        """The file that describes it; ``more`` are members of the stream."""
        sizes = {} if self.kind == "none" else {"size_parameter": "size", "size": 10}
        stream = {
            "path": "/items",
            "records": "data.items",
            "primary_key": ["id"],
            "schema": {"id": "integer", "at": "integer"},
            "paging": {"type": self.kind} | sizes | PAGING[self.kind],
        }
        top = {"name": "items", "title": "Items", "base_url": self.server.url, "retry": {"attempts": 1}}
        return Definition.model_validate(top | more.pop("top", {}) | {"streams": {"items": stream | more}})

    def source(self, credentials: dict[str, Any] | None = None, **more: Any) -> RestSource:
        definition = self.definition(**more)
        return RestSource(definition, config_class(definition)(**(credentials or {})))


@contextmanager
def items(kind: str = "offset", count: int = 0) -> Iterator[Items]:
    """The service, with so many records."""
    with loopback(), endpoint() as server:
        service = Items(server, kind)
        service.records = [{"id": number, "at": number} for number in range(count)]
        server.answer = service.answer
        yield service

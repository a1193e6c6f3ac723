"""A shop over HTTP, as real ones are: key and secret, numbered pages with Link headers, decimals as text.

``GET /wp-json/wc/v3/<collection>?page&per_page&orderby&order&modified_after`` answers a bare list, with
``X-WP-Total``, ``X-WP-TotalPages`` and ``Link``. ``modified_after`` leaves out what was modified at that
very second.
"""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import orjson
import pytest

from support.http import Answer, Asked, Endpoint, endpoint
from support.loopback import loopback

KEY = "ck_0123456789abcdef"
SECRET = "cs_fedcba9876543210-canary"
_ROOT = "/wp-json/wc/v3/"


@dataclass
class Shop:
    """Its data may be changed while it runs; ``faults`` are answered first, one per request."""

    server: Endpoint
    key: str = KEY
    secret: str = SECRET
    most: int = 100
    modified: str = "date_modified_gmt"
    collections: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[Answer | str] = field(default_factory=list)
    elsewhere: str = ""
    """Another origin that the links name, as a misconfigured shop does."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """The shop's address, as a connection names it."""
        return self.server.url

    @property
    def asked(self) -> list[Asked]:
        return self.server.asked

    def add(self, collection: str, *records: dict[str, Any]) -> None:
        with self._lock:
            self.collections.setdefault(collection, []).extend(records)

    def change(self, collection: str, id: int, **members: Any) -> None:
        with self._lock:
            for record in self.collections[collection]:
                if record["id"] == id:
                    record.update(members)

    def answer(self, asked: Asked) -> Answer | str:
        with self._lock:
            if self.faults:
                return self.faults.pop(0)
            pair = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
            if asked.headers.get("authorization") != f"Basic {pair}":
                return _json(401, {"code": "woocommerce_rest_cannot_view", "data": {"status": 401}})
            parts = urlsplit(asked.path)
            name = unquote(parts.path.removeprefix(_ROOT))
            if not parts.path.startswith(_ROOT) or name not in self.collections:
                return _json(404, {"code": "rest_no_route", "data": {"status": 404}})
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            return self._page(parts.path, self.collections[name], query)

    def _page(self, path: str, records: list[dict[str, Any]], query: dict[str, str]) -> Answer:
        number, size = int(query.get("page", 1)), int(query.get("per_page", 10))
        if not 1 <= size <= self.most:
            return _json(400, {"code": "rest_invalid_param", "data": {"status": 400}})
        after = query.get("modified_after")
        if after:
            kind = type(records[0][self.modified]) if records else str
            records = [one for one in records if one[self.modified] > kind(after)]
        if query.get("orderby") == "id":
            records = sorted(records, key=lambda one: one["id"], reverse=query.get("order") != "asc")
        pages = -(-len(records) // size)
        links = []
        if number < pages:
            following = urlencode(query | {"page": number + 1})
            links.append(f'<{self.elsewhere or self.server.url}{path}?{following}>; rel="next"')
        if number > 1:
            links.insert(0, f'<{self.server.url}{path}?page={number - 1}>; rel="prev"')
        headers = {"x-wp-total": str(len(records)), "x-wp-totalpages": str(pages)}
        page = records[(number - 1) * size : number * size]
        return _json(200, page, **headers, **({"link": ", ".join(links)} if links else {}))


def _json(status: int, body: Any, **headers: str) -> Answer:
    return status, {"content-type": "application/json"} | headers, orjson.dumps(body)


def order(number: int, modified: str = "2026-01-01T00:00:00") -> dict[str, Any]:
    """An order with what orders have."""
    return {
        "id": number,
        "number": str(number),
        "status": "completed" if number % 3 else "refunded",
        "currency": "EUR",
        "customer_id": number % 5,
        "total": f"{number}.{number % 100:02}",
        "total_tax": "0.10",
        "line_items": [{"id": number * 10, "product_id": number % 4, "quantity": 1, "total": "9.90"}],
        "billing": {"first_name": "Ana", "country": "PT"},
        "date_created_gmt": "2025-12-31T23:00:00",
        "date_modified_gmt": modified,
        "meta_data": [],
    }


def product(number: int, modified: str = "2026-01-01T00:00:00") -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Product {number}",
        "sku": f"P-{number}",
        "type": "simple",
        "status": "publish",
        "price": f"{number}.95",
        "regular_price": f"{number}.95",
        "sale_price": "",
        "stock_quantity": None if number % 2 else 7,
        "categories": [{"id": 1, "name": "All", "slug": "all"}],
        "date_created_gmt": "2025-12-31T23:00:00",
        "date_modified_gmt": modified,
    }


def customer(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "email": f"c{number}@example.com",
        "first_name": "Ana",
        "last_name": f"No. {number}",
        "username": f"c{number}",
        "role": "customer",
        "is_paying_customer": True,
        "billing": {"country": "PT"},
        "shipping": {"country": "PT"},
        "date_created_gmt": "2025-12-31T23:00:00",
        "date_modified_gmt": None,
    }


@contextmanager
def running() -> Iterator[Shop]:
    """A shop on a free port, empty; it may be reached from this process."""
    with loopback(), endpoint() as server:
        shop = Shop(server)
        server.answer = shop.answer
        yield shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop with 230 orders, 12 products and 5 customers."""
    with running() as server:
        server.add(
            "orders", *(order(n, f"2026-01-{1 + n // 24:02}T{n % 24:02}:00:00") for n in range(1, 231))
        )
        server.add("products", *map(product, range(1, 13)))
        server.add("customers", *map(customer, range(1, 6)))
        yield server

"""A property management system over HTTP, as real ones are: tokens, offsets, filters as JSON, nested records.

``GET /v1/<collection>?limit&skip&sort&fields&filters`` answers ``{"results", "limit", "skip", "count"}``.
It never gives more than ``most`` records a page, whatever it is asked for.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
import pytest

from support.http import Answer, Asked, Endpoint, endpoint
from support.loopback import loopback

TOKEN = "integration-token-5309-canary"
_COMPARE = {
    "$gte": lambda one, other: one >= other,
    "$gt": lambda one, other: one > other,
    "$eq": lambda one, other: one == other,
}


@dataclass
class Pms:
    """Its data may be changed while it runs; ``faults`` are answered first, one per request."""

    server: Endpoint
    token: str = TOKEN
    most: int = 100
    collections: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[Answer | str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The base URL, as a connection names it."""
        return f"{self.server.url}/v1"

    @property
    def asked(self) -> list[Asked]:
        return self.server.asked

    def add(self, collection: str, *records: dict[str, Any]) -> None:
        with self._lock:
            self._found.clear()
            self.collections.setdefault(collection, []).extend(records)

    def change(self, collection: str, id: str, **members: Any) -> None:
        with self._lock:
            self._found.clear()
            for record in self.collections[collection]:
                if record["_id"] == id:
                    record.update(members)

    def answer(self, asked: Asked) -> Answer | str:
        with self._lock:
            if self.faults:
                return self.faults.pop(0)
            if asked.headers.get("authorization") != f"Bearer {self.token}":
                return _json(401, {"error": {"code": "UNAUTHORIZED", "message": "Invalid token"}})
            parts = urlsplit(asked.path)
            name = unquote(parts.path.removeprefix("/v1/"))
            if name not in self.collections:
                return _json(404, {"error": {"code": "NOT_FOUND", "message": "No such resource"}})
            return self._page(name, parse_qs(parts.query, keep_blank_values=True))

    def _page(self, name: str, query: dict[str, list[str]]) -> Answer:
        skip = int(query.get("skip", ["0"])[0])
        limit = min(int(query.get("limit", ["25"])[0]), self.most)
        wanted = repr((name, query.get("filters"), query.get("sort")))
        if wanted not in self._found:
            self._found[wanted] = self._find(self.collections[name], query)
        records = self._found[wanted]
        page = records[skip : skip + limit]
        return _json(200, {"results": page, "limit": limit, "skip": skip, "count": len(records)})

    def _find(self, records: list[dict[str, Any]], query: dict[str, list[str]]) -> list[dict[str, Any]]:
        for rule in json.loads(query.get("filters", ["[]"])[0]):
            compare, name, value = _COMPARE[rule["operator"]], rule["field"], rule["value"]
            records = [one for one in records if compare(_moment(one.get(name)), _moment(value))]
        sort = query.get("sort", [""])[0]
        if sort:
            descending, name = sort.startswith("-"), sort.lstrip("-")
            records = sorted(records, key=lambda one: _moment(one.get(name)), reverse=descending)
        return list(records)


def _moment(value: Any) -> Any:
    """Times as they compare: with and without a fraction of a second."""
    if isinstance(value, str) and value.endswith("Z"):
        whole, _, fraction = value[:-1].partition(".")
        return whole + "." + fraction.ljust(6, "0")
    return value if value is not None else ""


def _json(status: int, body: Any, **headers: str) -> Answer:
    return status, {"content-type": "application/json"} | headers, orjson.dumps(body)


def too_many(seconds: int = 0) -> Answer:
    """An answer 429, to be put into ``faults``."""
    return _json(429, {"error": {"code": "TOO_MANY_REQUESTS"}}, **{"retry-after": str(seconds)})


def listing(number: int, updated: str = "2026-01-01T00:00:00.000Z") -> dict[str, Any]:
    """A listing with what listings have, nested as there."""
    return {
        "_id": f"5e{number:022x}",
        "accountId": "5e0000000000000000000aaa",
        "title": f"House {number}",
        "nickname": f"H{number}",
        "active": number % 5 != 0,
        "accommodates": 2 + number % 6,
        "bedrooms": 1 + number % 3,
        "bathrooms": 1.5,
        "timezone": "Europe/Lisbon",
        "address": {"full": f"Rua {number}, Lisboa", "city": "Lisboa", "lat": 38.7223, "lng": -9.1393},
        "prices": {"basePrice": 120.5, "currency": "EUR"},
        "createdAt": "2025-01-01T00:00:00.000Z",
        "lastUpdatedAt": updated,
    }


def reservation(number: int, updated: str = "2026-01-01T00:00:00.000Z") -> dict[str, Any]:
    """A reservation with what reservations have, nested as there."""
    return {
        "_id": f"6f{number:022x}",
        "accountId": "5e0000000000000000000aaa",
        "confirmationCode": f"HM{number:06}",
        "status": "confirmed" if number % 4 else "canceled",
        "source": "airbnb2",
        "listingId": f"5e{number % 3:022x}",
        "guestId": f"70{number % 7:022x}",
        "guest": {"_id": f"70{number % 7:022x}", "fullName": f"Guest {number % 7}"},
        "checkIn": "2026-07-01T15:00:00.000Z",
        "checkOut": "2026-07-05T10:00:00.000Z",
        "checkInDateLocalized": "2026-07-01",
        "checkOutDateLocalized": "2026-07-05",
        "nightsCount": 4,
        "guestsCount": 2,
        "money": {"currency": "EUR", "fareAccommodation": 480.4, "invoiceItems": [{"amount": 480.4}]},
        "createdAt": "2025-12-31T00:00:00.000Z",
        "lastUpdatedAt": updated,
    }


def guest(number: int) -> dict[str, Any]:
    return {
        "_id": f"70{number:022x}",
        "fullName": f"Guest {number}",
        "email": f"guest{number}@example.com",
        "phones": [f"+35191{number:07}"],
        "createdAt": "2025-06-01T00:00:00.000Z",
    }


@contextmanager
def running() -> Iterator[Pms]:
    """A PMS on a free port, empty; it may be reached from this process."""
    with loopback(), endpoint() as server:
        pms = Pms(server)
        server.answer = pms.answer
        yield pms


@pytest.fixture
def pms() -> Iterator[Pms]:
    """A PMS with 3 listings, 7 guests and 250 reservations."""
    with running() as server:
        server.add("listings", *map(listing, range(3)))
        server.add("guests-crud", *map(guest, range(7)))
        server.add(
            "reservations",
            *(reservation(n, f"2026-01-{1 + n // 24:02}T{n % 24:02}:00:00.000Z") for n in range(250)),
        )
        yield server

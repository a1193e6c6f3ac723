"""A shop of customers and orders over HTTP, with every usual way of paging, credentials, refusing, waiting.

``GET /pages/<way>?size=`` gives the orders page by page; ``/customers`` can be written and searched; what a
test wants to go wrong is put into ``faults`` (one for each request) or ``late`` (seconds).
"""

import base64
import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import orjson

from support.http import Answer, Asked, Endpoint, endpoint
from support.loopback import loopback

TOKEN = "tok-canary-0123456789"


@dataclass
class OrderShop:
    """Its data may be changed while it runs."""

    server: Endpoint
    orders: list[dict[str, Any]] = field(default_factory=list)
    customers: dict[int, dict[str, Any]] = field(default_factory=dict)
    told: list[Any] = field(default_factory=list)
    """What `once` and plain writes told."""
    faults: list[Answer | str] = field(default_factory=list)
    late: float = 0
    allows: Callable[[Asked], bool] = lambda _: True
    """Whether the credentials of a request are good."""
    logins: int = 0
    under_way: int = 0
    most: int = 0
    """Requests under way, and the most there ever were."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def asked(self) -> list[Asked]:
        return self.server.asked

    def answer(self, asked: Asked) -> Answer | str:
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            fault = self.faults.pop(0) if self.faults else None
        try:
            if self.late:
                time.sleep(self.late)
            return fault or self._answer(asked)
        finally:
            with self._lock:
                self.under_way -= 1

    def _answer(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        first, _, rest = parts.path.strip("/").partition("/")
        if first in ("login", "token"):
            return self._login(first, asked)
        if not self.allows(asked):
            return reply({"error": {"message": "bad credentials"}}, 401)
        places = {"pages": self._page, "customers": self._customers, "batch": self._batch}
        places |= {"once": self._tell, "tell": self._tell, "": self._ping, "ping": self._ping}
        if first not in places:
            return reply({"error": {"message": f"no such place: {parts.path}"}}, 404)
        with self._lock:
            return places[first](rest, query, asked)

    def _ping(self, rest: str, query: dict[str, str], asked: Asked) -> Answer:
        return reply({"status": "up"})

    def _tell(self, rest: str, query: dict[str, str], asked: Asked) -> Answer:
        self.told.append({"path": rest, "method": asked.method, "body": content(asked)})
        return reply({"ok": True})

    # ── credentials ──────────────────────────────────────────────────────────────────────────────

    def _login(self, kind: str, asked: Asked) -> Answer:
        self.logins += 1
        if kind == "token":
            return reply({"data": {"token": f"{TOKEN}-{self.logins}"}, "asked": content(asked)})
        status, headers, body = reply({"ok": True})
        return status, headers | {"set-cookie": f"session=s{self.logins}; Path=/; HttpOnly"}, body

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def _page(self, way: str, query: dict[str, str], asked: Asked) -> Answer:
        query = query | (content(asked) if asked.body else {})
        found = getattr(self, f"_by_{way}", None)
        return found(query) if found else reply({"error": {"message": f"no such way: {way}"}}, 404)

    def _by_page(self, query: dict[str, Any]) -> Answer:
        size = int(query.get("size", 10))
        return self._orders(int(query.get("page") or 0) * size, size)

    def _by_page404(self, query: dict[str, Any]) -> Answer:
        if int(query["page"]) * int(query["size"]) >= len(self.orders):
            return reply({"error": {"message": "no such page"}}, 404)
        return self._by_page(query)

    def _by_skip(self, query: dict[str, Any]) -> Answer:
        return self._orders(int(query.get("skip") or 0), int(query.get("size", 10)))

    def _by_token(self, query: dict[str, Any]) -> Answer:
        return self._orders(int((query.get("token") or "t0")[1:]), int(query.get("size", 10)))

    def _by_body(self, query: dict[str, Any]) -> Answer:
        return self._orders(int(query.get("from") or 0), int(query.get("size", 10)))

    def _by_after(self, query: dict[str, Any]) -> Answer:
        after, size = int(query.get("after") or -1), int(query.get("size", 10))
        rest = [order for order in self.orders if order["id"] > after][:size]
        return reply({"orders": rest, "more": bool(rest) and rest[-1] != self.orders[-1]})

    def _by_link(self, query: dict[str, Any]) -> Answer:
        start, size = int(query.get("start", 0)), int(query.get("size", 10))
        status, headers, page = self._orders(start, size)
        if start + size < len(self.orders):
            more = urlencode({**query, "start": start + size})
            headers["link"] = f'<{self.url}/pages/link?{more}>; rel="next", </x>; rel="last"'
        return status, headers, page

    def _by_url(self, query: dict[str, Any]) -> Answer:
        start, size = int(query.get("start", 0)), int(query.get("size", 10))
        following = urlencode({**query, "start": start + size})
        link = f"/pages/url?{following}" if start + size < len(self.orders) else None
        return reply({"orders": self.orders[start : start + size], "next": link})

    def _by_list(self, query: dict[str, Any]) -> Answer:
        return reply(self.orders)

    def _by_single(self, query: dict[str, Any]) -> Answer:
        return reply({"order": self.orders[0]})

    def _by_stuck(self, query: dict[str, Any]) -> Answer:
        return self._orders(0, int(query.get("size", 10)))

    def _by_xml(self, query: dict[str, Any]) -> Answer:
        rows = "".join(f"<order id='{one['id']}'><name>{one['name']}</name></order>" for one in self.orders)
        return 200, {"content-type": "application/xml"}, f"<orders xmlns='urn:o'>{rows}</orders>".encode()

    def _by_csv(self, query: dict[str, Any]) -> Answer:
        rows = "".join(f"{one['id']},{one['name']}\n" for one in self.orders)
        return 200, {"content-type": "text/csv"}, f"id,name\n{rows}".encode()

    def _by_rows(self, query: dict[str, Any]) -> Answer:
        return reply({"rows": [["id", "name"], *([one["id"], one["name"]] for one in self.orders)]})

    def _orders(self, start: int, size: int) -> Answer:
        rest = self.orders[start : start + size]
        more = start + size < len(self.orders)
        told = {
            "orders": rest,
            "next": f"t{start + size}" if more else None,
            "next_from": start + size,
            "total": len(self.orders),
            "pages": -(-len(self.orders) // size),
            "last": not more,
        }
        status, headers, body = reply(told)
        return status, headers | ({"x-next": f"t{start + size}"} if more else {}), body

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def _customers(self, rest: str, query: dict[str, str], asked: Asked) -> Answer:
        if asked.method == "GET":
            found = self.customers.values()
            return reply([one for one in found if all(str(one.get(name)) == query[name] for name in query)])
        if asked.method == "DELETE":
            return reply(self.customers.pop(int(rest), None) or {})
        body = content(asked)
        body = body if isinstance(body, dict) else {"body": body}
        refusal = self._refusal(body)
        if refusal:
            return refusal
        if asked.method in ("PUT", "PATCH"):
            return self._change(int(rest), body)
        key = next(self._ids)
        self.customers[key] = {**body, "_key": key}
        return reply({"ok": "true", "_id": f"c{key}", "key": key}, 201)

    def _refusal(self, body: dict[str, Any]) -> Answer | None:
        match body.get("name"):
            case "refuse me":
                return reply({"error": {"message": "the name is taken", "field": "name"}}, 422)
            case "soft failure":
                return reply({"ok": "false", "error": {"message": "not today"}})
        return None

    def _change(self, key: int, body: dict[str, Any]) -> Answer:
        if key not in self.customers:
            return reply({"error": {"message": "nobody"}}, 404)
        self.customers[key] |= body
        return reply({"ok": "true", **self.customers[key]})

    def _batch(self, rest: str, query: dict[str, str], asked: Asked) -> Answer:
        results = []
        for one in content(asked):
            if one.get("name") == "refuse me":
                results.append({"status": "error", "why": "the name is taken"})
                continue
            key = next(self._ids)
            self.customers[key] = {**one, "_key": key}
            results.append({"status": "ok", "key": key})
        return reply({"results": results})


def reply(value: Any, status: int = 200) -> Answer:
    return status, {"content-type": "application/json"}, orjson.dumps(value)


def content(asked: Asked) -> Any:
    """The body of a request as a value."""
    kind = asked.headers.get("content-type", "")
    if "json" in kind:
        return orjson.loads(asked.body)
    if "urlencoded" in kind:
        return dict(parse_qsl(asked.body.decode(), keep_blank_values=True))
    return asked.body.decode()


def by_header(name: str, value: str) -> Callable[[Asked], bool]:
    """Credentials in a header."""
    return lambda asked: asked.headers.get(name) == value


def by_basic(username: str, password: str) -> Callable[[Asked], bool]:
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return by_header("authorization", f"Basic {pair}")


def by_query(name: str, value: str) -> Callable[[Asked], bool]:
    return lambda asked: parse_qs(urlsplit(asked.path).query).get(name) == [value]


def by_digest(username: str, password: str, asked: Asked) -> bool:
    """RFC 7616 with MD5 and ``qop=auth``, nonce ``abc``."""
    told = asked.headers.get("authorization", "")
    fields = dict(
        part.strip().split("=", 1) for part in told.removeprefix("Digest ").split(",") if "=" in part
    )
    fields = {name: text.strip('"') for name, text in fields.items()}

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - as the RFC wants

    one, two = md5(f"{username}:shop:{password}"), md5(f"{asked.method}:{fields.get('uri')}")
    middle = ":".join(fields.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    return fields.get("response") == md5(f"{one}:{middle}:{two}") and fields.get("uri") == asked.path


def order(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"No. {number}"}


@contextmanager
def order_shop(count: int = 0, context: Any = None) -> Iterator[OrderShop]:
    """A shop with so many orders; it may be reached from this process."""
    with loopback(), endpoint(context=context) as server:
        shop = OrderShop(server, orders=[order(number) for number in range(count)])
        server.answer = shop.answer
        yield shop

"""Documents of exports and imports for tests, over an `OrderShop`."""

from typing import Any


def rest_connection(url: str, **more: Any) -> dict[str, Any]:
    rest = {"baseURI": url, "mediaType": "json", "authType": "token", "bearerToken": "tok-canary-0123456789"}
    return {"type": "rest", "name": "Shop", "rest": rest | more}


def orders_export(connection: str | None = None, size: int = 5, **more: Any) -> dict[str, Any]:
    """All orders, page by page."""
    http = {
        "relativeURI": f"/pages/page?size={size}&page={{{{export.http.paging.page}}}}",
        "method": "GET",
        "response": {"resourcePath": "orders"},
        "paging": {"method": "page", "page": 0, "maxCountPath": "total"},
    }
    known = {} if connection is None else {"_connectionId": connection}
    return {"name": "Orders", "pageSize": size, "http": http, **known} | more


def customers_import(connection: str | None = None, **more: Any) -> dict[str, Any]:
    """Customers, as they come."""
    known = {} if connection is None else {"_connectionId": connection}
    rest = {"relativeURI": "/customers", "method": "POST"}
    return {"name": "Customers", "rest": rest, **known} | more

"""Addresses that documents, records and other systems give: they lead nowhere inside, nor anywhere else."""

import pytest

from support.api import running, settings_of
from support.http import endpoint
from support.orders import OrderShop, reply
from support.steps import rest_connection
from towpath.api.integrator import family
from towpath.sdk import guard

from .conftest import Program

EVERYWHERE = [
    "http://169.254.169.254",
    "http://[::ffff:169.254.169.254]",
    "http://10.0.0.1",
    "http://localhost:{port}",
    "http://127.8.9.1:{port}",
    "http://[::1]:{port}",
    "http://2130706433:{port}",
    "http://127.1:{port}",
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that may reach one shop on this machine, and a trap beside it."""
    before = guard.allowed_hosts()
    with endpoint() as place, endpoint() as trap:
        found = OrderShop(place, orders=[{"id": number, "name": "x"} for number in range(3)])
        place.answer = found.answer
        home = tmp_path_factory.mktemp("guarded") / "home"
        chosen = {"integrator_bucket_size": 0, "allowed_hosts": (f"127.0.0.1:{place.port}",)}
        with running(settings_of(home, **chosen), family) as api:
            yield Program(api), found, trap
    guard.configure(before)
    assert trap.asked == []


def test_connections_lead_nowhere_inside(guarded):
    program, shop, trap = guarded
    export = {"rest": {"relativeURI": "/x", "method": "GET"}}
    target = {"import": {"rest": {"relativeURI": "/x", "method": "POST"}}, "data": [{"a": 1}]}
    for address in [*EVERYWHERE, f"http://{shop.server.host}:{trap.port}"]:
        url = address.format(port=trap.port)
        body = rest_connection(url)
        assert program.good("POST", "/connections/ping", body).json()["code"] in (422, 503), url
        made = program.call("POST", "/connections", body)
        if made.status_code == 422:
            continue
        path = f"/connections/{made.json()['_id']}"
        asked = [
            program.call("POST", f"{path}/export", export),
            program.call("POST", f"{path}/export/pages", {"export": export}),
            program.call("POST", f"{path}/import", target),
            program.call("POST", f"{path}/proxy", headers={"Integrator-Relative-URI": "/x"}),
        ]
        for answer in asked:
            assert answer.status_code in (200, 422), (url, answer.text)
            assert "not on the public internet" in answer.text or "unusual spelling" in answer.text, (
                url,
                answer.text,
            )
    assert trap.asked == []


#: What a document or a record may say instead of a path below the connection's base URI.
ASTRAY = ["{trap}/x", "//127.0.0.1:{port}/x", "@127.0.0.1:{port}/x", ":{port}/x", "\\\\127.0.0.1:{port}\\x"]


def test_paths_lead_nowhere_else(guarded):
    """Neither those of documents, nor those of records, nor those that a server answers."""
    program, shop, trap = guarded
    connection = program.make("/connections", rest_connection(shop.url))["_id"]
    path = f"/connections/{connection}"
    for text in ASTRAY:
        uri = text.format(trap=trap.url, port=trap.port)
        for document in ({"relativeURI": uri}, {"relativeURI": "{{{uri}}}"}):
            rest = {"method": "POST", **document}
            body = {"import": {"rest": rest}, "data": [{"uri": uri}]}
            program.call("POST", f"{path}/import", body)
        export = {"rest": {"relativeURI": uri, "method": "GET"}}
        program.call("POST", f"{path}/export", export)
        for link in (uri, f"{uri}?more"):
            shop.faults.append(reply({"orders": [{"id": 1}], "next": link}))
            paged = {
                "relativeURI": "/pages/url",
                "method": "GET",
                "resourcePath": "orders",
                "pagingMethod": "nextpageurl",
                "nextPagePath": "next",
            }
            program.call("POST", f"{path}/export", {"rest": paged})
            shop.faults.clear()
            shop.faults.append((302, {"location": link}, b""))
            program.call("POST", f"{path}/export", {"rest": {"relativeURI": "/pages/list", "method": "GET"}})
            shop.faults.clear()
    assert trap.asked == []


def test_logins_and_functions_lead_nowhere_inside(guarded):
    program, shop, trap = guarded
    login = {"uri": f"{trap.url}/login", "method": "POST", "body": "{}"}
    renewal = {"refreshTokenURI": f"{trap.url}/token", "refreshToken": "r", "bearerToken": "t"}
    for more in (
        {"authType": "cookie", "cookieAuth": login},
        {"authType": "token", **renewal, "pingRelativeURI": "/nowhere"},
        {"pingRelativeURI": f"{trap.url}/x"},
    ):
        body = rest_connection(shop.url, **more)
        found = program.call("POST", "/connections/ping", body)
        assert found.status_code < 500, found.text
    server = {"hostURI": trap.url, "systemToken": "a-system-token"}
    stack = program.call("POST", "/stacks", {"name": "s", "type": "server", "server": server})
    if stack.is_success:
        wrapper = {"_stackId": stack.json()["_id"], "pingFunction": "ping"}
        found = program.good("POST", "/connections/ping", {"type": "wrapper", "wrapper": wrapper}).json()
        assert found["code"] != 200
    assert trap.asked == []

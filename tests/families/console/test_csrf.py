"""Pages of other origins: what they may read, and that they change nothing for who looks at them."""

import pytest

from support.api import running, settings_of
from support.doors import Doors, with_cookie

CONSOLE, EVIL = "http://localhost:8000", "https://evil.test"

#: Headers of a browser, by what kind of page it shows.
FOREIGN = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
    "another site, silent": {"Sec-Fetch-Site": "cross-site"},
    "a sister that says nothing": {"Sec-Fetch-Site": "same-site"},
    "a sister": {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9999"},
    "an old browser": {"Origin": EVIL},
    "a sandbox": {"Origin": "null"},
    "another site in a sandbox": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
}


def friendly(api):
    return {
        "no browser": {},
        "our page": {"Sec-Fetch-Site": "same-origin", "Origin": api.url},
        "our page in an old browser": {"Origin": api.url},
        "our page that is private": {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        "the address bar": {"Sec-Fetch-Site": "none"},
        "a console that may": {"Sec-Fetch-Site": "same-site", "Origin": CONSOLE},
        "a console that may, in an old browser": {"Origin": CONSOLE},
        "behind an unknown proxy": {"Origin": api.url.replace("http:", "https:")},
    }


CHANGES = [
    ("PUT", "/api/v1/users/1", {"email": "new@a.test"}),
    ("POST", "/auth/invitations", None),
    ("GET", "/api/v1/project/p/jobs/1/cancel", None),
    ("GET", "/api/v1/project/p/jobs/1/cancel/", None),
    ("DELETE", "/api/v1/project/p/jobs/1", None),
]


@pytest.fixture(scope="module")
def house(server):
    """With the first user; nothing that is tried here changes it."""
    doors = Doors(server)
    assert doors.sign_up("ann").status_code == 200
    return doors


@pytest.mark.parametrize("page", FOREIGN.values(), ids=FOREIGN)
def test_foreign_pages_change_nothing(house, page):
    token = house.token("ann")
    for method, path, body in CHANGES:
        by_cookie = house.api.call(method, path, headers=with_cookie(token) | page, json=body)
        assert (by_cookie.status_code, by_cookie.json()["success"]) == (403, False)
        # No page of another origin can set this header unless CORS lets it.
        by_token = house.api.call(method, path, token, headers=page, json=body)
        assert by_token.status_code in (200, 404)
    assert house.api.get("/auth", headers=with_cookie(token) | page).status_code == 200


@pytest.mark.parametrize("kind", friendly(type("Api", (), {"url": ""})))
def test_our_own_pages_and_programs_may(house, kind):
    page, token = friendly(house.api)[kind], house.token("ann")
    for method, path, body in CHANGES:
        answer = house.api.call(method, path, headers=with_cookie(token) | page, json=body)
        assert answer.status_code in (200, 404), (path, answer.text)


@pytest.mark.parametrize("page", FOREIGN.values(), ids=FOREIGN)
def test_nobody_is_signed_in_or_out_by_a_foreign_page(house, page):
    form = {"Content-Type": "text/plain"} | page
    body = b'{"username": "ann", "password": "correct horse", "rest": "="}'
    link, token = house.link("ann"), house.token("ann")
    for path in ("/login", "/signup", "/logout", f"/login/link/{link}", f"/signup/{house.invitation()}"):
        answer = house.api.post(path, content=body, headers=with_cookie(token) | form)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), path
    assert house.opens(token)
    assert house.api.post(f"/login/link/{link}").status_code == 303


def test_the_public_url_is_our_origin_whatever_the_proxy_calls_us(tmp_path):
    with running(settings_of(tmp_path / "home", public_url="https://towpath.test")) as api:
        doors = Doors(api)
        doors.sign_up("ann")
        cookie = with_cookie(doors.token("ann"))
        for origin, status in (("https://towpath.test", 200), ("https://towpath.test.evil.test", 403)):
            answer = api.post("/auth/invitations", headers=cookie | {"Origin": origin})
            assert answer.status_code == status


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_the_preflight_of_the_document(house, method):
    asked = {"Origin": CONSOLE, "Access-Control-Request-Method": method}
    asked["Access-Control-Request-Headers"] = "origin, content-type, accept, authorization"
    answer = house.api.call("OPTIONS", "/api/v1/project/123/sources", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == CONSOLE
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE, OPTIONS"
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    assert {"Origin", "Content-Type", "Accept", "Authorization"} <= allowed
    assert "*" not in allowed


@pytest.mark.parametrize(
    "wrong",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://localhost:8001"},
        {"Origin": "https://localhost:8000"},
        {"Access-Control-Request-Method": "PATCH"},
        {"Access-Control-Request-Headers": "x-api-key"},
    ],
)
def test_other_preflights_are_refused(house, wrong):
    asked = {"Origin": CONSOLE, "Access-Control-Request-Method": "POST"} | wrong
    answer = house.api.call("OPTIONS", "/login", headers=asked)
    assert answer.status_code == 400
    if "Origin" in wrong:
        assert "access-control-allow-origin" not in answer.headers


def test_answers_are_for_pages_of_allowed_origins(house):
    for path, status in (("/auth", 401), ("/health", 200), ("/nowhere", 404)):
        answer = house.api.get(path, headers={"Origin": CONSOLE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, CONSOLE)
        foreign = house.api.get(path, headers={"Origin": EVIL})
        assert "access-control-allow-origin" not in foreign.headers

"""What consoles ask of the installation before anybody has signed in."""

import re

import pytest

from towpath import __version__

ANSWERS = {
    "/telemetry-id": {"user_id": "", "version": __version__},
    "/health": {"status": "ok", "version": __version__},
    "/api/v1/platform/opt/status": {"enabled": False},
    "/api/v1/platform/releases": {},
    "/api/v1/platform/releases?limit=3": {},
}


@pytest.mark.parametrize(("path", "data"), ANSWERS.items())
def test_what_is_answered_to_all(api_sqlite, path, data):
    answer = api_sqlite.get(path)
    assert answer.status_code == 200
    assert answer.json()["data"] == data
    assert answer.json()["success"] is True


def test_whoever_opens_the_address_finds_a_page(api_sqlite):
    answer = api_sqlite.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    paths = re.findall(r'href="([^"]+)"', answer.text)
    # Nobody works in this server, which is what it says of its health.
    found = {path: api_sqlite.get(path).status_code for path in paths}
    assert found == {"/openapi/console.json": 200, "/readyz": 503, "/metrics": 200}

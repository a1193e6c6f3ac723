"""What consoles ask of the installation before anybody has signed in."""

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

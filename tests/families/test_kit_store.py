"""What a server says of its store, on both of them, and while the store is away."""

import pytest

from support.api import running, settings_of
from support.postgres import PostgresServer


def test_health_and_figures_on_both_stores(api):
    assert api.get("/healthz").json()["status"] == "ok"
    checks = api.get("/readyz").json()["checks"]
    assert checks == {"store": "ok", "key": "ok", "scheduler": "stopped"}
    assert "towpath_store_up 1.0" in api.get("/metrics").text


@pytest.mark.service("postgres")
def test_a_store_that_went_away_is_told_and_not_missed_for_ever(toy, tmp_path):
    with PostgresServer() as server:
        chosen = settings_of(tmp_path / "home", database_url=server.url(server.create_database()))
        with running(chosen, toy.family) as api:
            key = api.key(api.organization(), "broker", "mine")
            assert api.get("/toy/door", key).json() == "mine"
            server.kill()
            away = api.get("/toy/door", key)
            assert (away.status_code, away.headers["retry-after"]) == (503, "5")
            assert server.password not in away.text
            ready = api.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["store"]) == (503, "store.unreachable")
            assert "towpath_store_up 0.0" in api.get("/metrics").text
            assert api.get("/healthz").status_code == 200
            server.start()
            assert api.get("/toy/door", key).json() == "mine"

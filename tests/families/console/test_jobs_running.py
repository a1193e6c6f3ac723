"""Jobs that really run: data comes, is cleared, and comes again; what runs ends with its job."""

import json
import sqlite3
import time
from contextlib import closing

from support.command import PATIENCE
from support.jobs import streams
from towpath.services.jobs.jobs import Jobs

ROWS = 30
#: A view that takes for ever to read.
ENDLESS = """
CREATE VIEW endless AS
WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, NULL AS at FROM n
"""


def test_data_comes_is_cleared_and_comes_again(ann):
    with sqlite3.connect(ann.folder / "shop.db") as shop:
        shop.executemany("INSERT INTO orders VALUES (?, 'now')", [(id,) for id in range(ROWS)])
    shop.close()
    ann.api.container.work()
    kept = streams("orders", mode="incremental")
    path = f"/jobs/{ann.make(streams_config=kept)['id']}"
    ann.data("POST", f"{path}/sync")
    assert ended(ann, path) == ("completed", "sync")
    assert rows(ann) == ROWS
    ann.data("POST", f"{path}/clear-destination")
    assert ended(ann, path) == ("completed", "clear")
    assert ann.data("GET", f"{path}/clear-destination") == {"running": False}
    assert rows(ann) == 0
    ann.data("POST", f"{path}/sync")
    assert ended(ann, path) == ("completed", "sync")
    assert rows(ann) == ROWS
    # A change that makes the data wrong: it is cleared, and read again.
    wanted = streams("orders", mode="incremental", filter="id < 10")
    difference = ann.data("POST", f"{path}/stream-difference", {"updated_streams_config": wanted})
    ann.data("PUT", path, {"streams_config": wanted, **difference})
    assert ended(ann, path) == ("completed", "clear")
    ann.data("POST", f"{path}/sync")
    assert ended(ann, path) == ("completed", "sync")
    assert rows(ann) == 10


def test_a_change_that_breaks_off_is_cleared_all_the_same(ann, monkeypatch):
    """There is no moment in which a crash leaves old data behind that passes for new."""
    with sqlite3.connect(ann.folder / "shop.db") as shop:
        shop.executemany("INSERT INTO orders VALUES (?, 'now')", [(id,) for id in range(ROWS)])
    shop.close()
    ann.api.container.work()
    path = f"/jobs/{ann.make(streams_config=streams('orders', mode='incremental'))['id']}"
    ann.data("POST", f"{path}/sync")
    assert ended(ann, path) == ("completed", "sync")
    wanted = streams("orders", mode="incremental", filter="id < 10")

    def crash(*_, **__):
        raise RuntimeError("as if the process ended after the commit")

    with monkeypatch.context() as broken:
        broken.setattr(Jobs, "_halt", crash)
        ann.refused(500, "PUT", path, {"streams_config": wanted, "difference_streams": wanted})
    assert json.loads(ann.data("GET", path)["streams_config"]) == wanted
    assert ended(ann, path) == ("completed", "clear")
    assert rows(ann) == 0


def test_what_runs_ends_with_its_job(ann):
    with sqlite3.connect(ann.folder / "shop.db") as shop:
        shop.executescript(ENDLESS)
    shop.close()
    ann.api.container.work()
    path = f"/jobs/{ann.make(streams_config=streams('endless'))['id']}"
    ann.data("POST", f"{path}/sync")
    until(lambda: ann.data("GET", f"{path}/tasks")[0]["rows"] or None)
    assert ann.data("DELETE", path) == {"name": "nightly"}
    ann.refused(404, "GET", path)


def ended(ann, path):
    """State and type of the job's last run, once it has ended."""

    def look():
        job = ann.data("GET", path)
        return (job["last_run_state"], job["last_run_type"]) if job["last_run_state"] != "running" else None

    return until(look)


def until(look):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def rows(ann):
    with closing(sqlite3.connect(ann.folder / "lake.db")) as lake:
        return lake.execute("SELECT count(*) FROM orders").fetchone()[0]

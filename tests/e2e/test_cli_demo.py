"""The first five minutes: the demo, as a stranger starts it."""

import json
import re
import shlex
import signal
import subprocess

import duckdb
import pytest

from support.command import PATIENCE, Towpath, get, wait_for_url

pytestmark = [pytest.mark.slow, pytest.mark.service("postgres")]

#: What the package of the data holds.
ROWS = {"airlines": 16, "airports": 1458, "planes": 3322, "weather": 26115, "flights": 336776}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "home"


def play(home, *words):
    towpath = Towpath(home)
    return towpath("up", "--demo", "--once", *words, timeout=2 * PATIENCE)


def count(home, table):
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        return warehouse.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_the_demo_copies_a_real_database_and_keeps_it_in_step(home):
    first = play(home)
    for table, rows in ROWS.items():
        assert re.search(rf"public\.{table} +committed +{rows:,} +{rows:,} ", first.stdout), first.stdout
    assert first.stderr.count("✓") >= 7
    # The second run moved what had changed, and nothing else.
    assert count(home, "flights") == ROWS["flights"] + 776
    assert count(home, "weather") == ROWS["weather"] + 72
    assert re.search(r"public\.flights +committed +1,776 +1,776 ", first.stdout)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        corrected = "SELECT count(*) FROM flights WHERE arr_delay = 0 AND updated_at > '2020-01-01'"
        assert warehouse.execute(corrected).fetchone()[0] >= 1000

    # It says how to look at the rows, and that works as it stands.
    line = next(line for line in first.stderr.splitlines() if "preview warehouse" in line)
    shown = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert len(shown.stdout.splitlines()) == 6

    # It can be played again in the same home.
    play(home)
    assert count(home, "flights") > ROWS["flights"] + 776


def test_the_demo_goes_on_serving_and_ends_in_order(home):
    with Towpath(home).started("up", "--demo", "--port", "0", stdout=subprocess.DEVNULL) as process:
        url = wait_for_url(process)
        status, body = get(f"{url}/readyz")
        assert (status, json.loads(body)["ready"]) == (200, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143

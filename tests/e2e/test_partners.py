"""What a partner's program does, from its key to rows in two destinations, against a PMS that changes."""

import time
from pathlib import Path

import duckdb
import httpx2
import psycopg
import pytest

from support.command import PATIENCE
from support.pms import pms, reservation  # noqa: F401 - pms is a fixture
from towpath.catalogue import FOLDER

DUCKDB, POSTGRES = 6, 1


class Program:
    """Speaks HTTP and JSON, and knows its key and secret."""

    def __init__(self, client, key, secret):
        self._client = client
        answer = client.post("/o/token/", auth=(key, secret), json={"grant_type": "client_credentials"})
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def __call__(self, method, path, body=None):
        answer = self._client.request(method, f"/api/v2/{path}", json=body, headers=self._headers)
        assert answer.is_success, answer.text
        return answer.json()


def eventually(look, what):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen")


def fast(folder: Path):
    """The connector of the catalogue, under another name and with a timer of two seconds."""
    folder.mkdir(parents=True)
    text = (FOLDER / "guesty_enterprise.yaml").read_text()
    text = text.replace("name: guesty_enterprise", "name: fast_pms", 1).replace(
        "icon: guesty_enterprise.svg\n", ""
    )
    lines = ["    intervals: [2]" if "intervals:" in line else line for line in text.splitlines()]
    (folder / "fast_pms.yaml").write_text("\n".join(lines))


@pytest.mark.slow
@pytest.mark.service("postgres")
def test_a_partner_moves_its_customers_data(towpath, tmp_path, pms, postgres, postgres_database):  # noqa: F811
    fast(towpath.home / "connectors")
    towpath.environment |= {"TOWPATH_MINIMUM_INTERVAL": "1", "TOWPATH_ALLOWED_HOSTS": "127.0.0.1"}
    lake = tmp_path / "lake.duckdb"
    shown = towpath.json("keys", "create", "program", "--kind", "partner")
    with (
        towpath.serving() as (url, _),
        httpx2.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client,
    ):
        program = Program(client, shown["key"], shown["secret"])
        (template,) = [one for one in program("GET", "connector-templates/") if one["code"] == "fast_pms"]
        detail = program("GET", f"connector-templates/{template['id']}")
        entities = {entity["name"]: entity for entity in detail["entities"]}

        destinations = [
            program("POST", "destinations/", {"name": name, "credential_json": form, "type_adapter": kind})[
                "id"
            ]
            for name, form, kind in (
                ("lake", {"path": str(lake)}, DUCKDB),
                ("warehouse", settings_of(postgres, postgres_database), POSTGRES),
            )
        ]
        wanted = [
            {
                "id": entity["id"],
                "entity_timer_id": entity["entity_timer"][0]["id"],
                "is_active": name != "guesty_guests",
            }
            for name, entity in entities.items()
        ]
        made = program(
            "POST",
            "connectors/",
            {
                "name": "House by the sea",
                "connector_category_id": template["id"],
                "credentials": {"integration_token": pms.token, "base_url": pms.url},
                "targets": [{"destination_id": number, "entities": wanted} for number in destinations],
            },
        )["data"]
        assert made["lifecycle_status"] == "CREATION_STARTED"
        path = f"connectors/{made['id']}"

        def standing():
            return [
                (entity["name"], entity["last_run"])
                for target in program("GET", path)["targets"]
                for entity in target["entities"]
            ]

        def counts(table, where="true"):
            return [in_duckdb(lake, table, where), in_postgres(postgres, postgres_database, table, where)]

        eventually(lambda: counts("guesty_reservations") == [250, 250], "the copy of the reservations")
        eventually(lambda: counts("guesty_listing") == [3, 3], "the copy of the listings")
        assert program("GET", path)["lifecycle_status"] == "ACTIVE"

        pms.add("reservations", reservation(250, "2026-02-01T00:00:00.000Z"))
        pms.change(
            "reservations", f"6f{0:022x}", status="checked_out", lastUpdatedAt="2026-02-01T00:00:01.000Z"
        )
        eventually(lambda: counts("guesty_reservations") == [251, 251], "the second runs")
        eventually(lambda: counts("guesty_reservations", "status = 'checked_out'") == [1, 1], "the change")
        # A run ends a moment after its rows are there.
        eventually(
            lambda: all(run["records_read"] <= 2 for name, run in standing() if "reservations" in name),
            "a run that reads only what is new",
        )

        # What is switched off is neither read nor written.
        assert {run for name, run in standing() if name == "guesty_guests"} == {None}
        assert not [asked for asked in pms.asked if "guests-crud" in asked.path]
        program("PATCH", path, {"is_active": False})
        eventually(lambda: not unfinished(towpath), "the end of the runs that had begun")
        asked = len(pms.asked)
        time.sleep(5)
        assert (unfinished(towpath), len(pms.asked)) == ([], asked)
    kept = [path.read_bytes() for path in towpath.home.rglob("*") if path.is_file()]
    assert not [content for content in kept if pms.token.encode() in content]


def unfinished(towpath):
    return [run for run in towpath.json("runs", "list") if run["status"] in ("queued", "running")]


def settings_of(postgres, database):
    return {
        "host": str(postgres.host),
        "port": str(postgres.port),
        "database": database,
        "username": postgres.username,
        "password": postgres.password,
    }


def in_duckdb(path, table, where):
    """How many rows it has; None while nobody can look, because somebody writes."""
    try:
        with duckdb.connect(str(path), read_only=True) as database:
            return database.execute(f'SELECT count(*) FROM "{table}" WHERE {where}').fetchone()[0]
    except duckdb.Error:
        return None


def in_postgres(postgres, name, table, where):
    try:
        with psycopg.connect(postgres.url(name)) as database:
            return database.execute(f'SELECT count(*) FROM "{table}" WHERE {where}').fetchone()[0]
    except psycopg.errors.UndefinedTable:
        return None

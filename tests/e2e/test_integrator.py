"""A program over HTTP alone: records go from a shop to a shop, two fail, are mended and sent again."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pyarrow.parquet as pq
import pytest

from support.command import PATIENCE, Towpath
from support.orders import OrderShop, order_shop
from support.postgres import PostgresServer
from support.steps import orders_export, rest_connection

pytestmark = pytest.mark.slow

OVER = ("completed", "failed", "canceled")
TOKEN = "a-long-listener-token"


class Program:
    """Calls the API with a token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, f"/v1{path}", **({} if body is None else {"json": body}))
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def make(self, path: str, body: Any) -> str:
        return str(self.ask("POST", path, body)["_id"])

    def ended(self, job: str) -> dict[str, Any]:
        """The job, when it is over, and nothing of it is sent again."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.get(f"/jobs/{job}")
            if found["status"] in OVER:
                return found
            time.sleep(0.1)
        raise AssertionError(f"no end of {found}")

    def run(self, flow: str) -> dict[str, Any]:
        return self.ended(self.ask("POST", f"/flows/{flow}/run", {})["_jobId"])

    def family(self, job: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The steps of the job, in the order of the flow; its numbers are the sums of theirs."""
        found: list[dict[str, Any]] = self.get(f"/jobs/{job['_id']}/family")["children"]
        found.sort(key=lambda child: child["oIndex"])
        for name in ("numSuccess", "numError", "numIgnore", "numPagesGenerated", "numResolved"):
            assert job.get(name, 0) == sum(child.get(name, 0) for child in found), (name, job, found)
        for one in (job, *found):
            assert one["numOpenError"] == one["numError"] - one["numResolved"]
        return found


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    chosen = {
        "TOWPATH_ALLOWED_HOSTS": "127.0.0.1",
        "TOWPATH_RATE_LIMIT": "none",
        "TOWPATH_INTEGRATOR_BUCKET_SIZE": "0",
    }
    towpath = Towpath(tmp_path_factory.mktemp("integrator") / "home", **chosen)
    token = towpath.json("keys", "create", "program", "--kind", "integrator")["key"]
    with towpath.serving() as (url, _):
        made = Program(url, token)
        with made.client:
            yield made


@pytest.fixture
def shop() -> Iterator[OrderShop]:
    with order_shop() as found:
        yield found


REGIONS = {"USA": "AMER", "JAPAN": "APAC"}


def customer(number: int, country: str = "USA", **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "internalId": f"N{number}",
        "name": f"customer {number}",
        "firstName": "Ann",
        "lastName": f"Lee {number}",
        "billingAddress": {"country": country},
        **more,
    }


@pytest.fixture
def connection(program: Program, shop: OrderShop) -> str:
    """To a shop that knows two of the customers, and the regions that countries are in."""
    for number, (country, region) in enumerate(REGIONS.items()):
        shop.customers[900 + number] = {"kind": "region", "country": country, "region": region}
    for number in (0, 1):
        shop.customers[500 + number] = {"_key": 500 + number, "ns_id": f"N{number}", "old": True}
    return program.make("/connections", rest_connection(shop.url))


def steps(program: Program, connection: str) -> list[dict[str, Any]]:
    """A lookup of the region and a composite import, as processors."""
    lookup = {
        "name": "Region",
        "_connectionId": connection,
        "isLookup": True,
        "rest": {
            "relativeURI": "/customers?kind=region&country={{{billingAddress.country}}}",
            "method": "GET",
        },
    }
    composite = {
        "name": "Composite Add or Update Import",
        "_connectionId": connection,
        "filter": {"version": "1", "rules": ["notequals", ["extract", "name"], "skip me"]},
        "rest": {
            "relativeURI": ["/customers/{idLookup}", "/customers"],
            "method": ["PUT", "POST"],
            "lookups": [
                {
                    "name": "idLookup",
                    "relativeURI": "/customers?ns_id={internalId}",
                    "method": "GET",
                    "extract": "0._key",
                },
                {"name": "currencyMap", "map": {"USA": "USD", "JAPAN": "JPY"}, "allowFailures": False},
            ],
        },
        "mapping": {
            "fields": [
                {"extract": "{firstName} {lastName}", "generate": "addressee"},
                {"generate": "opt_out", "hardCodedValue": False},
                {"extract": "billingAddress.country", "generate": "currency", "lookupName": "currencyMap"},
                {"extract": "region", "generate": "address.region"},
                {"extract": "internalId", "generate": "ns_id"},
                {"extract": "name", "generate": "name"},
            ]
        },
    }
    target = program.make("/imports", composite)
    mapped = {"fields": [{"extract": "data[0].region", "generate": "region"}]}
    return [
        {"type": "export", "_exportId": program.make("/exports", lookup), "responseMapping": mapped},
        {"type": "import", "_importId": target},
    ]


def stored(shop: OrderShop) -> dict[str, tuple[Any, ...]]:
    """What the import has written: by the customer's own id whether it was there, currency, region."""
    return {
        one["ns_id"]: ("old" in one, one["currency"], one.get("address", {}).get("region"))
        for one in shop.customers.values()
        if "addressee" in one
    }


def test_failed_records_are_mended_and_sent_again(program: Program, shop: OrderShop, connection: str) -> None:
    shop.orders[:] = [
        customer(0),
        customer(1, "JAPAN"),
        customer(2, name="refuse me"),
        customer(3, draft=True),
        customer(4, "FRANCE"),
        customer(5, name="skip me"),
        customer(6, "JAPAN"),
        customer(7),
    ]
    export = orders_export(
        connection,
        size=3,
        type="delta",
        traceKeyTemplate="{{id}}",
        filter={"version": "1", "rules": ["empty", ["extract", "draft"]]},
    )
    export["http"]["relativeURI"] += "&since={{{lastExportDateTime}}}"
    processors = steps(program, connection)
    generators = [{"_exportId": program.make("/exports", export)}]
    body = {"pageGenerators": generators, "pageProcessors": processors}
    flow = program.make("/flows", {"name": "Customers", "disabled": False, **body})

    # Two of eight fail, two are left out: one where it is read, one where it is written.
    job = program.run(flow)
    assert (job["type"], job["status"], job["_flowId"], job["doneExporting"]) == (
        "flow",
        "completed",
        flow,
        True,
    )
    assert (job["numError"], job["numOpenError"], job["numIgnore"]) == (2, 2, 2)
    assert (job["numPagesGenerated"], job["numPagesProcessed"], job["numExport"]) == (3, 0, 0)
    read, looked, wrote = program.family(job)
    assert [one["type"] for one in (read, looked, wrote)] == ["export", "export", "import"]
    assert (read["numSuccess"], read["numIgnore"], read["numError"], read["numPagesGenerated"]) == (
        7,
        1,
        0,
        3,
    )
    assert looked["numError"] == looked["numIgnore"] == 0
    assert (wrote["numSuccess"], wrote["numIgnore"], wrote["numError"]) == (4, 1, 2)
    assert (wrote["numPagesProcessed"], wrote["retriable"], read["retriable"]) == (3, True, False)
    assert {one["_flowJobId"] for one in (read, looked, wrote)} == {job["_id"]}
    assert stored(shop) == {
        "N0": (True, "USD", "AMER"),
        "N1": (True, "JPY", "APAC"),
        "N6": (False, "JPY", "APAC"),
        "N7": (False, "USD", "AMER"),
    }
    known = shop.customers[500]
    assert (known["addressee"], known["opt_out"], known["old"]) == ("Ann Lee 0", False, True)

    mend_by_job(program, job, wrote)
    assert stored(shop)["N2"] == (False, "USD", "AMER")
    mend_in_inbox(program, job, wrote)
    # It went on where it had failed: behind the lookup.
    assert stored(shop)["N4"] == (False, "JPY", None)

    # The next run reads on from the start of the first: retries move nothing.
    program.run(flow)
    since = sorted({one.path.rpartition("since=")[2] for one in shop.asked if "since=" in one.path})
    assert since[0].startswith("1970-01-01")
    assert len(since) == 2
    assert since[1] == job["startedAt"]


def mend_by_job(program: Program, job: Mapping[str, Any], wrote: Mapping[str, Any]) -> None:
    """The refused one, by the errors of the job."""
    errors = program.get(f"/jobs/{wrote['_id']}/jobErrors")
    assert [one["resolved"] for one in errors] == [False, False]
    refused = next(one for one in errors if "the name is taken" in one["message"])
    assert (refused["code"], refused["_jobId"]) == ("422", wrote["_id"])
    data = program.get(f"/retries/{refused['_retryId']}/data")
    assert (data["internalId"], data["region"]) == ("N2", "AMER")
    program.ask("PUT", f"/retries/{refused['_retryId']}/data", {**data, "name": "a free name"})
    program.ask("POST", f"/jobs/{wrote['_id']}/retries/{refused['_retryId']}/retry")
    job = program.ended(job["_id"])
    assert (job["numError"], job["numResolved"], job["numOpenError"]) == (2, 1, 1)
    assert program.family(job)[2]["numOpenError"] == 1


def mend_in_inbox(program: Program, job: Mapping[str, Any], wrote: Mapping[str, Any]) -> None:
    """The one whose country nobody knows, in the inbox of the step, at the second attempt."""
    flow, target = job["_flowId"], wrote["_importId"]
    inbox = f"/flows/{flow}/{target}"
    (flow_error,) = program.get(f"/flows/{flow}/errors")["flowErrors"]
    assert (flow_error["_expOrImpId"], flow_error["numError"]) == (target, 1)
    for country, left in (("SPAIN", 1), ("JAPAN", 0)):
        (error,) = program.get(f"{inbox}/errors")["errors"]
        assert (error["source"], error["traceKey"], error["oIndex"]) == ("lookup", "4", 2)
        kept = program.get(f"{inbox}/{error['retryDataKey']}/data")
        kept["data"]["billingAddress"]["country"] = country
        program.ask("PUT", f"{inbox}/{error['retryDataKey']}/data", kept)
        retried = program.ask("POST", f"{inbox}/retry", {"errorIds": [error["errorId"]]})["_jobId"]
        assert program.ended(retried)["status"] == "completed"
        now = program.ended(job["_id"])
        assert (now["numError"], now["numOpenError"], now["numSuccess"]) == (2, left, job["numSuccess"])
        assert len(program.get(f"{inbox}/errors")["errors"]) == left
    assert len(program.get(f"{inbox}/resolved")["resolved"]) >= 2
    assert program.family(now)[2]["retriable"] is False
    assert program.get(f"/jobs?_flowJobId={job['_id']}&type=import")[0]["_id"] == wrote["_id"]


def test_what_is_posted_goes_the_same_way(program: Program, shop: OrderShop, connection: str) -> None:
    hook = {"verify": "secret_url", "token": TOKEN}
    export = program.make("/exports", {"name": "Posted", "type": "webhook", "webhook": hook})
    processors = steps(program, connection)
    generators = [{"_exportId": export}]
    body = {"pageGenerators": generators, "pageProcessors": processors}
    flow = program.make("/flows", {"name": "Posted", "disabled": False, **body})
    records = [customer(0), customer(8, "FRANCE"), customer(9, "JAPAN")]
    posted = httpx2.post(f"{program.url}/v1/exports/{export}/{TOKEN}/data", json=records, trust_env=False)
    assert (posted.status_code, posted.content) == (204, b"")
    (job,) = program.get(f"/jobs?_flowId={flow}")
    job = program.ended(job["_id"])
    assert (job["status"], job["numError"]) == ("completed", 1)
    read, _, wrote = program.family(job)
    assert (read["numSuccess"], wrote["numSuccess"], wrote["numError"]) == (3, 2, 1)
    assert set(stored(shop)) == {"N0", "N9"}
    # What needs no more care is said to be resolved: nothing is sent.
    asked = len(shop.asked)
    (error,) = program.get(f"/jobs/{wrote['_id']}/joberrors")
    program.ask("PUT", f"/jobs/{wrote['_id']}/joberrors/resolve")
    assert program.get(f"/jobs/{wrote['_id']}")["numOpenError"] == 0
    assert program.get(f"/jobs/{wrote['_id']}/joberrors")[0]["resolved"] is True
    assert len(shop.asked) == asked
    refused = program.client.post(f"/v1/jobs/{wrote['_id']}/retries/{error['_retryId']}/retry")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["message"]


def test_flags_and_cutoffs_move_on_success_only(program: Program, shop: OrderShop, connection: str) -> None:
    shop.orders[:] = [customer(number) for number in range(4)]
    shop.orders[2]["name"] = "refuse me"
    export = orders_export(connection, size=2, type="once")
    export["http"]["once"] = {"relativeURI": "/once/{{id}}", "method": "PUT", "body": '{"done": true}'}
    plain = {"name": "Plain", "rest": {"relativeURI": "/customers", "method": "POST"}}
    processors = [
        {"type": "import", "_importId": program.make("/imports", plain | {"_connectionId": connection})}
    ]
    body = {"pageGenerators": [{"_exportId": program.make("/exports", export)}], "pageProcessors": processors}
    once = program.make("/flows", {"name": "Once", "disabled": False, **body})
    job = program.run(once)
    assert (job["status"], job["numError"]) == ("completed", 1)
    assert sorted(one["path"] for one in shop.told) == ["0", "1", "3"]

    delta = orders_export(connection, size=2, type="delta")
    delta["http"]["relativeURI"] = (
        "/pages/{{{connection.rest.unencrypted.way}}}?since={{{lastExportDateTime}}}"
    )
    del delta["http"]["paging"]
    broken = program.make("/connections", rest_connection(shop.url, unencrypted={"way": "nowhere"}))
    body["pageGenerators"] = [{"_exportId": program.make("/exports", delta | {"_connectionId": broken})}]
    flow = program.make("/flows", {"name": "Delta", "disabled": False, **body})
    failed = program.run(flow)
    assert (failed["status"], failed["numError"], failed["doneExporting"]) == ("failed", 1, True)
    assert failed["numPagesGenerated"] == 0
    assert program.family(failed)[0]["status"] == "failed"
    assert program.get(f"/flows/{flow}/lastExportDateTime") == {"lastExportDateTime": None}
    program.ask("PUT", f"/connections/{broken}", rest_connection(shop.url, unencrypted={"way": "list"}))
    done = [program.run(flow) for _ in range(2)]
    assert [job["status"] for job in done] == ["completed"] * 2
    since = [one.path.rpartition("since=")[2] for one in shop.asked if "since=" in one.path]
    assert [one[:10] for one in since[:-1]] == ["1970-01-01"] * (len(since) - 1)
    assert since[-1] == done[0]["startedAt"]


@pytest.mark.service("postgres")
def test_lanes_mix(
    program: Program, shop: OrderShop, connection: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    database = postgres.create_database()
    with postgres.connect(database) as connected:
        connected.execute(
            "CREATE TABLE people (id int PRIMARY KEY, name text, since timestamptz, owed numeric)"
        )
        connected.execute(
            "INSERT INTO people SELECT n, 'person ' || n, '2026-02-03 04:05:06Z', n + 0.25"
            " FROM generate_series(1, 5) n"
        )
    config = {name: value for name, value in postgres.config(database).items() if name != "username"}
    config |= {"type": "postgresql", "user": postgres.username}
    source = program.make("/connections", {"type": "rdbms", "name": "People", "rdbms": config})
    assert program.get(f"/connections/{source}/ping") == {"code": 200}
    query = {"query": "SELECT * FROM people WHERE id > 1 ORDER BY id"}
    export = program.make(
        "/exports", {"name": "People", "_connectionId": source, "pageSize": 3, "rdbms": query}
    )
    mapping = {"fields": [{"extract": name, "generate": name} for name in ("name", "since", "owed")]}
    rest = {"relativeURI": "/customers", "method": "POST"}
    target = {"name": "People", "_connectionId": connection, "rest": rest, "mapping": mapping}
    body = {"_exportId": export, "_importId": program.make("/imports", target)}
    job = program.run(program.make("/flows", {"name": "Out", "disabled": False, **body}))
    assert (job["status"], job["numError"], job["numPagesGenerated"]) == ("completed", 0, 2)
    assert [one["numSuccess"] for one in program.family(job)] == [4, 4]
    people = sorted(one["name"] for one in shop.customers.values() if "owed" in one)
    assert people == [f"person {number}" for number in range(2, 6)]
    one = next(one for one in shop.customers.values() if one.get("name") == "person 2")
    assert (str(one["owed"]), one["since"][:19]) == ("2.25", "2026-02-03T04:05:06")

    shop.orders[:] = [{"id": number, "name": f"No. {number}"} for number in range(7)]
    lake = program.make(
        "/connections", {"type": "parquet", "name": "Lake", "towpath": {"path": str(tmp_path / "lake")}}
    )
    target = {"name": "Lake", "_connectionId": lake, "towpath": {"target": "orders", "mode": "append"}}
    read = program.make("/exports", orders_export(connection, size=3))
    body = {"_exportId": read, "_importId": program.make("/imports", target)}
    job = program.run(program.make("/flows", {"name": "In", "disabled": False, **body}))
    assert (job["status"], job["numError"]) == ("completed", 0)
    assert [one["numSuccess"] for one in program.family(job)] == [7, 7]
    rows = [row for path in (tmp_path / "lake").rglob("*.parquet") for row in pq.read_table(path).to_pylist()]
    assert sorted((row["id"], row["name"]) for row in rows) == [(n, f"No. {n}") for n in range(7)]

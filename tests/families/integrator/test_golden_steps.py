"""The published examples of exports, imports and flows, over a real HTTP server."""

import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from support.http import endpoint


class Remote:
    """822 records in pages, and a heartbeat that is slow enough to be sent several times at once."""

    total = 822

    def __init__(self, server):
        self.server = server
        self.together, self.most = 0, 0
        self._lock = threading.Lock()
        server.answer = self.answer

    def answer(self, asked):
        parts = urlsplit(asked.path)
        if parts.path == "/trials":
            return _json(self._page({name: values[0] for name, values in parse_qs(parts.query).items()}))
        if parts.path == "/system/v1/heartbeat":
            return self._heartbeat(asked)
        return _json({"message": "no such place"}, 404)

    def _page(self, query):
        page, size = int(query["page"]), int(query["size"])
        numbers = range((page - 1) * size, min(page * size, self.total))
        rows = [
            {"recType": "813", "n": number, "custrecord_usage_diy_hours": number % 24} for number in numbers
        ]
        return {"trials": rows, "count": self.total}

    def _heartbeat(self, asked):
        body = json.loads(asked.body)
        with self._lock:
            self.together += 1
            self.most = max(self.most, self.together)
        # The first to come are the last to be answered.
        time.sleep(0.2 - 0.04 * body["timestamp"] % 5)
        with self._lock:
            self.together -= 1
        return _json({"_id": f"5a1{body['timestamp']:021x}", "__v": 0, **body})


def _json(value, status=200):
    return status, {"content-type": "application/json"}, json.dumps(value).encode()


@pytest.fixture(scope="module")
def remote():
    with endpoint() as server:
        yield Remote(server)


@pytest.fixture
def connection(program, remote):
    rest = {
        "baseURI": remote.server.url,
        "mediaType": "json",
        "authType": "token",
        "bearerToken": "tok-0123456789",
    }
    body = {"type": "rest", "name": "Remote", "rest": {**rest, "concurrencyLevel": 4}}
    return program.make("/connections", body)["_id"]


VIRTUAL_EXPORT = {
    "asynchronous": True,
    "pageSize": 5,
    "rest": {
        "relativeURI": "/trials?size=5",
        "method": "GET",
        "resourcePath": "trials",
        "pagingMethod": "pageargument",
        "pageArgument": "page",
        "maxCountPath": "count",
    },
}


def test_a_virtual_export_is_read_page_by_page(program, connection):
    path = f"/connections/{connection}/export/pages"
    first = program.good("POST", path, {"export": VIRTUAL_EXPORT}).json()
    state = first["pagedExportState"]
    assert [row["n"] for row in first["data"]] == [0, 1, 2, 3, 4]
    assert first["dataURIs"] == [None] * 5
    assert {
        "pageIndex": 2,
        "pageSize": 5,
        "totalPages": 165,
        "totalRecords": 822,
        "done": False,
    }.items() <= state.items()
    assert len(state["sig"]) == 64
    assert abs(state["issuedAt"] - time.time()) < 60

    second = program.good("POST", path, {"pagedExportState": state, "export": VIRTUAL_EXPORT}).json()
    assert [row["n"] for row in second["data"]] == [5, 6, 7, 8, 9]
    assert second["pagedExportState"]["pageIndex"] == 3
    assert second["pagedExportState"]["sig"] != state["sig"]
    # The same state again gives the same page: nothing is remembered of it.
    again = program.good("POST", path, {"pagedExportState": state, **VIRTUAL_EXPORT}).json()
    assert again["data"] == second["data"]


def test_a_virtual_import_answers_for_each_record_in_order(program, connection, remote):
    model = {
        "mapping": {
            "fields": [
                {"extract": "timestamp", "generate": "timestamp"},
                {"generate": "key", "hardCodedValue": "sqs_flow"},
            ]
        },
        "rest": {"relativeURI": ["/system/v1/heartbeat"], "method": ["PUT"]},
    }
    data = [{"timestamp": number, "more": "not mapped"} for number in range(4)]
    found = program.good("POST", f"/connections/{connection}/import", {"import": model, "data": data}).json()
    assert [one["statusCode"] for one in found] == [200] * 4
    assert [one["id"] for one in found] == [f"5a1{number:021x}" for number in range(4)]
    assert [one["_json"]["timestamp"] for one in found] == [0, 1, 2, 3]
    assert {one["_json"]["key"] for one in found} == {"sqs_flow"}
    assert "more" not in found[0]["_json"]
    assert remote.most > 1

    before = len(remote.server.asked)
    mapped = program.good(
        "POST", f"/connections/{connection}/import/map", {"import": model, "data": data}
    ).json()
    assert mapped == [{"timestamp": number, "key": "sqs_flow"} for number in range(4)]
    assert len(remote.server.asked) == before
    assert program.get("/imports") == [] == program.get("/exports")


def test_a_composite_upsert_import_comes_back_as_it_was_sent(program, connection):
    sent = {
        "name": "Composite Add or Update Import",
        "_connectionId": connection,
        "rest": {
            "relativeURI": ["/customers/{idLookup}", "/customers"],
            "method": ["PUT", "POST"],
            "lookups": [
                {
                    "name": "idLookup",
                    "relativeURI": "/customers?ns_id={internalId}",
                    "method": "GET",
                    "extract": "0.id",
                },
                {"name": "currencyMap", "map": {"USA": "USD", "JAPAN": "JPY"}, "allowFailures": False},
            ],
        },
        "mapping": {
            "fields": [
                {"extract": "{firstName} {lastName}", "generate": "addressee"},
                {"generate": "opt_out", "hardCodedValue": False},
                {"extract": "billingAddress.country", "generate": "currency", "lookupName": "currencyMap"},
            ]
        },
        "hooks": {
            "_preMapId": "5587092ed782280000000001",
            "_postMapId": "5561092ed782280000000001",
            "_postSubmitId": "5521092ed782280000000001",
        },
    }
    made = program.make("/imports", sent)
    assert sent.items() <= made.items()
    assert made["apiIdentifier"][0] == "i"
    assert len(made["apiIdentifier"]) == 9
    assert program.get(f"/imports/{made['_id']}") == made


def test_a_webhook_export_comes_back_without_its_key(program):
    sent = {
        "name": "My Webhook",
        "type": "webhook",
        "webhook": {
            "verify": "hmac",
            "algorithm": "sha256",
            "encoding": "hex",
            "key": "canary-key-123",
            "header": "X-Apple-Banana",
        },
    }
    made = program.make("/exports", sent)
    assert made["webhook"] == {**sent["webhook"], "key": "******"}
    assert made["apiIdentifier"][0] == "e"
    # Sent back as it was shown it stays as it is.
    kept = program.good("PUT", f"/exports/{made['_id']}", made).json()
    assert kept["webhook"] == made["webhook"]
    masked = {**sent, "webhook": {**sent["webhook"], "key": "********"}}
    assert program.refused(422, "POST", "/exports", masked)[0]["field"] == "webhook.key"


def test_a_file_import_comes_back_without_empty_lists(program):
    ftp = {"hostURI": "127.0.0.1", "username": "ann", "password": "a-password"}
    connection = program.make(
        "/connections", {"type": "ftp", "name": "Files", "ftp": {**ftp, "type": "ftp"}}
    )["_id"]
    sent = {
        "name": "Upload File to FTP Site",
        "_connectionId": connection,
        "distributed": False,
        "file": {
            "skipAggregation": False,
            "type": "csv",
            "lookups": [],
            "csv": {
                "rowDelimiter": "\n",
                "columnDelimiter": ",",
                "includeHeader": False,
                "wrapWithQuotes": False,
                "replaceTabWithSpace": False,
                "replaceNewlineWithSpace": False,
            },
        },
        "ftp": {"directoryPath": "/test", "fileName": "file-{{timestamp}}.csv"},
        "mapping": {"fields": [{"extract": "internal_id", "generate": "id"}]},
    }
    made = program.make("/imports", sent)
    kept = {**sent, "file": {name: value for name, value in sent["file"].items() if name != "lookups"}}
    assert kept.items() <= made.items()
    changed = program.good("PUT", f"/imports/{made['_id']}", made).json()
    assert changed["file"] == kept["file"]
    assert changed["apiIdentifier"] == made["apiIdentifier"]


def test_an_orchestrated_flow_comes_back_as_it_was_sent(program, connection):
    read = {"_connectionId": connection, "asynchronous": True, **VIRTUAL_EXPORT}
    generators = [
        program.make("/exports", {**read, "name": f"Trials {number}"})["_id"] for number in range(2)
    ]
    lookup = program.make("/exports", {**read, "name": "Connections", "isLookup": True})["_id"]
    write = {"rest": {"relativeURI": "/system/v1/heartbeat", "method": "PUT"}}
    target = program.make("/imports", {"name": "Usage", "_connectionId": connection, **write})["_id"]
    integration = program.make("/integrations", {"name": "Usage stats"})["_id"]
    sent = {
        "name": "Update Usage Stats for all Trialers",
        "disabled": False,
        "schedule": "? 0 2 ? * *",
        "timezone": "America/Los_Angeles",
        "_integrationId": integration,
        "skipRetries": False,
        "pageProcessors": [
            {
                "type": "export",
                "_exportId": lookup,
                "responseMapping": {
                    "lists": [],
                    "fields": [{"extract": "data", "generate": "numConnections"}],
                },
            },
            {
                "type": "import",
                "_importId": target,
                "proceedOnFailure": True,
                "responseMapping": {"lists": [], "fields": []},
            },
        ],
        "pageGenerators": [{"_exportId": generator} for generator in generators],
    }
    made = program.make("/flows", sent)
    assert sent.items() <= made.items()
    assert program.get("/flows") == [made]
    assert program.get(f"/integrations/{integration}/flows") == [made]
    used = program.get(f"/integrations/{integration}/exports")
    assert {one["_id"] for one in used} == {*generators, lookup}
    for path in (f"/exports/{lookup}", f"/imports/{target}", f"/integrations/{integration}"):
        assert program.refused(422, "DELETE", path)[0]["code"] == "dependency_conflict"
    program.good("DELETE", f"/flows/{made['_id']}")
    program.good("DELETE", f"/exports/{lookup}")
    program.good("DELETE", f"/integrations/{integration}")

"""The words of published documents lead to settings that the connectors have."""

from typing import Any

import pytest
from pydantic import BaseModel

from towpath.api.integrator.errors import Refused
from towpath.api.integrator.exports_document import draft as export_draft
from towpath.api.integrator.flows_document import draft as flow_draft
from towpath.api.integrator.flows_schedule import schedule, shown
from towpath.api.integrator.imports_document import draft as import_draft
from towpath.api.integrator.step_types import databases, files, rest, wrapper
from towpath.core.flows import Cron, Every
from towpath.sdk.registry import Registry

_REFUSED = {"decrypt", "definition", "encrypt"}


def model_at(model: Any, path: str) -> bool:
    """Whether the model has a setting at the path."""
    name, _, rest_of = path.partition(".")
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    fields |= model.model_fields
    if name not in fields:
        return False
    below = list(_models(fields[name].annotation))
    return not rest_of or any(model_at(one, rest_of) for one in below)


def _models(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models(part)]


@pytest.mark.parametrize(
    "system", [rest.REST, rest.HTTP, files.FTP, files.S3, wrapper.SYSTEM, databases.RDBMS]
)
def test_every_word_is_a_setting(system):
    registry = Registry.installed()
    # All databases share one model.
    connector = registry.get("sqlite" if "sqlite" in system.connectors else min(system.connectors))
    for words, model in ((system.reads, connector.reading), (system.writes, connector.writing)):
        missing = [
            word.theirs for word in words if word.ours not in _REFUSED and not model_at(model, word.ours)
        ]
        assert missing == []


CONNECTION = "5587092ed78228000000000a"


def http(**more):
    return export_draft({"_connectionId": CONNECTION, "http": {"relativeURI": "/a", **more}})


def test_both_dialects_of_http_mean_the_same():
    theirs = {
        "relativeURI": "/a", "method": "GET", "resourcePath": "x", "pagingMethod": "nextpageurl",
        "nextPagePath": "next",
    }  # fmt: skip
    old = export_draft({"_connectionId": CONNECTION, "rest": theirs})
    new = http(method="GET", response={"resourcePath": "x"}, paging={"method": "url", "path": "next"})
    request = dict(old.spec.pages.request)
    request["paging"] = {key: item for key, item in request["paging"].items() if key != "page"}
    assert request == new.spec.pages.request


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"type": "blob"}, "type"),
        ({"type": "delta", "delta": {"startDate": "soon"}}, "delta.startDate"),
        ({"type": "delta", "delta": {"lagOffset": "x"}}, "delta.lagOffset"),
        ({"pageSize": 0}, "pageSize"),
        ({"pageSize": [1]}, "pageSize"),
        ({"type": "test", "test": {"limit": 101}}, "test.limit"),
        ({"isLookup": "perhaps"}, "isLookup"),
        ({"hooks": 7}, "hooks"),
        ({"hooks": {"preSavePage": 7}}, "hooks.preSavePage"),
        ({"_connectionId": 7}, "_connectionId"),
        ({"groupByFields": [{}]}, "groupByFields"),
        ({"traceKeyTemplate": {}}, "traceKeyTemplate"),
        ({"http": 7}, "http"),
        ({"http": None}, "rest"),
        ({"adaptorType": "FTPExport", "http": None}, "ftp"),
        ({"towpath": {"stream": "a", "mode": "nonsense"}}, "mode"),
        ({"ftp": {"directoryPath": "/"}, "file": {"encoding": "klingon"}, "http": None}, "file.encoding"),
        ({"ftp": {"directoryPath": "/"}, "file": {"decrypt": "pgp"}, "http": None}, "file.decrypt"),
    ],
)
def test_what_is_wrong_has_its_place(document, field):
    with pytest.raises(Refused) as caught:
        export_draft({"_connectionId": CONNECTION, "http": {"relativeURI": "/a"}, **document})
    assert field in [fault.field for fault in caught.value.faults]


def test_an_export_of_every_kind_is_ours():
    delta = {"dateField": "at", "dateFormat": "YYYY", "startDate": "2026-01-02", "lagOffset": "1500"}
    found = export_draft(
        {
            "_connectionId": CONNECTION,
            "http": {"relativeURI": "/a", "headers": [{"name": "A", "value": "b"}]},
            "type": "delta",
            "delta": delta,
            "hooks": {"preSavePage": {"function": "f", "_scriptId": "s1"}},
        }
    ).spec.pages
    assert (found.delta.field, found.delta.lag, found.delta.start.isoformat()) == (
        "at",
        1.5,
        "2026-01-02T00:00:00+00:00",
    )
    assert found.hooks["pre_save_page"].function == "s1.f"
    once = export_draft(
        {
            "_connectionId": CONNECTION,
            "rdbms": {"query": "SELECT 1"},
            "type": "once",
            "once": {"booleanField": "done"},
        }
    ).spec.pages
    assert (once.once.field, once.delta) == ("done", None)


def test_database_imports_are_actions():
    rdbms = {
        "queryType": ["first_page", "bulk_load"],
        "query": ["DELETE FROM t"],
        "bulkLoad": {"tableName": "t", "primaryKeys": ["id"]},
    }
    found = import_draft({"_connectionId": CONNECTION, "rdbms": rdbms}).spec.records.request
    assert found["actions"] == [
        {"kind": "first_page", "query": "DELETE FROM t"},
        {"kind": "bulk_load", "table": "t", "primary_keys": ["id"]},
    ]
    with pytest.raises(Refused):
        import_draft({"_connectionId": CONNECTION, "rdbms": {"queryType": ["nonsense"]}})


@pytest.mark.parametrize(
    "text", ["? 0 2 ? * *", "? */5 9-17 ? * MON-FRI", "? 0 0 1 JAN *", "? 15,45 * ? * 1,3,5", "? 0 0 ? 1/3 0"]
)
def test_schedules_come_back(text):
    assert shown(schedule(text, "Europe/Amsterdam")) == {"schedule": text, "timezone": "Europe/Amsterdam"}


@pytest.mark.parametrize(
    "text",
    [
        "0 2 * * *",
        "0 0 2 ? * *",
        "? 61 2 ? * *",
        "? a 2 ? * *",
        "nonsense",
        "? 0 2 ? * * 2026",
        "? ; 2 ? * *",
        7,
    ],
)
def test_other_schedules_are_refused(text):
    with pytest.raises(Refused) as caught:
        schedule(text, None)
    assert caught.value.faults[0].field == "schedule"


def test_intervals_are_shown_as_the_dialect_can_say_them():
    assert [shown(Every(every=seconds))["schedule"] for seconds in (60, 900, 7200, 86_400)] == [
        "? */1 * ? * *", "? */15 * ? * *", "? 0 */2 ? * *", "? 0 0 ? * *",
    ]  # fmt: skip
    assert schedule("? 0 2 ? * *", None) == Cron(cron="0 2 * * *", timezone="UTC")


def test_flows_of_nonsense_are_refused():
    for document in (
        {"pageGenerators": 7},
        {"pageGenerators": [7]},
        {"pageProcessors": [{"type": "nonsense"}]},
        {"routers": [{"branches": []}]},
        {"_runNextFlowIds": 7},
        {"routers": [{"routeRecordsTo": "nowhere", "branches": [{}]}]},
    ):
        with pytest.raises(Refused):
            flow_draft({"name": "x", **document})

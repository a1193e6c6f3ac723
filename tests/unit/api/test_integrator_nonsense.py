"""Whatever stands anywhere in a document: it is taken or refused, and nothing else."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.api.integrator.errors import Refused
from towpath.api.integrator.exports_document import draft as export_draft
from towpath.api.integrator.flows_document import draft as flow_draft
from towpath.api.integrator.imports_document import draft as import_draft
from towpath.services.pipelines import languages
from towpath.services.pipelines.faults import Faults

ID = "5587092ed78228000000000a"
FILTER = {
    "type": "expression",
    "expression": {"version": "1", "rules": ["and", ["equals", ["extract", "a"], 1]]},
}
TRANSFORM = {
    "type": "expression",
    "expression": {"version": "1", "rules": [[{"extract": "a", "generate": "b"}]]},
}
HOOK = {"function": "f", "_stackId": ID, "configuration": {"a": 1}}
EXPORT = {
    "name": "x",
    "_connectionId": ID,
    "_integrationId": ID,
    "type": "delta",
    "pageSize": "20",
    "delta": {"dateField": "a", "dateFormat": "YYYY", "startDate": "2026-01-01", "lagOffset": 5},
    "filter": FILTER,
    "inputFilter": FILTER,
    "transform": TRANSFORM,
    "groupByFields": ["a"],
    "sortByFields": [{"field": "a", "descending": True}],
    "traceKeyTemplate": "{{a}}",
    "hooks": {"preSavePage": HOOK},
    "http": {
        "relativeURI": "/a",
        "method": "GET",
        "headers": [{"name": "a", "value": "b"}],
        "response": {"resourcePath": "a", "successValues": ["x"], "twoDArray": {"hasHeader": True}},
        "paging": {"method": "page", "page": 1, "lastPageValues": ["x"]},
        "once": {"relativeURI": "/b", "method": "PUT", "body": {}},
    },
}
FILES = {
    "_connectionId": ID,
    "file": {
        "type": "csv",
        "csv": {"columnDelimiter": ",", "keyColumns": ["a"]},
        "sortByFields": [{"field": "a"}],
    },
    "ftp": {"directoryPath": "/"},
}
WRAPPER = {
    "_connectionId": ID,
    "type": "test",
    "test": {"limit": 3},
    "wrapper": {"function": "f", "configuration": {"a": 1}},
}
WEBHOOK = {
    "type": "webhook",
    "webhook": {
        "verify": "hmac",
        "key": "k",
        "header": "h",
        "algorithm": "sha1",
        "successStatusCode": 200,
        "successResponseHeaders": [{"name": "a", "value": "b"}],
    },
}
IMPORT = {
    "_connectionId": ID,
    "rest": {
        "relativeURI": ["/a/{b}", "/a"],
        "method": ["PUT", "POST"],
        "responseIdPath": ["id", "id"],
        "lookups": [{"name": "b", "relativeURI": "/b", "method": "GET", "extract": "0.id"}],
    },
    "mapping": {
        "fields": [{"extract": "a", "generate": "b", "dataType": "number", "lookupName": "b"}],
        "lists": [{"generate": "c", "fields": [{"extract": "d[*].e", "generate": "f"}]}],
    },
    "filter": FILTER,
    "responseTransform": TRANSFORM,
    "hooks": {"preMap": HOOK, "_postMapId": ID},
    "idLockTemplate": "{{a}}",
    "maxAttempts": "3",
}
NEW_IMPORT = {
    "_connectionId": ID,
    "rdbms": {"queryType": ["bulk_load"], "bulkLoad": {"tableName": "t", "primaryKeys": ["a"]}},
    "mappings": [
        {
            "generate": "a",
            "dataType": "objectarray",
            "status": "Active",
            "buildArrayHelper": [
                {
                    "extract": "$.b[*]",
                    "mappings": [
                        {"generate": "c", "dataType": "string", "extract": "$.b.c", "status": "Active"}
                    ],
                }
            ],
        }
    ],
}
FLOW = {
    "name": "x",
    "schedule": "? 0 2 ? * *",
    "timezone": "UTC",
    "disabled": False,
    "_integrationId": ID,
    "pageGenerators": [{"_exportId": ID}],
    "routers": [
        {
            "id": "a",
            "routeRecordsTo": "all_matching_branches",
            "script": HOOK,
            "branches": [
                {
                    "name": "b",
                    "inputFilter": FILTER,
                    "pageProcessors": [
                        {
                            "type": "export",
                            "_exportId": ID,
                            "responseMapping": {"fields": [{"extract": "a", "generate": "b"}], "lists": []},
                            "hooks": {"postResponseMap": HOOK},
                        }
                    ],
                }
            ],
        }
    ],
    "_runNextFlowIds": [ID],
}

NONSENSE = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            -1,
            10**30,
            1.5,
            "",
            "x",
            "{{#if",
            "{{a",
            "*" * 8,
            [],
            {},
            [[]],
            [None],
            {"a": {}},
            [1, "a"],
        ]
    ),
    st.text(max_size=8),
    st.recursive(
        st.integers() | st.text(max_size=3), lambda below: st.lists(below, max_size=2), max_leaves=3
    ),
)


def places(value, path=()):
    """The paths of all values in a document."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def with_nonsense(document, path, value):
    found = copy.deepcopy(document)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return found


def checked(document, draft):
    try:
        made = draft(document)
    except Refused:
        return
    faults = Faults()
    spec = getattr(made, "spec", None)
    if spec is None:
        languages.check_pipeline(made.pipeline, faults)
    elif getattr(spec, "pages", None):
        languages.check_read(spec.pages, faults)
    elif getattr(spec, "records", None):
        languages.check_write(spec.records, faults)


CASES = {
    "export": (EXPORT, export_draft),
    "files": (FILES, export_draft),
    "webhook": (WEBHOOK, export_draft),
    "import": (IMPORT, import_draft),
    "test": ({**FILES, "type": "test", "test": {"limit": 3}}, export_draft),
    "wrapper": (WRAPPER, export_draft),
    "new import": (NEW_IMPORT, import_draft),
    "flow": (FLOW, flow_draft),
}


@pytest.mark.parametrize("case", CASES)
def test_the_document_itself_is_taken(case):
    document, draft = CASES[case]
    made = draft(document)
    faults = Faults()
    if case == "flow":
        languages.check_pipeline(made.pipeline, faults)
    faults.raise_any()


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_nonsense_is_taken_or_refused(case, data):
    document, draft = CASES[case]
    path = data.draw(st.sampled_from(list(places(document))))
    checked(with_nonsense(document, path, data.draw(NONSENSE)), draft)

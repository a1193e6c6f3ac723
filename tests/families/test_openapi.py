"""The documents of the families: committed, complete, and what the code says."""

import json
from pathlib import Path

import pytest

from support.api import cases_of
from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import load
from towpath.server.documents import documents
from towpath.server.families import families

FOLDER = Path(__file__).parents[2] / "openapi"
NAMES = [family.name for family in families()]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return documents(Container(load({"home": tmp_path_factory.mktemp("home")}, {})))


def test_the_committed_documents_are_what_the_code_says(written):
    assert {path.name for path in FOLDER.glob("*")} == set(written)
    for name, text in written.items():
        assert (FOLDER / name).read_text() == text, "run: make openapi"


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_has_a_name_a_summary_and_a_lock(written, name):
    document = json.loads(written[f"{name}.json"])
    operations = [document["paths"][path][method.lower()] for method, path in cases_of(document)]
    assert operations
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation.get("summary"), operation["operationId"]
        known = document.get("components", {}).get("securitySchemes", {})
        assert {scheme for way in operation.get("security", []) for scheme in way} <= set(known)


@pytest.mark.parametrize("family", families(), ids=NAMES)
def test_every_path_is_under_a_prefix_of_its_family(written, family):
    document = json.loads(written[f"{family.name}.json"])
    outside = [
        path
        for path in document["paths"]
        if not (path + "/").startswith(tuple(f"{p}/" for p in family.prefixes))
    ]
    assert outside == []


def test_prefixes_belong_to_one_family_each():
    prefixes = [prefix for family in families() for prefix in family.prefixes]
    assert len(set(prefixes)) == len(prefixes)
    assert [prefix for prefix in prefixes if prefix.endswith("/") or not prefix.startswith("/")] == []

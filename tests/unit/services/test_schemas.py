"""The published schemas are what the code says, and say the same as the code."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from referencing import Registry as Schemas
from referencing import Resource

from towpath.sdk.registry import Registry
from towpath.services.documents import schemas

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "reference" / "schema"
EXAMPLES = [*sorted((ROOT / "examples").rglob("*.yaml")), ROOT / "src/towpath/cli/demo/demo.yaml"]


@pytest.fixture(scope="module")
def validator():
    contents = {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    resources = [(name, Resource.from_contents(content)) for name, content in contents.items()]
    return jsonschema.Draft202012Validator(
        contents["towpath.json"], registry=Schemas().with_resources(resources)
    )


def test_the_published_schemas_are_up_to_date():
    published = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert published == schemas.published(Registry.installed()), (
        "run: towpath schema --write docs/reference/schema"
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_fit_the_schema(validator, path):
    documents = list(yaml.safe_load_all(path.read_text()))
    assert documents
    for document in documents:
        validator.validate(document)


REMOTE = {"host": "h", "database": "d", "username": "u"}


def connection(connector, **config):
    spec = {"connector": connector, "config": config}
    return {"apiVersion": "towpath/v1", "kind": "Connection", "metadata": {"name": "c"}, "spec": spec}


@pytest.mark.parametrize(
    "document",
    [
        connection("postgres", **REMOTE, password="literal"),
        connection("postgres", **REMOTE, port="many"),
        connection("postgres", **REMOTE, color="red"),
        connection("postgres", host="h"),
        connection("nothing"),
        {"kind": "Connection"},
        connection("postgres", **REMOTE) | {"kind": "Flow"},
        connection("postgres", **REMOTE) | {"metadata": {"name": " c"}},
        connection("postgres", **REMOTE) | {"metadata": {"name": "c", "project": "p"}},
        connection("postgres", **REMOTE) | {"metadata": {"name": "c", "project": "p/q", "role": "source"}},
        connection("postgres", **REMOTE) | {"metadata": {"name": "c", "role": "alerts"}},
    ],
)
def test_the_schema_refuses_what_apply_refuses(validator, document):
    assert not validator.is_valid(document)


def test_the_schema_takes_names_as_consoles_have_them(validator):
    console = {"type": "postgres", "version": "v1.0.0", "extra": {"max_threads": 3}}
    metadata = {"name": "Täglich / Söhne", "project": "123", "role": "source", "console": console}
    validator.validate(connection("postgres", **REMOTE) | {"metadata": metadata})


def test_the_schema_takes_references_for_secrets(validator):
    assert validator.is_valid(connection("postgres", **REMOTE, password="${env:PASSWORD}"))

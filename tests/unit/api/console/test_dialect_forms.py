"""Which types the console has, and the forms that ask for their settings."""

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from towpath.api.console import dialect
from towpath.core.errors import ConfigError
from towpath.sdk.registry import Registry

REGISTRY = Registry.installed()
ROLES: tuple[dialect.Role, ...] = ("source", "destination")
ALL = [(role, name) for role in ROLES for name in dialect.kinds(REGISTRY, role)]


def kind(name: str, role: dialect.Role = "source") -> dialect.Kind:
    return dialect.find(REGISTRY, role, name)


@pytest.mark.parametrize(
    ("role", "name", "near"),
    [
        ("source", "mongodb", "no connector"),
        ("source", "kafka", "no connector"),
        ("destination", "iceberg", "no connector"),
        ("source", "postgers", "no source type"),
        ("destination", "s3", "no destination type"),
    ],
)
def test_types_that_cannot_be_connected(role: dialect.Role, name: str, near: str) -> None:
    for ask in (dialect.find, dialect.versions):
        with pytest.raises(ConfigError, match=near) as caught:
            ask(REGISTRY, role, name)
        assert (caught.value.code, caught.value.context["field"]) == ("connector.unknown", "type")
        assert caught.value.hint


def test_every_connector_has_a_type_in_every_role_that_it_has() -> None:
    for name in REGISTRY.names():
        for role in ROLES:
            if getattr(REGISTRY.get(name), role) is not None:
                found = dialect.kind_of(name, role)
                assert found in dialect.kinds(REGISTRY, role)
                assert kind(found, role).from_ours(name, {}, {}).keys() <= {"type", "file_format"}


@pytest.mark.parametrize(("role", "name"), ALL)
def test_versions_are_such_as_consoles_understand(role: dialect.Role, name: str) -> None:
    for version in dialect.versions(REGISTRY, role, name):
        assert version.startswith("v")
        assert tuple(int(part) for part in version[1:].split(".")) >= (0, 6, 0)


@pytest.mark.parametrize(("role", "name"), ALL)
def test_forms_are_of_draft_07_and_show_every_field(role: dialect.Role, name: str) -> None:
    spec = kind(name, role).spec()
    Draft7Validator.check_schema(spec["jsonschema"])
    text = json.dumps(spec["jsonschema"])
    assert not any(word in text for word in ('"$ref"', '"$defs"', '"prefixItems"', '"discriminator"'))
    for path, names, layout in objects(spec["jsonschema"], json.loads(spec["uischema"]), name):
        rows = layout["ui:grid"]
        assert [field for row in rows for field in row] == list(dict.fromkeys(names)), path
        assert all(0 < sum(row.values()) <= 24 for row in rows)


def objects(schema: dict[str, Any], layout: dict[str, Any], path: str) -> Any:
    """Every object that has fields: path, names and layout."""
    fields = list(fields_of(schema))
    if fields:
        yield path, [name for name, _ in fields], layout
    for name, field in fields:
        assert field.get("title") or "const" in field, f"{path}.{name}"
        yield from objects(field, layout.get(name, {}), f"{path}.{name}")


def fields_of(schema: dict[str, Any]) -> Any:
    yield from schema.get("properties", {}).items()
    for one in [*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("dependencies", {}).values()]:
        yield from fields_of(one)


@pytest.mark.parametrize(("role", "name"), ALL)
def test_secrets_are_asked_for_as_such(role: dialect.Role, name: str) -> None:
    text = json.dumps(kind(name, role).spec()["jsonschema"])
    connector = REGISTRY.get({"s3": "csv"}.get(name, name))
    wanted = connector.config.model_json_schema()
    assert text.count('"format": "password"') == json.dumps(wanted).count('"format": "password"')


def test_choices_are_called_by_their_name() -> None:
    update = kind("postgres").spec()["jsonschema"]["properties"]["update_method"]
    assert [arm["title"] for arm in update["oneOf"]] == ["Standalone", "CDC"]
    assert all("type" in arm["required"] for arm in update["oneOf"])

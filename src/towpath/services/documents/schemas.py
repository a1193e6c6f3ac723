"""The published JSON Schemas of the documents, for editors and other programs."""

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from towpath.sdk.registry import Registry
from towpath.sdk.rest.definition import Definition
from towpath.services.documents.models import ConnectionDocument, FlowDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: What stands where a connector's settings have a secret.
REFERENCE = {"type": "string", "pattern": r"^\$\{(env|file):[^}]+\}$", "title": "Reference to a secret"}


def published(registry: Registry) -> dict[str, str]:
    """File name → content: one schema for each connector's settings, one for all documents, and one for the
    files that describe connectors.
    """
    configs = {name: connector_schema(registry, name) for name in registry.names()}
    files = {f"{name}.json": schema for name, schema in configs.items()}
    files["towpath.json"] = document_schema(registry.names())
    files["rest-connector.json"] = {"$schema": DIALECT} | Definition.model_json_schema()
    return {name: json.dumps(schema, indent=2, sort_keys=True) + "\n" for name, schema in files.items()}


def connector_schema(registry: Registry, name: str) -> dict[str, Any]:
    """The settings of one connector as a document may write them."""
    connector = registry.get(name)
    schema: dict[str, Any] = _with_references(connector.config.model_json_schema())
    return {"$schema": DIALECT} | schema | {"title": f"{connector.title} connection"}


def document_schema(connectors: list[str]) -> dict[str, Any]:
    """One document: a connection, its settings as its connector has them, or a flow."""
    _, top = models_json_schema([(ConnectionDocument, "validation"), (FlowDocument, "validation")])
    definitions = top["$defs"]
    spec = definitions["ConnectionSpec"]
    spec["properties"]["connector"]["enum"] = connectors
    spec["allOf"] = [
        {
            "if": {"properties": {"connector": {"const": name}}},
            "then": {"properties": {"config": {"$ref": f"{name}.json"}}},
        }
        for name in connectors
    ]
    kinds = ("ConnectionDocument", "FlowDocument")
    return {
        "$schema": DIALECT,
        "title": "Towpath document",
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds],
        "$defs": definitions,
    }


def _with_references(schema: Any) -> Any:
    """The schema with `REFERENCE` in place of every secret string."""
    if isinstance(schema, list):
        return [_with_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("writeOnly") and schema.get("format") == "password":
        kept = {key: schema[key] for key in ("title", "description") if key in schema}
        return REFERENCE | kept
    return {key: _with_references(value) for key, value in schema.items()}

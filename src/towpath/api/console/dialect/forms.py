"""Forms as consoles of this dialect show them: a JSON Schema of draft 07, and where its fields stand."""

import json
from collections.abc import Mapping
from typing import Any

from towpath.api.console.dialect.draft import draft07
from towpath.api.console.dialect.grid import laid_out
from towpath.api.console.dialect.kind import Spec


def spec_of(schema: Mapping[str, Any], title: str) -> Spec:
    """The form of what `pydantic` says of a class of settings."""
    return laid_out_spec(draft07(schema, title))


def laid_out_spec(schema: dict[str, Any]) -> Spec:
    """The form of a schema of draft 07."""
    return {"jsonschema": schema, "uischema": json.dumps(laid_out(schema))}

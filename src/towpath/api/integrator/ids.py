"""Between our identifiers and this family's: 24 hex digits, and the kind by where they stand."""

from collections.abc import Mapping
from dataclasses import dataclass

from towpath.api.integrator.errors import Refused, dangling
from towpath.core.errors import NotFoundError
from towpath.core.ids import as_object_id, of_object_id

#: What our identifiers of each kind of resource begin with, by the word in paths.
PREFIXES: Mapping[str, str] = {
    "connections": "con",
    "iclients": "con",
    "stacks": "con",
    "exports": "exp",
    "imports": "imp",
    "flows": "flw",
    "integrations": "int",
    "jobs": "run",
    "accesstokens": "key",
    "connectors": "itm",
    "licenses": "itm",
    "templates": "itm",
    "scripts": "itm",
    "lookupcaches": "itm",
    "filedefinitions": "itm",
    "asynchelpers": "itm",
}


@dataclass(frozen=True)
class Reference:
    """A field that holds the id of another resource."""

    field: str
    kind: str
    """Its word in paths: ``connections``."""


def shown(id: str) -> str:
    """Our identifier as this family shows it."""
    return as_object_id(id)


def ours(kind: str, digits: str) -> str:
    """The identifier that the path of a resource means. Raises `NotFoundError` for what cannot be one: it
    reads as one that nothing has.
    """
    try:
        return of_object_id(PREFIXES[kind], digits)
    except ValueError:
        raise NotFoundError(
            "resource.not_found", "There is no such resource.", hint="Check the _id."
        ) from None


def referred(reference: Reference, value: object) -> str:
    """The identifier that a field of a document means. Raises `Refused` (``invalid_ref``)."""
    try:
        return of_object_id(PREFIXES[reference.kind], str(value))
    except ValueError:
        raise Refused(dangling(reference.field, reference.kind.removesuffix("s"))) from None

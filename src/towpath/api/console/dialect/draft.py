"""JSON Schema as `pydantic` writes it (2020-12), as draft 07 without references."""

from collections.abc import Mapping
from typing import Any

SCHEMA = "http://json-schema.org/draft-07/schema#"
#: Of no use to a form, or words that draft 07 does not have.
_DROPPED = frozenset({"$defs", "discriminator"})
#: The only formats that validators of browsers know for sure.
_FORMATS = frozenset({"password", "date-time", "date", "time", "uri", "email"})


def draft07(schema: Mapping[str, Any], title: str) -> dict[str, Any]:
    """The schema with everything that it refers to in its place. Settings do not contain themselves."""
    return {"$schema": SCHEMA} | _plain(schema, schema.get("$defs", {})) | {"title": title}


def _plain(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    schema = _alone(_inlined(schema, shared), shared)
    found: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "properties":
            found[word] = {name: _property(name, item, shared) for name, item in value.items()}
        elif word in ("anyOf", "oneOf", "allOf"):
            arms = [_plain(item, shared) for item in value]
            found[word] = [_told_apart(arm, schema) for arm in arms]
        elif word == "additionalProperties" and "properties" in schema:
            continue  # a form would offer a place to add some
        elif word in ("items", "additionalProperties") and isinstance(value, Mapping):
            found[word] = _plain(value, shared)
        elif word == "prefixItems":
            found["items"] = [_plain(item, shared) for item in value]
        elif word not in _DROPPED and (word != "format" or value in _FORMATS):
            found[word] = value
    return found


def _told_apart(arm: dict[str, Any], union: Mapping[str, Any]) -> dict[str, Any]:
    """One choice of a union, called by what it is known by, which must be there."""
    name = union.get("discriminator", {}).get("propertyName")
    if name is None:
        return arm
    word = arm["properties"][name]["const"]
    return arm | {"title": word, "required": sorted({*arm.get("required", ()), name})}


def _property(name: str, schema: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": name.replace("_", " ").replace("-", " ").capitalize()} | _plain(schema, shared)


def _inlined(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Any]:
    """What it refers to, with its own words over that: beside a reference, draft 07 reads nothing."""
    if "$ref" not in schema:
        return schema
    there = _inlined(shared[schema["$ref"].rpartition("/")[2]], shared)
    own = {word: value for word, value in schema.items() if word != "$ref"}
    # What a class is called and says of itself is not about this field.
    return {word: value for word, value in there.items() if word not in ("title", "description")} | own


def _alone(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Any]:
    """What may be null, without that: a form leaves it out. A null default is none."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm.get("type") != "null"]
    own = {word: value for word, value in schema.items() if word != "default" or value is not None}
    if "anyOf" not in schema:
        return own
    rest = {word: value for word, value in own.items() if word != "anyOf"}
    return {**_inlined(arms[0], shared), **rest} if len(arms) == 1 else rest | {"anyOf": arms}

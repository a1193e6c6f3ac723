"""Settings of a connector as a flat form: fields that a person fills in, and back to a configuration.

Nested settings are called by dotted ids (``auth.token``). What a person types is text: the configuration
class makes ``5432`` of ``"5432"``, and JSON text is read where the setting is a list or an object.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from towpath.core.errors import ConfigError
from towpath.core.ports import Connector
from towpath.core.reasons import plain_reason
from towpath.services.secrets import fields as secretfields

#: What people and programs send back for a secret that they were not shown.
_MASKING = frozenset("•*")
_SHORTEST_MASK = 4

_UNIONS = ("anyOf", "oneOf", "allOf")

REQUIRED = "This field is required."
BLANK = "This field may not be blank."


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form."""

    id: str
    path: tuple[str, ...]
    """Where its value stands in the configuration."""
    label: str
    required: bool
    placeholder: str
    secret: bool = False
    hidden: bool = False
    """Most people need not care: taken, but not shown."""
    json: bool = False
    """The value is an object or a list: as text, JSON."""
    default: Any = None
    options: tuple[str, ...] = ()
    """The only values there are; empty for any."""


Form = Mapping[str, Field]


def form_of(config: type[BaseModel]) -> Form:
    """The fields by id, in the order of the configuration class.

    A setting may say more in its ``json_schema_extra``: its ``placeholder``, and ``advanced`` to be hidden.
    """
    schema = config.model_json_schema(by_alias=True)
    return {field.id: field for field in _fields(schema, schema.get("$defs", {}), ())}


def config_of(
    form: Form, values: Mapping[str, Any], stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The configuration that the form was filled in with; blanks of optional fields are left out.

    A masked secret stands for the one in ``stored``. Raises `ConfigError` (``config.invalid``) with all
    ``faults`` in its context: messages by field id.
    """
    flat = dict(_flat(form, values, ""))
    faults = {id: ["There is no such field."] for id in flat if id not in form}
    config: dict[str, Any] = {}
    for id, field in form.items():
        value = flat.get(id)
        if value is None or value == "":
            if field.required:
                faults[id] = [REQUIRED if value is None else BLANK]
            continue
        fault, value = _value(field, value, _at(stored, field.path))
        if fault:
            faults[id] = [fault]
        _put(config, field.path, value)
    if faults:
        raise invalid(faults)
    return config


def values_of(form: Form, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a stored configuration as the form would send them, with a mask for every secret."""
    return dict(_flat(form, secretfields.shown(stored), ""))


def check(connector: Connector[Any], form: Form, config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` (``config.invalid``) with all ``faults`` unless the connector takes the plain
    configuration. No value gets into the error, for it may be a secret.
    """
    try:
        connector.config.model_validate(config)
    except ValidationError as error:
        faults: dict[str, list[str]] = {}
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            faults.setdefault(_id_at(form, fault["loc"]), []).append(_sentence(fault["msg"]))
        raise invalid(faults) from None


def invalid(faults: Mapping[str, list[str]]) -> ConfigError:
    """The error for a form with these faults."""
    first = next(iter(faults))
    return ConfigError(
        "config.invalid",
        "The settings are wrong: " + "; ".join(f"{id}: {texts[0]}" for id, texts in faults.items()),
        hint=f"Correct {first!r} and try again.",
        field=first,
        faults=faults,
    )


def _fields(schema: Mapping[str, Any], shared: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        if "const" in given:
            continue
        here, arms = (*path, name), _arms(given, shared)
        objects = [arm for arm in arms if "properties" in arm]
        if objects:
            yield from _nested(given, objects, shared, here)
        else:
            yield _field(given, arms, here, required=name in required)


def _nested(
    given: Mapping[str, Any],
    objects: Sequence[Mapping[str, Any]],
    shared: Mapping[str, Any],
    path: tuple[str, ...],
) -> Iterator[Field]:
    """The fields of all objects that may stand there; none is required, for another one may be chosen."""
    for choice in _choices(given, shared):
        options = {"enum": tuple(choice["mapping"])}
        yield _field(options, [options], (*path, choice["propertyName"]), required=False)
    seen: set[str] = set()
    alone = len(objects) == 1 and "default" not in given
    for item in objects:
        for field in _fields(item, shared, path):
            if field.id not in seen:
                seen.add(field.id)
                yield field if alone else _optional(field)


def _choices(given: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The properties that say which of several objects it is, and what they may hold."""
    if "discriminator" in given:
        yield given["discriminator"]
    elif "$ref" in given:
        yield from _choices(_shared(given, shared), shared)
    for word in _UNIONS:
        for item in given.get(word, ()):
            yield from _choices(item, shared)


def _optional(field: Field) -> Field:
    return Field(**{**vars(field), "required": False})


def _field(
    given: Mapping[str, Any], arms: Sequence[Mapping[str, Any]], path: tuple[str, ...], *, required: bool
) -> Field:
    label = given.get("title") or path[-1].replace("_", " ").replace("-", " ").capitalize()
    secret = any(_is_secret(arm) for arm in arms)
    default = None if secret else given.get("default")
    options = tuple(str(item) for arm in arms for item in arm.get("enum", ()))
    return Field(
        id=".".join(path),
        path=path,
        label=label,
        required=required,
        placeholder=str(given.get("placeholder") or f"Enter your {label}"),
        secret=secret,
        hidden=bool(given.get("advanced")),
        json=all(arm.get("type") in ("object", "array") for arm in arms),
        default=None if default in ("", [], {}) else default,
        options=options,
    )


def _arms(given: Mapping[str, Any], shared: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The plain schemas that a value may follow, without null."""
    if "$ref" in given:
        return _arms(_shared(given, shared), shared)
    for word in _UNIONS:
        if word in given:
            return [arm for item in given[word] for arm in _arms(item, shared)]
    return [] if given.get("type") == "null" else [given]


def _shared(given: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = shared[given["$ref"].rpartition("/")[2]]
    return found


def _is_secret(schema: Mapping[str, Any]) -> bool:
    inside = schema.get("additionalProperties") or schema.get("items")
    return bool(schema.get("writeOnly")) or (isinstance(inside, Mapping) and _is_secret(inside))


def _flat(form: Form, values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """The values by field id, whether they came dotted or nested."""
    for name, value in values.items():
        id = f"{prefix}{name}"
        inside = any(other.startswith(f"{id}.") for other in form)
        if isinstance(value, Mapping) and id not in form and inside:
            yield from _flat(form, value, f"{id}.")
        else:
            yield id, value


def _value(field: Field, value: Any, stored: Any) -> tuple[str, Any]:
    """What is wrong with the value, or nothing and the value for the configuration."""
    if field.secret and _is_mask(value):
        if not secretfields.is_mark(stored):
            return "There is no stored value to keep: enter the secret itself.", None
        return "", stored
    if next(secretfields.marks(value), None) is not None:
        return "Enter the value itself.", None
    if field.json and isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return "Enter valid JSON.", None
    elif field.secret and not field.json and isinstance(value, Mapping | list):
        # A key file pasted as an object instead of as text.
        value = orjson.dumps(value).decode()
    return "", secretfields.kept(value, stored) if isinstance(value, Mapping | list) else value


def _is_mask(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST_MASK and set(value) <= _MASKING


def _at(config: Mapping[str, Any] | None, path: tuple[str, ...]) -> Any:
    found: Any = config
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _put(config: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        config = config.setdefault(name, {})
    config[path[-1]] = value


def _id_at(form: Form, place: Sequence[int | str]) -> str:
    """The field that a fault at this place of the configuration belongs to."""
    parts = [str(part) for part in place]
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in form:
            return ".".join(parts[:length])
    # Unions put the name of the chosen arm into the place: ``auth.bearer.token``.
    for id, field in form.items():
        if parts and field.path[0] == parts[0] and field.path[-1] == parts[-1]:
            return id
    return ".".join(parts) or "non_field_errors"


def _sentence(message: str) -> str:
    text = plain_reason(message)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."

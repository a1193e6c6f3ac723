"""The configuration class of a declarative connector, made from the fields of its file."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, create_model, model_validator

from towpath.sdk.rest.auth import ApiKeyAuth, BasicAuth, OAuth2Auth
from towpath.sdk.rest.checks import OAUTH_FIELDS
from towpath.sdk.rest.definition import Definition, FieldDefinition

_TYPES: Mapping[str, Any] = {"string": str, "integer": int, "boolean": bool}


def config_class(definition: Definition) -> type[BaseModel]:
    """A pydantic model with one field for each of the file, and those that OAuth 2 brings along."""
    fields = {name: _field(definition, name, field) for name, field in definition.fields.items()}
    if any(isinstance(auth, OAuth2Auth) for auth in definition.auth):
        missing = (name for name in OAUTH_FIELDS if name not in fields)
        fields |= {name: _token(name) for name in missing}

    def _credentials(self: BaseModel) -> BaseModel:
        if definition.auth and chosen(definition, values(self)) is None:
            raise ValueError(f"give {' or '.join(_wanted(auth) for auth in definition.auth)}")
        return self

    model: type[BaseModel] = create_model(  # type: ignore[call-overload]  # fields known at run time only
        "".join(part.title() for part in definition.name.split("_")) + "Config",
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__=definition.summary or definition.title,
        __validators__={"credentials_": model_validator(mode="after")(_credentials)},
        **fields,
    )
    return model


def values(config: BaseModel) -> dict[str, str]:
    """What templates are filled with: the fields that have a value, as text, secrets revealed."""
    found = {name: getattr(config, name) for name in type(config).model_fields}
    return {name: _text(value) for name, value in found.items() if value is not None}


def secrets(config: BaseModel) -> list[str]:
    """The values that must never be shown."""
    found = (getattr(config, name) for name in type(config).model_fields)
    return [value.get_secret_value() for value in found if isinstance(value, SecretStr)]


def chosen(definition: Definition, given: Mapping[str, str]) -> OAuth2Auth | ApiKeyAuth | BasicAuth | None:
    """The first way of authentication whose credentials are all there."""
    return next((auth for auth in definition.auth if _enough(auth, given)), None)


def _enough(auth: OAuth2Auth | ApiKeyAuth | BasicAuth, given: Mapping[str, str]) -> bool:
    needed = auth.credentials()
    if isinstance(auth, OAuth2Auth) and _can_be_issued(auth, given):
        needed = tuple(name for name in needed if name != "access_token")
    return all(given.get(name) for name in needed)


def _can_be_issued(auth: OAuth2Auth, given: Mapping[str, str]) -> bool:
    """Whether a token that is not there can be had without asking a person."""
    by_client = not auth.authorize_url and given.get("client_id") and given.get("client_secret")
    return bool(given.get("refresh_token") or by_client)


def _wanted(auth: OAuth2Auth | ApiKeyAuth | BasicAuth) -> str:
    return " and ".join(auth.credentials())


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _field(definition: Definition, name: str, field: FieldDefinition) -> tuple[Any, Any]:
    kind: Any = SecretStr if field.secret else _TYPES[field.type]
    if field.choices:
        kind = Literal[field.choices]
    elif field.type == "string":
        kind = Annotated[kind, AfterValidator(_checked(field.pattern))]
    required = _is_required(definition, name, field)
    extra: dict[str, Any] = {"placeholder": field.placeholder} if field.placeholder else {}
    extra |= {"advanced": True} if field.advanced else {}
    extra |= {"pattern": f"^(?:{field.pattern})$"} if field.pattern else {}
    about = Field(
        ... if required else field.default,
        title=field.title,
        description=field.description or None,
        json_schema_extra=extra or None,
        min_length=1 if required and field.type == "string" and not field.choices else None,
    )
    return (kind if required or field.default is not None else kind | None), about


def _is_required(definition: Definition, name: str, field: FieldDefinition) -> bool:
    """As the file says; credentials that only some ways of authentication need are not, unless it says so."""
    if field.required is not None:
        return field.required
    needed = [name in auth.credentials() for auth in definition.auth]
    return field.is_required and (all(needed) or not any(needed))


def _token(name: str) -> tuple[Any, Any]:
    title = name.replace("_", " ").capitalize()
    kind: Any = str if name == "client_id" else SecretStr
    return kind | None, Field(None, title=title, json_schema_extra={"advanced": True})


def _checked(pattern: str | None) -> Callable[[Any], Any]:
    """Refuses what cannot stand in a header or URL; messages never show the value, it may be a secret."""

    def check(value: str | SecretStr) -> str | SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if any(char < " " or char == "\x7f" for char in text):
            raise ValueError("it must not hold control characters, such as line breaks")
        if pattern and text and not re.fullmatch(pattern, text):
            raise ValueError(f"it does not match {pattern}")
        return value

    return check

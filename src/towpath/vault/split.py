"""Cuts the secrets out of a connection's configuration, and puts them back. # Invariant 8

Knows pydantic only. What is a secret is said by the types of the configuration class: wherever a `SecretStr`
may stand, a text is taken for one, so that a union in doubt leaves nothing behind.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import AliasChoices, BaseModel, RootModel, SecretStr
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from towpath.core.errors import ConfigError, IntegrityError

#: The key of the object that stands where a secret was.
MARK = "$secret"

Path = tuple[str, ...]


def split_secrets(
    config_model: type[BaseModel], config: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, SecretStr]]:
    """The configuration with ``{"$secret": "<field path>"}`` for each secret, and the secrets by field path.

    Only where a secret may stand, and naming that very place, is such an object accepted in ``config``: it
    stays, for a secret that the vault has already. Raises `ConfigError` (``config.invalid``) for any other,
    which could carry a secret to a public field, and for a secret that is no text.
    """
    secrets: dict[str, SecretStr] = {}
    public = _cut(tuple(_arms(config_model)), config, (), secrets)
    return public, secrets


def join_secrets(public: Mapping[str, Any], secrets: Mapping[str, str | SecretStr]) -> dict[str, Any]:
    """The configuration with its secrets as plain texts, ready for ``model_validate``.

    Raises `IntegrityError` (``vault.secret_missing``) if one is not there, or asked for from another place.
    """
    joined: dict[str, Any] = _put(public, (), secrets)
    return joined


def _cut(kinds: tuple[Any, ...], value: Any, path: Path, secrets: dict[str, SecretStr]) -> Any:
    secret = any(_is_secret(kind) for kind in kinds)
    if isinstance(value, SecretStr) or (secret and isinstance(value, str)):
        secrets[_text(path)] = value if isinstance(value, SecretStr) else SecretStr(value)
        return {MARK: _text(path)}
    if isinstance(value, Mapping):
        _check_mark(value, path, secret)
        if MARK in value:
            return dict(value)
    elif secret and not isinstance(value, list | tuple) and not _may_be(kinds, value):
        raise _invalid(path, "a secret is a text")
    return _each(value, lambda key, item: _cut(_inside(kinds, key), item, (*path, key), secrets))


def _put(value: Any, path: Path, secrets: Mapping[str, str | SecretStr]) -> Any:
    if not isinstance(value, Mapping) or MARK not in value:
        return _each(value, lambda key, item: _put(item, (*path, key), secrets))
    secret = secrets.get(_text(path))
    if secret is None or value[MARK] != _text(path):
        raise IntegrityError(
            "vault.secret_missing",
            f"The secret of the field {_text(path)!r} is not in the vault.",
            hint="Enter it again: `towpath connections update`.",
            field=_text(path),
        )
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


def _each(value: Any, do: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: do(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [do(str(index), item) for index, item in enumerate(value)]
    return value


def _check_mark(value: Mapping[str, Any], path: Path, secret: bool) -> None:
    if MARK in value and (not secret or value != {MARK: _text(path)}):
        raise _invalid(path, f"{MARK!r} stands only where a secret of the same field is kept")


def _invalid(path: Path, why: str) -> ConfigError:
    field = _text(path)
    return ConfigError(
        "config.invalid",
        f"The field {field!r} is wrong: {why}.",
        hint="Give the secret itself as a text; in a document as `${env:NAME}` or `${file:path}`.",
        field=field,
    )


def _text(path: Path) -> str:
    r"""``auth.headers.0``; a dot or backslash within a name is escaped: ``a\.b``."""
    return ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in path)


def _arms(kind: Any) -> Iterator[Any]:
    """The plain types that an annotation may stand for."""
    if get_origin(kind) is Annotated:
        yield from _arms(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for arm in get_args(kind):
            yield from _arms(arm)
    elif hasattr(kind, "__value__"):  # a type alias
        yield from _arms(kind.__value__)
    elif isinstance(kind, type) and issubclass(kind, RootModel):
        yield from _arms(kind.model_fields["root"].annotation)
    else:
        yield kind


def _is_secret(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, SecretStr)


def _may_be(kinds: tuple[Any, ...], value: Any) -> bool:
    """Whether the value is None or of a type that stands beside the secret."""
    return value is None or any(isinstance(kind, type) and isinstance(value, kind) for kind in kinds)


def _inside(kinds: tuple[Any, ...], key: str) -> tuple[Any, ...]:
    """The types that what ``key`` names inside a value of these types may have."""
    return tuple(arm for kind in kinds for child in _children(kind, key) for arm in _arms(child))


def _children(kind: Any, key: str) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if key in names_of(name, field):
                yield field.annotation
    elif is_typeddict(kind) or is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        yield from (hint for name, hint in hints.items() if name == key)
    else:  # list, dict, tuple and the like: of a dict only its values count, and its keys do no harm
        yield from get_args(kind)


def names_of(name: str, field: FieldInfo) -> set[str]:
    """All names by which a field of a configuration may be given."""
    choices = field.validation_alias
    aliases = choices.choices if isinstance(choices, AliasChoices) else [choices]
    return {alias for alias in (name, field.alias, *aliases) if isinstance(alias, str)}

"""Takes the secrets out of a connector's configuration, and puts them back.

A stored configuration holds ``{"$secret": "<path>"}`` where a secret was; the path is the name under
which the vault keeps the value. Which fields are secret is decided by their type, ``SecretStr``, and by
nothing else.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import to_jsonable_python

from towpath.core.errors import ConfigError

MARK = "$secret"
#: What stands for a secret wherever a configuration is shown. Sent back in an update it means "unchanged".
MASK = "********"


def split(config: BaseModel) -> tuple[dict[str, Any], dict[str, str]]:
    """The configuration as plain JSON with marks, and the secrets by path. Only fields that were given."""
    secrets: dict[str, str] = {}
    plain = _split(config.model_dump(exclude_unset=True), (), secrets)
    return plain, secrets


def _split(value: Any, path: tuple[str, ...], secrets: dict[str, str]) -> Any:
    if isinstance(value, SecretStr):
        name = ".".join(path)
        secrets[name] = value.get_secret_value()
        return {MARK: name}
    if isinstance(value, Mapping):
        return {str(key): _split(item, (*path, str(key)), secrets) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_split(item, (*path, str(index)), secrets) for index, item in enumerate(value)]
    return to_jsonable_python(value)


def join(stored: Any, secrets: Mapping[str, str]) -> Any:
    """The configuration with its secrets in their places. Raises `KeyError` if one is missing."""
    if is_mark(stored):
        return secrets[stored[MARK]]
    if isinstance(stored, Mapping):
        return {key: join(item, secrets) for key, item in stored.items()}
    if isinstance(stored, list):
        return [join(item, secrets) for item in stored]
    return stored


def shown(stored: Any) -> Any:
    """The configuration as it may be shown: with `MASK` for every secret."""
    if is_mark(stored):
        return MASK
    if isinstance(stored, Mapping):
        return {key: shown(item) for key, item in stored.items()}
    if isinstance(stored, list):
        return [shown(item) for item in stored]
    return stored


def kept(given: Any, stored: Any, secrets: Mapping[str, str]) -> Any:
    """``given`` with the stored secrets where it omits or masks them."""
    if is_mark(stored):
        return secrets[stored[MARK]] if given is None or given == MASK else given
    if isinstance(given, Mapping) and isinstance(stored, Mapping):
        omitted = {key: item for key, item in stored.items() if key not in given and is_mark(item)}
        present = {key: kept(item, stored.get(key), secrets) for key, item in given.items()}
        return present | {key: secrets[item[MARK]] for key, item in omitted.items()}
    if isinstance(given, list) and isinstance(stored, list):
        padded = [*stored, *[None] * len(given)]
        return [kept(item, padded[index], secrets) for index, item in enumerate(given)]
    return given


def is_mark(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {MARK}


def refuse_marks(given: Any) -> None:
    """Raise `ConfigError` for a mark that a user wrote: it would show another field's secret to a system."""
    if isinstance(given, Mapping):
        if MARK in given:
            raise ConfigError(
                "config.invalid",
                f"The name {MARK!r} is reserved.",
                hint="Give the secret itself; it is taken out before the configuration is stored.",
                field=MARK,
            )
        for item in given.values():
            refuse_marks(item)
    elif isinstance(given, list):
        for item in given:
            refuse_marks(item)

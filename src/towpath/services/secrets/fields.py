"""How configurations with secrets are shown, and taken back."""

from collections.abc import Iterator, Mapping
from typing import Any

#: The key of the object that stands where a secret was; see `towpath.vault.split_secrets`.
MARK = "$secret"
#: What stands for a secret wherever a configuration is shown. Sent back in an update it means "unchanged".
MASK = "********"


def is_mark(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {MARK}


def marks(stored: Any) -> Iterator[str]:
    """The paths of all secrets in a stored configuration."""
    if is_mark(stored):
        yield stored[MARK]
    elif isinstance(stored, Mapping):
        for item in stored.values():
            yield from marks(item)
    elif isinstance(stored, list):
        for item in stored:
            yield from marks(item)


def typed(given: Any, parsed: Any) -> Any:
    """``given`` with the values that its configuration class made of it: ``5432`` of ``"5432"``."""
    if is_mark(given):
        return given
    if isinstance(given, Mapping) and isinstance(parsed, Mapping):
        return {key: typed(item, parsed.get(key, item)) for key, item in given.items()}
    if isinstance(given, list) and isinstance(parsed, list) and len(given) == len(parsed):
        return [typed(*pair) for pair in zip(given, parsed, strict=True)]
    return parsed


def shown(stored: Any) -> Any:
    """The configuration as it may be shown: with `MASK` for every secret."""
    if is_mark(stored):
        return MASK
    if isinstance(stored, Mapping):
        return {key: shown(item) for key, item in stored.items()}
    if isinstance(stored, list):
        return [shown(item) for item in stored]
    return stored


def kept(given: Any, stored: Any) -> Any:
    """``given`` with the marks of ``stored`` where it omits or masks a secret."""
    if is_mark(stored):
        return stored if given is None or given == MASK else given
    if isinstance(given, Mapping) and isinstance(stored, Mapping):
        omitted = {key: item for key, item in stored.items() if key not in given and is_mark(item)}
        return {key: kept(item, stored.get(key)) for key, item in given.items()} | omitted
    if isinstance(given, list) and isinstance(stored, list):
        padded = [*stored, *[None] * len(given)]
        return [kept(item, padded[index]) for index, item in enumerate(given)]
    return given

"""Values as plain JSON, and texts without secrets."""

import base64
import datetime as dt
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

_MASK = "***"
#: Shorter values would mask ordinary words, and protect nothing.
_SHORTEST_SECRET = 4
_LARGEST_INT = 2**63


def plain(value: Any) -> Any:
    """The value as JSON from which a person can tell what it was: what JSON lacks becomes exact text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value if _is_json(value) else str(value)


def _is_json(value: Any) -> bool:
    if isinstance(value, bool | str | None):
        return True
    if isinstance(value, int):
        return abs(value) < _LARGEST_INT
    return isinstance(value, float) and math.isfinite(value)


def redacted(value: Any, secrets: Iterable[str]) -> Any:
    """The JSON value with every secret in its texts masked."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _MASK)
        return value
    if isinstance(value, Mapping):
        return {key: redacted(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, secrets) for item in value]
    return value


def secrets_of(config: Any) -> frozenset[str]:
    """The values of all secret fields of a connector's config."""
    if isinstance(config, SecretStr):
        found = [config.get_secret_value()]
    elif isinstance(config, SecretBytes):
        found = [config.get_secret_value().decode(errors="replace")]
    elif isinstance(config, BaseModel):
        return secrets_of([getattr(config, name) for name in type(config).model_fields])
    elif isinstance(config, Mapping):
        return secrets_of(list(config.values()))
    elif isinstance(config, list | tuple | set | frozenset):
        return frozenset().union(*map(secrets_of, config))
    else:
        return frozenset()
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST_SECRET)

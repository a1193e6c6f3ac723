"""The document ``streams_config`` as it comes in: JSON text or an object."""

import json
from collections.abc import Mapping
from typing import Any

from towpath.core.errors import ConfigError

Json = dict[str, Any]


def parsed(streams_config: str | Mapping[str, Any] | None) -> Json:
    """The document as an object; nothing said (``""``, ``"[]"``, ``{}``, None) is an empty one.

    Raises `ConfigError` with the field ``streams_config``.
    """
    if isinstance(streams_config, str):
        try:
            streams_config = json.loads(streams_config or "{}")
        except ValueError as error:
            raise ConfigError(
                "streams_config.invalid",
                f"The streams are not JSON: {error}.",
                hint="Send the object that the streams of the source were answered with, or its text.",
                field="streams_config",
            ) from None
    return dict(streams_config or {})

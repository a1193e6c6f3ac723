"""Connectors whose client libraries are optional: what to say when one is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from towpath.core.errors import ConfigError


@contextmanager
def extra(name: str, *packages: str) -> Iterator[None]:
    """Within, one of the top-level ``packages`` that is missing is told as the extra ``name`` of Towpath's.

    Raises `ConfigError` ``connector.extra_missing``; any other import error passes as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] not in packages:
            raise
        raise ConfigError(
            "connector.extra_missing",
            f"The package that has {missing} is not installed, and this connector cannot work without it.",
            hint=f"pip install 'towpath[{name}]'",
        ) from error

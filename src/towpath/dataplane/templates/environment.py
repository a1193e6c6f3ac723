"""What templates may know besides their context: the time, chance, lookups. Tests pin them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from towpath.dataplane.templates.failures import HelperError


def _now() -> datetime:
    return datetime.now(UTC)


def _no_lookup(name: str, value: Any) -> Any:
    raise HelperError(f"finds no lookup called {name!r} here, for {str(value)[:40]!r}")


@dataclass(frozen=True)
class Environment:
    """The world outside of a template.

    ``look(name, value)`` runs a named lookup for the helper of that name. ``zone`` is the IANA zone in which
    ``timestamp`` and ``dateFormat`` write if they are given none. ``randomness(n)`` gives n bytes.
    """

    clock: Callable[[], datetime] = _now
    randomness: Callable[[int], bytes] = secrets.token_bytes
    look: Callable[[str, Any], Any] = _no_lookup
    zone: str = "UTC"


#: The real clock and real chance; no lookups.
DEFAULT = Environment()

"""When to try again: statuses, waiting times, and what a server asks for."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

#: Answers that a later attempt may change.
RETRY_STATUSES = frozenset({408, 425, 429, *range(500, 600)})


@dataclass(frozen=True)
class Retry:
    """How often and how patiently; waiting times in seconds."""

    attempts: int = 5
    base: float = 0.5
    longest: float = 60
    """The longest time to wait by our own count."""
    patience: float = 300
    """The longest time that a server may ask us to wait; if it asks for more, the answer stands."""
    statuses: frozenset[int] = RETRY_STATUSES
    """The answers that another attempt may change."""

    def wait(self, attempt: int, headers: Mapping[str, str] | None = None) -> float | None:
        """Seconds to wait after the attempt (from 1), or None to give up.

        Half of our own waiting time is random, so that many clients do not come back at once.
        """
        if attempt >= self.attempts:
            return None
        asked = retry_after(headers or {})
        if asked is not None:
            return asked if asked <= self.patience else None
        full = min(self.longest, self.base * 2.0 ** (attempt - 1))
        return full * random.uniform(0.5, 1)  # noqa: S311 - spreading load, not keeping a secret


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that the ``Retry-After`` header asks to wait, 0 or more; None without a valid one.

    >>> retry_after({"retry-after": "7"}), retry_after({"retry-after": "soon"})
    (7.0, None)
    >>> retry_after({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, now=1792567670)
    10.0
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - (time.time() if now is None else now))

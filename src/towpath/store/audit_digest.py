"""What the digest of an audit row is made of. It never changes: rows written years ago must verify."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

#: Keys sorted, ASCII, no spaces.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def digest_of(row: Mapping[str, Any]) -> str:
    """SHA-256, hex, over the canonical JSON of all columns but the digest itself; times in UTC with
    microseconds. The predecessor's digest is one of the columns.
    """
    content = {name: value for name, value in row.items() if name != "digest"}
    for name in ("created_at", "updated_at"):
        content[name] = _written(content[name])
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()


@lru_cache(maxsize=64)
def _written(at: datetime) -> str:
    """Entries that are added together share their times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")

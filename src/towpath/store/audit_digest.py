"""What the digest of an audit row is made of. It never changes: rows written years ago must verify."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

#: Keys sorted, ASCII, no spaces.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def digest_of(row: Mapping[str, Any]) -> str:
    """SHA-256, hex, over the canonical JSON of all columns but the digest itself; times in UTC with
    microseconds. The predecessor's digest is one of the columns.
    """
    content = {name: value for name, value in row.items() if name != "digest"}
    for name in ("created_at", "updated_at"):
        content[name] = content[name].astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()

"""What the digest of an audit row is made of. It never changes: rows written years ago must verify."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType
from typing import Any

import orjson

#: Keys sorted, ASCII, no spaces.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

#: What both ways of `canonical` write alike, as long as it is ASCII. Fractions they write differently.
_PLAIN = frozenset({str, int, bool, NoneType})


def digest_of(row: Mapping[str, Any]) -> str:
    """SHA-256, hex, over the canonical JSON of all columns but the digest itself; times in UTC with
    microseconds. The predecessor's digest is one of the columns.
    """
    content = {**row, "created_at": _written(row["created_at"]), "updated_at": _written(row["updated_at"])}
    content.pop("digest", None)
    return hashlib.sha256(canonical(content)).hexdigest()


def canonical(content: Mapping[str, Any]) -> bytes:
    """What `_CANONICAL` writes, for any row. Nearly all rows are such that a faster way writes the same."""
    if is_plain(content["detail"]):
        try:
            text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            return _CANONICAL.encode(content).encode()
        # What is not ASCII, and DEL, is defined to be escaped.
        if text.isascii() and b"\x7f" not in text:
            return text
    return _CANONICAL.encode(content).encode()


def is_plain(detail: Mapping[str, Any]) -> bool:
    """Whether all values are texts, whole numbers, truth values or None."""
    return _PLAIN.issuperset(map(type, detail.values()))


@lru_cache(maxsize=64)
def _written(at: datetime) -> str:
    """Entries that are added together share their times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")

"""Identifiers: a short kind, an underscore, and 26 characters that sort by time.

The 26 characters are a ULID (48 bits of milliseconds, 48 random bits, and a checksum of 32 bits in place of
more random ones; Crockford base 32), and within one process they are strictly increasing even inside a
millisecond. First-in-first-out queues and "newest first" lists therefore need no second column to break ties.
"""

import re
import secrets
import threading
import time
from uuid import UUID
from zlib import crc32

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 48
_CHECK_BITS = 32
_HEAD_BYTES = 12
_LENGTH = 26
#: Two characters at a time: an id is made for every row of the audit trail.
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS = tuple(range(5 * (_LENGTH - 2), -1, -10))

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")

_lock = threading.Lock()
_last = 0


def new_id(kind: str) -> str:
    """A new identifier such as ``run_01K3V0Q8W6Z5D1N4YB2M7RXT9C``; safe to call from any thread."""
    return f"{kind}_{_encode(_next_value())}"


def _next_value() -> int:
    global _last  # noqa: PLW0603 - the process-wide clock that keeps ids increasing
    now = time.time_ns() // 1_000_000
    with _lock:
        # Same millisecond, or a clock set back: count on from the last one.
        fresh = now > _last >> _RANDOM_BITS
        _last = now << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS) if fresh else _last + 1
        return _whole(_last)


def _whole(head: int) -> int:
    """The 128 bits that these 96 begin: the rest is their checksum, so that they can be cut off and found
    again.
    """
    return head << _CHECK_BITS | crc32(head.to_bytes(_HEAD_BYTES))


def _encode(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])


def as_uuid(id: str) -> UUID:
    """The 128 bits of an identifier, for API families whose ids are UUIDs. Raises `ValueError` for any text
    that is not one of our identifiers.

    >>> str(as_uuid("con_01K3V0Q8W6Z5D1N4YB2M7RXT9C"))
    '0198f60b-a386-f95a-1a93-cb150f8ee92c'
    """
    return UUID(int=_decode(id))


def of_uuid(kind: str, uuid: UUID) -> str:
    """The identifier that `as_uuid` made the UUID of; any other UUID gives one that nothing has.

    >>> of_uuid("con", UUID("0198f60b-a386-f95a-1a93-cb150f8ee92c"))
    'con_01K3V0Q8W6Z5D1N4YB2M7RXT9C'
    """
    return f"{kind}_{_encode(uuid.int)}"


def as_object_id(id: str) -> str:
    """The first 96 bits of an identifier as 24 hex digits, for API families whose ids look like that. Raises
    `ValueError` for any text that is not one of our identifiers.

    >>> as_object_id("con_01K3V0Q8W6Z5D1N4YB2M7RXT9C")
    '0198f60ba386f95a1a93cb15'
    """
    return f"{_decode(id) >> _CHECK_BITS:024x}"


def of_object_id(kind: str, digits: str) -> str:
    """The identifier that `as_object_id` made the digits of. Raises `ValueError` unless they are 24 lowercase
    hex digits.

    >>> id = new_id("con")
    >>> of_object_id("con", as_object_id(id)) == id
    True
    """
    if not _OBJECT_ID.fullmatch(digits):
        raise ValueError("not 24 hex digits")
    return f"{kind}_{_encode(_whole(int(digits, 16)))}"


def _decode(id: str) -> int:
    text = id.rpartition("_")[2]
    if len(text) != _LENGTH or not set(text) <= set(_ALPHABET):
        raise ValueError("not an identifier")
    value = 0
    for letter in text:
        value = value << 5 | _ALPHABET.index(letter)
    return value

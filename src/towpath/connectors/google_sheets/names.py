"""Names of our own tabs, and keys of what we keep with a spreadsheet."""

import hashlib
import secrets

from towpath.sdk import Checkpoint, Target

_DIGITS = 12
_STAGED = "_towpath_s_"
_IDS = 2**31 - 1


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def line(target: Target) -> str:
    """Beginning of the titles of all staging tabs of the stream."""
    return f"{_STAGED}{_digest(target.lineage, target.stream)[:_DIGITS]}_"


def run(target: Target) -> str:
    """Beginning of the titles of this run's staging tabs of the stream."""
    return f"{line(target)}{_digest(target.run)[:_DIGITS]}_"


def key(target: Target) -> str:
    """Key of the stream's checkpoint."""
    return f"towpath:{_digest(target.lineage, target.stream)[: 2 * _DIGITS]}"


def number(target: Target, checkpoint: Checkpoint) -> int:
    """Id of the checkpoint: the same commit has the same, and the spreadsheet takes it once."""
    found = _digest(key(target), checkpoint.run, str(checkpoint.number))
    return int(found[:_DIGITS], 16) % _IDS + 1


def fresh_id() -> int:
    """An id for a new tab."""
    return secrets.randbelow(_IDS) + 1


def fresh_title(target: Target) -> str:
    """A title for the staging tab of one attempt at a slice."""
    return f"{run(target)}{secrets.token_hex(6)}"

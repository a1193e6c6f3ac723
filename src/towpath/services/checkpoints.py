"""Signed lines that say how long an organization's audit trail was at some time."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.errors import ConfigError, IntegrityError
from towpath.core.records import AuditHead, now
from towpath.vault import Vault

_FIELDS: Mapping[str, type] = {"organization": str, "seq": int, "digest": str, "at": str, "signature": str}


def write(vault: Vault, org: str, head: AuditHead) -> str:
    """The line, without a line end."""
    content = {"organization": org, "seq": head.seq, "digest": head.digest, "at": now().isoformat()}
    return json.dumps({**content, "signature": _signature(vault, content)})


def read(vault: Vault, org: str, lines: Sequence[str]) -> list[AuditHead]:
    """What the organization's lines say; those of others and empty ones are passed over.

    Raises `ConfigError` (``checkpoint.unreadable``) for a line that is none, and where none is of this
    organization; `IntegrityError` (``checkpoint.forged``) for one that this vault did not sign.
    """
    contents = [_parse(vault, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    own = [AuditHead(row["seq"], row["digest"]) for row in contents if row["organization"] == org]
    if not own:
        raise _unreadable("There is no checkpoint of this organization's audit trail in the file.")
    return own


def _parse(vault: Vault, number: int, line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or {name: type(value) for name, value in content.items()} != _FIELDS:
        raise _unreadable(f"Line {number} is not a checkpoint of an audit trail.")
    given = content.pop("signature")
    if not hmac.compare_digest(given.encode(), _signature(vault, content).encode()):
        raise IntegrityError(
            "checkpoint.forged",
            f"The checkpoint in line {number} was changed, or not made with this store's keys.",
            hint="Take the file from where only you can write. A store that was made anew has other keys.",
            line=number,
        )
    return content


def _signature(vault: Vault, content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.digest(vault.derive("audit checkpoint"), text.encode(), hashlib.sha256).hex()


def _unreadable(message: str) -> ConfigError:
    return ConfigError(
        "checkpoint.unreadable",
        message,
        hint="Give the lines that `towpath audit checkpoint` printed, as they are.",
        field="checkpoint",
    )

"""Machine keys: ``tp_<kind>_<random>``. Shown once; what is kept is a digest that says nothing about them."""

import re
import secrets
import string
from dataclasses import dataclass

from pydantic import SecretStr

from towpath.vault.vault import Vault

_ALPHABET = string.ascii_letters + string.digits

#: 43 characters of 62 hold 256 bits.
_LENGTH = 43

_FORM = re.compile(r"tp_([a-z]+)_[A-Za-z0-9]{43}")


@dataclass(frozen=True)
class NewKey:
    """A key that was just made."""

    key: SecretStr
    """For its owner's eyes, once."""
    digest: str
    """For the store: `towpath.core.records.Key.digest`."""


def new_machine_key(vault: Vault, kind: str) -> NewKey:
    """A fresh key; ``kind`` is one word of small letters."""
    random = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    key = SecretStr(f"tp_{kind}_{random}")
    return NewKey(key, vault.digest(key))


def kind_of(key: str) -> str | None:
    """The kind that a presented key claims, or None if it has not the form of one of ours."""
    form = _FORM.fullmatch(key)
    return form[1] if form else None

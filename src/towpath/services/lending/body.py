"""The text of an answer that lends."""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from towpath.core.errors import IntegrityError
from towpath.core.repositories import Lendable
from towpath.services.lending import credentials
from towpath.vault import Vault, join_secrets


def body(offer: Lendable, vault: Vault) -> bytes:
    """``{"credentials": {...}, "capabilities": [...]}``. Raises `IntegrityError` if anything does not open.

    Nothing here is told to the process's log as a value to blot out: nothing logs it, and a list that grows
    with every token ever lent would make each line of the log dearer.
    """
    capabilities = orjson.dumps(list(offer.grant.capabilities))
    return b'{"credentials":%b,"capabilities":%b}' % (_credentials(offer, vault), capabilities)


def _credentials(offer: Lendable, vault: Vault) -> bytes:
    # The data key is unwrapped each time: that takes a few microseconds, and keeping it would leave secrets
    # of connections in memory that were shredded since.
    secrets = vault.open(offer.sealed) if offer.sealed else {}
    row = offer.connection
    if not credentials.whole(row):
        return _json(join_secrets(row.config, secrets))
    sealed = secrets.get(credentials.FIELD)
    if sealed is None:
        raise IntegrityError(
            "vault.secret_missing",
            f"The credentials of connection {row.id} are not in the vault.",
            hint="Give the connection its credentials again.",
            connection=row.id,
        )
    # The very text that was sealed: no number or key order can change on the way.
    return sealed.get_secret_value().encode()


def _json(config: Mapping[str, Any]) -> bytes:
    """Exactly, also where orjson knows no number or text so large or odd."""
    try:
        return orjson.dumps(config)
    except orjson.JSONEncodeError:
        return json.dumps(config).encode()

"""Telling a provider that tokens are of no use any more (RFC 7009)."""

import logging
from collections.abc import Mapping
from typing import Any

from towpath.core.errors import TowpathError
from towpath.core.records import Connection
from towpath.services.context import Actor, Rooms, audit
from towpath.services.tokens.clients import registration
from towpath.vault.oauth import Dialog

_log = logging.getLogger(__name__)


def revoke_upstream(rooms: Rooms, actor: Actor, row: Connection, credentials: Mapping[str, Any]) -> None:
    """Revoke the tokens of a connection that is gone.

    As well as it goes: nothing is raised, and how it went is in the audit trail.
    """
    outcome = _revoke(rooms, row, credentials)
    try:
        with rooms.store.begin() as work:
            audit(work, row.org, actor, "token.revoke", row.id, outcome=outcome)
    except TowpathError as error:
        _log.warning("The revocation of %s (%s) is not on record: %s", row.id, outcome, error.code)


def _revoke(rooms: Rooms, row: Connection, credentials: Mapping[str, Any]) -> str:
    try:
        with rooms.store.read() as work:
            how = registration(rooms, work, row.org, row, credentials)
        if not how.oauth.revoke_url:
            return "not_offered"
        # With a refresh token its access tokens go, too.
        hint = "refresh_token" if credentials.get("refresh_token") else "access_token"
        with Dialog(how.oauth, how.client) as dialog:
            dialog.revoke(str(credentials.get(hint)), hint)
    except TowpathError as error:
        return error.code
    return "revoked"

"""What may be lent to whom, as pure functions over rows. The order in which `lending` asks them counts."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from towpath.core.records import Connection, ConnectionStatus, Grant, Key, KeyKind
from towpath.core.repositories import Lendable
from towpath.services.lending import credentials
from towpath.services.lending.answers import UPSTREAM_PAUSE, Answer, Ask, Outcome, refusal

#: No name of a connector is longer.
_LONGEST = 255

#: What no database holds in a text: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

#: How much of what strangers write is kept in the audit trail, in characters.
_KEPT = 200

_NOT_READY = {
    ConnectionStatus.PENDING: "pending",
    ConnectionStatus.EXPIRED: "reauth_required",
    ConnectionStatus.REVOKED: "revoked",
}


def unknown(ask: Ask, key: Key | None, at: datetime) -> str:
    """Why the key does not open this instance's door; empty if it does. For the audit trail only."""
    if key is None:
        return "unknown_key" if ask.key_given else "no_key"
    if key.kind is not KeyKind.PROXY:
        return "key_of_another_kind"
    if not key.opens(at):
        return "key_revoked" if key.revoked_at else "key_expired"
    if ask.instance is not None and key.instance != ask.instance:
        return "key_of_another_instance"
    return ""


def pair(ask: Ask) -> tuple[str, str]:
    """Instance and connector, as grants are looked up."""
    return ask.instance or "", credentials.provider_name(ask.provider or "")


def possible(ask: Ask) -> bool:
    """Whether anything could be called so: the store refuses some texts, and one refused query would refuse
    all asks that are decided together.
    """
    provider = ask.provider or ""
    return 0 < len(provider) <= _LONGEST and not _UNSTORABLE.search(provider)


def fitting(ask: Ask, offers: Sequence[Lendable]) -> Sequence[Lendable]:
    """The offers with the name asked for, or all."""
    return offers if ask.name is None else [one for one in offers if one.connection.name == ask.name]


def not_one(offers: Sequence[Lendable]) -> Answer:
    """Never the first that fits: it could be the wrong mailbox."""
    if not offers:
        return refusal(Outcome.NOT_FOUND)
    names = tuple(one.connection.name for one in offers)
    return refusal(Outcome.AMBIGUOUS, "ambiguous_connection", names)


def unusable(connection: Connection) -> Answer | None:
    """What has to be set right at the connection first."""
    code = _NOT_READY.get(connection.status)
    return refusal(Outcome.NOT_READY, code) if code else None


def incapable(ask: Ask, grant: Grant) -> Answer | None:
    if ask.capability and ask.capability not in grant.capabilities:
        return refusal(Outcome.NOT_CAPABLE)
    return None


def ended(connection: Connection, at: datetime) -> bool:
    """Whether the credentials have ended: they are never lent then."""
    return connection.expires_at is not None and connection.expires_at <= at


def too_late(
    connection: Connection, at: datetime, is_due: Callable[[Connection, datetime], bool]
) -> Answer | None:
    """The refusal of credentials that have ended: for now where they are being renewed, else for good."""
    if not ended(connection, at):
        return None
    if is_due(connection, at):
        return Answer(Outcome.UNAVAILABLE, "renewal_failed", retry_after=UPSTREAM_PAUSE)
    return refusal(Outcome.NOT_READY, "reauth_required")


def detail(ask: Ask, answer: Answer, reason: str) -> dict[str, Any]:
    """What the audit row says beside who, what and when."""
    found: dict[str, Any] = {"outcome": int(answer.outcome)}
    for word, text in (
        ("instance", ask.instance),
        ("provider", ask.provider),
        ("name", ask.name),
        ("capability", ask.capability),
        ("reason", reason or answer.code),
    ):
        if text:
            found[word] = text[:_KEPT]
    return found

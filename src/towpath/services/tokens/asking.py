"""One renewal: what is asked of the provider, and when to ask again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from towpath.core.errors import AuthError, TowpathError
from towpath.core.records import Connection, now
from towpath.services.tokens.clients import Registration
from towpath.vault.oauth import Dialog
from towpath.vault.oauth_answers import TokenSet

#: Longer than a call to a provider can take, with time to store what it brought.
LEASE = timedelta(seconds=30)
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)
_MOST_DOUBLINGS = 10

Outcome = TokenSet | TowpathError | None
"""Tokens, what went wrong, or None: nothing is known to renew with."""


@dataclass(frozen=True)
class Job:
    """One renewal under way."""

    row: Connection
    owner: str
    """Of the lease."""
    until: datetime
    """When the lease ends."""
    failures: int
    """In a row, before this one."""
    credentials: Mapping[str, Any] = field(repr=False)
    how: Registration | TowpathError
    """What to ask with, or why that is not known."""


def ask(job: Job) -> Outcome:
    """The one call to the provider."""
    refresh_token = job.credentials.get("refresh_token")
    if isinstance(job.how, TowpathError):
        # An unknown provider stays unknown; all else the operator can put right.
        return job.how if refresh_token and job.how.code != "oauth.provider_unknown" else None
    if not refresh_token and not _for_itself(job.how, job.credentials):
        return None
    try:
        with Dialog(job.how.oauth, job.how.client) as dialog:
            return dialog.refresh(str(refresh_token)) if refresh_token else dialog.own_tokens(job.how.scopes)
    except TowpathError as error:
        return error


def _for_itself(how: Registration, credentials: Mapping[str, Any]) -> bool:
    """Whether the client gets tokens for its own credentials, and no person is asked."""
    asks_nobody = not how.oauth.authorize_url or credentials.get("grant_type") == "client_credentials"
    return asks_nobody and how.client.secret is not None


def retry_at(job: Job, outcome: Outcome) -> datetime | None:
    """When to try again after a failure that may pass."""
    if isinstance(outcome, (TokenSet, AuthError)):
        return None
    if outcome is None:
        # Of no use before the token has ended: then it is time to say so.
        return job.row.expires_at
    pause = _FIRST_PAUSE * 2.0 ** min(job.failures, _MOST_DOUBLINGS)
    asked = outcome.context.get("retry_after")
    if isinstance(asked, int | float):
        pause = max(pause, timedelta(seconds=min(asked, _LONGEST_PAUSE.total_seconds())))
    return now() + min(_LONGEST_PAUSE, pause)

"""Signing in: how a person lets an organization use an account at another system (OAuth 2, RFC 9700).

A link is made for a connection; the browser that opens it is bound to it by a cookie; the provider asks the
person; its answer is taken once, in that browser only, and becomes the connection's tokens.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from towpath.core.errors import BusyError, ConfigError, NotFoundError, TowpathError
from towpath.core.ports import AuthType
from towpath.core.records import Authorization, Connection, ConnectionStatus, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.lending import credentials as lent
from towpath.services.signins import errors, tickets
from towpath.services.signins.tickets import Ticket
from towpath.services.tokens.clients import Registration, registration
from towpath.services.tokens.storing import keep
from towpath.vault.oauth import Dialog, new_secret
from towpath.vault.oauth_answers import TokenSet

#: How long a link is good for, the sign-in included.
LIFE = timedelta(hours=1)
_PATIENCE = 20.0
_POLL = 0.05
_LONGEST_URL = 500


@dataclass(frozen=True)
class Link:
    """A link for one person."""

    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Offer:
    """What the person is asked."""

    organization: str
    provider: str
    """Its title."""
    connection: str
    """Its name."""


@dataclass(frozen=True)
class Arrival:
    """How a sign-in ended."""

    offer: Offer
    connection: str
    """Its id."""
    return_url: str | None
    error: TowpathError | None = None
    """None if the connection is active now."""


@dataclass(frozen=True)
class _Case:
    """A sign-in with all that belongs to it."""

    ticket: Ticket
    authorization: Authorization
    row: Connection
    offer: Offer
    known: Mapping[str, Any]
    how: Registration


class SignIns(UseCases):
    """The use cases of signing in, in their order. They raise the errors of `signin_errors`."""

    def begin(self, org: str, customer: str | None, connection: str, return_url: str | None = None) -> Link:
        """A link for a customer's connection, or with None for one of the organization's own. Raises
        `NotFoundError`, and `ConfigError` if nobody can sign in at its provider: what is missing is named.
        """
        _check_return(return_url)
        with self.sealing() as work:
            row = work.connections.find(org, id=connection, customer=customer, deleted_at=None)
            if row is None:
                raise NotFoundError(
                    "connection.not_found", "There is no such connection.", hint="Check the id."
                )
            _check_kind(row)
            how = registration(self.rooms, work, org, row, lent.reveal(self.rooms, work, org, row))
            with Dialog(how.oauth, how.client) as dialog:
                dialog.authorize_url("https://check.invalid/", "", "")
            made = Authorization(org=org, connection=row.id, expires_at=now() + LIFE)
            work.authorizations.add(org, made)
            audit(work, org, self.actor, "connection.link", row.id, authorization=made.id)
        return Link(tickets.link(self.rooms.vault, Ticket(org, made.id, return_url)), made.expires_at)

    def offer(self, token: str) -> Offer:
        """What to show to whoever opens the link. It binds nothing: mail filters open links, too."""
        ticket = self._ticket(token)
        with self.rooms.store.read() as work:
            return self._case(work, ticket).offer

    def leave(self, token: str, browser: str, redirect_uri: str) -> str:
        """Bind the link to the browser with that secret; the provider's address to send it to."""
        ticket = self._ticket(token)
        vault = self.rooms.vault
        with self.rooms.store.begin() as work:
            case = self._case(work, ticket)
            if not work.authorizations.open(ticket.org, ticket.authorization, tickets.digest(vault, browser)):
                raise errors.other_browser()
        state = tickets.state(vault, ticket, browser)
        verifier = tickets.verifier(vault, ticket.authorization, browser)
        with Dialog(case.how.oauth, case.how.client) as dialog:
            return dialog.authorize_url(redirect_uri, state, verifier, case.how.scopes)

    def arrive(self, answer: Mapping[str, str], browser: str | None, redirect_uri: str) -> Arrival:
        """Take the provider's answer: the parameters that it put into the redirect.

        Raises `AuthError` (``sign_in.other_browser``) for a state that was not made for this browser.
        """
        vault = self.rooms.vault
        ticket = tickets.opened_state(vault, answer.get("state", ""), browser) if browser else None
        if ticket is None or browser is None:
            raise errors.other_browser()
        with self.rooms.store.read() as work:
            case = self._case(work, ticket)
        if case.authorization.browser != tickets.digest(vault, browser):
            raise errors.other_browser()
        try:
            self._take(case, answer)
            verifier = tickets.verifier(vault, ticket.authorization, browser)
            self._keep(case, self._exchange(case, answer.get("code", ""), redirect_uri, verifier))
        except TowpathError as error:
            self._remember(case, error)
            return Arrival(case.offer, case.row.id, ticket.return_url, error)
        return Arrival(case.offer, case.row.id, ticket.return_url)

    def _ticket(self, token: str) -> Ticket:
        ticket = tickets.opened_link(self.rooms.vault, token)
        if ticket is None:
            raise errors.link_invalid()
        return ticket

    def _case(self, work: UnitOfWork, ticket: Ticket) -> _Case:
        org = ticket.org
        authorization = work.authorizations.find(org, id=ticket.authorization)
        if authorization is None:
            raise errors.link_invalid()
        row = work.connections.find(org, id=authorization.connection, deleted_at=None)
        if row is None or row.status is ConnectionStatus.REVOKED:
            raise errors.link_invalid()
        if authorization.used_at is not None:
            raise errors.used()
        if authorization.expires_at <= now():
            raise errors.expired()
        known = lent.reveal(self.rooms, work, org, row)
        how = registration(self.rooms, work, org, row, known)
        connector = lent.known_provider(self.rooms.registry, row.connector)
        title = connector.title if connector else row.connector
        offer = Offer(work.organizations.get(org).name, title, row.name)
        return _Case(ticket, authorization, row, offer, known, how)

    def _take(self, case: _Case, answer: Mapping[str, str]) -> None:
        """Check who answers and what, then take the answer: only once."""
        provider, issuer = case.offer.provider, case.how.oauth.issuer
        if issuer and answer.get("iss") != issuer:
            raise errors.issuer_wrong(provider)
        if answer.get("error") == "access_denied":
            raise errors.denied(provider)
        if answer.get("error") or not answer.get("code"):
            raise errors.failed(provider, "refused")
        with self.rooms.store.begin() as work:
            if not work.authorizations.use(case.ticket.org, case.ticket.authorization, now()):
                raise errors.used()

    def _exchange(self, case: _Case, code: str, redirect_uri: str, verifier: str) -> TokenSet:
        try:
            with Dialog(case.how.oauth, case.how.client) as dialog:
                return dialog.exchange(code, redirect_uri, verifier)
        except TowpathError as error:
            raise errors.failed(case.offer.provider, error.code) from error

    def _keep(self, case: _Case, fresh: TokenSet) -> None:
        """Store the tokens, between renewals: neither overwrites the other."""
        deadline = time.monotonic() + _PATIENCE
        while not self._kept(case, fresh):
            if time.monotonic() >= deadline:
                raise BusyError(
                    "connection.renewing",
                    "The connection's old tokens are being renewed at this moment.",
                    hint="Try again in a few seconds.",
                )
            time.sleep(_POLL)

    def _kept(self, case: _Case, fresh: TokenSet) -> bool:
        org, id, owner = case.ticket.org, case.row.id, new_secret()
        with self.sealing() as work:
            if not work.renewals.claim(org, id, owner, now(), now()):
                return False
            work.renewals.end(org, id, owner)
            row = work.connections.update(org, id)
            if row.deleted_at is not None:
                raise errors.link_invalid()
            known = lent.reveal(self.rooms, work, org, row)
            keep(self.rooms, work, row, known, fresh, scopes=fresh.scopes or row.scopes)
            audit(work, org, self.actor, "connection.sign_in", id, outcome="connected")
            return True

    def _remember(self, case: _Case, error: TowpathError) -> None:
        cause = error.context.get("cause", error.code)
        with self.rooms.store.begin() as work:
            audit(work, case.ticket.org, self.actor, "connection.sign_in", case.row.id, outcome=cause)


def _check_kind(row: Connection) -> None:
    if row.auth is not AuthType.OAUTH2 or not lent.whole(row):
        raise ConfigError(
            "sign_in.not_oauth",
            f"Nobody signs in for {row.name!r}: it is not an OAuth 2 connection.",
            hint="Give it credentials instead.",
            field="connection",
        )
    if row.status is ConnectionStatus.REVOKED:
        raise ConfigError(
            "sign_in.switched_off",
            f"The connection {row.name!r} is switched off.",
            hint="Switch it on first: set its status to `active`.",
            field="connection",
        )


def _check_return(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        fine = False
    if not fine or len(url) > _LONGEST_URL or any(char <= " " or char in '\\"<>' for char in url):
        raise ConfigError(
            "sign_in.return_invalid",
            "The address to return to is not a web address.",
            hint=f"Write https://host/path, with at most {_LONGEST_URL} characters.",
            field="return_url",
        )

"""Lending credentials: what an instance of a customer's program gets when it asks for a connection.

All asks that wait are decided together, in one unit of work with their audit rows: what is lent is on record,
and what was revoked before the unit began is not lent. # Invariant 8
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from towpath.core.errors import IntegrityError, TowpathError
from towpath.core.records import AuditEntry, Connection, Key
from towpath.core.repositories import Lendable, UnitOfWork
from towpath.services.lending import rules
from towpath.services.lending.answers import Answer, Ask, Due, Outcome, refusal
from towpath.services.lending.body import body
from towpath.vault import Vault

#: Whether a connection's token should be renewed at that moment, before it is lent.
IsDue = Callable[[Connection, datetime], bool]

#: How exact ``last_used_at`` is: it is not written more often.
USE_STEP = timedelta(minutes=1)

_DAMAGED = "The credentials of connection %s do not open (%s), asked for by request %s."

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Case:
    """One ask, and what has been found out about it so far."""

    ask: Ask
    key: Key | None = None
    known: bool = False
    """Whether the key opened the door: decides in whose name the rest is done."""
    offer: Lendable | None = None
    answer: Answer | Due | None = None
    reason: str = ""
    """Why it was refused, for the audit trail only."""


def decide(
    work: UnitOfWork, vault: Vault, asks: Sequence[Ask], at: datetime, is_due: IsDue
) -> list[Answer | Due]:
    """The answers, in the order of the asks; each but a `Due` leaves one audit row, in the same order.

    Raises what the store raises: then nothing may be lent.
    """
    cases = [_Case(ask) for ask in asks]
    _authenticate(work, cases, at)
    offers = _offers(work, cases)
    for case in cases:
        if case.answer is None:
            case.answer = _judge(case, offers, at, is_due) or _lend(case, vault)
    _record(work, cases, at)
    _note_use(work, cases, at)
    return [case.answer for case in cases if case.answer is not None]


def _authenticate(work: UnitOfWork, cases: Iterable[_Case], at: datetime) -> None:
    digests = {case.ask.digest for case in cases if case.ask.digest is not None}
    keys = work.keys.by_digests(digests) if digests else {}
    for case in cases:
        ask = case.ask
        case.key = keys.get(ask.digest) if ask.digest else None
        case.reason = rules.unknown(ask, case.key, at)
        if case.reason:
            case.answer = refusal(Outcome.UNAUTHENTICATED, "invalid_token" if ask.key_given else "")
            continue
        case.known = True
        if ask.instance is None or ask.provider is None:
            case.answer = refusal(Outcome.INVALID)


_Offers = Mapping[tuple[str, str, str], Sequence[Lendable]]


def _offers(work: UnitOfWork, cases: Iterable[_Case]) -> _Offers:
    """What is granted, by organization, instance and connector: one query for each organization."""
    wanted = defaultdict[str, set[tuple[str, str]]](set)
    for case in cases:
        if case.answer is None and rules.possible(case.ask):
            wanted[_org(case)].add(rules.pair(case.ask))
    found = defaultdict[tuple[str, str, str], list[Lendable]](list)
    for org, pairs in wanted.items():
        for offer in work.grants.lendable(org, pairs):
            found[org, offer.grant.instance, offer.connection.connector].append(offer)
    return found


def _judge(case: _Case, offers: _Offers, at: datetime, is_due: IsDue) -> Answer | Due | None:
    """The refusal, or None if the credentials may leave. Sets the connection that it is about."""
    ask = case.ask
    fitting = rules.fitting(ask, offers.get((_org(case), *rules.pair(ask)), ()))
    if len(fitting) != 1:
        return rules.not_one(fitting)
    case.offer = fitting[0]
    connection = case.offer.connection
    refused = rules.unusable(connection) or rules.incapable(ask, case.offer.grant)
    if refused:
        return refused
    if is_due(connection, at) and not ask.renewed:
        return Due(connection.org, connection.id, usable=not rules.ended(connection, at))
    return rules.too_late(connection, at, is_due)


def _lend(case: _Case, vault: Vault) -> Answer:
    offer = case.offer
    assert offer is not None  # noqa: S101 - `_judge` set it, or refused
    try:
        return Answer(Outcome.LENT, body=body(offer, vault))
    except IntegrityError as error:
        case.reason = error.code
        _log.error(_DAMAGED, offer.connection.id, error.code, case.ask.request)
        return refusal(Outcome.FAILED)
    except TowpathError as error:
        case.reason = error.code
        _log.error("The vault does not answer (%s).", error.code)
        return refusal(Outcome.UNAVAILABLE)


def _org(case: _Case) -> str:
    assert case.key is not None  # noqa: S101 - asked only of cases that are known
    return case.key.org


# ── the record ───────────────────────────────────────────────────────────────────────────────────


def _record(work: UnitOfWork, cases: Sequence[_Case], at: datetime) -> None:
    """One audit row for each answer, and one more for what did not open."""
    entries = defaultdict[str, list[AuditEntry]](list)
    homes = _homes(work, [case for case in cases if case.key is None])
    for case in cases:
        org = case.key.org if case.key else homes.get(case.ask.instance)
        # No organization, no customer, no credentials: there is nothing to keep a trail of.
        if org is None or isinstance(case.answer, Due):
            continue
        entries[org].append(_entry(case, org, "credential.fetch", at))
        if case.answer is not None and case.answer.outcome is Outcome.FAILED:
            entries[org].append(_entry(case, org, "vault.tampered", at))
    # In one order: processes that record for the same organizations wait for each other, never in a circle.
    for org in sorted(entries):
        work.audit.extend(org, entries[org])


def _entry(case: _Case, org: str, action: str, at: datetime) -> AuditEntry:
    ask, offer = case.ask, case.offer
    assert isinstance(case.answer, Answer)  # noqa: S101 - a `Due` leaves no row
    return AuditEntry(
        org=org,
        created_at=at,
        updated_at=at,
        actor=f"key:{case.key.id}" if case.key else "unknown",
        action=action,
        object=offer.connection.id if offer else ask.instance or "unknown",
        address=ask.address,
        request=ask.request,
        detail=rules.detail(ask, case.answer, case.reason),
    )


def _homes(work: UnitOfWork, strangers: Sequence[_Case]) -> dict[str | None, str]:
    """In whose trail the asks of strangers go: the organization of the instance that they name; the first
    one for all others.
    """
    if not strangers:
        return {}
    known = [organization.id for organization in work.organizations.list()]
    named = {case.ask.instance for case in strangers if case.ask.instance}
    homes = (
        dict[str | None, str].fromkeys({case.ask.instance for case in strangers}, known[0]) if known else {}
    )
    for org in known if named else ():
        homes |= {row.id: org for row in work.instances.list(org, id=named)}
    return homes


def _note_use(work: UnitOfWork, cases: Iterable[_Case], at: datetime) -> None:
    """Who used what, where that is not known to the minute anyway."""
    keys, connections = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for case in cases:
        if case.key and case.known and _stale(case.key.last_used_at, at):
            keys[case.key.org].add(case.key.id)
        lent = isinstance(case.answer, Answer) and case.answer.outcome is Outcome.LENT
        if lent and case.offer and _stale(case.offer.connection.last_used_at, at):
            connections[case.offer.connection.org].add(case.offer.connection.id)
    for org, ids in keys.items():
        work.keys.used(org, ids, at, USE_STEP)
    for org, ids in connections.items():
        work.connections.touch(org, ids, at, USE_STEP)


def _stale(last: datetime | None, at: datetime) -> bool:
    return last is None or at - last >= USE_STEP

"""No call, by any path, reaches another organization's rows. # Invariant 9"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath.core.errors import TowpathError
from towpath.core.records import AuditEntry, AuditHead, Counters, DebugLine, LogLine, RunStatus
from towpath.core.repositories import Store, UnitOfWork
from towpath.sdk.testing.store_worlds import (
    KINDS,
    STREAM,
    fresh,
    make_world,
    missing_ids,
    plan,
    sealed,
    snapshot,
)

#: A call for organization ``org`` about rows with ``ids``, returning what may be compared.
Call = Callable[[UnitOfWork, str, Mapping[str, str]], Any]

_DUE = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)
_FAR = datetime(2224, 2, 29, tzinfo=UTC)


def _common(kind: str) -> dict[str, Call]:
    """The calls that every repository of rows with an id has."""
    return {
        f"{kind}.add": lambda unit, org, ids: getattr(unit, kind).add(org, fresh(kind, org, ids)) and "added",
        f"{kind}.get": lambda unit, org, ids: getattr(unit, kind).get(org, ids[kind]),
        f"{kind}.find": lambda unit, org, ids: getattr(unit, kind).find(org, id=ids[kind]),
        f"{kind}.list": lambda unit, org, ids: getattr(unit, kind).list(org, id=[ids[kind]]),
        f"{kind}.update": lambda unit, org, ids: getattr(unit, kind).update(org, ids[kind]),
        f"{kind}.delete": lambda unit, org, ids: getattr(unit, kind).delete(org, ids[kind]),
    }


_OWN: dict[str, Call] = {
    "connections.touch": lambda unit, org, ids: unit.connections.touch(
        org, [ids["connections"]], _DUE, timedelta(0)
    ),
    "keys.used": lambda unit, org, ids: unit.keys.used(org, [ids["keys"]], _DUE, timedelta(0)),
    "keys.spend": lambda unit, org, ids: unit.keys.spend(org, ids["keys"], _DUE),
    "grants.lendable": lambda unit, org, ids: unit.grants.lendable(org, [(ids["instances"], "postgres")]),
    "grants.forget": lambda unit, org, ids: unit.grants.forget(org, ids["connections"]),
    "renewals.get": lambda unit, org, ids: unit.renewals.get(org, ids["connections"]).owner,
    "renewals.claim": lambda unit, org, ids: unit.renewals.claim(
        org, ids["connections"], "me", _FAR, _FAR + timedelta(1)
    ),
    "renewals.end": lambda unit, org, ids: unit.renewals.end(org, ids["connections"], ids["connections"]),
    "authorizations.open": lambda unit, org, ids: unit.authorizations.open(
        org, ids["authorizations"], "digest"
    ),
    "authorizations.use": lambda unit, org, ids: unit.authorizations.use(org, ids["authorizations"], _DUE),
    "events.postpone": lambda unit, org, ids: unit.events.postpone(org, ids["events"], 0, _DUE),
    "requests.remember": lambda unit, org, ids: unit.requests.remember(org, ids["requests"], "f", "o"),
    "requests.find": lambda unit, org, ids: unit.requests.find(org, ids["requests"]),
    "numbers.assign": lambda unit, org, ids: len(unit.numbers.assign(org, "x", [ids["connections"]])),
    "numbers.find": lambda unit, org, ids: unit.numbers.find(org, ids["numbers"], 1),
    "flows.advance": lambda unit, org, ids: unit.flows.advance(org, ids["flows"], _DUE, None),
    "runs.claim": lambda unit, org, ids: unit.runs.claim(org, ids["runs"]),
    "runs.finish": lambda unit, org, ids: unit.runs.finish(org, ids["runs"], RunStatus.FAILED),
    "runs.latest": lambda unit, org, ids: list(unit.runs.latest(org, [ids["flows"]])),
    "runs.lock": lambda unit, org, ids: unit.runs.lock(org, ids["runs"]),
    "runs.request_cancel": lambda unit, org, ids: unit.runs.request_cancel(org, ids["runs"]),
    "streams.save_plan": lambda unit, org, ids: unit.streams.save_plan(
        org, *plan(org, ids["runs"], "s9", epoch=9)
    ),
    "streams.get": lambda unit, org, ids: unit.streams.get(org, ids["runs"], STREAM),
    "streams.list": lambda unit, org, ids: unit.streams.list(org, ids["runs"]),
    "streams.of": lambda unit, org, ids: unit.streams.of(org, [ids["runs"]]),
    "streams.find": lambda unit, org, ids: unit.streams.find(org, ids["streams"]),
    "streams.search": lambda unit, org, ids: unit.streams.search(
        org, limit=9, runs=[ids["runs"]], flows=[ids["flows"]]
    ),
    "streams.totals": lambda unit, org, ids: list(unit.streams.totals(org, [ids["runs"]])),
    "streams.update": lambda unit, org, ids: unit.streams.update(org, ids["runs"], STREAM, epoch=9),
    "streams.slices": lambda unit, org, ids: unit.streams.slices(org, ids["runs"], STREAM),
    "streams.slice_done": lambda unit, org, ids: unit.streams.slice_done(
        org, ids["runs"], STREAM, 0, "s0", {}, Counters()
    ),
    "attempts.begin": lambda unit, org, ids: unit.attempts.begin(org, ids["runs"], "t", "w") and "begun",
    "attempts.end": lambda unit, org, ids: unit.attempts.end(org, ids["attempts"], "done"),
    "attempts.list": lambda unit, org, ids: unit.attempts.list(org, ids["runs"]),
    "attempts.live": lambda unit, org, ids: unit.attempts.live(org, ids["runs"], timedelta(days=1)),
    "states.get": lambda unit, org, ids: unit.states.get(org, ids["flows"], STREAM).state,
    "states.list": lambda unit, org, ids: unit.states.list(org, ids["flows"]),
    "states.save": lambda unit, org, ids: unit.states.save(org, ids["flows"], STREAM, 0, {}, "run"),
    "states.reset": lambda unit, org, ids: unit.states.reset(org, ids["flows"], STREAM),
    "log.append": lambda unit, org, ids: unit.log.append(org, ids["runs"], [LogLine(message="x")]),
    "log.read": lambda unit, org, ids: unit.log.read(org, ids["runs"]),
    "record_errors.report": lambda unit, org, ids: unit.record_errors.report(
        org, [fresh("record_errors", org, ids)]
    ),
    "record_errors.amend": lambda unit, org, ids: unit.record_errors.amend(org, ids["record_errors"], {}),
    "record_errors.claim": lambda unit, org, ids: unit.record_errors.claim(
        org, [ids["record_errors"]], ids["runs"]
    ),
    "record_errors.settle": lambda unit, org, ids: unit.record_errors.settle(org, ids["runs"], [STREAM]),
    "record_errors.resolve": lambda unit, org, ids: unit.record_errors.resolve(org, [ids["record_errors"]]),
    "record_errors.unresolved": lambda unit, org, ids: len(unit.record_errors.unresolved(org, [ids["runs"]])),
    "record_errors.standing": lambda unit, org, ids: len(unit.record_errors.standing(org, [ids["flows"]])),
    "record_errors.count": lambda unit, org, ids: unit.record_errors.count(org, run=ids["runs"]),
    "secrets.put": lambda unit, org, ids: unit.secrets.put(org, sealed(org, ids["connections"], "other")),
    "secrets.get": lambda unit, org, ids: unit.secrets.get(org, ids["connections"]),
    "secrets.shred": lambda unit, org, ids: unit.secrets.shred(org, ids["connections"]),
    "secrets.rewrap": lambda unit, org, ids: unit.secrets.rewrap(
        org, ids["connections"], "wrapped", "other", sealed("", "").key_id
    ),
    "audit.append": lambda unit, org, ids: (
        unit.audit.append(org, AuditEntry(id=ids["audit"], org=org, actor="a", action="b", object="c")).action
    ),
    "audit.list": lambda unit, org, ids: unit.audit.list(org, after=ids["audit"]),
    "audit.extend": lambda unit, org, ids: unit.audit.extend(
        org, [AuditEntry(org=org, actor="a", action="b", object=ids["connections"])]
    ),
    "audit.head": lambda unit, org, _: unit.audit.head(org) != AuditHead(),
    "values.put": lambda unit, org, ids: unit.values.put(org, ids["values"], "other", None) and "new",
    "values.get": lambda unit, org, ids: unit.values.get(org, ids["values"], "counter"),
    "values.find": lambda unit, org, ids: unit.values.find(org, ids["values"]),
    "values.keys": lambda unit, org, ids: unit.values.keys(org, ids["values"]),
    "values.remove": lambda unit, org, ids: unit.values.remove(org, ids["values"]),
    "buckets.take": lambda unit, org, ids: unit.buckets.take(org, ids["values"], 1, 1, _DUE),
    "debug_lines.append": lambda unit, org, ids: unit.debug_lines.append(
        org, [DebugLine(connection=ids["connections"], what="response", detail={})]
    ),
    "debug_lines.read": lambda unit, org, ids: unit.debug_lines.read(org, ids["connections"]),
    "debug_lines.remove": lambda unit, org, ids: unit.debug_lines.remove(org, ids["connections"]),
    "audit.of": lambda unit, org, ids: unit.audit.of(org, ids["connections"]),
    "audit.actors": lambda unit, org, ids: unit.audit.actors(org, "b", [ids["connections"]]),
    "audit.verify": lambda unit, org, _: unit.audit.verify(org),
}

CALLS: dict[str, Call] = {name: call for kind in KINDS for name, call in _common(kind).items()} | _OWN


def promised() -> Iterator[str]:
    """``repository.method`` of every promised call that names an organization."""
    for name, repository in inspect.getmembers(UnitOfWork, lambda value: isinstance(value, property)):
        hint = inspect.get_annotations(repository.fget)["return"]
        protocol = getattr(hint, "__origin__", hint)
        for method, function in inspect.getmembers(protocol, inspect.isfunction):
            if "org" in inspect.signature(function).parameters:
                yield f"{name}.{method}"


def outcome(store: Store, call: Call, org: str, ids: Mapping[str, str]) -> tuple[Any, ...]:
    """What the caller sees, the ids that it asked for aside."""
    try:
        with store.begin() as unit:
            return ("value", call(unit, org, ids))
    except TowpathError as error:
        text = f"{error.message} {error.hint} {sorted(error.context.items())}"
        for id in ids.values():
            text = text.replace(id, "ID")
        return (type(error), error.code, text)


class IsolationContract:
    """For a store in the fixture ``store``."""

    def test_every_promised_call_is_tried(self) -> None:
        assert set(promised()) == set(CALLS)

    @pytest.mark.parametrize("name", sorted(CALLS))
    def test_a_foreign_id_reads_as_a_missing_one(self, store: Store, name: str) -> None:
        mine, theirs = make_world(store), make_world(store)
        before = snapshot(store, theirs)
        foreign = outcome(store, CALLS[name], mine.org, theirs.ids)
        assert snapshot(store, theirs) == before
        assert foreign == outcome(store, CALLS[name], mine.org, missing_ids(theirs))

    @pytest.mark.parametrize("name", sorted(CALLS))
    def test_the_call_reaches_its_own_rows(self, store: Store, name: str) -> None:
        """Otherwise the test above would show nothing."""
        mine = make_world(store)
        own = outcome(store, CALLS[name], mine.org, mine.ids)
        assert own[0] == "value" or own[1].endswith(".in_use"), own

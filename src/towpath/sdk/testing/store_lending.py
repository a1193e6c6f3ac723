"""Keys and grants, leases and sign-ins, events, repeated requests, numbers."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from towpath.core.errors import ConflictError, InternalError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import KeyKind, Renewal, now
from towpath.core.repositories import Lendable, Remembered, Store
from towpath.sdk.testing.store_worlds import World, make_world, sealed

MINUTE = timedelta(minutes=1)


class LendingContract:
    """For a store in the fixture ``store``."""

    # ── names ────────────────────────────────────────────────────────────────────────────────────

    def test_names_of_customers_connections_are_their_own(self, store: Store, world: World) -> None:
        org = world.org
        with store.begin() as unit:
            mine = unit.connections.add(org, world.fresh("connections", customer=None))
            same: dict[str, Any] = {"name": mine.name}
            theirs = unit.connections.add(org, world.fresh("connections", **same))
            unit.connections.add(org, world.fresh("connections", connector="mysql", **same))
            other = unit.customers.add(org, world.fresh("customers")).id
            unit.connections.add(org, world.fresh("connections", customer=other, **same))
            assert unit.connections.find(org, customer=None, **same) == mine
            for taken in (None, world.customers, other):
                with pytest.raises(ConflictError) as exists:
                    unit.connections.add(org, world.fresh("connections", customer=taken, **same))
                assert exists.value.code == "connection.exists"
            unit.connections.update(org, theirs.id, deleted_at=now())
            unit.connections.add(org, world.fresh("connections", **same))

    def test_names_of_access_tokens_and_proxy_keys_may_repeat(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            for kind in (KeyKind.ACCESS, KeyKind.PROXY):
                for _ in range(2):
                    unit.keys.add(world.org, world.fresh("keys", name="same", kind=kind))
            unit.keys.add(world.org, world.fresh("keys", name="same", kind=KeyKind.PARTNER))
            with pytest.raises(ConflictError):
                unit.keys.add(world.org, world.fresh("keys", name="same", kind=KeyKind.INTEGRATOR))

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────

    def test_many_digests_in_one_look(self, store: Store, world: World) -> None:
        other = make_world(store)
        with store.begin() as unit:
            keys = [unit.keys.get(world.org, world.keys), unit.keys.get(other.org, other.keys)]
            found = unit.keys.by_digests([*(key.digest for key in keys), "nothing", keys[0].digest])
            assert found == {key.digest: key for key in keys}
            assert unit.keys.by_digests([]) == {}

    def test_an_access_token_goes_with_its_parent(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            parent = unit.keys.add(world.org, world.fresh("keys", kind=KeyKind.PARTNER)).id
            token = world.fresh("keys", kind=KeyKind.ACCESS, parent=parent)
            unit.keys.add(world.org, token)
            unit.keys.delete(world.org, parent)
            assert unit.keys.by_digest(token.digest) is None
            with pytest.raises(NotFoundError) as missing:
                unit.keys.add(world.org, token)
            assert missing.value.code == "key.not_found"

    def test_expired_access_tokens_are_swept(self, store: Store, world: World) -> None:
        at = now()
        moments: list[tuple[KeyKind, Any]] = [
            (KeyKind.ACCESS, at - MINUTE),
            (KeyKind.SESSION, at - MINUTE),
            (KeyKind.ACCESS, at + MINUTE),
            (KeyKind.ACCESS, None),
            (KeyKind.BROKER, at - MINUTE),
        ]
        with store.begin() as unit:
            keys = [
                unit.keys.add(world.org, world.fresh("keys", kind=kind, expires_at=end))
                for kind, end in moments
            ]
            unit.keys.sweep(at)
            there = unit.keys.by_digests([key.digest for key in keys])
        assert list(there) == [key.digest for key in keys[2:]]

    def test_a_key_that_opens_once_is_spent_once(self, store: Store, world: World) -> None:
        at = now()
        with store.begin() as unit:
            link, old = (
                unit.keys.add(world.org, world.fresh("keys", kind=KeyKind.LINK, expires_at=end)).id
                for end in (at + MINUTE, at - MINUTE)
            )
            assert [unit.keys.spend(world.org, id, at) for id in (link, link, old)] == [True, False, False]

    @pytest.mark.parametrize("kind", ["keys", "connections"])
    def test_the_last_use_is_kept_to_about_a_minute(self, store: Store, world: World, kind: str) -> None:
        at, other = now(), make_world(store)
        with store.begin() as unit:
            rows: Any = getattr(unit, kind)
            use = unit.keys.used if kind == "keys" else unit.connections.touch
            unused = rows.add(world.org, world.fresh(kind))
            item = rows.add(world.org, world.fresh(kind))
            uses = [
                (at, at),
                (at + MINUTE / 2, at),
                (at + MINUTE, at + MINUTE),
                (at - MINUTE, at + MINUTE),
                (at + 9 * MINUTE, at + 9 * MINUTE),
            ]
            for moment, kept in uses:
                use(world.org, [item.id, other.ids[kind], "nothing"], moment, MINUTE)
                assert rows.get(world.org, item.id) == replace(item, last_used_at=kept)
            use(world.org, [], at, MINUTE)
            assert rows.get(world.org, unused.id).last_used_at is None
            assert rows.get(other.org, other.ids[kind]).last_used_at is None

    # ── grants ───────────────────────────────────────────────────────────────────────────────────

    def test_what_an_instance_may_borrow(self, store: Store, world: World) -> None:
        org, instance = world.org, world.instances
        with store.begin() as unit:
            plain = unit.connections.add(org, world.fresh("connections", connector="mysql"))
            gone = unit.connections.add(org, world.fresh("connections"))
            for connection in (plain, gone):
                unit.grants.add(org, world.fresh("grants", connection=connection.id, instance=instance))
            elsewhere = unit.grants.add(org, world.fresh("grants", connection=plain.id))
            unit.connections.update(org, gone.id, deleted_at=now())
            first = Lendable(
                connection=unit.connections.get(org, world.connections),
                grant=unit.grants.get(org, world.grants),
                sealed=sealed(org, world.connections),
            )
            (grant,) = unit.grants.list(org, connection=plain.id, instance=instance)
            second = Lendable(connection=plain, grant=grant, sealed=None)
            third = Lendable(connection=plain, grant=elsewhere, sealed=None)

            def lendable(*wanted: tuple[str, str]) -> list[Lendable]:
                return list(unit.grants.lendable(org, wanted))

            assert lendable() == []
            assert lendable((instance, "postgres")) == [first]
            assert lendable((instance, "mysql")) == [second]
            assert lendable((instance, "mysql"), (instance, "postgres")) == [first, second]
            assert lendable((elsewhere.instance, "mysql"), (instance, "postgres")) == [first, third]
            assert lendable((instance, "Postgres"), ("nothing", "mysql")) == []
            many = [(f"ins_{n}", "postgres") for n in range(3000)]
            assert lendable(*many, (instance, "mysql")) == [second]

    def test_one_grant_for_a_connection_and_instance(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            with pytest.raises(ConflictError) as exists:
                unit.grants.add(world.org, world.fresh("grants", instance=world.instances))
            assert exists.value.code == "grant.exists"
            for column, kind in (("connection", "connection"), ("instance", "instance")):
                with pytest.raises(NotFoundError) as missing:
                    unit.grants.add(world.org, world.fresh("grants", **{column: "nothing"}))
                assert missing.value.code == f"{kind}.not_found"

    def test_grants_are_forgotten_together(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            other = unit.connections.add(world.org, world.fresh("connections")).id
            kept = unit.grants.add(world.org, world.fresh("grants", connection=other))
            unit.grants.add(world.org, world.fresh("grants"))
            assert unit.grants.forget(world.org, world.connections) == 2
            assert unit.grants.forget(world.org, world.connections) == 0
            assert list(unit.grants.list(world.org)) == [kept]

    def test_what_belongs_to_a_connection_goes_with_it(self, store: Store, world: World) -> None:
        org = world.org
        with store.begin() as unit:
            connection = unit.connections.add(org, world.fresh("connections")).id
            unit.grants.add(org, world.fresh("grants", connection=connection))
            unit.authorizations.add(org, world.fresh("authorizations", connection=connection))
            unit.renewals.claim(org, connection, "me", now(), now() + MINUTE)
            unit.connections.delete(org, connection)
            assert not unit.grants.list(org, connection=connection)
            assert not unit.authorizations.list(org, connection=connection)
            assert unit.renewals.get(org, connection).owner is None

    def test_an_instance_goes_with_its_grants(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            instance = unit.instances.add(world.org, world.fresh("instances")).id
            unit.grants.add(world.org, world.fresh("grants", instance=instance))
            unit.instances.delete(world.org, instance)
            assert not unit.grants.list(world.org, instance=instance)

    # ── renewing and signing in ──────────────────────────────────────────────────────────────────

    def test_one_owner_of_a_lease_at_a_time(self, store: Store, world: World) -> None:
        at = now()
        with store.begin() as unit:
            place = (world.org, unit.connections.add(world.org, world.fresh("connections")).id)
            blank = unit.renewals.get(*place)
            assert blank == Renewal(
                org=world.org,
                connection=place[1],
                created_at=blank.created_at,
                updated_at=blank.updated_at,
            )
            assert unit.renewals.claim(*place, "a", at, at + MINUTE)
            assert unit.renewals.claim(*place, "a", at, at + 2 * MINUTE)
            assert not unit.renewals.claim(*place, "b", at + MINUTE, at + 3 * MINUTE)
            lease = unit.renewals.get(*place)
            assert (lease.owner, lease.until) == ("a", at + 2 * MINUTE)
            assert unit.renewals.claim(*place, "b", at + 2 * MINUTE, at + 3 * MINUTE)
            assert not unit.renewals.end(*place, "a")
            assert unit.renewals.end(*place, "b")
            assert not unit.renewals.end(*place, "b")
            with pytest.raises(NotFoundError) as missing:
                unit.renewals.claim(world.org, "con_nothing", "a", at, at)
            assert missing.value.code == "connection.not_found"

    def test_failed_renewals_are_counted(self, store: Store, world: World) -> None:
        at, place = now(), (world.org, world.connections)
        with store.begin() as unit:
            for failures in (1, 2):
                assert unit.renewals.claim(*place, "a", at + 9 * MINUTE, at + 10 * MINUTE)
                assert unit.renewals.end(*place, "a", at + failures * MINUTE)
                lease = unit.renewals.get(*place)
                assert (lease.failures, lease.retry_at) == (failures, at + failures * MINUTE)
                assert (lease.owner, lease.until) == (None, None)
            assert unit.renewals.claim(*place, "a", at + 9 * MINUTE, at + 10 * MINUTE)
            assert unit.renewals.get(*place).failures == 2
            assert unit.renewals.end(*place, "a")
            lease = unit.renewals.get(*place)
            assert (lease.failures, lease.retry_at) == (0, None)

    def test_a_sign_in_belongs_to_one_browser_and_is_used_once(self, store: Store, world: World) -> None:
        org, at = world.org, now()
        with store.begin() as unit:
            item = world.fresh("authorizations", browser=None, expires_at=at)
            id = unit.authorizations.add(org, item).id
            assert unit.authorizations.open(org, id, "b1")
            assert unit.authorizations.open(org, id, "b1")
            assert not unit.authorizations.open(org, id, "b2")
            assert not unit.authorizations.open(org, "atz_nothing", "b2")
            assert unit.authorizations.get(org, id).browser == "b1"
            assert not unit.authorizations.use(org, id, at)
            before = at - timedelta(microseconds=1)
            assert unit.authorizations.use(org, id, before)
            assert not unit.authorizations.use(org, id, before)
            assert unit.authorizations.get(org, id).used_at == before

    def test_expired_sign_ins_are_swept(self, store: Store, world: World) -> None:
        at = now()
        with store.begin() as unit:
            old = unit.authorizations.add(world.org, world.fresh("authorizations", expires_at=at - MINUTE))
            new = unit.authorizations.add(world.org, world.fresh("authorizations", expires_at=at))
            unit.authorizations.sweep(at)
            assert unit.authorizations.find(world.org, id=old.id) is None
            assert unit.authorizations.find(world.org, id=new.id) == new

    # ── events ───────────────────────────────────────────────────────────────────────────────────

    def test_events_that_are_due(self, store: Store, world: World) -> None:
        other, at = make_world(store), now() - timedelta(days=9999)
        with store.begin() as unit:
            late = unit.events.add(world.org, world.fresh("events", due_at=at - MINUTE))
            later = unit.events.add(other.org, other.fresh("events", due_at=at - 2 * MINUTE))
            unit.events.add(world.org, world.fresh("events", due_at=at + MINUTE))
            unit.events.add(world.org, world.fresh("events", due_at=at - MINUTE, ended_at=at))
            assert list(unit.events.due(at)) == [later, late]
            assert list(unit.events.due(at, 1)) == [later]
            assert unit.events.postpone(world.org, late.id, 0, at + MINUTE, "it answered 500")
            assert not unit.events.postpone(world.org, late.id, 0, at - MINUTE)
            assert list(unit.events.due(at)) == [later]
            again = unit.events.get(world.org, late.id)
            assert (again.attempts, again.due_at, again.error) == (1, at + MINUTE, "it answered 500")
            assert unit.events.postpone(world.org, late.id, 1, at)
            assert unit.events.get(world.org, late.id).error is None
            for event in (late, later):
                unit.events.update(event.org, event.id, ended_at=at)
                assert not unit.events.postpone(event.org, event.id, event.attempts, at)

    # ── requests and numbers ─────────────────────────────────────────────────────────────────────

    def test_a_request_is_remembered_once(self, store: Store, world: World) -> None:
        org, key, other = world.org, new_id("key"), make_world(store)
        with store.begin() as unit:
            assert unit.requests.find(org, key) is None
            assert unit.requests.remember(org, key, "print", "con_1") is None
            assert unit.requests.remember(org, key, "other", "con_2") == Remembered("print", "con_1")
            assert unit.requests.find(org, key) == Remembered("print", "con_1")
            assert unit.requests.remember(other.org, key, "other", "con_2") is None
            with pytest.raises(NotFoundError):
                unit.requests.remember("org_nobody", key, "print", "con_1")
            unit.requests.sweep(now() - MINUTE)
            assert unit.requests.find(org, key) is not None
        with store.begin() as unit:
            unit.requests.sweep(now())
            assert unit.requests.find(org, key) is None
            assert unit.requests.remember(org, key, "other", "con_2") is None

    def test_a_request_that_failed_was_never_made(self, store: Store, world: World) -> None:
        key = new_id("key")
        with suppress(ZeroDivisionError), store.begin() as unit:
            unit.requests.remember(world.org, key, "print", "con_1")
            1 / 0  # noqa: B018 - anything that goes wrong in a unit
        with store.begin() as unit:
            assert unit.requests.find(world.org, key) is None

    def test_numbers_count_from_one(self, store: Store, world: World) -> None:
        other = make_world(store)
        with store.begin() as unit:
            assert unit.numbers.assign(world.org, "key", ["b", "a"]) == {"b": 1, "a": 2}
            assert unit.numbers.assign(world.org, "key", ["c", "a", "c", "d"]) == {"c": 3, "a": 2, "d": 4}
            assert unit.numbers.assign(world.org, "connection", ["a"]) == {"a": 1}
            assert unit.numbers.assign(other.org, "key", ["a"]) == {"a": 1}
            assert unit.numbers.assign(world.org, "key", []) == {}
            assert unit.numbers.find(world.org, "key", 3) == "c"
            assert unit.numbers.find(world.org, "key", 5) is None
            assert unit.numbers.find(other.org, "key", 2) is None
            many = [f"id {n}" for n in range(2100)]
            given = unit.numbers.assign(world.org, "key", many)
            assert list(given.values()) == list(range(5, 2105))
            with pytest.raises(NotFoundError):
                unit.numbers.assign("org_nobody", "key", ["a"])

    def test_numbers_that_are_known_need_no_writer(self, store: Store, world: World) -> None:
        with store.read() as unit:
            known = unit.numbers.assign(world.org, world.numbers, [world.connections])
            assert known == {world.connections: 1}
        with pytest.raises(InternalError) as refused, store.read() as unit:
            unit.numbers.assign(world.org, world.numbers, [world.connections, "new"])
        assert refused.value.code == "store.read_only_unit"

    def test_flows_of_a_disabled_integration_are_not_due(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            flow = unit.flows.get(world.org, world.flows)
            at = now()

            def due() -> list[str]:
                return [row.id for row in unit.flows.due(at, 10_000) if row.org == world.org]

            assert due() == [flow.id]
            unit.integrations.update(world.org, world.integrations, enabled=False)
            assert due() == []
            unit.flows.update(world.org, flow.id, integration=None)
            assert due() == [flow.id]
            unit.flows.update(world.org, flow.id, enabled=False)

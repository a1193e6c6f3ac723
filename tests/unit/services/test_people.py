"""Keys, customers and instances: what ends what."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import load
from towpath.core.errors import ConfigError, ConflictError, NotFoundError
from towpath.core.records import Connection, Grant, KeyKind, Organization, now
from towpath.services.partners.tokens import Tokens
from towpath.services.people.keys import Customers, Instances, Keys

HOUR = timedelta(hours=1)


@pytest.fixture
def rooms(tmp_path):
    with closing(Container(load({"home": tmp_path}))) as container:
        _ = container.vault
        yield container


@pytest.fixture
def org(rooms):
    return rooms.organization.id


@pytest.fixture
def instance(rooms, org):
    Customers(rooms).create(org, "acme")
    return Instances(rooms).create(org, "one", "acme")


def row_of(rooms, shown):
    """The row that a request with the key would find."""
    with rooms.store.read() as work:
        return work.keys.by_digest(rooms.vault.digest(shown.text))


def opens(rooms, shown, at=None):
    return row_of(rooms, shown).opens(at or now())


@pytest.mark.parametrize("kind", [KeyKind.BROKER, KeyKind.PARTNER, KeyKind.INTEGRATOR])
def test_of_a_key_only_its_first_characters_are_kept(rooms, org, kind):
    shown = Keys(rooms).create(org, "k", kind)
    text = shown.text.get_secret_value()
    assert row_of(rooms, shown) == shown.key
    assert text.startswith(shown.key.hint)
    assert shown.key.hint.startswith(f"tp_{kind}_")
    assert len(shown.key.hint) == len(f"tp_{kind}_") + 4
    with rooms.store.read() as work:
        (entry,) = work.audit.list(org)
    assert text not in str((entry, shown.key))


def test_a_key_expires(rooms, org):
    shown = Keys(rooms).create(org, "k", KeyKind.BROKER, HOUR)
    assert opens(rooms, shown, now() + HOUR - timedelta(minutes=1))
    assert not opens(rooms, shown, now() + HOUR)
    assert Keys(rooms).create(org, "ever", KeyKind.BROKER).key.expires_at is None


@pytest.mark.parametrize("life", [timedelta(0), -HOUR, timedelta(days=999_999_999)])
def test_a_life_that_cannot_be(rooms, org, life):
    with pytest.raises(ConfigError) as refused:
        Keys(rooms).create(org, "k", KeyKind.BROKER, life)
    assert (refused.value.code, refused.value.context["field"]) == ("config.invalid", "expires_in")
    assert Keys(rooms).list(org) == []


def test_an_expired_key_is_listed_and_keeps_its_name(rooms, org):
    shown = Keys(rooms).create(org, "k", KeyKind.BROKER, timedelta(microseconds=1))
    assert not opens(rooms, shown)
    assert [key.id for key in Keys(rooms).list(org)] == [shown.key.id]
    with pytest.raises(ConflictError):
        Keys(rooms).create(org, "k", KeyKind.BROKER)
    Keys(rooms).revoke(org, "k")
    Keys(rooms).create(org, "k", KeyKind.BROKER)


def test_a_partners_tokens_end_with_its_key(rooms, org):
    partner, other = (Keys(rooms).create(org, name, KeyKind.PARTNER) for name in "ab")
    tokens = Tokens(rooms)
    mine = [tokens.issue(partner.key, ["read"]).token.get_secret_value() for _ in range(3)]
    theirs = tokens.issue(other.key, ["read"]).token.get_secret_value()
    assert all(map(tokens.known, [*mine, theirs]))
    assert [key.name for key in Keys(rooms).list(org)] == ["a", "b"]
    revoked = Keys(rooms).revoke(org, "a")
    assert [tokens.known(text) is None for text in [*mine, theirs]] == [True] * 3 + [False]
    rows = [row_of(rooms, Text(text)) for text in mine]
    assert {row.revoked_at for row in rows} == {revoked.revoked_at}


class Text:
    def __init__(self, text):
        self.text = SecretStr(text)


def test_a_key_is_revoked_once_by_name_or_id(rooms, org):
    first = Keys(rooms).create(org, "k", KeyKind.BROKER)
    ended = Keys(rooms).revoke(org, "k")
    second = Keys(rooms).create(org, "k", KeyKind.BROKER)
    assert Keys(rooms).revoke(org, first.key.id).revoked_at == ended.revoked_at
    assert opens(rooms, second)
    # A key named like another's id does not take its place.
    Keys(rooms).create(org, second.key.id, KeyKind.BROKER)
    assert Keys(rooms).revoke(org, second.key.id).id == second.key.id
    with pytest.raises(NotFoundError):
        Keys(rooms).revoke(org, "nobody")


def test_another_organizations_keys_are_out_of_reach(rooms, org):
    with rooms.store.begin() as work:
        other = work.organizations.add(Organization(name="other")).id
    shown = Keys(rooms).create(other, "k", KeyKind.BROKER)
    for name in ("k", shown.key.id):
        with pytest.raises(NotFoundError):
            Keys(rooms).revoke(org, name)
    assert opens(rooms, shown)


def test_rotation_leaves_the_old_key_for_a_while(rooms, org, instance):
    row, first = instance
    second = Instances(rooms).rotate(org, "one", HOUR)
    assert second.key.instance == row.id
    assert second.key.kind is KeyKind.PROXY
    assert second.key.expires_at is None
    assert opens(rooms, first)
    assert opens(rooms, second)
    assert not opens(rooms, first, now() + HOUR)
    end = row_of(rooms, first).expires_at
    third = Instances(rooms).rotate(org, row.id)
    # What was to end sooner still does.
    assert row_of(rooms, first).expires_at == end
    assert timedelta(hours=23) < row_of(rooms, second).expires_at - now() < timedelta(hours=24)
    assert opens(rooms, third)


@pytest.mark.parametrize("overlap", [timedelta(0), -HOUR])
def test_rotation_without_an_overlap_ends_all_old_keys_at_once(rooms, org, instance, overlap):
    old = [instance[1], Instances(rooms).rotate(org, "one", HOUR)]
    new = Instances(rooms).rotate(org, "one", overlap)
    assert [opens(rooms, shown) for shown in (*old, new)] == [False, False, True]
    assert row_of(rooms, old[0]).revoked_at is not None
    with rooms.store.read() as work:
        rotation = next(
            entry for entry in reversed(work.audit.list(org)) if entry.action == "instance.rotate"
        )
    assert rotation.detail["keys"] == [shown.key.id for shown in old]


def test_an_overlap_that_cannot_be_changes_nothing(rooms, org, instance):
    with pytest.raises(ConfigError) as refused:
        Instances(rooms).rotate(org, "one", timedelta(days=999_999_999))
    assert refused.value.context["field"] == "overlap"
    assert row_of(rooms, instance[1]).expires_at is None
    with pytest.raises(NotFoundError):
        Instances(rooms).rotate(org, "two")


def test_an_instance_goes_with_its_keys_and_grants(rooms, org, instance):
    row, first = instance
    second = Instances(rooms).rotate(org, "one")
    with rooms.store.begin() as work:
        connection = work.connections.add(org, a_connection(org, row.customer)).id
        work.grants.add(org, Grant(org=org, connection=connection, instance=row.id))
    with pytest.raises(ConflictError):
        Instances(rooms).create(org, "one", "acme")
    Instances(rooms).delete(org, "one")
    assert row_of(rooms, first) is None
    assert row_of(rooms, second) is None
    with rooms.store.read() as work:
        assert work.grants.list(org) == []
        assert work.connections.get(org, connection).deleted_at is None
    Instances(rooms).create(org, "one", "acme")


def a_connection(org, customer, **more):
    return Connection(org=org, name="c", connector="http", config={}, customer=customer, **more)


def test_a_customer_stays_while_it_has_something(rooms, org, instance):
    row, _ = instance
    with rooms.store.begin() as work:
        alive = work.connections.add(org, a_connection(org, row.customer)).id
        work.connections.add(
            org, a_connection(org, row.customer, deleted_at=datetime(2024, 1, 1, tzinfo=UTC))
        )
    for _ in range(2):
        with pytest.raises(ConflictError) as used:
            Customers(rooms).delete(org, "acme")
        assert used.value.code == "customer.in_use"
        with rooms.store.read() as work:
            assert len(work.connections.list(org)) == 2
        with rooms.store.begin() as work:
            if work.instances.list(org):
                work.keys.delete(org, instance[1].key.id)
                work.instances.delete(org, row.id)
    with rooms.store.begin() as work:
        work.connections.update(org, alive, deleted_at=now())
    # Connections that are deleted already hold nothing.
    Customers(rooms).delete(org, "acme")
    assert Customers(rooms).list(org) == []

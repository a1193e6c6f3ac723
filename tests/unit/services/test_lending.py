"""Deciding fetches: together or one by one, the answers and the record are the same."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.api import settings_of
from towpath.bootstrap.container import Container
from towpath.core.ports import AuthType
from towpath.core.records import Connection, ConnectionStatus, Grant, Organization, now
from towpath.services.lending import credentials
from towpath.services.lending.answers import Answer, Ask, Due, Outcome
from towpath.services.lending.deciding import decide
from towpath.services.people.keys import Customers, Instances, Keys
from towpath.services.secrets import sealing
from towpath.services.tokens.renewing import due

AT = now()


class World:
    """Two organizations with two instances each, and connections in every state."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.orgs = [container.organization.id, self._organization()]
        self.instances: list[str] = []
        self.digests: list[str | None] = [None, "0" * 64]
        for org in self.orgs:
            customer = Customers(container).create(org, "customer").id
            for number in range(2):
                row, shown = Instances(container).create(org, f"instance {number}", customer)
                self.instances.append(row.id)
                self.digests.append(shown.key.digest)
                for name, connector, more in CONNECTIONS:
                    self.connect(org, customer, row.id, f"{name} {number}", connector, **more)
            self.digests.append(Keys(container).create(org, "broker", "broker").key.digest)

    def _organization(self) -> str:
        with self.container.store.begin() as work:
            return work.organizations.add(Organization(name="other")).id

    def connect(
        self,
        org: str,
        customer: str,
        instance: str,
        name: str,
        connector: str,
        *,
        damaged: bool = False,
        **more,
    ) -> None:
        row = Connection(
            org=org,
            customer=customer,
            name=name,
            connector=connector,
            config=credentials.stored_config(),
            auth=AuthType.OAUTH2,
            **more,
        )
        with self.container.store.begin() as work:
            work.connections.add(org, row)
            secrets = credentials.to_secrets({"access_token": f"{name} of {org}"})
            sealing.keep(self.container, work, org, row.id, secrets)
            if damaged:
                sealed = work.secrets.get(org, row.id)
                work.secrets.put(org, replace(sealed, fields={"credentials": "tp1:x:y"}))
            work.grants.add(
                org, Grant(org=org, connection=row.id, instance=instance, capabilities=("send", "read"))
            )

    def decide(self, *asks: Ask) -> list[tuple]:
        with self.container.store.begin() as work:
            answers = decide(work, self.container.vault, asks, AT, due)
        return [(type(answer), *astuple(answer)) for answer in answers]

    def ends(self) -> list[str | None]:
        """Ids of the last rows on record, by organization."""
        with self.container.store.read() as work:
            seqs = [work.audit.head(org).seq for org in self.orgs]
            query = "select id from audit where org = ? and seq = ?"
            run = work.organizations._connection.exec_driver_sql
            return [run(query, pair).scalar() for pair in zip(self.orgs, seqs, strict=True)]

    def trail(self, since: list[str | None]) -> list[list[tuple]]:
        """What each organization's trail says since then."""
        with self.container.store.read() as work:
            pairs = zip(self.orgs, since, strict=True)
            trails = [work.audit.list(org, after=id) for org, id in pairs]
        return [
            [(row.actor, row.action, row.object, row.address, row.request, row.detail) for row in trail]
            for trail in trails
        ]


CONNECTIONS = [
    ("plain", "gmail", {}),
    ("one", "slack", {}),
    ("two", "slack", {}),
    ("off", "xero", {"status": ConnectionStatus.REVOKED}),
    ("pending", "deputy", {"status": ConnectionStatus.PENDING}),
    ("ended", "shopify", {"expires_at": AT - timedelta(hours=1)}),
    ("broken", "github", {"damaged": True}),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with closing(Container(settings_of(tmp_path_factory.mktemp("lending") / "home"))) as container:
        yield World(container)


def asks(world: World) -> st.SearchStrategy[Ask]:
    providers = [None, "", "Gmail", "nothing", "x" * 300, "nul\0", "surrogate\udc80"]
    return st.builds(
        Ask,
        digest=st.sampled_from(world.digests),
        instance=st.sampled_from([*world.instances, None, "ins_00000000000000000000000000"]),
        provider=st.sampled_from([*providers, *(connector for _, connector, _ in CONNECTIONS)]),
        name=st.sampled_from([None, "one 0", "one 1", "plain 0", "", "nul\0"]),
        capability=st.sampled_from([None, "", "send", "other", "nul\0\udc80"]),
        address=st.sampled_from([None, "127.0.0.1"]),
        request=st.sampled_from([None, "r-1"]),
        key_given=st.booleans(),
        renewed=st.booleans(),
    )


@settings(max_examples=60)
@given(data=st.data())
def test_together_or_one_by_one_is_the_same(world: World, data: st.DataObject):
    batch = data.draw(st.lists(asks(world), max_size=12))
    start = world.ends()
    together = world.decide(*batch)
    record, start = world.trail(start), world.ends()
    assert [answer for ask in batch for answer in world.decide(ask)] == together
    assert world.trail(start) == record


@settings(max_examples=60)
@given(data=st.data())
def test_each_answer_is_on_record_once_and_nothing_else(world: World, data: st.DataObject):
    batch = data.draw(st.lists(asks(world), max_size=12))
    before = world.ends()
    answers = world.decide(*batch)
    rows = list(itertools.chain(*world.trail(before)))
    told = sorted(row[5]["outcome"] for row in rows if row[1] == "credential.fetch")
    assert told == sorted(int(answer[1]) for answer in answers if answer[0] is Answer)
    damaged = sum(1 for answer in answers if answer[0] is Answer and answer[1] is Outcome.FAILED)
    assert sum(1 for row in rows if row[1] == "vault.tampered") == damaged


@settings(max_examples=60)
@given(data=st.data())
def test_only_who_may_is_lent_and_only_the_own(world: World, data: st.DataObject):
    ask = data.draw(asks(world))
    ((kind, outcome, *rest),) = world.decide(ask)
    if kind is Due or outcome is not Outcome.LENT:
        assert b"access_token" not in repr(rest).encode()
        return
    place = world.instances.index(ask.instance)
    assert ask.digest in world.digests[2 + place // 2 * 3 :][:2]
    assert f"of {world.orgs[place // 2]}" in rest[1].decode()


def test_what_does_not_open_spoils_nothing_of_the_same_batch(world: World):
    good = Ask(world.digests[2], world.instances[0], "gmail")
    bad = replace(good, provider="github")
    outcomes = [answer[1] for answer in world.decide(good, bad, good)]
    assert outcomes == [Outcome.LENT, Outcome.FAILED, Outcome.LENT]


def test_a_token_that_ended_is_renewed_first_and_refused_if_that_did_not_work(world: World):
    ask = Ask(world.digests[2], world.instances[0], "shopify")
    before = world.ends()
    ((kind, org, _, usable),) = world.decide(ask)
    assert (kind, org, usable) == (Due, world.orgs[0], False)
    assert world.ends() == before
    ((kind, outcome, code, *_),) = world.decide(replace(ask, renewed=True))
    assert (outcome, code) == (Outcome.UNAVAILABLE, "renewal_failed")


def test_an_answer_shows_no_secret_when_it_is_shown():
    assert "secret" not in repr(Answer(Outcome.LENT, body=b"secret"))

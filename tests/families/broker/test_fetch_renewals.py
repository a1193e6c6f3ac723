"""Fetching credentials whose token is due: one call to the provider, and what its answers come to."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.api import Api, running, settings_of, uuid
from support.lent import LOOPBACK, Lab, opened
from support.oauth import Held, Provider
from towpath.core.records import Connection, ConnectionStatus, Grant, now
from towpath.services.people.keys import Customers, Instances


class House:
    """A server, and what its instance may borrow."""

    def __init__(self, api: Api, lab: Lab) -> None:
        self.api, self.lab, self.provider = api, lab, lab.provider
        self.customer = Customers(lab.container).create(lab.org, "customer").id
        instance, shown = Instances(lab.container).create(lab.org, "agent", self.customer)
        self.instance, self.key = instance.id, shown.text.get_secret_value()

    def mailbox(self, ends_in: float = -1, **more: Any) -> Connection:
        row = self.lab.signed_in(ends_in, customer=self.customer, **more)
        grant = Grant(org=self.lab.org, connection=row.id, instance=self.instance)
        with self.lab.container.store.begin() as work:
            work.grants.add(self.lab.org, grant)
        return row

    def nearly_ended(self) -> Connection:
        """Of its ten hours the token has one minute left."""
        return self.mailbox(60, updated_at=now() - timedelta(hours=10))

    def fetch(self) -> Any:
        path = f"/internal/v1/instances/{uuid(self.instance)}/connections"
        return self.api.get(path, self.key, params={"provider": "acme"})

    def outcomes(self) -> list[int]:
        return [row.detail["outcome"] for row in self.lab.trail("credential.fetch")]


@pytest.fixture
def house(tmp_path: Path, provider: Provider) -> Iterator[House]:
    home = tmp_path / "home"
    with opened(home, provider) as lab, running(settings_of(home, allowed_hosts=(LOOPBACK,))) as api:
        yield House(api, lab)


def token_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["credentials"]["access_token"]


def test_a_token_that_ended_is_renewed_before_it_is_lent(house: House):
    row = house.mailbox()
    before = house.lab.credentials(row)["access_token"]
    token = token_of(house.fetch())
    assert token != before
    assert house.provider.live(token)
    assert token_of(house.fetch()) == token
    assert house.provider.count() == 1
    assert house.outcomes() == [200, 200]


def test_whoever_asks_meanwhile_gets_the_same_new_token(house: House):
    house.mailbox()
    house.provider.faults.after = held = Held()
    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(house.fetch) for _ in range(20)]
        assert held.reached.wait(60)
        held.go.set()
        tokens = {token_of(answer.result(60)) for answer in answers}
    assert len(tokens) == 1
    assert house.provider.count() == 1
    assert house.outcomes() == [200] * 20


def test_a_token_near_its_end_is_renewed_too(house: House):
    row = house.nearly_ended()
    before = house.lab.credentials(row)["access_token"]
    assert token_of(house.fetch()) != before


def test_while_the_old_token_lives_a_failed_renewal_is_no_reason_to_refuse(house: House):
    row = house.nearly_ended()
    before = house.lab.credentials(row)["access_token"]
    house.provider.faults.answer(503)
    assert token_of(house.fetch()) == before
    found = house.lab.row(row)
    assert found.status is ConnectionStatus.ERROR
    assert found.error
    # And it is not tried again with every fetch.
    assert token_of(house.fetch()) == before
    assert house.provider.count() == 1


def test_while_the_old_token_lives_nobody_waits_long_for_a_provider_that_hangs(house: House):
    row = house.nearly_ended()
    before = house.lab.credentials(row)["access_token"]
    house.provider.faults.after = held = Held()
    assert token_of(house.fetch()) == before
    assert held.reached.is_set()
    held.go.set()


def test_a_token_that_ended_is_not_lent_when_the_provider_is_away(house: House):
    row = house.mailbox()
    house.provider.faults.answer(503)
    answer = house.fetch()
    assert (answer.status_code, answer.json()["code"]) == (503, "renewal_failed")
    assert int(answer.headers["retry-after"]) > 0
    assert house.lab.row(row).status is ConnectionStatus.ERROR
    house.lab.patience_is_over(row)
    assert house.provider.live(token_of(house.fetch()))
    assert house.lab.row(row).status is ConnectionStatus.ACTIVE
    assert house.outcomes() == [503, 200]


def test_what_the_provider_will_not_renew_has_to_be_signed_in_again(house: House):
    row = house.mailbox()
    house.provider.faults.error("invalid_grant")
    for _ in range(2):
        answer = house.fetch()
        assert (answer.status_code, answer.json()["code"]) == (424, "reauth_required")
    assert house.provider.count() == 1
    assert house.lab.row(row).status is ConnectionStatus.EXPIRED


@pytest.mark.parametrize("status", [ConnectionStatus.REVOKED, ConnectionStatus.PENDING])
def test_what_is_not_lent_is_not_renewed(house: House, status: ConnectionStatus):
    row = house.mailbox()
    house.lab.change(row, status=status)
    assert house.fetch().status_code == 424
    assert house.provider.count() == 0

"""Sign-ins beside what else happens to a connection, and what they carry through browsers."""

import threading
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.lent import Lab
from support.oauth import CLIENT, SECRET, Held
from towpath.core.errors import TowpathError
from towpath.core.records import ConnectionStatus, Customer
from towpath.services.removal import remove
from towpath.services.signins import tickets
from towpath.services.signins.signins import Arrival, SignIns
from towpath.services.signins.tickets import Ticket
from towpath.services.tokens.renewing import Tokens

BACK = "http://127.0.0.1/connect/callback"
BROWSER = tickets.new_browser()


@pytest.fixture
def customer(lab: Lab) -> str:
    lab.provider.client(CLIENT, SECRET, BACK)
    lab.describe()
    lab.register()
    with lab.container.store.begin() as work:
        return work.customers.add(lab.org, Customer(org=lab.org, name="Acme")).id


def answer_of(lab: Lab, row) -> dict[str, str]:
    """What the provider says after a person has agreed."""
    link = SignIns(lab.container).begin(lab.org, row.customer, row.id)
    url = SignIns(lab.container).leave(link.token, BROWSER, BACK)
    location = httpx2.get(url).headers["location"]
    return dict(parse_qsl(urlsplit(location).query))


def arrive(lab: Lab, answer: dict[str, str]) -> Arrival:
    return SignIns(lab.container).arrive(answer, BROWSER, BACK)


def test_a_sign_in_wins_over_a_renewal_that_is_under_way(lab: Lab, customer: str):
    row = lab.signed_in(customer=customer)
    answer = answer_of(lab, row)
    held = lab.provider.faults.after = Held()
    renewing = threading.Thread(target=lab.renew, args=[row])
    renewing.start()
    assert held.reached.wait(30)
    lab.provider.faults.after = lambda: None
    found: list[Arrival] = []
    signing = threading.Thread(target=lambda: found.append(arrive(lab, answer)))
    signing.start()
    held.go.set()
    for thread in (renewing, signing):
        thread.join(60)
        assert not thread.is_alive()
    assert [arrival.error for arrival in found] == [None]
    token = lab.credentials(row)["access_token"]
    mine = next(one for one in lab.provider.tokens if one.access_token == token)
    assert mine.user == "ada"
    assert lab.provider.tokens[-1] is mine, "the last that was issued is the one that is kept"
    assert lab.row(row).status is ConnectionStatus.ACTIVE


def test_a_sign_in_ends_the_pause_after_failures(lab: Lab, customer: str):
    row = lab.signed_in(customer=customer)
    lab.provider.faults.answer(500)
    lab.renew(row)
    assert lab.lease(row).retry_at
    assert arrive(lab, answer_of(lab, row)).error is None
    assert (lab.lease(row).retry_at, lab.lease(row).failures) == (None, 0)


def test_what_else_is_in_the_credentials_stays(lab: Lab, customer: str):
    row = lab.add({"shop": "acme", "note": {"a": [1]}}, customer=customer, status=ConnectionStatus.PENDING)
    assert arrive(lab, answer_of(lab, row)).error is None
    stored = lab.credentials(row)
    assert (stored["shop"], stored["note"]) == ("acme", {"a": [1]})
    assert lab.provider.live(stored["access_token"])


def test_a_deleted_connection_takes_its_tokens_along(lab: Lab, customer: str):
    row = lab.signed_in(customer=customer)
    cases = Tokens(lab.container)
    remove(cases, lab.org, lambda work: work.connections.get(lab.org, row.id))
    assert lab.provider.tokens[0].revoked
    assert [entry.detail["outcome"] for entry in lab.trail("token.revoke")] == ["revoked"]


def test_a_provider_that_is_down_does_not_keep_a_connection(lab: Lab, customer: str):
    row = lab.signed_in(customer=customer, credentials={"client_secret": "wrong"})
    remove(Tokens(lab.container), lab.org, lambda work: work.connections.get(lab.org, row.id))
    assert [entry.detail["outcome"] for entry in lab.trail("token.revoke")] == ["oauth.client_refused"]
    assert lab.row(row).deleted_at


def test_nothing_secret_of_a_sign_in_is_stored(lab: Lab, customer: str):
    row = lab.add({}, customer=customer, status=ConnectionStatus.PENDING)
    answer = answer_of(lab, row)
    with lab.container.store.read() as work:
        stored = repr([work.authorizations.list(lab.org), work.audit.list(lab.org)])
    vault = lab.container.vault
    (authorization,) = [part for part in stored.split("'") if part.startswith("atz_")][:1]
    for secret in (BROWSER, tickets.verifier(vault, authorization, BROWSER), *answer.values()):
        assert secret not in stored


def test_tickets_open_for_what_they_were_made_for_only(lab: Lab):
    vault, ticket = lab.container.vault, Ticket("org_1", "atz_1", "https://a.example/é?x=1")
    link, state = tickets.link(vault, ticket), tickets.state(vault, ticket, BROWSER)
    assert tickets.opened_link(vault, link) == ticket
    assert tickets.opened_state(vault, state, BROWSER) == ticket
    assert tickets.opened_link(vault, state) is None
    assert tickets.opened_state(vault, link, BROWSER) is None
    assert tickets.opened_state(vault, state, tickets.new_browser()) is None
    assert len(tickets.verifier(vault, "atz_1", BROWSER)) == 43
    assert tickets.verifier(vault, "atz_1", BROWSER) != tickets.verifier(vault, "atz_2", BROWSER)


@pytest.fixture(scope="module")
def vault(tmp_path_factory):
    from contextlib import closing

    from support.api import settings_of
    from towpath.bootstrap.container import Container

    with closing(Container(settings_of(tmp_path_factory.mktemp("home")))) as container:
        yield container.vault


ANY = st.text(st.characters()) | st.from_regex(r"[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{43}", fullmatch=True)


@given(ANY, st.text(st.characters(), max_size=60))
def test_nobody_else_makes_tickets(vault, text, browser):
    assert tickets.opened_link(vault, text) is None
    assert tickets.opened_state(vault, text, browser) is None


@given(st.integers(0, 400), st.integers(1, 127))
def test_a_changed_ticket_does_not_open(vault, place, change):
    text = tickets.link(vault, Ticket("org_1", "atz_1"))
    place %= len(text)
    other = text[:place] + chr(ord(text[place]) ^ change) + text[place + 1 :]
    assert tickets.opened_link(vault, other) is None


def test_every_way_to_fail_is_a_sentence_for_people():
    from towpath.services.signins import errors

    made = [errors.link_invalid(), errors.expired(), errors.used(), errors.other_browser()]
    made += [errors.issuer_wrong("Acme"), errors.denied("Acme"), errors.failed("Acme", "x")]
    for error in made:
        assert isinstance(error, TowpathError)
        assert error.message.endswith(".")
        assert error.hint.endswith(".")

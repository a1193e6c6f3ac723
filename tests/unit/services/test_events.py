"""Events reach a real receiver, signed, at least once, and each under one id."""

import json
import threading
import time
from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from support.http import Asked, Endpoint
from support.lent import SIGNING_SECRET, Lab, opened
from towpath.core.errors import BusyError
from towpath.core.ids import as_uuid
from towpath.core.records import Event, now
from towpath.services.connections import Connections
from towpath.services.events import ATTEMPTS, EXPIRED, deliver, emit
from towpath.services.upkeep import Upkeep

LATER = timedelta(days=1)


def happen(lab: Lab, name: str = "mailbox") -> Event:
    """A connection expires."""
    row = lab.signed_in(name=name)
    lab.provider.faults.error("invalid_grant")
    lab.renew(row)
    return lab.events()[-1]


def ids(ear: Endpoint) -> list[str]:
    return [asked.headers["webhook-id"] for asked in ear.asked]


def verified(asked: Asked) -> dict:
    return Webhook(SIGNING_SECRET).verify(asked.body, asked.headers)


def test_an_event_is_delivered_once_signed_and_in_the_brokers_words(lab: Lab, ear: Endpoint):
    lab.listen(ear.url + "/hooks/1")
    event = happen(lab)
    assert deliver(lab.container) == 1
    assert deliver(lab.container, now() + LATER) == 0
    (asked,) = ear.asked
    body = verified(asked)
    assert body["type"] == "connection.expired"
    data = body["data"]
    row = lab.trail("token.renew")[0].object
    assert data["connection_id"] == str(as_uuid(row))
    assert (data["name"], data["provider"], data["status"]) == ("mailbox", "acme", "expired")
    assert data["error_message"]
    assert asked.headers["webhook-id"] == event.id
    assert asked.path == "/hooks/1"
    assert "canary" not in asked.body.decode()
    (done,) = lab.events()
    assert (done.ended_at is not None, done.error, done.attempts) == (True, None, 1)


def test_a_receiver_that_fails_at_first_gets_it_again_under_the_same_id(lab: Lab, ear: Endpoint):
    lab.listen(ear.url)
    event = happen(lab)
    ear.answers(500, "reset", 404)
    at = now()
    for _ in range(3):
        assert deliver(lab.container, at) == 0
        assert deliver(lab.container, at) == 0, "not before its time"
        at += LATER
    assert deliver(lab.container, at) == 1
    assert ids(ear) == [event.id] * 4
    assert len({json.dumps(verified(asked)) for asked in ear.asked}) == 1


def test_pauses_grow(lab: Lab, ear: Endpoint):
    lab.listen(ear.url)
    happen(lab)
    ear.answers(*[500] * 20)
    at, pauses = now(), []
    for _ in range(ATTEMPTS - 1):
        deliver(lab.container, at)
        (event,) = lab.events()
        pauses.append((event.due_at - at).total_seconds())
        at = event.due_at
    assert pauses == [30, 90, 270, 810, 2430, 7290, 21600, 21600, 21600]


def test_it_is_given_up_in_the_end(lab: Lab, ear: Endpoint):
    lab.listen(ear.url)
    happen(lab)
    ear.answers(*[500] * 50)
    for day in range(ATTEMPTS + 3):
        deliver(lab.container, now() + LATER * day)
    assert len(ear.asked) == ATTEMPTS
    (event,) = lab.events()
    assert event.ended_at
    assert event.error == f"{ear.url} answered 500."


def test_many_workers_send_it_once(lab: Lab, ear: Endpoint):
    lab.listen(ear.url)
    wanted = sorted(happen(lab, f"c{number}").id for number in range(5))
    threads = [threading.Thread(target=deliver, args=[lab.container]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ids(ear)) == wanted


def test_a_worker_that_dies_after_sending_leaves_it_to_be_sent_again(lab: Lab, ear: Endpoint, monkeypatch):
    lab.listen(ear.url)
    event = happen(lab)
    with lab.container.store.begin() as work:  # what it does before it sends
        assert work.events.postpone(lab.org, event.id, 0, now() + timedelta(seconds=30))
    assert deliver(lab.container) == 0
    assert deliver(lab.container, now() + LATER) == 1
    assert ids(ear) == [event.id]


def test_without_a_receiver_nothing_is_kept(lab: Lab, ear: Endpoint):
    row = lab.signed_in()
    lab.provider.faults.error("invalid_grant")
    lab.renew(row)
    assert lab.events() == []
    lab.listen(ear.url)
    happen(lab, "other")
    Connections(lab.container).delete(lab.org, "events")
    assert deliver(lab.container) == 0
    assert "no connection 'events'" in (lab.events()[0].error or "")


def test_an_event_of_what_did_not_happen_is_not_there(lab: Lab, ear: Endpoint):
    lab.listen(ear.url)
    row = lab.signed_in()

    def fail():
        with lab.container.store.begin() as work:
            emit(work, lab.org, EXPIRED, row)
            raise BusyError("store.busy", "Busy.", hint="Wait.")

    with pytest.raises(BusyError):
        fail()
    assert lab.events() == []


@pytest.mark.parametrize("url", ["http://169.254.169.254/hook", "http://10.1.2.3/hook", "http://[::1]/hook"])
def test_events_do_not_lead_inside(lab: Lab, url: str):
    lab.listen(url)
    happen(lab)
    assert deliver(lab.container) == 0
    assert "is not reached" in (lab.events()[0].error or "")


def test_without_a_signing_secret_it_says_who_it_is(lab: Lab, ear: Endpoint):
    lab.listen(ear.url, signing_secret=None, headers={"x-from": "towpath"}, secret_headers={"x-key": "k-123"})
    event = happen(lab)
    assert deliver(lab.container) == 1
    (asked,) = ear.asked
    assert asked.headers["webhook-id"] == event.id
    assert "webhook-signature" not in asked.headers
    assert (asked.headers["x-from"], asked.headers["x-key"]) == ("towpath", "k-123")


def test_a_worker_sends_what_is_due(lab: Lab, ear: Endpoint, monkeypatch):
    monkeypatch.setattr("towpath.services.upkeep._EVERY", 0.05)
    lab.listen(ear.url)
    event = happen(lab)
    upkeep = Upkeep(lab.container)
    upkeep.start()
    try:
        until = time.monotonic() + 60
        while not ear.asked and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        upkeep.stop()
    assert ids(ear) == [event.id]


def test_upkeep_goes_on_whatever_happens(lab: Lab, monkeypatch, caplog):
    rounds = []

    def fail(_):
        rounds.append(1)
        raise [ValueError("boom"), BusyError("store.busy", "Busy.", hint="Wait.")][len(rounds) % 2]

    monkeypatch.setattr("towpath.services.upkeep._EVERY", 0.01)
    monkeypatch.setattr("towpath.services.upkeep.deliver", fail)
    upkeep = Upkeep(lab.container)
    upkeep.start()
    until = time.monotonic() + 60
    while len(rounds) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    upkeep.stop()
    assert len(rounds) >= 4


def test_a_worker_has_it(tmp_path, provider, ear: Endpoint):
    with opened(tmp_path / "home", provider) as lab:
        lab.listen(ear.url)
        lab.container.work()
        event = happen(lab)
        until = time.monotonic() + 60
        while not ear.asked and time.monotonic() < until:
            time.sleep(0.05)
        assert ids(ear) == [event.id]

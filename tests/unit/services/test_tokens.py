"""Renewing tokens at a real provider, in one process."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from support.http import endpoint
from support.lent import Lab
from support.oauth import CLIENT, SECRET, Held
from towpath.core.errors import AuthError, BusyError
from towpath.core.ports import AuthType
from towpath.core.records import ConnectionStatus, now
from towpath.services.context import Actor
from towpath.services.tokens import asking as tokens_asking
from towpath.services.tokens import renewing as tokens
from towpath.services.tokens.renewing import make_fresh, revoke_upstream

ACTIVE, EXPIRED, ERROR = ConnectionStatus.ACTIVE, ConnectionStatus.EXPIRED, ConnectionStatus.ERROR
HOUR = timedelta(hours=1)


def about(moment: datetime | None, wanted: datetime) -> bool:
    return moment is not None and abs(moment - wanted) < timedelta(minutes=1)


def test_a_token_is_renewed_when_it_is_due_and_not_again(lab: Lab):
    row = lab.signed_in(name="ada")
    before = lab.credentials(row)
    fresh = lab.renew(row)
    after = lab.credentials(row)
    assert (fresh.status, fresh.error) == (ACTIVE, None)
    assert about(fresh.expires_at, now() + HOUR)
    assert lab.provider.live(after["access_token"])
    assert after["refresh_token"] != before["refresh_token"]
    assert datetime.fromisoformat(after["expires_at"]) == fresh.expires_at
    assert after["client_secret"] == SECRET
    lab.renew(row)
    assert lab.provider.count() == 1
    assert [entry.detail["outcome"] for entry in lab.trail("token.renew")] == ["renewed"]


def test_it_can_be_forced(lab: Lab):
    row = lab.signed_in(ends_in=3600)
    lab.renew(row)
    assert lab.provider.count() == 0
    lab.renew(row, force=True)
    assert lab.provider.count() == 1


def test_a_provider_that_keeps_the_refresh_token_to_itself_leaves_ours(lab: Lab):
    lab.provider.faults.fields = {"refresh_token": None}
    row = lab.signed_in()
    before = lab.credentials(row)["refresh_token"]
    assert lab.renew(row).status is ACTIVE
    assert lab.credentials(row)["refresh_token"] == before


@pytest.mark.parametrize("empty", ["", 0, False, []])
def test_an_empty_refresh_token_is_none(lab: Lab, empty):
    lab.provider.faults.fields = {"refresh_token": empty}
    row = lab.signed_in()
    before = lab.credentials(row)["refresh_token"]
    lab.renew(row)
    assert lab.credentials(row)["refresh_token"] == before


@pytest.mark.parametrize(
    ("said", "life"),
    [
        ({"expires_in": "1800"}, timedelta(minutes=30)),
        ({"expires_in": 1800.5}, timedelta(minutes=30)),
        ({"expires_in": 0}, None),
        ({"expires_in": None}, None),
        ({"expires_in": -5}, None),
        ({"expires_in": "later"}, None),
        ({"expires_in": 3600, "expires_at": "2001-01-01T00:00:00Z"}, HOUR),
    ],
)
def test_how_long_it_lives_is_understood(lab: Lab, said, life):
    lab.provider.faults.fields = said
    row = lab.renew(lab.signed_in())
    assert row.status is ACTIVE
    assert about(row.expires_at, now() + life) if life else row.expires_at is None
    lab.renew(row)
    assert lab.provider.count() == 1
    stored = lab.credentials(row)
    assert ("expires_at" in stored) == (life is not None)


@pytest.mark.parametrize("skew", [-5, 5])
def test_the_providers_clock_may_be_wrong(lab: Lab, skew):
    """What it says in moments of its own clock is off by as much; lengths are not."""
    then = datetime.now(UTC) + HOUR + timedelta(minutes=skew)
    lab.provider.faults.fields = {"expires_at": then.timestamp() * 1000}
    assert about(lab.renew(lab.signed_in(name="a")).expires_at, now() + HOUR)
    lab.provider.faults.fields |= {"expires_in": None}
    assert about(lab.renew(lab.signed_in(name="b")).expires_at, then)


def test_a_refused_refresh_token_means_that_somebody_has_to_sign_in_again(lab: Lab, ear):
    lab.listen(ear.url)
    row = lab.signed_in()
    lab.provider.tokens[0].revoked = True
    over = lab.renew(row)
    assert over.status is EXPIRED
    assert over.error
    lab.renew(row)
    assert lab.provider.count() == 1, "never a loop"
    assert [event.type for event in lab.events()] == ["connection.expired"]


@pytest.mark.parametrize("fault", [500, 503, 429, "reset"])
def test_what_may_pass_is_tried_again_later(lab: Lab, ear, fault):
    lab.listen(ear.url)
    faults = lab.provider.faults
    if fault == "reset":
        faults.reset()
    else:
        faults.answer(fault, b"CANARY")
    row = lab.signed_in(ends_in=200)
    broken = lab.renew(row, force=True)
    assert broken.status is ERROR
    assert "CANARY" not in (broken.error or "")
    assert broken.expires_at == row.expires_at, "the old token is as good as it was"
    lab.renew(row)
    assert lab.provider.count() == 1, "not before the pause is over"
    lab.patience_is_over(row)
    assert (lab.renew(row).status, lab.row(row).error) == (ACTIVE, None)
    assert [event.type for event in lab.events()] == ["connection.recovered"]
    assert lab.lease(row).failures == 0


def test_pauses_grow_and_heed_what_the_provider_asks(lab: Lab):
    row, pauses = lab.signed_in(), []
    for _ in range(9):
        lab.provider.faults.answer(500)
        began = now()
        lab.renew(row, force=True)
        retry_at = lab.lease(row).retry_at
        assert retry_at is not None
        pauses.append(round((retry_at - began).total_seconds() / 10) * 10)
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    other = lab.signed_in(name="other")
    for asked, wanted in (("7", 30), ("600", 600), ("999999", 3600)):
        lab.provider.faults.answer(503, b"", **{"retry-after": asked})
        began = now()
        lab.renew(other, force=True)
        retry_at = lab.lease(other).retry_at
        assert retry_at is not None
        assert (retry_at - began).total_seconds() >= wanted - 1
        with lab.container.store.begin() as work:
            work.renewals.claim(lab.org, other.id, "test", now(), now())
            work.renewals.end(lab.org, other.id, "test")


def test_an_answer_that_makes_no_sense_is_no_reason_to_give_up(lab: Lab):
    lab.provider.faults.answer(200, b"<html>")
    assert lab.renew(lab.signed_in()).status is ERROR


def test_a_refused_client_is_the_operators_to_put_right(lab: Lab):
    row = lab.signed_in(credentials={"client_secret": "wrong"})
    assert lab.renew(row).status is ERROR


def test_a_slow_provider_is_given_up(lab: Lab, monkeypatch):
    monkeypatch.setattr("towpath.vault.oauth.TIMEOUT", 0.2)
    lab.provider.faults.delay = 1
    assert lab.renew(lab.signed_in()).status is ERROR


def test_a_connection_recovers_by_itself_and_says_so_once(lab: Lab, ear):
    lab.listen(ear.url)
    row = lab.signed_in()
    lab.provider.faults.error("invalid_grant")
    assert lab.renew(row).status is EXPIRED
    assert lab.renew(row, force=True).status is ACTIVE
    lab.renew(row, force=True)
    assert [event.type for event in lab.events()] == ["connection.expired", "connection.recovered"]


def test_a_client_gets_tokens_for_itself(lab: Lab):
    own = {"client_id": CLIENT, "client_secret": SECRET, "token_url": f"{lab.provider.url}/token"}
    row = lab.add(own, now(), scopes=("read",))
    assert lab.renew(row).status is ACTIVE
    assert lab.provider.live(lab.credentials(row)["access_token"])
    assert lab.provider.count("client_credentials") == 1


def test_a_provider_where_people_sign_in_gives_the_client_no_tokens_unless_asked_to(lab: Lab):
    lab.describe()
    own = {"client_id": CLIENT, "client_secret": SECRET}
    lab.renew(lab.add(own, now()))
    assert lab.provider.count("client_credentials") == 0
    lab.renew(lab.add({**own, "grant_type": "client_credentials"}, now(), name="other"))
    assert lab.provider.count("client_credentials") == 1


def test_the_organizations_client_renews_for_all_its_connections(lab: Lab):
    lab.describe()
    lab.register()
    row = lab.signed_in(credentials={"client_id": None, "client_secret": None, "token_url": None})
    assert lab.renew(row).status is ACTIVE


def test_a_client_of_the_connections_own_wins(lab: Lab):
    lab.describe()
    lab.register(secret="wrong")
    row = lab.signed_in()
    assert lab.renew(row).status is ACTIVE


def test_without_any_client_the_error_says_what_to_do(lab: Lab):
    lab.describe()
    row = lab.signed_in(credentials={"client_id": None, "client_secret": None})
    assert lab.renew(row).status is ERROR
    assert "No OAuth client is registered" in (lab.row(row).error or "")
    assert lab.provider.count() == 0


def test_the_organizations_secret_never_goes_where_credentials_point(lab: Lab):
    """A hostile ``token_url`` gets nothing but what comes with it."""
    lab.register()
    with endpoint() as thief:
        hostile = {"token_url": thief.url, "client_id": None, "client_secret": None}
        lab.renew(lab.signed_in(credentials=hostile))
        lab.describe()
        lab.renew(lab.signed_in(credentials=hostile, name="described"))
    assert thief.asked == []
    assert lab.provider.count() == 1


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/token", "http://[::1]:1/token", "ftp://a.example", "x"]
)
def test_token_addresses_do_not_lead_inside(lab: Lab, url):
    row = lab.signed_in(credentials={"token_url": url})
    assert lab.renew(row).status is ERROR


def test_a_redirect_is_not_followed(lab: Lab):
    with endpoint() as thief:
        lab.provider.faults.answer(307, b"", location=thief.url)
        assert lab.renew(lab.signed_in()).status is ERROR
    assert thief.asked == []


def test_a_hostile_word_in_the_credentials_is_refused(lab: Lab):
    lab.describe(token_url=f"{lab.provider.url}/{{tenant}}/token")
    lab.register()
    row = lab.signed_in(credentials={"tenant": "../../evil", "client_id": None})
    assert lab.renew(row).status is ERROR
    assert lab.provider.count() == 0


def test_what_nothing_is_known_to_renew_with_ends(lab: Lab, ear):
    lab.listen(ear.url)
    early = lab.add({"access_token": "a"}, now() + timedelta(seconds=1))
    lab.change(early, status=ERROR)
    assert lab.renew(early).status is ERROR, "it is still good"
    late = lab.add({"access_token": "a"}, now(), name="late")
    assert lab.renew(late).status is EXPIRED
    assert [event.body["data"]["name"] for event in lab.events()] == ["late"]
    for_ever = lab.add({"access_token": "a"}, name="for ever")
    assert lab.renew(for_ever, force=True).status is ACTIVE


def test_a_refresh_token_that_nobody_can_use_is_lent_as_it_is(lab: Lab):
    row = lab.renew(lab.add({"refresh_token": "r"}, now(), connector="unheard_of"))
    assert (row.status, row.expires_at) == (ACTIVE, None)
    assert lab.credentials(row) == {"refresh_token": "r"}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": ConnectionStatus.REVOKED},
        {"status": EXPIRED},
        {"status": ConnectionStatus.PENDING},
        {"auth": AuthType.API_KEY},
        {"deleted_at": now()},
    ],
)
def test_some_connections_are_never_renewed(lab: Lab, changes):
    row = lab.signed_in()
    lab.change(row, **changes)
    lab.renew(row)
    assert lab.provider.count() == 0
    if changes.get("status") is ConnectionStatus.REVOKED:
        lab.renew(row, force=True)
        assert lab.provider.count() == 0


def test_settings_of_the_renewal_are_not_the_providers_to_change(lab: Lab):
    with endpoint() as thief:
        lab.provider.faults.fields = {
            "token_url": thief.url, "client_id": "theirs", "client_secret": "theirs", "custom": {"a": 1},
        }  # fmt: skip
        row = lab.signed_in()
        lab.renew(row)
        lab.renew(row, force=True)
        assert thief.asked == []
    stored = lab.credentials(row)
    assert (stored["client_id"], stored["custom"]) == (CLIENT, {"a": 1})


def run(*calls) -> list[threading.Thread]:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def join(threads) -> None:
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_who_waits_sees_what_the_other_brought(lab: Lab):
    held = lab.provider.faults.after = Held()
    row = lab.signed_in()
    first = run(lambda: lab.renew(row))
    assert held.reached.wait(30)
    seen = []
    rest = run(*[lambda: seen.append(lab.renew(row, force=True).status)] * 5)
    held.go.set()
    join(first + rest)
    assert seen == [ACTIVE] * 5
    assert lab.provider.count() == 1


def test_nobody_waits_for_ever(lab: Lab, monkeypatch):
    monkeypatch.setattr(tokens, "PATIENCE", 0.2)
    row = lab.signed_in()
    with lab.container.store.begin() as work:
        work.renewals.claim(lab.org, row.id, "another", now(), now() + HOUR)
    assert lab.renew(row).expires_at == row.expires_at
    assert lab.provider.count() == 0


def test_a_lease_that_was_left_behind_is_taken_over(lab: Lab):
    row = lab.signed_in()
    with lab.container.store.begin() as work:
        work.renewals.claim(lab.org, row.id, "dead", now(), now() + timedelta(seconds=0.5))
    assert lab.renew(row).status is ACTIVE


def test_who_lost_the_lease_stores_nothing(lab: Lab, monkeypatch):
    """It was away for longer than its lease: another one renewed meanwhile."""
    monkeypatch.setattr(tokens, "LEASE", timedelta(0))
    held = lab.provider.faults.after = Held()
    row = lab.signed_in()
    slow = run(lambda: lab.renew(row))
    assert held.reached.wait(30)
    lab.provider.faults.after = lambda: None
    with lab.container.store.begin() as work:
        assert work.renewals.claim(lab.org, row.id, "another", now(), now() + HOUR)
    held.go.set()
    join(slow)
    assert lab.row(row).expires_at == row.expires_at
    assert lab.lease(row).owner == "another"


@pytest.mark.parametrize("meanwhile", ["revoke", "delete"])
def test_what_happened_meanwhile_stands(lab: Lab, meanwhile):
    held = lab.provider.faults.after = Held()
    row = lab.signed_in()
    slow = run(lambda: lab.renew(row))
    assert held.reached.wait(30)
    with lab.container.store.begin() as work:
        if meanwhile == "revoke":
            work.connections.update(lab.org, row.id, status=ConnectionStatus.REVOKED)
        else:
            work.secrets.shred(lab.org, row.id)
            work.connections.update(lab.org, row.id, deleted_at=now())
    held.go.set()
    join(slow)
    with lab.container.store.read() as work:
        kept = work.secrets.get(lab.org, row.id)
    if meanwhile == "revoke":
        assert lab.row(row).status is ConnectionStatus.REVOKED
        assert lab.provider.live(lab.credentials(row)["access_token"])
    else:
        assert kept is None, "what was shredded stays so"


def test_a_store_that_is_away_for_a_moment_costs_no_tokens(lab: Lab, monkeypatch):
    real, failures = tokens.store, iter([BusyError("store.busy", "Busy.", hint="Wait.")] * 3)

    def flaky(*arguments):
        error = next(failures, None)
        if error:
            raise error
        real(*arguments)

    monkeypatch.setattr(tokens, "store", flaky)
    assert lab.renew(lab.signed_in()).status is ACTIVE
    assert lab.provider.count() == 1


def test_a_flow_gets_a_fresh_token_or_a_clear_error(lab: Lab):
    lab.describe()
    lab.register()
    row = lab.signed_in()
    old = lab.credentials(row)["access_token"]
    connector, config = lab.container.resolve(lab.org, row.id)
    assert connector == "acme"
    assert config["access_token"] != old
    for changes in ({"status": EXPIRED}, {"status": ConnectionStatus.REVOKED}):
        lab.change(row, **changes)
        with pytest.raises(AuthError) as caught:
            make_fresh(lab.container, lab.org, row.id)
        assert caught.value.code == "connection.unusable"


def test_a_flow_is_not_started_with_a_token_that_has_ended(lab: Lab):
    lab.provider.faults.answer(500)
    row = lab.signed_in()
    with pytest.raises(AuthError) as caught:
        make_fresh(lab.container, lab.org, row.id)
    assert caught.value.retryable


def test_connections_without_lent_credentials_are_let_through(lab: Lab):
    client = lab.register("unheard_of")
    make_fresh(lab.container, lab.org, client.id)
    lab.container.resolve(lab.org, client.id)


def test_the_provider_is_told_when_a_connection_goes(lab: Lab):
    lab.describe()
    row = lab.signed_in()
    revoke_upstream(lab.container, Actor("cli"), row, lab.credentials(row))
    assert lab.provider.tokens[0].revoked
    (entry,) = lab.trail("token.revoke")
    assert (entry.actor, entry.detail["outcome"], entry.object) == ("cli", "revoked", row.id)


@pytest.mark.parametrize("given", [{}, {"token_url": "http://10.0.0.1", "revoke_url": "http://10.0.0.1"}])
def test_that_it_cannot_be_told_is_on_record(lab: Lab, given):
    row = lab.signed_in()
    revoke_upstream(lab.container, Actor(), row, {"access_token": "a", "client_id": "i", **given})
    (entry,) = lab.trail("token.revoke")
    assert entry.detail["outcome"] in ("oauth.provider_unknown", "http.blocked_host")


def test_nothing_secret_is_logged_or_audited(lab: Lab, caplog):
    caplog.set_level(logging.DEBUG)
    for number, fault in enumerate(["ok", "invalid_grant", "invalid_client", 500, "junk", "reset"]):
        if fault == "reset":
            lab.provider.faults.reset()
        elif fault == "junk":
            lab.provider.faults.answer(200, b"canary-body")
        elif fault != "ok":
            status = fault if isinstance(fault, int) else 400
            body = {"error": fault, "error_description": "canary-body"}
            lab.provider.faults.answer(status, json.dumps(body).encode())
        row = lab.signed_in(name=f"c{number}")
        lab.renew(row)
        revoke_upstream(lab.container, Actor(), row, lab.credentials(row))
    with lab.container.store.read() as work:
        told = [repr(work.audit.list(lab.org)), repr(work.connections.list(lab.org))]
    # Authlib's own log is the provider's, who runs in this process too.
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("authlib")]
    assert len(ours) > 10
    assert "canary" not in "".join(ours)
    assert "canary" not in "".join(told)
    assert "canary" not in repr(
        tokens_asking.Job(row, "o", now(), 0, lab.credentials(row), AuthError("a", "b"))
    )

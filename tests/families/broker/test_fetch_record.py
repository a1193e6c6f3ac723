"""Fetching credentials: what counts at once, what is on record, and what damage does."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from support.api import uuid
from support.fetches import change, ours, path, trail
from towpath.core.ids import of_uuid
from towpath.core.records import ConnectionStatus, now

# ── at once, and on record ───────────────────────────────────────────────────────────────────────


def test_a_grant_counts_from_the_next_fetch_on_and_so_does_its_end(acme):
    connection = acme.connect()
    assert acme.fetch().status_code == 404
    grant = acme.grant(connection)
    assert acme.fetch().status_code == 200
    acme.ask("DELETE", f"{acme.connections}/{connection}/grants/{grant}")
    assert acme.fetch().status_code == 404
    acme.grant(connection)
    acme.ask("DELETE", f"{acme.connections}/{connection}")
    assert acme.fetch().status_code == 404


def test_every_fetch_leaves_one_row_whatever_came_of_it(acme):
    connection = acme.connect()
    acme.grant(connection, "send_mail")
    headers = {"X-Request-Id": "req-1"}
    answers = [
        acme.fetch(),
        acme.fetch(capability="send_mail"),
        acme.fetch(capability="other"),
        acme.fetch(name="nothing"),
        acme.fetch("garbage"),
        acme.api.get(path(acme), acme.proxy_key),
        acme.api.get(path(acme, provider="gmail"), acme.proxy_key, headers=headers),
    ]
    change(acme, connection, status=ConnectionStatus.REVOKED)
    answers.append(acme.fetch())
    rows = trail(acme)
    assert [row.detail["outcome"] for row in rows] == [answer.status_code for answer in answers]
    assert [row.detail["outcome"] for row in rows] == [200, 200, 403, 404, 401, 422, 200, 424]
    assert rows[0].object == ours("con", connection)
    assert rows[3].object == ours("ins", acme.instance)
    assert rows[4].actor == "unknown"
    assert {row.actor for row in rows[:4]} == {rows[0].actor}
    assert rows[0].actor.startswith("key:key_")
    assert {row.address for row in rows} == {"127.0.0.1"}
    assert rows[6].request == "req-1"
    assert rows[2].detail["capability"] == "other"


def test_strangers_are_on_record_where_the_instance_is_or_else_first_of_all(acme, other):
    (first, *_) = organizations = [acme.api.container.organization.id, acme.org, other.org]
    nowhere = uuid4()
    acme.fetch("garbage")
    other.fetch(acme.proxy_key)  # a known key: its own organization hears of it
    acme.api.get(path(acme, nowhere, provider="gmail"), "garbage")
    acme.api.get(path(acme, "no-uuid", provider="gmail"), "garbage")
    found = {}
    with acme.api.container.store.read() as work:
        for org in organizations:
            rows = [row for row in work.audit.list(org) if row.action == "credential.fetch"]
            found[org] = [(row.detail["reason"], row.object) for row in rows]
    assert found == {
        acme.org: [
            ("unknown_key", ours("ins", acme.instance)),
            ("key_of_another_instance", ours("ins", other.instance)),
        ],
        other.org: [],
        first: [("unknown_key", of_uuid("ins", nowhere)), ("unknown_key", "unknown")],
    }


def test_only_what_was_lent_was_used(acme):
    connection = acme.connect()
    acme.grant(connection)
    before = acme.show(connection)
    acme.fetch(capability="none")
    assert acme.show(connection)["last_used_at"] is None
    acme.fetch()
    first = acme.show(connection)
    assert first["last_used_at"] is not None
    assert first["updated_at"] == before["updated_at"]
    acme.fetch()
    assert acme.show(connection)["last_used_at"] == first["last_used_at"]
    change(acme, connection, last_used_at=now() - timedelta(hours=1))
    acme.fetch()
    assert acme.show(connection)["last_used_at"] >= first["last_used_at"]


# ── damage ───────────────────────────────────────────────────────────────────────────────────────


def sealed_of(tenant, connection):
    with tenant.api.container.store.read() as work:
        return work.secrets.get(tenant.org, ours("con", connection))


def put(tenant, sealed):
    with tenant.api.container.store.begin() as work:
        work.secrets.put(tenant.org, sealed)


def swapped_connection(acme, other, connection):
    mine = acme.connect(name="second", credentials={"access_token": "canary-second"})
    put(acme, replace(sealed_of(acme, mine), connection=ours("con", connection)))


def swapped_organization(acme, other, connection):
    theirs = other.connect(credentials={"access_token": "canary-theirs"})
    put(acme, replace(sealed_of(other, theirs), org=acme.org, connection=ours("con", connection)))


def swapped_field(acme, other, connection):
    sealed = sealed_of(acme, connection)
    put(acme, replace(sealed, fields={"password": sealed.fields["credentials"]}))


def flipped_byte(acme, other, connection):
    sealed = sealed_of(acme, connection)
    cipher = sealed.fields["credentials"]
    put(
        acme,
        replace(
            sealed, fields={"credentials": cipher[:-9] + ("A" if cipher[-9] != "A" else "B") + cipher[-8:]}
        ),
    )


def data_key_of_another(acme, other, connection):
    mine = acme.connect(name="second", credentials={"access_token": "canary-second"})
    put(acme, replace(sealed_of(acme, connection), wrapped_key=sealed_of(acme, mine).wrapped_key))


def nothing_left(acme, other, connection):
    with acme.api.container.store.begin() as work:
        work.secrets.shred(acme.org, ours("con", connection))


@pytest.mark.parametrize(
    "damage",
    [
        swapped_connection,
        swapped_organization,
        swapped_field,
        flipped_byte,
        data_key_of_another,
        nothing_left,
    ],
)
def test_what_does_not_open_is_never_lent_and_known_at_once(acme, other, damage, caplog):
    connection = acme.connect(name="first", credentials={"access_token": "canary-first"})
    acme.grant(connection)
    assert acme.fetch(name="first").status_code == 200
    damage(acme, other, connection)
    answer = acme.fetch(name="first")
    assert answer.status_code == 500
    assert "canary" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]
    with acme.api.container.store.read() as work:
        rows = work.audit.list(acme.org)[-2:]
    assert [row.action for row in rows] == ["credential.fetch", "vault.tampered"]
    assert {row.object for row in rows} == {ours("con", connection)}
    assert any(
        record.levelname == "ERROR" and ours("con", connection) in record.getMessage()
        for record in caplog.records
    )
    assert "canary" not in caplog.text


# ── no record, no credential ─────────────────────────────────────────────────────────────────────

REFUSE = {
    "sqlite": ["create trigger closed before insert on audit begin select raise(abort, 'closed'); end"],
    "postgresql": [
        "create function closed() returns trigger language plpgsql as $$begin raise exception 'no'; end$$",
        "create trigger closed before insert on audit execute function closed()",
    ],
}
ALLOW = {"sqlite": ["drop trigger closed"], "postgresql": ["drop trigger closed on audit"]}


def sql(tenant, statements):
    with tenant.api.container.store.begin() as work:
        database = work.connections._connection
        for statement in statements[database.dialect.name]:
            database.execute(text(statement))


def test_without_a_row_in_the_trail_nothing_is_lent(acme):
    acme.grant(acme.connect(credentials={"access_token": "canary"}))
    sql(acme, REFUSE)
    answer = acme.fetch()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "canary" not in answer.text
    # Nor is anybody told who may come in.
    assert acme.fetch("garbage").status_code == 503
    assert trail(acme) == []
    sql(acme, ALLOW)
    assert acme.fetch().status_code == 200
    assert len(trail(acme)) == 1


@pytest.mark.service("postgres")
@pytest.mark.parametrize("api", ["postgresql"], indirect=True)
def test_a_database_that_only_reads_lends_nothing(acme, postgres):
    database = acme.api.container.settings.database_url.rpartition("/")[2].partition("?")[0]
    acme.grant(acme.connect(credentials={"access_token": "canary"}))
    assert acme.fetch().status_code == 200

    def only_read(word):
        with postgres.connect() as admin:
            admin.execute(f"alter database {database} set default_transaction_read_only = {word}")
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
                [database],
            )

    only_read("on")
    answer = acme.fetch()
    assert (answer.status_code, "canary" in answer.text) == (503, False)
    only_read("off")
    assert acme.fetch().status_code == 200


def test_a_key_used_at_the_door_is_a_key_used(solo):
    solo.grant(solo.connect())
    solo.fetch()
    with solo.api.container.store.read() as work:
        (key,) = work.keys.list(solo.org, instance=ours("ins", solo.instance))
    assert key.last_used_at is not None
    assert uuid(key.instance) == solo.instance

"""Trying connections, and telling providers of their end, against real systems."""

import sqlite3
from uuid import UUID

import pytest

from support.api import Api, running, settings_of
from support.http import endpoint
from support.lent import LOOPBACK
from support.oauth import CLIENT, SECRET
from towpath.core.ids import of_uuid
from towpath.sdk import guard


@pytest.fixture
def reaching(tmp_path) -> Api:
    """A server that may reach this machine's own servers."""
    before = guard.allowed_hosts()
    with running(settings_of(tmp_path / "home", allowed_hosts=(LOOPBACK,))) as api:
        yield api
    guard.configure(before)


@pytest.fixture
def tenant(reaching, furnish):
    return furnish(reaching, "tenant")


@pytest.fixture
def signed_in(tenant, provider):
    """Id of a connection whose token the provider renews."""

    def connect(**credentials):
        token = provider.issue()
        plain = {
            "access_token": token.access_token,
            "refresh_token": token.refresh_token,
            "token_url": f"{provider.url}/token",
            "revoke_url": f"{provider.url}/revoke",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "expires_in": 3600,
        }
        given = {name: value for name, value in (plain | credentials).items() if value is not None}
        return tenant.connect(provider="acme", credentials=given)

    return connect


def tried(tenant, connection):
    answer = tenant.ask("POST", f"{tenant.connections}/{connection}/test")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"checked_at", "detail", "error_message", "status"}
    assert (answer.json()["status"], answer.json()["error_message"]) == (
        tenant.show(connection)["status"],
        tenant.show(connection)["error_message"],
    )
    return answer.json()


def test_a_token_is_renewed(tenant, provider, signed_in):
    connection = signed_in()
    tenant.grant(connection)
    before = tenant.fetch(provider="acme").json()["credentials"]
    outcome = tried(tenant, connection)
    assert (outcome["status"], outcome["error_message"], bool(outcome["checked_at"])) == (
        "active",
        None,
        True,
    )
    after = tenant.fetch(provider="acme").json()["credentials"]
    assert after["access_token"] != before["access_token"]
    assert provider.live(after["access_token"])
    assert provider.count() == 1


def test_a_refusal_means_that_somebody_has_to_sign_in_again(tenant, provider, signed_in):
    connection = signed_in()
    provider.tokens[0].revoked = True
    outcome = tried(tenant, connection)
    assert (outcome["status"], outcome["detail"]) == ("expired", "")
    assert outcome["error_message"]
    assert outcome["checked_at"]


def test_what_may_pass_is_an_error_and_heals(tenant, provider, signed_in):
    connection = signed_in()
    provider.faults.answer(503, b"canary of the provider")
    outcome = tried(tenant, connection)
    assert outcome["status"] == "error"
    assert "canary" not in str(outcome)
    assert tried(tenant, connection)["status"] == "active"


def test_a_token_that_nobody_can_renew(tenant):
    outcome = tried(tenant, tenant.connect(credentials={"access_token": "t"}))
    assert (outcome["status"], outcome["checked_at"]) == ("active", None)
    assert outcome["detail"].startswith("Nothing was tried")


def test_a_system_that_can_be_signed_in_to(tenant, tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as shop:
        shop.execute("create table orders (id integer primary key)")
    shop.close()
    given = {"provider": "sqlite", "auth_type": "basic"}
    there = tenant.connect(name="there", credentials={"path": str(path), "note": "not a setting"}, **given)
    outcome = tried(tenant, there)
    assert (outcome["status"], outcome["error_message"]) == ("active", None)
    assert outcome["detail"].startswith("SQLite")
    gone = tenant.connect(name="gone", credentials={"path": str(tmp_path / "no" / "shop.db")}, **given)
    outcome = tried(tenant, gone)
    assert (outcome["status"], outcome["detail"]) == ("error", "")
    assert len(outcome["error_message"]) <= 255
    (tmp_path / "no").mkdir()
    path.rename(tmp_path / "no" / "shop.db")
    assert tried(tenant, gone)["status"] == "active"


@pytest.mark.parametrize(
    "fields",
    [
        {"credentials": {}},
        {"provider": "nobody_knows_it", "auth_type": "api_key", "credentials": {"key": "k"}},
        {"provider": "postgres", "auth_type": "basic", "credentials": {"host": "h"}},
    ],
)
def test_where_there_is_nothing_to_try(tenant, fields):
    connection = tenant.connect(**fields)
    before = tenant.show(connection)
    outcome = tried(tenant, connection)
    assert outcome["checked_at"] is None
    assert outcome["detail"].startswith("Nothing was tried")
    assert tenant.show(connection) == before


def test_settings_that_are_wrong(tenant):
    given = {"host": "127.0.0.1", "port": "canary-port", "database": "d", "username": "u"}
    connection = tenant.connect(provider="postgres", auth_type="basic", credentials=given)
    outcome = tried(tenant, connection)
    assert outcome["status"] == "error"
    assert "canary" not in str(outcome)


def test_what_is_switched_off_is_not_tried(tenant, provider, signed_in):
    connection = signed_in()
    path = f"{tenant.connections}/{connection}"
    tenant.ask("PATCH", path, json={"status": "revoked"})
    answer = tenant.ask("POST", f"{path}/test")
    assert (answer.status_code, tenant.show(connection)["status"]) == (409, "revoked")
    assert provider.count() == 0


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


def outcomes(tenant, action):
    entries = tenant.ask("GET", "/v1/audit", params={"limit": 1000}).json()["entries"]
    return [one["detail"]["outcome"] for one in entries if one["action"] == action]


def test_the_provider_is_told_of_the_end(tenant, provider, signed_in):
    connection = signed_in()
    tenant.grant(connection)
    token = tenant.fetch(provider="acme").json()["credentials"]["access_token"]
    assert provider.live(token)
    assert tenant.ask("DELETE", f"{tenant.connections}/{connection}").status_code == 204
    assert not provider.live(token)
    assert outcomes(tenant, "token.revoke") == ["revoked"]


def test_a_provider_that_does_not_listen_stops_nothing(tenant, signed_in):
    with endpoint() as deaf:
        url = deaf.url
    connection = signed_in(revoke_url=f"{url}/revoke")
    assert tenant.ask("DELETE", f"{tenant.connections}/{connection}").status_code == 204
    (outcome,) = outcomes(tenant, "token.revoke")
    assert outcome != "revoked"


def test_credentials_that_do_not_open_any_more_can_still_be_deleted(tenant, signed_in):
    connection = signed_in()
    id = of_uuid("con", UUID(connection))
    with tenant.api.container.store.begin() as work:
        sealed = work.secrets.get(tenant.org, id)
        broken = {name: text[:-4] + "AAAA" for name, text in sealed.fields.items()}
        work.secrets.put(tenant.org, type(sealed)(**{**vars(sealed), "fields": broken}))
    assert tenant.ask("DELETE", f"{tenant.connections}/{connection}").status_code == 204
    assert outcomes(tenant, "token.revoke") == []


def test_a_connection_that_a_flow_uses_stays(tenant, tmp_path):
    from towpath.services.connections import Connections
    from towpath.services.documents import files as yamlfiles
    from towpath.services.documents.apply import Documents

    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as shop:
        shop.execute("create table orders (id integer primary key)")
        shop.execute("insert into orders values (7)")
    shop.close()
    credentials = {"path": str(path)}
    connection = tenant.connect(provider="sqlite", auth_type="basic", credentials=credentials)
    Connections(tenant.api.container).create(tenant.org, "lake", "parquet", {"path": str(tmp_path / "lake")})
    document = tmp_path / "flow.yaml"
    document.write_text(
        "apiVersion: towpath/v1\nkind: Flow\nmetadata: {name: orders}\nspec:\n"
        f"  source: {{connection: {of_uuid('con', UUID(connection))}}}\n"
        "  destination: {connection: lake}\n  streams: [{name: orders}]\n"
    )
    Documents(tenant.api.container).apply(tenant.org, yamlfiles.read(document), {}.get)
    preview = Connections(tenant.api.container).preview(
        tenant.org, of_uuid("con", UUID(connection)), "orders"
    )
    assert preview.records == [{"id": 7}]
    tenant.grant(connection)
    answer = tenant.ask("DELETE", f"{tenant.connections}/{connection}")
    assert (answer.status_code, "orders" in answer.json()["detail"]) == (409, True)
    assert tenant.fetch(provider="sqlite").json()["credentials"] == credentials

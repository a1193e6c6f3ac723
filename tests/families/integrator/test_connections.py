"""Connections: kept whole, shown without secrets, tried."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from support.http import endpoint
from towpath.core.ids import of_object_id
from towpath.core.records import now

CANARY = "canary-5f1b7c"
SLACK = {
    "type": "rest",
    "name": "Slack API",
    "rest": {
        "baseURI": "https://slack.com/api",
        "bearerToken": CANARY,
        "tokenLocation": "url",
        "tokenParam": "token",
        "mediaType": "urlencoded",
        "authType": "token",
        "pingRelativeURI": "api.test",
    },
}
PLAIN = {"type": "rest", "rest": {"baseURI": "https://x.example", "mediaType": "json"}}


def with_rest(**fields):
    return {**SLACK, "rest": {**SLACK["rest"], **fields}}


def row_of(program, made):
    with program.api.container.store.read() as work:
        return work.connections.get(program.org, of_object_id("con", made["_id"]))


def config_of(program, made):
    from towpath.services.connections import plain_config

    rooms = program.api.container
    with rooms.store.read() as work:
        return plain_config(rooms, work, program.org, row_of(program, made))


def test_a_connection_is_read_as_the_contract_shows_it(program):
    made = program.make("/connections", SLACK)
    shown = program.get(f"/connections/{made['_id']}")
    assert shown == made == program.get(f"/connection/{made['_id']}/")
    expected = {
        **SLACK["rest"],
        "bearerToken": "******",
        "encryptedFields": [],
        "unencryptedFields": [],
        "scope": [],
    }
    assert shown["rest"] == expected
    assert shown["queues"] == [{"name": made["_id"], "size": 0}]
    assert (shown["type"], shown["name"], shown["offline"]) == ("rest", "Slack API", False)
    assert config_of(program, made) == {
        "base_uri": "https://slack.com/api",
        "media_type": "urlencoded",
        "auth": {"type": "token", "token": CANARY, "location": "url", "param_name": "token"},
        "ping": {"relative_uri": "api.test"},
    }


def test_put_drops_what_is_left_out_and_a_mask_keeps_the_secret(program):
    body = with_rest(encrypted={"apiKey": f"{CANARY}-2"}, unencrypted={"shop": "acme"}, odd={"kept": [1]})
    made = program.make("/connections", {**body, "externalId": "e1"})
    path = f"/connections/{made['_id']}"
    assert CANARY not in json.dumps(made)
    assert made["rest"]["odd"] == {"kept": [1]}
    shown = program.get(path)
    del shown["externalId"], shown["rest"]["unencrypted"]
    shown["rest"]["baseURI"] = "https://other.example/api"
    changed = program.good("PUT", path, shown).json()
    assert "externalId" not in changed
    assert "unencrypted" not in changed["rest"]
    kept = config_of(program, made)
    assert kept["auth"]["token"] == CANARY
    assert kept["encrypted"] == {"apiKey": f"{CANARY}-2"}
    assert kept["base_uri"] == "https://other.example/api"

    program.good("PUT", path, with_rest(bearerToken=f"{CANARY}-new"))
    assert config_of(program, made)["auth"]["token"] == f"{CANARY}-new"
    gone = program.refused(
        422, "PUT", path, {**PLAIN, "rest": {**PLAIN["rest"], "encrypted": {"x": "******"}}}
    )
    assert (gone[0]["code"], gone[0]["field"]) == ("invalid_field", "rest.encrypted.x")

    audit = [entry["fieldChange"] for entry in program.get(f"{path}/audit") if "fieldChange" in entry]
    fields = {change["fieldPath"] for change in audit}
    assert {"externalId", "rest.baseURI", "rest.unencrypted", "rest.bearerToken"} <= fields
    token = next(change for change in audit if change["fieldPath"] == "rest.bearerToken")
    assert (token["oldValue"], token["newValue"]) == ("******", "******")
    assert CANARY not in json.dumps(audit)


def test_all_that_is_wrong_is_told_at_once_in_the_words_of_the_document(program):
    body = with_rest(baseURI="", mediaType="yaml", pingMethod=True, concurrencyLevel=0)
    body |= {"_borrowConcurrencyFromConnectionId": "5e03061cda20740022300f09", "debugDate": "soon"}
    found = {(one["code"], one["field"]) for one in program.refused(422, "POST", "/connections", body)}
    assert found == {
        ("missing_required_field", "rest.baseURI"),
        ("invalid_field", "rest.mediaType"),
        ("invalid_field", "rest.pingMethod"),
        ("invalid_field", "rest.concurrencyLevel"),
        ("invalid_field", "debugDate"),
        ("invalid_ref", "_borrowConcurrencyFromConnectionId"),
    }
    for wrong, field in (
        ({"name": "x"}, "type"),
        ({"type": "teleport"}, "type"),
        ({"type": "oauth_client", "towpath": {}}, "type"),
        ({"type": "rest"}, "rest"),
        (with_rest(authType="magic"), "rest.authType"),
        (with_rest(baseURI="ftp://x"), "rest.baseURI"),
        (with_rest(baseURI=f"https://u:{CANARY}@x"), "rest.baseURI"),
        ({"type": "sqlite", "towpath": {}}, "towpath.path"),
        (with_rest(bearerToken={"$secret": "auth.token"}), "rest.bearerToken"),
        ({"type": "postgres", "towpath": {"password": {"$secret": "password"}}}, "towpath.password"),
        ({"type": "wrapper", "wrapper": {"pingFunction": "p", "_stackId": "x"}}, "wrapper._stackId"),
        ({"type": "ftp", "ftp": {"hostURI": "h", "username": "u", "port": "far"}}, "ftp.port"),
    ):
        faults = program.refused(422, "POST", "/connections", wrong)
        assert field in [fault["field"] for fault in faults], faults
        assert CANARY not in json.dumps(faults)


WEB = {"baseURI": "https://x.example", "mediaType": "json"}
SQL = {"host": "db.example.com", "database": "d", "password": CANARY}
LOGIN = {"uri": "/login", "method": "POST", "body": json.dumps({"password": CANARY})}
PAIR = {"username": "u", "password": CANARY}
TYPES = [
    ("http", WEB | {"auth": {"type": "basic", "basic": PAIR}}, "rest_api"),
    ("http", WEB | {"auth": {"type": "cookie", "cookie": LOGIN}}, "rest_api"),
    ("ftp", PAIR | {"type": "ftp", "hostURI": "ftp.example.com", "port": "2121"}, "ftp"),
    ("sftp", PAIR | {"hostURI": "sftp.example.com"}, "ftp"),
    ("s3", {"region": "eu-west-1", "accessKeyId": "a", "secretAccessKey_crypt": CANARY}, "s3"),
    ("rdbms", SQL | {"type": "postgresql", "user": "u"}, "postgres"),
    ("rdbms", SQL | {"type": "mariadb", "username": "u"}, "mysql"),
    ("rdbms", SQL | {"type": "oracle"}, "oracle"),
    ("netsuite", {"account": "a", "environment": "production", "email": "e", "password": CANARY}, "netsuite"),
    ("salesforce", {"oauth2FlowType": "jwtBearerToken", "bearerToken": CANARY}, "salesforce"),
    ("wrapper", {"pingFunction": "ping", "encrypted": {"k": CANARY}, "unencrypted": {"a": 1}}, "wrapper"),
]


@pytest.mark.parametrize(("type", "part", "connector"), TYPES)
def test_every_type_is_kept_whole_with_its_secrets_out_of_sight(program, type, part, connector):
    section = "ftp" if type == "sftp" else type
    made = program.make("/connections", {"type": type, "name": "c", section: part})
    path = f"/connections/{made['_id']}"
    text = program.call("GET", path).text
    assert CANARY not in text
    shown = json.loads(text)
    assert set(shown[section]) >= set(part)
    row = row_of(program, made)
    assert row.connector == connector
    assert CANARY not in repr(row)
    again = program.good("PUT", path, shown).json()
    assert again[section] == shown[section]
    from towpath.services.pipelines.connecting import Connecting

    rooms = program.api.container
    with rooms.store.read() as work:
        secrets = Connecting(rooms).known(work, program.org, row_of(program, made))
    assert CANARY in "".join(map(str, secrets.values()))
    home = rooms.settings.home
    assert not [file for file in home.glob("towpath.db*") if CANARY.encode() in file.read_bytes()]


def test_what_was_made_elsewhere_is_shown_and_changed_here(program, tmp_path):
    from towpath.services.connections import Connections

    cases = Connections(program.api.container)
    lake = cases.create(program.org, "lake", "sqlite", {"path": str(tmp_path / "lake.db")})
    base = {"base_uri": "https://x.example", "auth": {"type": "token", "token": CANARY, "location": "url"}}
    web = cases.create(program.org, "web", "rest_api", base)
    found = {one["name"]: one for one in program.get("/connections")}
    assert found["lake"]["type"] == "sqlite"
    assert found["lake"]["towpath"] == {"path": str(tmp_path / "lake.db")}
    shown = found["web"]
    assert shown["http"]["auth"] == {"type": "token", "token": {"token": "******", "location": "url"}}
    shown["http"]["auth"]["token"]["paramName"] = "key"
    program.good("PUT", f"/connections/{shown['_id']}", shown)
    config = config_of(program, shown)
    assert config["auth"] == {"type": "token", "token": CANARY, "location": "url", "param_name": "key"}

    # And what is changed elsewhere is told as it is now.
    cases.update(program.org, web.id, {**base, "base_uri": "https://y.example"})
    assert program.get(f"/connections/{shown['_id']}")["http"]["baseURI"] == "https://y.example"
    with program.api.container.store.begin() as work:
        work.connections.update(program.org, lake.id, name="sea")
    assert program.get("/connections")[0]["name"] == "sea"


def test_patch_changes_only_what_it_may(program):
    made = program.make("/connections", SLACK)
    path = f"/connections/{made['_id']}"
    until = (now() + timedelta(minutes=15)).isoformat()
    operations = [
        {"op": "replace", "path": "/name", "value": "New"},
        {"op": "add", "path": "/debugDate", "value": until},
    ]
    patched = program.call("PATCH", path, operations)
    assert (patched.status_code, patched.content) == (204, b"")
    shown = program.get(path)
    assert shown["name"] == "New"
    assert shown["debugDate"][:23] == until[:23]
    assert config_of(program, made)["auth"]["token"] == CANARY
    refused = program.refused(422, "PATCH", path, [{"op": "replace", "path": "/rest/baseURI", "value": "x"}])
    assert refused[0]["field"] == "/rest/baseURI"
    nothing = program.call("PATCH", path, [{"op": "test", "path": "/name", "value": "Other"}])
    assert nothing.status_code == 422


def test_who_borrows_concurrency_cannot_lend_it_back(program):
    first = program.make("/connections", SLACK)["_id"]
    borrowing = {**PLAIN, "_borrowConcurrencyFromConnectionId": first}
    second = program.make("/connections", borrowing)["_id"]
    assert row_of(program, {"_id": second}).lender == of_object_id("con", first)
    cycle = {**PLAIN, "_borrowConcurrencyFromConnectionId": second}
    assert program.refused(422, "PUT", f"/connections/{first}", cycle)[0]["code"] == "invalid_field"
    assert program.get(f"/connections/{first}/dependencies")["connections"][0]["id"] == second
    assert program.refused(422, "DELETE", f"/connections/{first}")[0]["code"] == "dependency_conflict"
    assert program.call("DELETE", f"/connections/{second}").status_code == 204
    assert program.call("DELETE", f"/connections/{first}").status_code == 204
    assert program.get("/connections") == []


@pytest.fixture
def shop():
    """An API that is open to one token, in the query."""

    def answer(asked):
        good = f"token={CANARY}" in asked.path
        return (200, {}, b'{"ok": true}') if good else (401, {}, b'{"error": "who are you?"}')

    with endpoint() as found:
        found.answer = answer
        yield found


def test_pings_tell_and_turn_the_connection_on_and_off(program, shop):
    body = with_rest(baseURI=shop.url, tokenParam="token")
    made = program.make("/connections", {**body, "debugDate": (now() + timedelta(hours=1)).isoformat()})
    path = f"/connections/{made['_id']}"
    for method, tail in (("GET", "ping"), ("POST", "ping"), ("POST", "test")):
        assert program.good(method, f"{path}/{tail}").json() == {"code": 200}
    program.good("PUT", path, {**program.get(path), **with_rest(baseURI=shop.url, bearerToken="wrong")})
    failed = program.good("GET", f"{path}/ping").json()
    assert failed["code"] == 401
    assert failed["message"]
    assert program.get(path)["offline"] is True
    program.good("PUT", path, {**program.get(path), **body})
    assert program.good("GET", f"{path}/ping").json() == {"code": 200}
    assert program.get(path)["offline"] is False

    lines = program.good("GET", f"{path}/debug")
    assert lines.headers["content-type"].startswith("text/plain")
    assert CANARY not in lines.text
    assert lines.text.count(" request ") == 5
    nothing = program.good("GET", f"{path}/debug/5e03061cda20740022300f09")
    assert nothing.text == ""
    assert program.call("DELETE", f"{path}/debug").status_code == 204
    assert program.good("GET", f"{path}/debug").text == ""


def test_what_is_offline_is_tried_again_an_hour_later(program, shop):
    from towpath.services.pipelines.reviving import EVERY, Reviving

    made = program.make("/connections", with_rest(baseURI=shop.url))
    path, rooms = f"/connections/{made['_id']}", program.api.container
    with rooms.store.begin() as work:
        row = work.connections.update(program.org, of_object_id("con", made["_id"]), status="expired")
    for age, offline in ((timedelta(0), True), (EVERY, False)):
        Reviving(rooms).round(row.updated_at + age)
        assert program.get(path)["offline"] is offline


def test_a_virtual_ping_leaves_nothing_behind(program, shop):
    body = with_rest(baseURI=shop.url)
    assert program.good("POST", "/connections/ping", body).json() == {"code": 200}
    wrong = program.good("POST", "/connections/ping", with_rest(baseURI=shop.url, bearerToken="no")).json()
    assert wrong["code"] == 401
    assert program.refused(422, "POST", "/connections/ping", with_rest(bearerToken="******"))
    stored = program.good(
        "POST", "/connections/ping", {"type": "netsuite", "netsuite": {"account": "a", "environment": "beta"}}
    ).json()
    assert stored["code"] == 422
    assert "cannot be used yet" in stored["message"]
    assert program.get("/connections") == []


def test_a_database_file_is_a_connection_too(program, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    made = program.make("/connections", {"type": "sqlite", "towpath": {"path": str(tmp_path / "a.db")}})
    assert program.good("GET", f"/connections/{made['_id']}/ping").json() == {"code": 200}


def test_many_connections_may_be_called_the_same(program):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: program.make("/connections", PLAIN | {"name": "same"}), range(4)))
    assert len({one["_id"] for one in made}) == 4
    assert [one["name"] for one in program.get("/connections")] == ["same"] * 4

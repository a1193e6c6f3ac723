"""Requests that mean harm: nothing of what they hold is said again, kept in part, or answered with a 5xx."""

import json
import logging
import re

import pytest

CANARY = "canary-4f1c9a"
PROVIDER = "gmail"

#: Bodies that are refused, each with the canary in it.
BODIES = {
    "a name too long": {"name": CANARY + "n" * 300, "provider": PROVIDER, "credentials": {}},
    "a name that is missing": {"provider": PROVIDER, "credentials": {"refresh_token": CANARY}},
    "a wrong auth_type": {"name": "n", "provider": PROVIDER, "credentials": {}, "auth_type": CANARY},
    "credentials that are a text": {"name": "n", "provider": PROVIDER, "credentials": CANARY},
    "credentials that are a list": {"name": "n", "provider": PROVIDER, "credentials": [CANARY]},
    "a provider too long": {"name": "n", "provider": CANARY * 9, "credentials": {CANARY: CANARY}},
    "metadata that is a text": {"name": "n", "provider": "p", "credentials": {}, "metadata_json": CANARY},
    "scopes that are objects": {"name": "n", "provider": "p", "credentials": {}, "scopes": [{CANARY: 1}]},
    "a list": [CANARY],
    "a text": CANARY,
}


def refused(tenant, answer, status=422):
    assert answer.status_code == status, answer.text
    assert "canary" not in answer.text
    assert "canary" not in str(answer.headers)
    assert tenant.ask("GET", tenant.connections).json()["total"] == 0


@pytest.mark.parametrize("body", BODIES)
def test_what_is_refused_is_not_repeated(solo, body, caplog):
    caplog.set_level(logging.DEBUG)
    answer = solo.post(body=BODIES[body])
    refused(solo, answer)
    assert all(set(fault) == {"loc", "msg", "type"} for fault in answer.json()["detail"])
    assert "canary" not in caplog.text


RAW = {
    "not closed": b'{"name": "canary"',
    "not quoted": b"{name: 'canary'}",
    "empty": b"",
    "not UTF-8": b'{"name": "canary\xff"}',
    "UTF-16": '{"name": "canary"}'.encode("utf-16"),
    "a key twice": b'{"name": "a", "name": "canary", "provider": "p", "credentials": {}}',
    "a key twice, deep": b'{"name": "a", "provider": "p", "credentials": {"a": {"canary": 1, "canary": 2}}}',
    "NaN": b'{"name": "a", "provider": "p", "credentials": {"canary": NaN}}',
    "Infinity": b'{"name": "a", "provider": "p", "credentials": {"canary": -Infinity}}',
    "no double": b'{"name": "a", "provider": "p", "credentials": {"canary": 1e999}}',
    "NUL": b'{"name": "canary\\u0000", "provider": "p", "credentials": {}}',
    "NUL in a name of a field": b'{"name": "a", "provider": "p", "credentials": {"canary\\u0000": 1}}',
    "half a surrogate pair": b'{"name": "a", "provider": "p", "credentials": {"canary": "\\ud800"}}',
    "deep": b'{"name": "canary", "provider": "p", "credentials": ' + b'{"a":' * 100 + b"1" + b"}" * 101,
    "very deep": b"[" * 100_000 + b"]" * 100_000,
    "two documents": b'{"name": "canary"} {}',
}


@pytest.mark.parametrize("raw", RAW)
def test_what_is_no_json_is_refused(solo, raw):
    headers = {"Content-Type": "application/json"}
    answer = solo.ask("POST", solo.connections, content=RAW[raw], headers=headers)
    refused(solo, answer)
    assert "\\u0000" not in answer.text


def test_bodies_that_are_too_long(solo):
    whole = json.dumps({"name": "n", "provider": "p", "credentials": {"k": "canary" * 2_000_000}}).encode()
    refused(solo, solo.ask("POST", solo.connections, content=whole), 413)
    pieces = (whole[index : index + 65536] for index in range(0, len(whole), 65536))
    refused(solo, solo.ask("POST", solo.connections, content=pieces), 413)


PLACES = ["x", "canary", "%00", "..%2f..%2f", "1", "' or 1=1 --", "{customer_id}", "\u00f8", "0" * 5000]


@pytest.mark.parametrize("place", PLACES)
def test_ids_that_are_none(solo, place):
    for path in (
        f"/v1/customers/{place}",
        f"{solo.connections}/{place}",
        f"{solo.connections}/{place}/grants/{place}",
    ):
        answer = solo.ask("DELETE", path)
        assert answer.status_code in (400, 404, 422), path
        assert "canary" not in answer.text


def test_methods_that_are_none(solo):
    answer = solo.ask("PUT", solo.connections, json={})
    assert answer.status_code == 405
    assert set(re.findall(r"[A-Z]+", answer.headers["allow"])) >= {"GET", "POST"}
    assert solo.ask("GET", f"{solo.connections}/{solo.connect()}/nothing").json() == {"detail": "Not found"}


def test_both_slash_forms_are_one(solo):
    connection = solo.connect()
    for path in (solo.connections, f"{solo.connections}/{connection}", "/v1/customers", "/v1/audit"):
        plain, slashed = solo.ask("GET", path), solo.ask("GET", path + "/")
        assert (plain.status_code, slashed.status_code) == (200, 200), path
    assert solo.ask("GET", solo.connections).content == solo.ask("GET", solo.connections + "/").content
    assert solo.ask("DELETE", f"{solo.connections}/{connection}/").status_code == 204


HOSTILE = [
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "'; drop table connections; --",
    "${env:PATH}",
    "%n%s",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_are_texts(acme, text):
    connection = acme.connect(name=text, provider="p", credentials={text: text, "access_token": text})
    assert acme.show(connection)["name"] == text
    acme.grant(connection)
    lent = acme.fetch(provider="p", name=text)
    assert lent.json()["credentials"] == {text: text, "access_token": text}


def test_credentials_that_look_like_our_own_marks(acme):
    """What stands in our configurations for a secret is in a customer's credentials a text like any other."""
    given = {"access_token": {"$secret": "credentials"}, "$secret": "credentials"}
    acme.grant(acme.connect(auth_type="api_key", credentials=given))
    assert acme.fetch().json()["credentials"] == given


def test_metadata_and_credentials_are_never_shown(acme):
    secrets = {"credentials": {"access_token": CANARY}, "metadata_json": {"note": CANARY}}
    answers = [acme.post(**secrets)]
    path = f"{acme.connections}/{answers[0].json()['id']}"
    answers += [acme.ask("PATCH", path, json=secrets), acme.ask("GET", path)]
    answers += [acme.ask("POST", f"{path}/test"), acme.post(**secrets)]
    answers += [acme.ask("GET", where) for where in (acme.connections, "/v1/audit", "/v1/customers")]
    answers += [acme.ask("DELETE", path), acme.ask("GET", "/v1/audit")]
    assert not [answer.text for answer in answers if CANARY in answer.text]


def test_nothing_of_the_credentials_is_in_any_file(solo):
    connection = solo.connect(credentials={"access_token": CANARY, "deep": [{"x": CANARY}]})
    solo.grant(connection, "a")
    assert CANARY in solo.fetch().text
    home = solo.api.container.settings.home
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.suffix.startswith(".db") for path in files)
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]

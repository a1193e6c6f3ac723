"""Values that programs keep here."""

import pytest


def test_values_of_the_account_are_any_json_and_told_apart_by_their_keys(program):
    assert program.get("/state") == {"keys": []}
    for value in ({"counter": 1}, [1, 2], "text", 0, False):
        program.good("PUT", "/state/banana", value)
        assert program.get("/state/banana") == value
    first = program.good("PUT", "/state/apple", {"counter": 1})
    assert (first.status_code, first.text) == (200, "Created")
    again = program.good("PUT", "/state/apple", 7)
    assert (again.status_code, again.text) == (200, "OK")
    assert program.get("/state/apple") == 7
    assert program.get("/state") == {"keys": ["apple", "banana"]}
    assert program.call("DELETE", "/state/apple").status_code == 204
    assert program.call("GET", "/state/apple").status_code == 404
    assert program.call("DELETE", "/state").status_code == 204
    assert program.get("/state/") == {"keys": []}


def test_null_is_a_value_and_nothing_is_none(program):
    put = program.call("PUT", "/state/k", content=b"null", headers={"content-type": "application/json"})
    assert put.text == "Created"
    assert program.get("/state/k") is None
    assert program.refused(400, "PUT", "/state/k")[0]["code"] == "invalid_json"
    broken = program.call("PUT", "/state/k", content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 400
    form = program.call("PUT", "/state/k", content=b"a=1", headers={"content-type": "text/plain"})
    assert form.status_code == 415


@pytest.mark.parametrize("key", ["a%2Fb", "%E2%82%AC%20x", "a%252Fb", "..%2F..", "a%2F"])
def test_keys_are_what_their_addresses_encode(program, key):
    program.good("PUT", f"/state/{key}", {"k": key})
    assert program.get(f"/state/{key}") == {"k": key}
    assert program.get(f"/state/{key}/") == {"k": key}
    (kept,) = program.get("/state")["keys"]
    assert "%2F" not in kept or key == "a%252Fb"
    assert program.call("GET", "/state/a/b").status_code == 404


def test_values_of_a_resource_are_its_own(program, stranger):
    made = program.make("/connections", {"name": "c", "type": "rest", "rest": REST})
    path = f"/connections/{made['_id']}/state"
    assert program.good("PUT", f"{path}/sequenceNumber", {"counter": 1}).text == "Created"
    assert program.get(f"{path}/sequenceNumber") == {"counter": 1}
    assert program.get(path) == {"keys": ["sequenceNumber"]}
    assert program.get("/state") == {"keys": []}
    assert stranger.call("GET", path).status_code == 404
    assert program.call("DELETE", f"{path}/sequenceNumber").status_code == 200
    assert program.call("DELETE", path).status_code == 200


REST = {"baseURI": "https://api.example.com", "mediaType": "json", "authType": "custom"}

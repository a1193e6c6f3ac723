"""``/api/v2/destinations/``: making, replacing, masking, forgetting."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import DUCKDB, NO_OBJECT, NOT_FOUND, POSTGRES

CANARY = "canary-7d1c"
HTTP = 4


def postgres(**more):
    fields = {"host": "db", "port": "5432", "database": "d", "username": "u", "password": CANARY}
    return {"name": "warehouse", "credential_json": fields | more, "type_adapter": POSTGRES}


def test_texts_become_what_the_settings_are(acme):
    made = acme.post("destinations/", postgres())
    assert made["credential_json"]["port"] == 5432
    body = {"name": "h", "type_adapter": HTTP}
    form = {
        "url": "https://a.invalid/",
        "headers": '{"X-A": "b"}',
        "auth.type": "bearer",
        "auth.token": CANARY,
        "timeout": "2.5",
    }
    made = acme.post("destinations/", body | {"credential_json": form})["credential_json"]
    assert made == form | {"headers": {"X-A": "b"}, "auth.token": "********", "timeout": 2.5}
    nested = {"url": "https://a.invalid/", "auth": {"type": "bearer", "token": CANARY}}
    made = acme.post("destinations/", body | {"name": "n", "credential_json": nested})
    assert made["credential_json"] == {
        "url": "https://a.invalid/",
        "auth.type": "bearer",
        "auth.token": "********",
    }


def test_secrets_go_in_and_never_come_out(acme):
    number = acme.post("destinations/", postgres())["id"]
    seen = [acme.ask("GET", path).text for path in ("destinations/", f"destinations/{number}")]
    seen += [acme.ask("PUT", f"destinations/{number}", json=postgres()).text]
    wrong = postgres(port=CANARY, sslmode=CANARY, host=[CANARY])
    seen += [acme.ask("POST", "destinations/", json=wrong).text]
    assert CANARY not in "".join(seen).replace('"port":["canary', "")
    with acme.api.container.store.read() as work:
        assert CANARY not in repr(work.connections.list(acme.org)) + repr(work.audit.list(acme.org))


@pytest.mark.parametrize("mask", ["********", "••••••••", "••••"])
def test_a_masked_secret_stays(acme, mask):
    number = acme.post("destinations/", postgres())["id"]
    changed = acme.send("PUT", f"destinations/{number}", postgres(password=mask, host="other"))
    assert changed["credential_json"]["host"] == "other"
    assert changed["credential_json"]["password"] == "********"
    assert password(acme) == CANARY


def password(acme):
    with acme.api.container.store.read() as work:
        (row,) = work.connections.list(acme.org)
    return acme.api.container.resolve(acme.org, row.id)[1].get("password")


def test_a_new_secret_replaces_the_old_one_and_an_omitted_one_is_gone(acme):
    number = acme.post("destinations/", postgres())["id"]
    acme.send("PUT", f"destinations/{number}", postgres(password="fresh"))
    assert password(acme) == "fresh"
    body = postgres()
    del body["credential_json"]["password"]
    assert "password" not in acme.send("PUT", f"destinations/{number}", body)["credential_json"]
    assert password(acme) is None
    assert acme.send("PUT", f"destinations/{number}", postgres(password="****"), 400) == {
        "credential_json": {"password": ["There is no stored value to keep: enter the secret itself."]}
    }


def test_what_is_shown_can_be_sent_back(acme):
    made = acme.post("destinations/", postgres())
    whole = acme.get(f"destinations/{made['id']}")
    assert whole == made
    body = {key: whole[key] for key in ("name", "credential_json", "type_adapter")}
    assert acme.send("PUT", f"destinations/{made['id']}", body) == body
    assert password(acme) == CANARY


def test_a_mask_is_no_secret(acme):
    answer = acme.post("destinations/", postgres(password="********"), 400)
    assert list(answer["credential_json"]) == ["password"]


def test_marks_of_the_vault_are_no_values(acme):
    for value in ({"$secret": "password"}, {"$secret": "secret_headers.a"}):
        acme.post("destinations/", postgres(password=value), 400)
        form = {"url": "https://a.invalid/", "secret_headers": {"a": value}}
        acme.post("destinations/", {"name": "h", "credential_json": form, "type_adapter": HTTP}, 400)
    assert acme.rows()["connections"] == 0


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (
            {},
            {
                "name": ["This field is required."],
                "credential_json": ["This field is required."],
                "type_adapter": ["This field is required."],
            },
        ),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary."]}),
        (postgres() | {"type_adapter": 99}, {"type_adapter": [NO_OBJECT.format(99)]}),
        (postgres() | {"type_adapter": 2**70}, {"type_adapter": [NO_OBJECT.format(2**70)]}),
        (postgres() | {"type_adapter": True}, {"type_adapter": ["A valid integer is required."]}),
        (postgres() | {"type_adapter": "x"}, {"type_adapter": ["A valid integer is required."]}),
        (postgres() | {"name": " "}, {"name": ["This field may not be blank."]}),
        (postgres() | {"name": 5}, {"name": ["Not a valid string."]}),
        (postgres() | {"credential_json": []}, {"credential_json": ["Expected a dictionary of items."]}),
        (
            postgres() | {"credential_json": {"port": "x", "colour": "red", "host": ""}},
            {
                "credential_json": {
                    "colour": ["There is no such field."],
                    "host": ["This field may not be blank."],
                    "database": ["This field is required."],
                    "username": ["This field is required."],
                }
            },
        ),
        (
            postgres(port="x"),
            {
                "credential_json": {
                    "port": ["Input should be a valid integer, unable to parse string as an integer."]
                }
            },
        ),
    ],
)
def test_bodies_at_fault_say_where(acme, body, answer):
    assert acme.post("destinations/", body, 400) == answer
    assert acme.rows()["connections"] == 0


def test_broken_json_is_not_repeated(acme):
    for text in (
        "{",
        '{"a": "' + CANARY + '" x',
        '{"name": NaN}',
        '{"name": "a", "name": "b"}',
        '{"name": "\\u0000"}',
        "",
    ):
        answer = acme.ask("POST", "destinations/", content=text, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert CANARY not in answer.text
        if text:
            assert answer.json()["detail"].startswith("JSON parse error - ")


def test_names_are_unique(acme, tmp_path):
    acme.destination(tmp_path / "a.duckdb", "a")
    second = acme.destination(tmp_path / "b.duckdb", "b")
    taken = {"name": ["destination with this name already exists."]}
    body = {"name": "a", "credential_json": {"path": "x"}, "type_adapter": DUCKDB}
    assert acme.post("destinations/", body, 400) == taken
    assert acme.send("PUT", f"destinations/{second}", body, 400) == taken


def test_the_type_stays(acme, tmp_path):
    number = acme.destination(tmp_path / "a.duckdb")
    assert list(acme.send("PUT", f"destinations/{number}", postgres(), 400)) == ["type_adapter"]


def test_what_other_doors_made_is_a_destination_too(either, tmp_path):
    from towpath.services.connections import Connections

    cases = Connections(either.api.container)
    cases.create(either.org, "by hand", "duckdb", {"path": str(tmp_path / "a.duckdb")})
    customer = either.api.customer(either.org)
    cases.create(either.org, "of a customer", "duckdb", {"path": "x"}, customer=customer)
    cases.create(either.org, "a source only", "guesty_enterprise", {"integration_token": "t"})
    (listed,) = either.get("destinations/")
    assert listed["name"] == "by hand"
    assert either.get(f"destinations/{listed['id']}")["user"] is None


def test_forgetting(acme, tmp_path, shop):
    number = acme.destination(tmp_path / "a.duckdb")
    connector = acme.post("connectors/", acme.copy(shop, number))["data"]["id"]
    acme.drop(f"destinations/{number}", 409)
    acme.drop(f"connectors/{connector}")
    acme.drop(f"destinations/{number}")
    acme.drop(f"destinations/{number}", 404)
    assert acme.get(f"destinations/{number}", 404) == NOT_FOUND
    assert acme.get("destinations/") == []
    # A number is never used again.
    assert acme.destination(tmp_path / "a.duckdb") == number + 1


def test_of_many_that_make_the_same_one_does(either):
    with ThreadPoolExecutor(20) as pool:
        statuses = list(
            pool.map(lambda _: either.ask("POST", "destinations/", json=postgres()).status_code, range(20))
        )
    assert sorted(statuses) == [201, *[400] * 19]
    assert len(either.get("destinations/")) == 1
    assert either.rows()["sealed"] == 1

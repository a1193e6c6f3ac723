"""Nobody reaches what is another's: every route of the document, with the numbers and keys of others.

What is another's is answered byte for byte as what does not exist. # Invariant 9
"""

import itertools

import pytest

from support.api import cases_of

from .conftest import NOT_FOUND, SQLITE, Partner

#: Every route that has a number of the organization in its path, and what to send it.
BODIES = {
    ("GET", "/api/v2/connectors/{connector_id}"): None,
    ("PUT", "/api/v2/connectors/{connector_id}"): "connector",
    ("PATCH", "/api/v2/connectors/{connector_id}"): {"name": "stolen"},
    ("DELETE", "/api/v2/connectors/{connector_id}"): None,
    ("GET", "/api/v2/destinations/{destination_id}"): None,
    ("PUT", "/api/v2/destinations/{destination_id}"): "destination",
    ("DELETE", "/api/v2/destinations/{destination_id}"): None,
}
#: Routes of lists and catalogues, and those that make something.
OTHERS = {
    ("GET", "/api/v2/connector-templates/"),
    ("GET", "/api/v2/connector-templates/{template_id}"),
    ("GET", "/api/v2/destination-templates/"),
    ("GET", "/api/v2/destination-templates/{template_id}"),
    ("GET", "/api/v2/connectors/"),
    ("POST", "/api/v2/connectors/"),
    ("GET", "/api/v2/destinations/"),
    ("POST", "/api/v2/destinations/"),
}
#: For everybody, or with a way of their own to know who asks.
OPEN = {
    ("POST", "/o/token/"),
    ("POST", "/o/revoke_token/"),
    ("GET", "/media/icons/cat_connectors/{file}"),
    ("GET", "/media/icons/adapters/{file}"),
}


def document(api):
    return api.client.get("/openapi/partners.json").json()


@pytest.fixture
def two(either, shop, tmp_path):
    """Acme with three destinations and two connectors; another organization with nothing at all."""
    lakes = [either.destination(tmp_path / f"{n}.duckdb", f"lake {n}") for n in range(3)]
    for n in range(2):
        either.post("connectors/", either.copy(shop, lakes[n], name=f"copy {n}"))
    return either, Partner.furnish(either.api)


def body_of(case, partner, shop):
    body = BODIES[case]
    if body == "connector":
        return partner.copy(shop, 1, name="stolen")
    if body == "destination":
        return {"name": "stolen", "credential_json": {"path": "x"}, "type_adapter": 6}
    return body


def test_every_route_has_its_line_here(acme):
    assert set(cases_of(document(acme.api))) == {*BODIES, *OTHERS, *OPEN}


def test_the_numbers_of_others_are_the_numbers_of_nothing(two, shop):
    acme, other = two
    before = acme.ask("GET", "connectors/").text, acme.ask("GET", "destinations/").text, acme.rows()
    for (method, path), number in itertools.product(BODIES, (1, 2, 3, 99)):
        body = body_of((method, path), other, shop)
        answer = other.api.call(
            method, path.format(connector_id=number, destination_id=number), other.token, json=body
        )
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), (method, path, number)
    assert (acme.ask("GET", "connectors/").text, acme.ask("GET", "destinations/").text, acme.rows()) == before
    assert (other.get("connectors/"), other.get("destinations/")) == ([], [])


def test_the_destinations_of_others_cannot_be_written_to(two, shop):
    _, other = two
    before = other.rows()
    answers = [other.ask("POST", "connectors/", json=other.copy(shop, number)).text for number in (1, 3, 99)]
    assert len({answer.replace("99", "1").replace("3", "1") for answer in answers}) == 1
    assert other.rows() == before


def test_numbers_are_counted_for_each_organization(two, tmp_path):
    _, other = two
    assert other.destination(tmp_path / "own.duckdb") == 1


def test_names_of_others_are_free(two, shop, tmp_path):
    _, other = two
    lake = other.destination(tmp_path / "own.duckdb", "lake 0")
    assert other.post("connectors/", other.copy(shop, lake, name="copy 0"))["data"]["id"] == 1


def test_nobody_comes_in_without_a_token(acme):
    broker = acme.api.key(acme.org, "broker")
    for method, path in {*BODIES, *OTHERS}:
        place = path.format(connector_id=1, destination_id=1, template_id=SQLITE)
        for key in (None, broker, acme.key, acme.secret):
            answer = acme.api.call(method, place, key, json={})
            assert answer.status_code == 401, (method, path)
            assert set(answer.json()) == {"detail"}
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_to_read_changes_nothing(acme):
    auth = (acme.key, acme.secret)
    given = {"grant_type": "client_credentials", "scope": "read"}
    token = acme.api.client.post("/o/token/", auth=auth, json=given).json()["access_token"]
    for method, path in {*BODIES, *OTHERS}:
        place = path.format(connector_id=1, destination_id=1, template_id=SQLITE)
        status = acme.api.call(method, place, token, json={}).status_code
        assert (status == 403) == (method != "GET"), (method, path)


def test_both_slash_forms_answer_alike(two, shop, tmp_path):
    """Every path, with and without a slash at its end, and never a redirect."""
    acme, _ = two
    for method, path in cases_of(document(acme.api)):
        place = path.format(connector_id=1, destination_id=1, template_id=SQLITE, file="sqlite.svg").rstrip(
            "/"
        )
        body = body_of((method, path), acme, shop) if (method, path) in BODIES else {}
        if method in ("DELETE", "PUT", "PATCH"):
            place = place[:-1] + "99"
        answers = [acme.api.call(method, place + slash, acme.token, json=body) for slash in ("", "/")]
        assert answers[0].status_code == answers[1].status_code
        assert not answers[0].is_redirect
        assert answers[0].content == answers[1].content
        assert answers[0].status_code != 404 or place.endswith("99")


def test_things_can_be_made_under_both_forms(acme, shop, tmp_path):
    for n, slash in enumerate(("", "/")):
        lake = {
            "name": f"lake {n}",
            "credential_json": {"path": str(tmp_path / "x.duckdb")},
            "type_adapter": 6,
        }
        number = acme.post(f"destinations{slash}", lake)["id"]
        acme.post(f"connectors{slash}", acme.copy(shop, number, name=f"copy {n}"))
        assert acme.send("PUT", f"destinations/{number}{slash}", lake)["name"] == f"lake {n}"

"""Nobody reaches what is another's: every route of the document, with ids of others in every place.

What is another's is answered byte for byte as what does not exist. # Invariant 9
"""

import itertools
from dataclasses import dataclass
from uuid import uuid4

import pytest

from support.api import cases_of, uuid

CUSTOMER = "/v1/customers/{customer_id}"
CONNECTION = CUSTOMER + "/connections/{connection_id}"
GRANT = CONNECTION + "/grants/{grant_id}"
INSTANCE = CUSTOMER + "/instances/{instance_id}"
PROVIDER = "/v1/providers/{provider}"

#: Every route: what to send it. A new route needs its line here.
CASES = {
    ("GET", "/internal/v1/instances/{instance_id}/connections"): None,
    ("GET", "/v1/audit"): None,
    ("GET", "/v1/customers"): None,
    ("POST", "/v1/customers"): {"name": "new"},
    ("GET", CUSTOMER): None,
    ("DELETE", CUSTOMER): None,
    ("GET", CUSTOMER + "/connections"): None,
    ("POST", CUSTOMER + "/connections"): {"name": "new", "provider": "p", "credentials": {}},
    ("GET", CONNECTION): None,
    ("PATCH", CONNECTION): {"name": "renamed"},
    ("DELETE", CONNECTION): None,
    ("POST", CONNECTION + "/connect"): {},
    ("POST", CONNECTION + "/test"): None,
    ("GET", CONNECTION + "/grants"): None,
    ("POST", CONNECTION + "/grants"): {"capabilities": [], "instance_id": "{instance_id}"},
    ("PATCH", GRANT): {"capabilities": ["renamed"]},
    ("DELETE", GRANT): None,
    ("GET", CUSTOMER + "/instances"): None,
    ("POST", CUSTOMER + "/instances"): {"name": "new"},
    ("DELETE", INSTANCE): None,
    ("POST", INSTANCE + "/rotate-key"): {},
    ("GET", "/v1/providers"): None,
    ("GET", PROVIDER + "/client"): None,
    ("PUT", PROVIDER + "/client"): {"client_id": "new", "client_secret": "new"},
    ("DELETE", PROVIDER + "/client"): None,
}
#: The fetch has a key of its own, and tests of its own.
MANAGED = [case for case in CASES if not case[1].startswith("/internal")]
WITH_IDS = [case for case in MANAGED if "_id}" in case[1]]


@dataclass(frozen=True)
class Ids:
    customer_id: str
    connection_id: str
    grant_id: str
    instance_id: str

    @classmethod
    def random(cls):
        return cls(*(str(uuid4()) for _ in range(4)))


def furnish(tenant, customer):
    """One of everything, for that customer of the tenant."""
    instance, _ = tenant.api.instance(tenant.org, customer)
    here = f"/v1/customers/{uuid(customer)}/connections"
    body = {"name": "mailbox", "provider": "gmail", "credentials": {"access_token": "t"}}
    connection = tenant.ask("POST", here, json=body).json()["id"]
    body = {"capabilities": ["a"], "instance_id": str(uuid(instance))}
    grant = tenant.ask("POST", f"{here}/{connection}/grants", json=body).json()["id"]
    return Ids(str(uuid(customer)), connection, grant, str(uuid(instance)))


def ask(tenant, case, ids):
    method, path = case
    body = CASES[case]
    if body and "instance_id" in body:
        body = body | {"instance_id": ids.instance_id}
    answer = tenant.ask(method, path.format(**vars(ids)), **({} if body is None else {"json": body}))
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return answer.status_code, answer.content, headers


def mixtures(case, own, foreign):
    """Own ids with foreign ones in every choice of places, but the one choice of none."""
    text = case[1] + str(CASES[case])
    places = [name for name in vars(own) if name in text]
    for count in range(1, len(places) + 1):
        for chosen in itertools.combinations(places, count):
            yield chosen, {name: getattr(foreign, name) for name in chosen}


def everything(tenant, ids):
    """All that the tenant's own key shows."""
    shown = [
        tenant.ask("GET", path.format(**vars(ids)))
        for method, path in MANAGED
        if method == "GET" and path != "/v1/audit" and "provider" not in path
    ]
    return [(answer.status_code, answer.content) for answer in shown]


def test_every_route_has_a_case(solo):
    document = solo.api.get("/openapi/broker.json").json()
    assert cases_of(document) == sorted(CASES)


@pytest.mark.parametrize("case", WITH_IDS, ids=" ".join)
def test_what_is_anothers_reads_as_what_is_not_there(solo, neighbour, case):
    own = furnish(solo, solo.api.customer(solo.org))
    sibling = furnish(solo, solo.api.customer(solo.org))
    foreign = furnish(neighbour, neighbour.api.customer(neighbour.org))
    before = [everything(neighbour, foreign), everything(solo, sibling), everything(solo, own)]
    for chosen, ids in mixtures(case, own, foreign):
        nothing = ask(solo, case, Ids(**vars(own) | {name: str(uuid4()) for name in chosen}))
        assert nothing[:2] == (404, b'{"detail":"Not found"}'), chosen
        assert ask(solo, case, Ids(**vars(own) | ids)) == nothing, chosen
        if "customer_id" not in chosen:
            others = {name: getattr(sibling, name) for name in chosen}
            assert ask(solo, case, Ids(**vars(own) | others)) == nothing, chosen
    assert [everything(neighbour, foreign), everything(solo, sibling), everything(solo, own)] == before


@pytest.mark.parametrize("case", WITH_IDS, ids=" ".join)
def test_the_owner_reaches_it(solo, case):
    """Else the test above would find nothing wrong with a route that never finds anything."""
    own = furnish(solo, solo.api.customer(solo.org))
    if case == ("DELETE", CUSTOMER):
        assert ask(solo, case, own)[0] == 409
        assert solo.ask("DELETE", CONNECTION.format(**vars(own))).status_code == 204
        assert solo.ask("DELETE", INSTANCE.format(**vars(own))).status_code == 204
    if case == ("POST", CONNECTION + "/connect"):
        client = {"client_id": "app", "client_secret": "s"}
        assert solo.ask("PUT", "/v1/providers/gmail/client", json=client).status_code == 200
    if case == ("POST", CONNECTION + "/grants"):
        assert ask(solo, case, own)[0] == 409
        assert solo.ask("DELETE", GRANT.format(**vars(own))).status_code == 204
    assert ask(solo, case, own)[0] in (200, 201, 204)


def test_lists_without_ids_hold_what_is_ones_own(solo, neighbour):
    mine = furnish(solo, solo.api.customer(solo.org))
    theirs = furnish(neighbour, neighbour.api.customer(neighbour.org))
    for path in [path for method, path in MANAGED if method == "GET" and "{" not in path]:
        shown = solo.ask("GET", path.format(provider="gmail"))
        assert shown.status_code in (200, 404)
        assert not [id for id in vars(theirs).values() if id in shown.text], path
        assert mine.customer_id in shown.text or path not in ("/v1/customers", "/v1/audit")
    assert solo.ask("GET", "/v1/customers").json()["total"] == 2


def test_a_name_of_another_customers_is_free(acme, other):
    """What others have shows in no conflict either."""
    for tenant in (acme, other):
        assert tenant.post(name="n", provider="p").status_code == 201
    assert acme.ask("POST", "/v1/customers", json={"name": "taken"}).status_code == 201
    assert other.ask("POST", "/v1/customers", json={"name": "taken"}).status_code == 201


def test_an_instance_of_another_customer_cannot_be_granted_to(acme, other):
    connection = acme.connect()
    sibling, _ = acme.api.instance(acme.org, acme.api.customer(acme.org))
    answers = [acme.post_grant(connection, [], id) for id in (uuid4(), other.instance, uuid(sibling))]
    assert {(one.status_code, one.content) for one in answers} == {(404, b'{"detail":"Not found"}')}
    assert acme.post_grant(connection, []).status_code == 201


def test_registrations_with_providers_are_an_organizations_own(acme, other):
    path = PROVIDER.format(provider="gmail") + "/client"
    theirs = {"client_id": "theirs", "client_secret": "canary-5d2c"}
    assert other.ask("PUT", path, json=theirs).status_code == 200
    before = other.ask("GET", path).content
    nothing = acme.ask("GET", PROVIDER.format(provider="xero") + "/client")
    assert nothing.status_code == 404
    assert acme.ask("GET", path).content == nothing.content
    assert acme.ask("DELETE", path).content == nothing.content
    assert not any(one["has_client"] for one in acme.ask("GET", "/v1/providers").json()["providers"])
    assert acme.ask("PUT", path, json={"client_id": "mine", "client_secret": "s"}).status_code == 200
    assert other.ask("GET", path).content == before

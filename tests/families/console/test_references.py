"""What stands for secrets: shown in their place, and taken back where it was shown."""

import json
import logging

import pytest

from support.projects import InProject
from towpath.services.connections import Connections
from towpath.services.secrets import references as secretrefs

CANARY = "canary-6b1e-never-shown"
HOST = {"host": "127.0.0.1", "port": 1, "database": "d", "username": "u"}


def body(name="shop", type="postgres", **config):
    return {"name": name, "type": type, "version": "v1.0.0", "config": {**HOST, "password": CANARY, **config}}


@pytest.fixture
def ann(api_sqlite, caplog):
    """Nothing that she is ever told, and no line of the log, holds the secret."""
    person = InProject(api_sqlite)
    ask, told = person.ask, []

    def asked(*call, **options):
        answer = ask(*call, **options)
        told.append(answer.text)
        return answer

    person.ask = asked
    with caplog.at_level(logging.DEBUG):
        yield person
    assert told
    assert CANARY not in "".join(told)
    assert CANARY not in caplog.text
    with api_sqlite.container.store.read() as work:
        assert CANARY not in str(work.audit.list(person.org))


def secret_of(person, number):
    row = person.connection(number)
    _, config = person.api.container.resolve(person.org, row.id)
    return config.get("password")


def shown(person, kind="sources", **config):
    """The reference to the password of a new source or destination."""
    made = person.data("POST", f"/{kind}", body(name=f"new {len(person.data('GET', f'/{kind}'))}", **config))
    return json.loads(made["config"])["password"]


def refused(person, config, method="POST", path="/sources/test", **more):
    """The field that a reference is refused at."""
    error = person.refused(400, method, path, body("other", **more) | {"config": {**HOST, **config}})
    assert error["code"] == "secret.reference"
    return error["field"]


def test_references_stand_for_secrets_wherever_settings_are_shown(ann):
    made = ann.data("POST", "/sources", body())
    reference = json.loads(made["config"])["password"]
    assert secretrefs._REFERENCE.fullmatch(reference)
    [listed] = ann.data("GET", "/sources")
    changed = ann.data("PUT", "/sources/1", body(host="other"))
    for row in (listed, ann.data("GET", "/sources/1"), changed):
        assert json.loads(row["config"])["password"] == reference
    assert shown(ann) != reference
    assert secret_of(ann, 1) == CANARY


@pytest.mark.parametrize("given", ["reference", "omitted", "masked"])
def test_a_secret_that_is_not_given_anew_stays(ann, given):
    reference = shown(ann)
    config = {"reference": {"password": reference}, "omitted": {}, "masked": {"password": "********"}}[given]
    ann.data("PUT", "/sources/1", body("renamed") | {"config": {**HOST, "host": "new", **config}})
    assert (secret_of(ann, 1), ann.config("/sources/1")["password"]) == (CANARY, reference)
    assert ann.config("/sources/1")["host"] == "new"


def test_a_secret_that_is_given_anew_replaces_the_old_one(ann):
    reference = shown(ann)
    ann.data("PUT", "/sources/1", body(password="another"))
    assert secret_of(ann, 1) == "another"
    assert ann.config("/sources/1")["password"] == reference


def test_saving_what_was_shown_changes_nothing(ann):
    shown(ann)
    lake = ann.connection(
        ann.data("POST", "/destinations", body(type="sqlite") | {"config": {"path": "x"}})["id"]
    )
    run = ann.run(ann.job("nightly", ann.connection(1), lake))
    before = ann.connection(1)
    ann.data("PUT", "/sources/1", {**ann.data("GET", "/sources/1"), "name": before.name})
    after = ann.connection(1)
    assert (after.config, after.metadata, secret_of(ann, 1)) == (before.config, before.metadata, CANARY)
    with ann.api.container.store.read() as work:
        assert not work.runs.get(ann.org, run.id).cancel_requested
    ann.data("PUT", "/sources/1", body(before.name, password="another"))
    with ann.api.container.store.read() as work:
        assert work.runs.get(ann.org, run.id).cancel_requested


def test_a_copy_has_a_secret_of_its_own(ann):
    reference = shown(ann)
    copy = json.loads(ann.data("POST", "/sources", body("copy", password=reference))["config"])
    ann.data("DELETE", "/sources/1")
    assert secret_of(ann, 2) == CANARY
    assert copy["password"] != reference
    with ann.api.container.store.read() as work:
        [use] = [entry for entry in work.audit.list(ann.org) if entry.action == "secret.use"]
    assert use.object == ann.connection(1).id
    assert use.detail["purpose"] == "create"
    assert refused(ann, {"password": reference}) == "config.password"


@pytest.mark.service("postgres")
def test_stored_secrets_can_be_tried(ann, postgres):
    server = postgres.config()
    known = {name: server[name] for name in HOST}
    made = ann.data("POST", "/sources", body(**known, password=server.get("password", "")))
    data = ann.data("POST", "/sources/test", {**made, "config": made["config"]})
    assert data["connection_result"]["status"] == "SUCCEEDED", data
    assert json.loads(data["config"])["password"] == json.loads(made["config"])["password"]


def test_a_new_secret_is_masked_in_the_echo_of_a_trial(ann):
    data = ann.data("POST", "/sources/test", body())
    assert json.loads(data["config"])["password"] == "********"
    assert data["connection_result"]["status"] == "FAILED"


# ── where references do not count ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("field", ["host", "database", "username"])
@pytest.mark.parametrize("form", ["{}", "x{}", "{}.evil.example"])
def test_in_a_field_that_is_shown(ann, field, form):
    reference = shown(ann)
    for method, path in (("POST", "/sources"), ("POST", "/sources/test"), ("PUT", "/sources/1")):
        assert refused(ann, {field: form.format(reference)}, method, path) == f"config.{field}"
    assert ann.config("/sources/1")[field] == HOST[field]


def test_in_settings_that_mean_nothing_to_us(ann):
    reference = shown(ann)
    assert refused(ann, {"jdbc_url_params": {"a": [f"?{reference}"]}}) == "config.jdbc_url_params.a.0"
    assert refused(ann, {"jdbc_url_params": {reference: 1}}) == "config.jdbc_url_params"


def test_within_another_text(ann):
    reference = shown(ann)
    for text in (
        f"x{reference}",
        f"{reference}x",
        f"{reference} ",
        reference[:-1],
        reference.upper()[:7] and "tp_ref_",
    ):
        assert refused(ann, {"password": text}) == "config.password"


def test_in_a_field_that_only_looks_like_one(ann):
    made = ann.data("POST", "/sources", body(database="http_ref_codes"))
    assert json.loads(made["config"])["database"] == "http_ref_codes"


def test_changed_by_a_letter(ann):
    reference = shown(ann)
    for place in (10, 30, 45):
        letter = "A" if reference[place] != "A" else "B"
        changed = reference[:place] + letter + reference[place + 1 :]
        assert refused(ann, {"password": changed}) == "config.password"


def test_of_another_field(ann):
    container = ann.api.container
    shown(ann)
    other = secretrefs.reference(container.vault, ann.connection(1).id, "client_key")
    assert refused(ann, {"password": other}) == "config.password"


def test_of_another_type(ann):
    reference = shown(ann)
    error = ann.refused(
        400,
        "POST",
        "/sources/test",
        {"type": "mysql", "config": {"hosts": "h", "database": "d", "username": "u", "password": reference}},
    )
    assert (error["code"], error["field"]) == ("secret.reference", "config.password")


def test_of_the_other_role(ann):
    reference = shown(ann)
    assert refused(ann, {"password": reference}, path="/destinations/test") == "config.password"


def test_of_another_project_or_organization(ann):
    reference = shown(ann)
    neighbour = InProject(ann.api, "mill")
    foreign = InProject(ann.api, org=ann.api.organization())
    for person in (neighbour, foreign):
        assert refused(person, {"password": reference}) == "config.password"
        own = person.data("POST", "/sources", body())["id"]
        assert refused(person, {"password": reference}, "PUT", f"/sources/{own}") == "config.password"


def test_of_a_customer(ann):
    connections = Connections(ann.api.container)
    row = connections.create(
        ann.org, "x", "postgres", {**HOST, "password": CANARY}, customer=ann.api.customer(ann.org)
    )
    reference = secretrefs.reference(ann.api.container.vault, row.id, "password")
    assert refused(ann, {"password": reference}) == "config.password"


def test_of_what_the_whole_organization_shares_it_counts(ann):
    connections = Connections(ann.api.container)
    connections.create(ann.org, "x", "postgres", {**HOST, "password": CANARY})
    [row] = ann.data("GET", "/sources")
    reference = json.loads(row["config"])["password"]
    assert ann.config("/destinations/1")["password"] == reference
    for kind in ("sources", "destinations"):
        ann.data("POST", f"/{kind}", body("copy", password=reference))


def test_a_mask_stands_for_nothing_new(ann):
    for path in ("/sources", "/sources/test"):
        assert refused(ann, {"password": "********"}, path=path) == "config.password"


def test_marks_are_ours_alone(ann):
    shown(ann)
    for mark in ({"$secret": "password"}, {"$secret": "x"}):
        sent = body("other", password=mark)
        for method, path in (("POST", "/sources/test"), ("POST", "/sources"), ("PUT", "/sources/1")):
            assert ann.refused(400, method, path, sent)["field"] == "config.password"
    for method, path in (("POST", "/destinations/test"), ("POST", "/destinations")):
        # Where nothing is translated, too.
        assert ann.refused(400, method, path, sent)["code"] == "secret.reference"

"""What was made at consoles, as documents: written down, and made again in an empty home."""

import json

import pytest
import yaml

from support.api import running, settings_of
from support.jobs import Person, streams
from towpath.services.connections import Connections
from towpath.services.documents import files as yamlfiles
from towpath.services.documents.apply import Documents
from towpath.services.documents.models import FlowSpec
from towpath.services.flows import Flows

SECRETS = ("canary-pg", "canary-s3", "canary-twin")

POSTGRES = {
    "name": "crm",
    "type": "postgres",
    "version": "v1.0.0",
    "config": {
        "host": "db.example",
        "port": 5433,
        "database": "crm",
        "username": "reader",
        "password": "canary-pg",
        "schemas": ["public"],
        "ssl": {"mode": "require"},
        "max_threads": 7,
        "retry_count": 3,
        "jdbc_url_params": {"connectTimeout": "10"},
    },
}
S3 = {
    "name": "Täglich / Müller & Söhne",
    "type": "s3",
    "version": "v1.0.0",
    "config": {
        "bucket_name": "bucket",
        "path_prefix": "in",
        "region": "eu-west-1",
        "access_key_id": "AKIA",
        "secret_access_key": "canary-s3",
        "file_format": "csv",
    },
}
ADVANCED = {"max_discover_threads": 50}


@pytest.fixture
def elsewhere(tmp_path, offered):
    """A server on an empty home."""
    with running(settings_of(tmp_path / "elsewhere"), *offered) as api:
        yield api


def furnish(ann):
    """Two projects with things of the same names, and some that belong to none."""
    api, org = ann.api, ann.org
    ann.make(frequency="30-minutes", advanced_settings=ADVANCED)
    ann.make("weekly", frequency="CRON_TZ=Europe/Amsterdam 0 3 * * 1", activate=False)
    for body in (POSTGRES, S3):
        ann.data("POST", "/sources", body)
    # A source and a destination of one name, each with a secret.
    plain = {name: POSTGRES["config"][name] for name in ("host", "database", "username", "password")}
    ann.data("POST", "/destinations", POSTGRES | {"name": "twin", "config": plain})
    ann.data("POST", "/sources", POSTGRES | {"name": "twin"})
    mill = Person(api, ann.folder, org, "ben", "123")
    mill.make(streams_config=json.dumps(streams("orders", "customers", mode="incremental")))
    mill.data("POST", "/sources", POSTGRES | {"config": POSTGRES["config"] | {"password": "canary-twin"}})
    connections, flows = Connections(api.container), Flows(api.container)
    # The organization's own, of names that projects have, too.
    for name in ("shop", "lake"):
        connections.create(org, name, "sqlite", {"path": str(ann.folder / f"own-{name}.db")})
    spec = {"source": {"connection": "shop"}, "destination": {"connection": "lake"}}
    flows.create(org, "nightly", FlowSpec.model_validate(spec))
    spec = {"source": {"connection": "bakery/shop"}, "destination": {"connection": "123/lake"}}
    flows.create(org, "across", FlowSpec.model_validate(spec))
    [own] = [row["id"] for row in ann.data("GET", "/sources") if "own-shop" in row["config"]]
    ann.make("of all", source={"id": own})
    return mill


def export(api, org, folder):
    """The documents as `towpath export` prints them."""
    documents, left_out = Documents(api.container).export(org)
    assert left_out == []
    file = folder / "exported.yaml"
    file.write_text(yamlfiles.write(documents))
    return file


def apply(api, org, file, variables):
    applied = Documents(api.container).apply(org, yamlfiles.read(file), variables.get)
    return [one.action for one in applied]


def variables_of(file):
    """The secrets that the exported documents ask for, by variable."""
    found = {}
    for document in yaml.safe_load_all(file.read_text()):
        config = document["spec"].get("config", {})
        for field, value in config.items():
            if str(value).startswith("${env:"):
                metadata = document["metadata"]
                place = {"123": "canary-twin", "bakery": "canary-pg"}[metadata["project"]]
                name = value[6:-1]
                assert name not in found, "two secrets of one variable"
                found[name] = "canary-s3" if field == "secret_key" else place
    return found


def shown(person):
    """All that a console shows of a project, but for numbers, times and who made it."""
    apart = ("id", "created_at", "updated_at", "created_by", "updated_by")

    def plain(value):
        if isinstance(value, dict):
            # References to secrets tell connections apart by their ids.
            return {key: plain(item) for key, item in value.items() if key not in apart}
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, str) and value.startswith("{"):
            return plain(json.loads(value))
        return "tp_ref_" if isinstance(value, str) and value.startswith("tp_ref_") else value

    return {path: plain(person.data("GET", path)) for path in ("/sources", "/destinations", "/jobs")}


def seen(person):
    """The same with the choices of each job's streams alone: what else a source offers, it is asked for."""
    found = shown(person)
    for job in found["/jobs"]:
        job["streams_config"] = chosen(job["streams_config"])
    return found


def chosen(config):
    modes = {one["stream"]["name"]: one["stream"]["sync_mode"] for one in config.get("streams", [])}
    some = config.get("selected_streams", {}).items()
    return {space: [(one["stream_name"], modes[one["stream_name"]]) for one in each] for space, each in some}


def test_a_home_is_made_again_from_its_documents(ann, elsewhere, tmp_path):
    mill = furnish(ann)
    file = export(ann.api, ann.org, tmp_path)
    text = file.read_text()
    assert not any(secret in text for secret in (*SECRETS, "tp_ref_"))
    variables = variables_of(file)
    assert len(variables) == 5
    # Here they change nothing.
    assert set(apply(ann.api, ann.org, file, variables)) == {"unchanged"}
    # There they make all of it, once.
    org = elsewhere.container.organization.id
    assert set(apply(elsewhere, org, file, variables)) == {"created"}
    assert set(apply(elsewhere, org, file, variables)) == {"unchanged"}
    assert export(elsewhere, org, tmp_path).read_text() == text
    for here, name in ((ann, "eve"), (mill, "eva")):
        there = Person(elsewhere, ann.folder, org, name, here.project)
        assert seen(there) == seen(here)


def test_secrets_are_those_of_their_own_connection(ann, elsewhere, tmp_path):
    furnish(ann)
    file = export(ann.api, ann.org, tmp_path)
    org = elsewhere.container.organization.id
    apply(elsewhere, org, file, variables_of(file))
    found = {}
    for name in ("bakery/crm", "123/crm"):
        _, _, config = Connections(elsewhere.container).resolve(org, name)
        found[name] = config.password.get_secret_value()
    assert found == {"bakery/crm": "canary-pg", "123/crm": "canary-twin"}


def called(document):
    metadata = document["metadata"]
    return document["kind"], metadata.get("project"), metadata["name"]


def test_a_document_changes_the_row_of_its_own_project(ann, tmp_path):
    mill = furnish(ann)
    file = export(ann.api, ann.org, tmp_path)
    documents = list(yaml.safe_load_all(file.read_text()))
    before = shown(mill)
    [one] = [one for one in documents if called(one) == ("Flow", "bakery", "nightly")]
    one["spec"] |= {"schedule": {"every": 7200}, "streams": [{"name": "customers"}]}
    file.write_text(yamlfiles.write(documents))
    applied = Documents(ann.api.container).apply(ann.org, yamlfiles.read(file), variables_of(file).get)
    assert [(one.kind, one.project, one.name) for one in applied if one.action == "updated"] == [
        ("Flow", "bakery", "nightly")
    ]
    assert shown(mill) == before
    [job] = [job for job in ann.data("GET", "/jobs") if job["name"] == "nightly" and job["created_by"]]
    assert chosen(json.loads(job["streams_config"])) == {"": [("customers", "full_refresh")]}
    # The text that was sent says something else now; what else the job was sent with stays.
    assert (job["frequency"], job["advanced_settings"]) == ("2-hours", ADVANCED)


def test_a_document_of_a_new_project_makes_it(anybody, tmp_path):
    file = tmp_path / "new.yaml"
    metadata = {"name": "shop", "project": "fresh", "role": "source"}
    spec = {"connector": "sqlite", "config": {"path": str(anybody.folder / "shop.db")}}
    document = {"apiVersion": "towpath/v1", "kind": "Connection", "metadata": metadata, "spec": spec}
    file.write_text(yamlfiles.write([document]))
    # What is everybody's has the same name.
    Connections(anybody.api.container).create(anybody.org, "shop", "sqlite", {"path": "other.db"})
    assert apply(anybody.api, anybody.org, file, {}) == ["created"]
    assert apply(anybody.api, anybody.org, file, {}) == ["unchanged"]
    assert len(anybody.names("/sources")) == 1
    fresh = Person(anybody.api, anybody.folder, anybody.org, "ben", "fresh")
    row, _ = sorted(fresh.data("GET", "/sources"), key=lambda row: "other" in row["config"])
    assert (row["name"], row["type"], row["created_by"]) == ("shop", "sqlite", "")
    assert len(fresh.names("/destinations")) == 1


def test_a_document_that_says_a_wrong_type_breaks_no_list(ann, tmp_path):
    ann.data("POST", "/sources", POSTGRES)
    file = export(ann.api, ann.org, tmp_path)
    file.write_text(file.read_text().replace("type: postgres", "type: s3"))
    assert apply(ann.api, ann.org, file, variables_of(file)) == ["updated"]
    [row] = ann.data("GET", "/sources")
    assert (row["name"], row["type"], json.loads(row["config"])["host"]) == ("crm", "s3", "db.example")
    assert "canary" not in row["config"]

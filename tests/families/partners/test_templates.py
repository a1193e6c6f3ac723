"""The catalogues: what clients see of connectors before anybody connects."""

from types import SimpleNamespace

import pytest

from towpath.api.partners.directory import Directory
from towpath.sdk.registry import Registry
from towpath.services import catalogue

from .conftest import NOT_FOUND


def numbers(items):
    return [item["id"] for item in items]


def test_sources_and_destinations_are_listed_in_the_order_of_their_numbers(acme):
    registry = acme.api.container.registry
    for path, found in (
        ("connector-templates/", catalogue.sources(registry)),
        ("destination-templates/", catalogue.destinations(registry)),
    ):
        listed = acme.get(path)
        assert sorted(item["code"] for item in listed) == [connector.name for connector in found]
        assert numbers(listed) == sorted(numbers(listed))


def codes(acme, query):
    return [item["code"] for item in acme.get(f"connector-templates/{query}")]


def test_templates_are_chosen_by_the_names_of_their_categories(acme):
    everything = codes(acme, "")
    assert {"pms", "sqlite"} <= set(everything)
    assert codes(acme, "?category=") == codes(acme, "?category=&category=") == everything
    for name in ("PMS", "pms", "Hospitality"):
        found = acme.get(f"connector-templates/?category={name}")
        assert "pms" in [item["code"] for item in found]
        for item in found:
            assert name.lower() in [category["name"].lower() for category in item["connector_categories"]]
    assert "sqlite" in codes(acme, "?category=Datastores")
    both = codes(acme, "?category=PMS&category=Datastores")
    assert set(both) == {*codes(acme, "?category=PMS"), *codes(acme, "?category=Datastores")}


@pytest.mark.parametrize("category", ["Nope", "%25", "_", "PM", "P%25", "*", "'", "PMS ", "19", "%C3%A9"])
def test_unknown_categories_have_no_templates(acme, category):
    assert acme.get(f"connector-templates/?category={category}") == []


def test_a_template_says_how_to_connect_and_what_there_is_to_read(acme):
    (listed,) = [item for item in acme.get("connector-templates") if item["code"] == "pms"]
    detail = acme.get(f"connector-templates/{listed['id']}")
    assert detail["connector"] == listed
    assert listed["connector_categories"] == [{"id": 6, "name": "Hospitality"}, {"id": 19, "name": "PMS"}]
    # Fields that most people need not care about are not shown.
    assert detail["credentials"]["schema_form"] == [
        {
            "id": "token",
            "type": "INPUT",
            "label": "Token",
            "required": True,
            "placeholder": "Paste it",
            "autoComplete:": "off",
        }
    ]
    five = {"id": 3, "name": "Every 5 minutes", "repeat_every": 300}
    ten = {"id": 4, "name": "Every 10 minutes", "repeat_every": 600}
    assert {entity["name"]: entity["entity_timer"] for entity in detail["entities"]} == {
        "listings": [five, ten],
        "reservations": [five],
    }


def test_a_source_without_known_streams_offers_everything(acme):
    (entity,) = acme.get("connector-templates/4")["entities"]
    assert entity["name"] == "all"
    assert len(entity["entity_timer"]) > 5


def test_numbers_stay_from_start_to_start(acme):
    templates = numbers(acme.get("connector-templates/"))
    entities = [numbers(acme.get(f"connector-templates/{number}")["entities"]) for number in templates]
    folder = acme.api.container.settings.home / "connectors"
    later = Directory(SimpleNamespace(registry=Registry.installed(folder), minimum_interval=60))
    assert list(later.sources) == templates
    assert [list(later.entities(connector)) for connector in later.sources.values()] == entities
    flat = [number for some in entities for number in some]
    assert len(flat) == len(set(flat))
    assert all(0 < number < 2**31 for number in [*flat, *templates])


@pytest.mark.parametrize("kind", ["connector-templates", "destination-templates"])
@pytest.mark.parametrize(
    "number", ["0", "-1", "999999", "abc", "1.5", "4%20", "4.0", "+4", str(2**31), str(2**70)]
)
def test_there_is_nothing_else(acme, kind, number):
    assert acme.get(f"{kind}/{number}", 404) == NOT_FOUND


def test_every_template_can_be_looked_at(acme):
    for item in acme.get("connector-templates/"):
        detail = acme.get(f"connector-templates/{item['id']}")
        assert detail["connector"] == item
        assert detail["entities"]
        assert all(entity["entity_timer"] for entity in detail["entities"])
    for item in acme.get("destination-templates/"):
        detail = acme.get(f"destination-templates/{item['id']}")
        assert {key: detail[key] for key in item} == item
        ids = [field["id"] for field in detail["scheme_form"]["schema_form"]]
        assert len(ids) == len(set(ids))


def test_icons_are_pictures_that_can_do_nothing(acme):
    for path in ("connector-templates/", "destination-templates/"):
        for item in acme.get(path):
            answer = acme.api.client.get(item["icon"])
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("image/svg+xml")
            assert "<svg" in answer.text
            assert "sandbox" in answer.headers["content-security-policy"]
            assert "script-src" not in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "max-age" in answer.headers["cache-control"]
            again = acme.api.client.get(item["icon"], headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "file",
    [
        "nothing.svg",
        "sqlite",
        "sqlite.png",
        ".svg",
        "..%2f..%2fnumbers.yaml",
        "%2e%2e/adapters/sqlite.svg",
        "../x",
    ],
)
def test_no_other_file_is_served(acme, file):
    assert acme.api.client.get(f"/media/icons/adapters/{file}").status_code == 404


def test_a_connector_that_is_broken_does_not_hide_the_others(tmp_path):
    (tmp_path / "broken.yaml").write_text("name: broken")
    names = [connector.name for connector in catalogue.sources(Registry.installed(tmp_path))]
    assert "broken" not in names
    assert "sqlite" in names

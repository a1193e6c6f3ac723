"""The published examples: requests as they are written there, answers of the shape that is shown there."""

import json
import shutil
import subprocess
from typing import Any

import jsonschema
import pytest

from .conftest import Partner

MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}
TEXT, WHOLE, YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
GUESTY, BIGQUERY, SHEETS = 46, 2, 7


def schema(optional: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An object with exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def array(items: dict[str, Any], least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least}


def icon(folder: str, media: str = "/media/") -> dict[str, Any]:
    return {"type": "string", "pattern": rf"^{media}icons/{folder}/[a-z0-9_]+\.svg$"}


TEMPLATE = schema(
    id=WHOLE,
    code=TEXT,
    name=TEXT,
    description=TEXT,
    icon=icon("cat_connectors"),
    country_code={"type": ["string", "null"]},
    connector_categories=array(schema(id=WHOLE, name=TEXT)),
)
ITEM = schema(
    ("autoComplete:", "options", "default"),
    id=TEXT,
    type={"const": "INPUT"},
    label=TEXT,
    required=YES,
    placeholder=TEXT,
    **{"autoComplete:": {"const": "off"}, "options": array(TEXT), "default": {}},
)
TEMPLATE_DETAIL = schema(
    connector=TEMPLATE,
    credentials=schema(schema_form=array(ITEM)),
    entities=array(
        schema(
            id=WHOLE,
            name=TEXT,
            description=TEXT,
            entity_timer=array(schema(id=WHOLE, name=TEXT, repeat_every=WHOLE)),
        )
    ),
)
DESTINATION_TEMPLATE = {
    "id": WHOLE,
    "code": TEXT,
    "name": TEXT,
    "description": TEXT,
    "icon": icon("adapters"),
}
DESTINATION_TEMPLATE_DETAIL = schema(
    **DESTINATION_TEMPLATE,
    scheme_form=schema(layout=schema(), schema_form=array(ITEM)),
    is_active=YES,
    created_at=MOMENT,
    updated_at=MOMENT,
)
DESTINATION_ROW = schema(
    id=WHOLE, organization=WHOLE, name=TEXT, type_adapter_name=TEXT, icon=icon("adapters", "")
)
DESTINATION = schema(
    id=WHOLE,
    type_adapter_name=TEXT,
    name=TEXT,
    credential_json={"type": "object"},
    created_at=MOMENT,
    updated_at=MOMENT,
    type_adapter=WHOLE,
    user=WHOLE,
    organization=WHOLE,
)
CONNECTOR = schema(
    id=WHOLE,
    name=TEXT,
    description=TEXT,
    lifecycle_status=TEXT,
    is_active=YES,
    connector_cat=WHOLE,
    connector_cat_name=TEXT,
    icon=icon("cat_connectors", ""),
)


def fits(answer: Any, shape: dict[str, Any]) -> Any:
    jsonschema.validate(answer, shape)
    return answer


def test_the_published_command_gets_a_token(acme: Partner):
    # The example writes -h for -H: without these lines curl calls its JSON a form.
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl")
    words = [
        "-sS",
        "-u",
        f"{acme.key}:{acme.secret}",
        "-d",
        '{"grant_type": "client_credentials"}',
        "-X",
        "POST",
    ]
    done = subprocess.run(
        [curl, *words, f"{acme.api.url}/o/token/"], capture_output=True, text=True, check=True, timeout=60
    )
    token = json.loads(done.stdout)["access_token"]
    # The example has no slash at the end.
    assert acme.api.get("/api/v2/connector-templates", token).status_code == 200


def test_connector_templates(acme: Partner):
    listed = fits(acme.get("connector-templates/?category=PMS"), array(TEMPLATE))
    (guesty,) = [item for item in listed if item["id"] == GUESTY]
    assert guesty == {
        "id": 46,
        "code": "guesty_enterprise",
        "name": "Guesty Enterprise",
        "description": "Guesty PMS connector for enterprises",
        "icon": "/media/icons/cat_connectors/guesty_enterprise.svg",
        "country_code": None,
        "connector_categories": [{"id": 6, "name": "Hospitality"}, {"id": 19, "name": "PMS"}],
    }
    assert len(fits(acme.get("connector-templates/"), array(TEMPLATE))) > len(listed)
    assert acme.get("connector-templates/?category=Nope") == []


def test_a_connector_template(acme: Partner):
    detail = fits(acme.get("connector-templates/46"), TEMPLATE_DETAIL)
    assert detail["credentials"]["schema_form"] == [
        {
            "id": "integration_token",
            "type": "INPUT",
            "label": "Integration Token",
            "required": True,
            "placeholder": "Enter your Integration Token",
            "autoComplete:": "off",
        }
    ]
    timers = [
        {"id": 3, "name": "Every 5 minutes", "repeat_every": 300},
        {"id": 4, "name": "Every 10 minutes", "repeat_every": 600},
    ]
    entities = {entity["id"]: entity for entity in detail["entities"]}
    assert (entities[282]["name"], entities[282]["entity_timer"]) == ("guesty_reservations", timers)
    assert (entities[289]["name"], entities[289]["entity_timer"]) == ("guesty_listing", timers)
    # The example of a new connector uses this number.
    assert timers[0] in entities[281]["entity_timer"]


def test_destination_templates(acme: Partner):
    listed = fits(acme.get("destination-templates/"), array(schema(**DESTINATION_TEMPLATE)))
    assert {(item["id"], item["code"], item["name"]) for item in listed} >= {
        (2, "bigquery", "BigQuery"),
        (3, "snowflake", "Snowflake"),
        (7, "google_sheets", "Google Sheets"),
    }


def test_a_destination_template(acme: Partner):
    detail = fits(acme.get(f"destination-templates/{BIGQUERY}"), DESTINATION_TEMPLATE_DETAIL)
    assert (detail["id"], detail["code"], detail["is_active"]) == (2, "bigquery", True)
    assert detail["scheme_form"] == {
        "layout": {},
        "schema_form": [
            {
                "id": "bq_dataset",
                "type": "INPUT",
                "label": "Dataset",
                "required": True,
                "placeholder": "Enter your dataset",
            },
            {
                "id": "destination_project_id",
                "type": "INPUT",
                "label": "Destination project id",
                "required": True,
                "placeholder": "Enter project id",
            },
            {
                "id": "credential",
                "type": "INPUT",
                "label": "Credential JSON (optional)",
                "required": False,
                "placeholder": "Paste here",
            },
        ],
    }


SHEET = {
    "name": "Test destination",
    "credential_json": {"sheet-url": "www.test.com", "cleanup": True, "oauth-complete": True},
    "type_adapter": SHEETS,
}


def test_destinations(acme: Partner):
    made = fits(acme.post("destinations/", SHEET), DESTINATION)
    assert {name: made[name] for name in SHEET} == SHEET
    assert (made["id"], made["type_adapter_name"]) == (1, "Google Sheets")
    (row,) = fits(acme.get("destinations/"), array(DESTINATION_ROW))
    assert (row["name"], row["organization"]) == ("Test destination", made["organization"])
    assert row["icon"] == "icons/adapters/google_sheets.svg"
    changed = SHEET | {"credential_json": SHEET["credential_json"] | {"sheet-url": "www.changed-value.com"}}
    assert acme.send("PUT", "destinations/1", changed) == changed


def test_connectors(acme: Partner, tmp_path):
    assert acme.get("connectors/") == []
    numbers = [acme.destination(tmp_path / f"{name}.duckdb", name) for name in ("a", "b", "c", "d")]
    assert numbers[-1] == 4
    answer = acme.post(
        "connectors/",
        {
            "name": "Test connector",
            "connector_category_id": 46,
            "credentials": {"integration_token": "test_token"},
            "targets": [
                {
                    "destination_id": 4,
                    "entities": [{"id": 281, "entity_timer_id": 3, "is_active": True}],
                }
            ],
        },
    )
    fits(answer, schema(success={"const": True}, data=CONNECTOR))
    assert answer["data"] == {
        "id": 1,
        "name": "Test connector",
        "description": "",
        "lifecycle_status": "CREATION_STARTED",
        "is_active": True,
        "connector_cat": 46,
        "connector_cat_name": "Guesty Enterprise",
        "icon": "icons/cat_connectors/guesty_enterprise.svg",
    }
    assert fits(acme.get("connectors/"), array(CONNECTOR)) == [answer["data"]]
    icons = [answer["data"]["icon"], acme.get("destinations/")[0]["icon"]]
    # Without the first part of the path there, and served with it.
    assert {acme.api.client.get(f"/media/{path}").status_code for path in icons} == {200}

"""Faults in a file are told with line, field, and what may have been meant."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from towpath.catalogue import FOLDER
from towpath.sdk import ConfigError
from towpath.sdk.rest.auth import Part
from towpath.sdk.rest.connector import load
from towpath.sdk.rest.document import read
from towpath.sdk.rest.types import TYPES

REFERENCE = Path(__file__).parents[4] / "docs" / "reference"

GOOD = """\
name: good
title: Good
fields:
  token: {title: Token, secret: true}
  shop: {title: Shop}
auth:
  - type: api_key
    header: X-Key
    value: "{token}"
base_url: https://{shop}.example.com/v1
streams:
  orders:
    path: /orders
    records: data.items
    primary_key: [id]
    schema:
      id: integer
      updated: timestamp
      no: string
    paging:
      type: cursor
      parameter: after
      next: paging.next
    incremental:
      cursor: updated
      parameter: since
"""


def write(folder: Path, text: str, name: str = "good.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_a_good_file(tmp_path: Path) -> None:
    definition = read(write(tmp_path, GOOD))
    assert definition.streams["orders"].columns == {"id": "integer", "updated": "timestamp", "no": "string"}


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "said"),
    [
        ("name: good", "name: Good!", 1, "name", "pattern"),
        ("name: good", "name: other", 1, "name", "must be 'good'"),
        ("title: Good", "titel: Good", 2, "titel", "did you mean 'title'?"),
        ("records: data.items", "record: data.items", 14, "streams.orders.record", "'records'"),
        ("records: data.items", "records: data..items", 14, "streams.orders.records", "`data.items`"),
        ("      id: integer", "      id: intger", 17, "streams.orders.schema.id", "did you mean 'integer'?"),
        ("      id: integer", "      id: decimal(39,2)", 17, "streams.orders.schema.id", "no type"),
        ("      id: integer", "      _other: json", 17, "streams.orders.schema._other", "taken"),
        ("type: cursor", "type: cursors", 20, "streams.orders.paging", "'cursor'"),
        ("parameter: after", "parametr: after", 22, "streams.orders.paging.parametr", "'parameter'"),
        ("[id]", "[ID]", 15, "streams.orders.primary_key", "no column 'ID' (did you mean 'id'?"),
        ("cursor: updated", "cursor: updatd", 25, "streams.orders.incremental.cursor", "'updated'"),
        ("cursor: updated", "cursor: no", 25, "streams.orders.incremental.cursor", "'no' is string"),
        ("parameter: since", "parameter: after", 24, "streams.orders.incremental", "is set by `paging`"),
        (
            "parameter: since",
            "parameter: s\n      value: x",
            27,
            "streams.orders.incremental.value",
            "hold {since}",
        ),
        ("https://{shop}", "https://{shp}", 10, "base_url", "no field 'shp' (did you mean 'shop'?"),
        ("https://{shop}", "https://{token}", 10, "base_url", "send it in a header"),
        ("https://{shop}", "ftp://{shop}", 10, "base_url", "https://"),
        ("https://{shop}", "https://{shop", 10, "base_url", "brace"),
        ("https://{shop}", "https://{shop.upper()}", 10, "base_url", "brace"),
        ('"{token}"', '"{tokn}"', 7, "auth.0", "did you mean 'token'?"),
        ("header: X-Key", "header: X-Key\n    query: key", 7, "auth.0", "either a header or"),
        ("header: X-Key", "header: 'X Key'", 8, "auth.0.header", "cannot be set"),
        ("header: X-Key", "header: Host", 8, "auth.0.header", "cannot be set"),
        ("secret: true}", "secret: true, default: x}", 4, "fields.token.default", "no default"),
        ("{title: Shop}", "{title: Shop, pattern: '('}", 5, "fields.shop.pattern", "regular expression"),
        ("{title: Shop}", "{title: Shop, type: integer, default: a}", 5, "fields.shop.default", "integer"),
        ("{title: Shop}", "{title: Shop, required: false}", 10, "base_url", "required or have a default"),
        ("  shop: {title: Shop}", "  json: {title: Shop}", 5, "fields.json", "taken"),
        ("    path: /orders", "    path: orders", 13, "streams.orders.path", "pattern"),
        ("    path: /orders", "    path: /orders\n    body: {a: 1}", 14, "streams.orders.body", "POST"),
        ("  orders:\n", "  orders:\n    icon: x\n", 13, "streams.orders.icon", "no such setting"),
        ("base_url: https://{shop}.example.com/v1\n", "", 1, "base_url", "is missing"),
        ("title: Good\n", "title: Good\nicon: good.svg\n", 3, "icon", "no file good.svg"),
        ("title: Good\n", "title: Good\nicon: ../x.svg\n", 3, "icon", "pattern"),
        ("base_url:", "headers: {x-key: a}\nbase_url:", 10, "headers.x-key", "by `auth` already"),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, line: int, field: str, said: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(ConfigError) as caught:
        read(write(tmp_path, GOOD.replace(old, new)))
    error = caught.value
    assert error.code == "connector.invalid"
    assert f"good.yaml: line {line}: " in error.message
    assert error.context["field"] == field
    assert said in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "one mapping"),
        ("- a", "one mapping"),
        ("a: [", "not valid YAML"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' stands here twice"),
        ("name: x\n---\nname: y", "not valid YAML"),
        ("name: !!python/object:os.system x", "YAML"),
        ("name: \x00", "not valid YAML"),
    ],
)
def test_what_is_no_file_of_ours(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match="connector") as caught:
        read(write(tmp_path, text, "connector.yaml"))
    assert said in caught.value.message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "folder.yaml")


def test_an_icon_is_an_svg(tmp_path: Path) -> None:
    (tmp_path / "good.svg").write_text("<html>")
    with pytest.raises(ConfigError, match="not an SVG"):
        read(write(tmp_path, GOOD + "icon: good.svg"))
    (tmp_path / "good.svg").write_text("<svg/>")
    assert load(write(tmp_path, GOOD + "icon: good.svg")).icon == "<svg/>"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_catalogue_is_valid(file: Path) -> None:
    connector = load(file)
    assert connector.title
    assert connector.summary
    assert connector.config.model_json_schema()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_catalogue_fits_the_schema_for_editors(file: Path) -> None:
    schema = json.loads((REFERENCE / "schema" / "rest-connector.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(file.read_text()), schema)


def _parts(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [model, *(part for below in model.__subclasses__() for part in _parts(below))]


def test_the_reference_names_every_setting_and_type() -> None:
    named = set(re.findall(r"`([a-z0-9_]+)", (REFERENCE / "rest-connectors.md").read_text()))
    settings = {field.alias or name for part in _parts(Part) for name, field in part.model_fields.items()}
    assert settings - named == set()
    assert set(TYPES) - named == set()


def test_the_file_in_the_howto_works(tmp_path: Path) -> None:
    page = (REFERENCE.parent / "howto" / "describe-a-rest-api.md").read_text()
    (block,) = re.findall(r"^   ```yaml\n(.*?)^   ```", page, re.MULTILINE | re.DOTALL)
    connector = load(write(tmp_path, "\n".join(line[3:] for line in block.splitlines()), "helpdesk.yaml"))
    assert [stream.name for stream in connector.streams] == ["tickets"]

"""The examples of the pages about mapping and filters are true."""

import json
import re
from pathlib import Path

import pytest

from towpath.dataplane.context import Context
from towpath.dataplane.filters import compile_filter
from towpath.dataplane.filters.rules import OPERATORS
from towpath.dataplane.mapper.fields import TYPES as FIRST_TYPES
from towpath.dataplane.mapper.leaf import CONDITIONS
from towpath.dataplane.mapper.nodes import TYPES as SECOND_TYPES
from towpath.dataplane.mapping1 import compile_mapping
from towpath.dataplane.mapping2 import compile_mappings
from towpath.dataplane.responses import compile_response_mapping
from towpath.dataplane.transforms import compile_transform

PAGES = Path(__file__).parents[3] / "docs" / "reference"


def examples(name):
    blocks = re.findall(r"^```json\n(.*?)^```", (PAGES / name).read_text(), re.MULTILINE | re.DOTALL)
    found = [json.loads(block) for block in blocks]
    return [each for block in found for each in (block if isinstance(block, list) else [block])]


def context(example):
    return Context(words=example.get("words", {"settings": example.get("settings", {})}))


def made(example):
    record, lookups = example["record"], example.get("lookups", [])
    if "mapping" in example:
        return compile_mapping(example["mapping"], lookups).map(record, context(example))
    if "mappings" in example:
        mapper = compile_mappings(example["mappings"], lookups, envelope=example.get("envelope", False))
        return mapper.map(record, context(example))
    if "transform" in example:
        return compile_transform(example["transform"])(record, context(example))
    return compile_response_mapping(example["responseMapping"])(record, example["response"])


@pytest.mark.parametrize("example", examples("mapping.md"))
def test_mappings(example):
    assert made(example) == example["result"]


@pytest.mark.parametrize("example", examples("filters.md"))
def test_filters(example):
    document = example.get("filter") or {"version": "1", "rules": example["rule"]}
    expected = example["passes"] if "filter" in example else example["holds"]
    assert compile_filter(document)(example["record"], context(example)) is expected


def test_every_operator_condition_and_type_is_on_its_page():
    filters, mapping = (PAGES / "filters.md").read_text(), (PAGES / "mapping.md").read_text()
    assert [name for name in OPERATORS if f"`{name}`" not in filters] == []
    assert [name for name in (*CONDITIONS, *FIRST_TYPES, *SECOND_TYPES) if f"`{name}`" not in mapping] == []
    ruled = json.dumps([each.get("rule") or each.get("filter") for each in examples("filters.md")])
    unshown = {"isnotempty", "empty", "uppercase", "floor", "greaterthanequals", "lessthanequals"}
    assert {name for name in OPERATORS if f'"{name}"' not in ruled} == unshown

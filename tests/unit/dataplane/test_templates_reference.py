"""docs/reference/templates.md: every example is rendered, every helper has one."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from towpath.dataplane.templates import Environment, compile_template
from towpath.dataplane.templates.checks import BLOCKS
from towpath.dataplane.templates.helpers import HELPERS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "templates.md").read_text()
FENCED = re.findall(r"^```(json)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONTEXT = json.loads(next(text for kind, text in FENCED if kind == "json"))
EXAMPLES = [line.split(" → ", 1) for kind, text in FENCED if not kind for line in text.splitlines()]
PINNED = Environment(clock=lambda: datetime(2026, 1, 31, 9, 8, 7, 6000, tzinfo=UTC), randomness=bytes)


@pytest.mark.parametrize(("template", "result"), EXAMPLES, ids=[template for template, _ in EXAMPLES])
def test_example(template: str, result: str):
    assert compile_template(template).render(CONTEXT, PINNED) == result


def test_every_helper_and_block_has_an_example():
    used = set(re.findall(r"[{(#]\s*([A-Za-z0-9]+)", " ".join(template for template, _ in EXAMPLES)))
    assert (set(HELPERS) | BLOCKS) - used == set()

"""Documentation that cannot rot: what the code has, the docs name."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "towpath"
PAGES = ROOT / "docs" / "reference" / "errors"
CODE = re.compile(r"[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+")


def error_codes() -> dict[str, str]:
    """Every code that is raised or rejected with, and a place where."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        if "testing" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                for code in _codes(node):
                    found[code] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def _codes(call: ast.Call) -> list[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    given = [*call.args, *(word.value for word in call.keywords if word.arg == "code")]
    if not (name.endswith("Error") or name == "Rejected"):
        return []
    texts = [arg.value for arg in given if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return [text for text in texts[:2] if CODE.fullmatch(text)]


@pytest.mark.parametrize(("code", "place"), sorted(error_codes().items()))
def test_every_error_code_has_a_page(code: str, place: str):
    page = PAGES / f"{code}.md"
    assert page.exists(), f"{code} is raised at {place}: write {page.relative_to(ROOT)}"
    text = page.read_text()
    assert text.startswith(f"# {code}\n")
    assert "## What to do" in text


def test_every_error_page_is_in_the_index():
    index = (PAGES / "README.md").read_text()
    missing = [
        page.stem for page in PAGES.glob("*.md") if f"({page.name})" not in index and page.stem != "README"
    ]
    assert missing == []


def test_links_between_pages_lead_somewhere():
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *SOURCE.rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in link and not (page.parent / link).exists():
                broken += [f"{page.relative_to(ROOT)} → {link}"]
    assert broken == []


def test_make_commands_in_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    used = set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / "README.md").read_text()))
    assert {"demo", "check", "test"} <= used
    assert [name for name in used if f"\n{name}:" not in makefile] == []

"""Documentation that cannot rot: what the code has, the docs name."""

import ast
import functools
import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from towpath.cli import exits, reference
from towpath.core.filters import Operator
from towpath.core.flows import AnyFilter, Cron, Every, Filter, FlowStream, Policy
from towpath.core.model import ReadMode, WriteMode
from towpath.services.documents.models import (
    ConnectionMetadata,
    ConnectionNotes,
    ConnectionSpec,
    DestinationSide,
    FlowMetadata,
    FlowNotes,
    FlowSpec,
    SourceSide,
)
from towpath.store import references, tables
from towpath.store.repository import SqlRepository
from towpath.store.unit import SqlUnitOfWork

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "towpath"
PAGES = ROOT / "docs" / "reference" / "errors"
CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")

#: Calls that make an error or a rejected record, or a row of a table of errors.
RAISING = re.compile(r".*Error|Rejected|Fault|_Kind|config_error")
#: Calls whose texts look like codes and are none: events of the run log, actions of the audit trail, paths in
#: documents of API families.
TELLING = {"note", "audit", "actors", "log", "AuditEntry", "Word", "Row"}
#: What looks like a code and is the name of a file or module.
FILES = re.compile(r".*\.(db|lock|json|yaml|sql|key|csv|parquet|duckdb|txt|log|logs|sqlite)")


def _repositories() -> list[SqlRepository]:
    unit = SqlUnitOfWork(None)
    return [found for found in vars(unit).values() if isinstance(found, SqlRepository)]


KINDS = sorted(repository._code for repository in _repositories())
#: Kinds that something else refers to without being a part of them.
USED = sorted(
    references.code_of(repository._table)
    for repository in _repositories()
    if list(references._references_to(repository._table))
)
REFERRED = sorted(
    references.code_of(constraint.referred_table)
    for repository in _repositories()
    for constraint in repository._table.foreign_key_constraints
)

#: Codes that are put together when they are raised, and what may stand in the gap.
PATTERNS: Mapping[str, list[str]] = {
    "{}.not_found": [*KINDS, *REFERRED, "stream"],
    "{}.exists": [*KINDS, references.code_of(tables.organizations)],
    "{}.ambiguous": KINDS,
    "{}.in_use": USED,
    "connector.no_{}": ["source", "destination"],
}


@functools.cache
def error_codes() -> dict[str, str]:
    """Every code that may be raised or rejected with, and a place where."""
    trees = {
        path: ast.parse(path.read_text()) for path in SOURCE.rglob("*.py") if "testing" not in path.parts
    }
    raised = {code: place for path, tree in trees.items() for code, place in _raised(path, tree)}
    # Codes also stand in tables, variables and parameters: whatever has the family of a known one.
    families = {code.partition(".")[0] for code in raised} | {page.stem.split(".")[0] for page in _pages()}
    mentioned = {
        code: place
        for path, tree in trees.items()
        for code, place in _mentioned(path, tree)
        if code.partition(".")[0] in families
    }
    return mentioned | raised


def _raised(path: Path, tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Literal codes in calls that make errors, and the codes that their patterns stand for."""
    constants = dict(_constants(tree))
    for call in _calls(tree):
        if not RAISING.fullmatch(_name(call)):
            continue
        for value in _given(call)[:3]:
            for text in _texts(value, constants):
                if CODE.fullmatch(text):
                    yield text, _place(path, call)
            if isinstance(value, ast.JoinedStr) and (pattern := _pattern(value)):
                yield from ((pattern.format(kind), _place(path, call)) for kind in PATTERNS.get(pattern, []))


def _mentioned(path: Path, tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Texts that look like codes, outside of calls that tell something else and of names of files."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Call) and _name(node) in TELLING:
            continue
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.keyword) and node.arg in {"field", "event"}
        ):
            continue
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and CODE.fullmatch(text) and not FILES.fullmatch(text):
            yield text, _place(path, node)
        stack += ast.iter_child_nodes(node)


def _texts(value: ast.AST, constants: Mapping[str, str]) -> list[str]:
    """The texts that an argument may be: itself, either side of an ``if``, or the module's constant."""
    if isinstance(value, ast.IfExp):
        return [*_texts(value.body, constants), *_texts(value.orelse, constants)]
    if isinstance(value, ast.Name) and value.id in constants:
        return [constants[value.id]]
    return [value.value] if isinstance(value, ast.Constant) and isinstance(value.value, str) else []


def _constants(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    yield target.id, node.value.value


def _pattern(value: ast.JoinedStr) -> str | None:
    """The code with ``{}`` for its gaps; None for what is no code, such as a message."""
    text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in value.values)
    return text if CODE.fullmatch(text.replace("{}", "x")) else None


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords if word.arg == "code")]


def _place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def _pages() -> list[Path]:
    return [page for page in PAGES.glob("*.md") if page.stem != "README"]


@pytest.mark.parametrize(("code", "place"), sorted(error_codes().items()))
def test_every_error_code_has_a_page(code: str, place: str):
    page = PAGES / f"{code}.md"
    assert page.exists(), f"{code} is raised at {place}: write {page.relative_to(ROOT)}"
    text = page.read_text()
    assert text.startswith(f"# {code}\n")
    headings = re.findall(r"^## .*$", text, re.MULTILINE)
    assert headings == ["## Why it happens", "## What to do", "## Does Towpath try again?"]


def test_every_error_page_is_of_a_code():
    assert {page.stem for page in _pages()} - set(error_codes()) == set()


def test_every_pattern_of_codes_is_known():
    unknown = [
        f"{_place(path, call)}: {pattern}"
        for path in SOURCE.rglob("*.py")
        for call in _calls(ast.parse(path.read_text()))
        if RAISING.fullmatch(_name(call))
        for value in call.args[:1]
        if isinstance(value, ast.JoinedStr) and (pattern := _pattern(value)) and pattern not in PATTERNS
    ]
    assert unknown == []


def test_codes_in_tables_and_variables_are_found():
    codes = error_codes()
    assert {"server.corrupted", "disk.full", "worker.lost", "key.null", "document.invalid"} <= set(codes)
    assert {"flow.exists", "customer.in_use", "connector.no_destination", "read_mode.unsupported"} <= set(
        codes
    )
    assert {"run.started", "connection.create", "engine.db"} & set(codes) == set()


def test_the_index_of_errors_has_every_page_and_no_other():
    listed = re.findall(r"^- \[(.+?)\]\((.+?)\.md\): \S", (PAGES / "README.md").read_text(), re.MULTILINE)
    assert [code for code, page in listed if code != page] == []
    assert sorted(page for _, page in listed) == sorted(page.stem for page in _pages())


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


def test_the_document_in_the_readme_is_the_example_that_it_applies():
    readme = (ROOT / "README.md").read_text()
    (document,) = re.findall(r"^```yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (path,) = re.findall(r"towpath apply -f (\S+)", readme)
    assert (ROOT / path).read_text() == document


def test_the_readme_says_what_each_connector_can_do():
    readme = (ROOT / "README.md").read_text()
    words = {"incremental": ReadMode.INCREMENTAL, "full refresh": ReadMode.FULL_REFRESH}
    words |= {str(mode): mode for mode in WriteMode}
    for point in entry_points(group="towpath.connectors"):
        connector = point.load()
        row = next(
            line for line in readme.splitlines() if line.startswith("| [") and f"[{point.name}]" in line
        )
        assert {
            mode for word, mode in words.items() if word in row
        } == connector.read_modes | connector.write_modes


def test_the_page_of_the_command_line_is_up_to_date():
    assert (ROOT / "docs/reference/cli.md").read_text() == reference.page(), (
        "run: python -m towpath.cli.reference > docs/reference/cli.md"
    )


def test_the_page_of_documents_has_every_field_and_default():
    page = (ROOT / "docs/reference/documents.md").read_text()
    rows = dict(re.findall(r"^\| `(?:\w+\.)?(\w+)` \| (.+?) \|", page, re.MULTILINE))
    models = [ConnectionSpec, SourceSide, DestinationSide, FlowSpec, FlowStream]
    models += [Filter, AnyFilter, Cron, Every, Policy]
    models += [ConnectionMetadata, ConnectionNotes, FlowMetadata, FlowNotes]
    fields = {name: field for model in models for name, field in model.model_fields.items()}
    assert set(fields) - {"source", "destination"} <= set(rows)
    assert set(rows) - set(fields) == {"apiVersion", "kind", "name", "spec"} - set(fields)
    for name, field in fields.items():
        if isinstance(field.default, int | str) and name in rows:
            assert rows[name].strip("`") == json.dumps(field.default).strip('"') or name == "op", name
    for operator in Operator:
        assert f"`{operator}`" in page


def test_the_page_of_exit_codes_has_them_all():
    codes = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert {code for code, _ in reference.EXITS} == codes
    page = (ROOT / "docs/howto/find-out-what-went-wrong.md").read_text()
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == codes

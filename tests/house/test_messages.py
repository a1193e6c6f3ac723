"""What errors tell: whole sentences that say what was wrong, and a hint that says what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from towpath.core import errors

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "towpath"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "testing" not in path.parts)
CLASSES = {kind.__name__ for kind in errors.TowpathError.__subclasses__()}


def raised(path: Path) -> Iterator[ast.Call]:
    """The calls that make an error and give it a literal message."""
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in CLASSES and len(call.args) > 1:
            yield call


def end(message: ast.expr) -> str | None:
    """The last words of a literal; a gap for what is put in; None for what is put together elsewhere."""
    if isinstance(message, ast.JoinedStr):
        last = message.values[-1]
        return str(last.value) if isinstance(last, ast.Constant) else "{}"
    return str(message.value) if isinstance(message, ast.Constant) else None


def place(path: Path, call: ast.Call) -> str:
    return f"{path.relative_to(ROOT)}:{call.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_are_sentences(path: Path):
    bad = [place(path, call) for call in raised(path) if not (end(call.args[1]) or ".").endswith((".", "?"))]
    assert bad == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_errors_have_hints(path: Path):
    bad = [
        place(path, call)
        for call in raised(path)
        if not any(word.arg in ("hint", None) for word in call.keywords)
    ]
    assert bad == []


def test_there_are_messages_to_look_at():
    assert sum(len(list(raised(path))) for path in MODULES) > 100

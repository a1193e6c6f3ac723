"""The house keeps its shape: files stay readable, connectors look alike, promises are cited rightly."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "towpath"
CONNECTORS = sorted(path.parent for path in (SOURCE / "connectors").glob("*/__init__.py"))
MODULES = sorted(SOURCE.rglob("*.py"))
#: Kept like a connection, but nothing is moved over it.
NEVER_MOVED = {"extension", "listener", "oauth_client"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_file_is_too_long_to_read(path: Path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_module_says_what_it_is_for(path: Path):
    assert path.read_text().startswith('"""')


@pytest.mark.parametrize("folder", CONNECTORS, ids=lambda folder: folder.name)
def test_connectors_look_alike(folder: Path):
    assert (folder / "config.py").exists()
    assert (folder / "README.md").read_text().startswith("---\n"), "front matter with a grade"
    moves = any((folder / f"{role}.py").exists() for role in ("source", "destination", "application"))
    assert moves == (folder.name not in NEVER_MOVED)


@pytest.mark.parametrize("folder", CONNECTORS, ids=lambda folder: folder.name)
def test_connectors_come_in_by_the_entry_point(folder: Path):
    point = entry_points(group="towpath.connectors")[folder.name]
    connector = point.load()
    assert connector.name == folder.name
    assert (connector.source is not None) == (folder / "source.py").exists()
    assert (connector.destination is not None) == (folder / "destination.py").exists()
    assert bool(connector.read_modes) == (connector.source is not None)
    assert bool(connector.write_modes) == (connector.destination is not None)


@pytest.mark.parametrize("folder", CONNECTORS, ids=lambda folder: folder.name)
def test_connector_readmes_list_every_setting(folder: Path):
    connector = entry_points(group="towpath.connectors")[folder.name].load()
    readme = (folder / "README.md").read_text()
    missing = [name for name in connector.config.model_fields if f"`{name}`" not in readme]
    assert missing == []


def test_cited_invariants_exist():
    numbers = set(re.findall(r"^(\d+)\. ", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE))
    for path in MODULES:
        cited = set(re.findall(r"# Invariant (\d+)", path.read_text()))
        assert cited <= numbers, relative(path)


def test_the_architecture_page_names_every_room():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = [path.parent.name for path in SOURCE.glob("*/__init__.py")]
    assert [room for room in rooms if f"  {room}/" not in page] == []


def test_decisions_are_numbered_without_gaps():
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))

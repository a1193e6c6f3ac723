"""The connectors of an installation: packages, the catalogue, and the operator's own files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from towpath.bootstrap import plugins, settings
from towpath.catalogue import FOLDER
from towpath.sdk import ConfigError, NotFoundError, guard

OURS = """\
name: ours
title: Our own system
base_url: https://api.example.com
streams:
  things: {path: /things, records: $, schema: {id: integer}}
"""


@pytest.fixture
def home(tmp_path: Path):
    before = guard.allowed_hosts()
    (tmp_path / "connectors").mkdir()
    yield tmp_path
    guard.configure(before)


def installed(home: Path):
    return plugins.installed(settings.load({"home": home}, {}))


def test_the_catalogue_is_installed(home: Path) -> None:
    names = installed(home).names()
    assert {file.stem for file in FOLDER.glob("*.yaml")} < set(names)
    assert names == sorted(names)
    assert "postgres" in names


def test_files_of_the_home_folder_are_connectors(home: Path) -> None:
    (home / "connectors" / "ours.yaml").write_text(OURS)
    connector = installed(home).get("ours")
    assert connector.title == "Our own system"
    assert [stream.name for stream in connector.streams] == ["things"]


def test_a_home_without_the_folder_is_fine(home: Path) -> None:
    (home / "connectors").rmdir()
    assert "ours" not in installed(home).names()


def test_files_are_read_when_they_are_asked_for(home: Path) -> None:
    (home / "connectors" / "broken.yaml").write_text("name: [")
    registry = installed(home)
    assert "broken" in registry.names()
    assert registry.get("sqlite").name == "sqlite"
    with pytest.raises(ConfigError, match=r"broken.yaml: line 1") as caught:
        registry.get("broken")
    assert caught.value.code == "connector.invalid"


@pytest.mark.parametrize("name", ["postgres.yaml", "guesty_enterprise.yaml", "guesty_enterprise.yml"])
def test_a_name_is_taken_once(home: Path, name: str) -> None:
    (home / "connectors" / name).write_text(OURS)
    with pytest.raises(ConfigError, match="Two connectors are named") as caught:
        installed(home)
    assert caught.value.code == "connector.name_taken"
    assert name in caught.value.message


def test_a_name_that_is_misspelt(home: Path) -> None:
    (home / "connectors" / "ours.yaml").write_text(OURS)
    with pytest.raises(NotFoundError) as caught:
        installed(home).get("hours")
    assert "'ours'" in caught.value.hint


def test_children_of_the_engine_find_them(home: Path) -> None:
    (home / "connectors" / "ours.yaml").write_text(OURS)
    script = "from towpath.bootstrap import plugins; print(plugins.in_child().get('ours').title)"
    environment = settings.for_children(settings.load({"home": home}, {}))
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "Our own system\n"

"""Which files connections may name: never Towpath's own, neither by their names nor by links."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from towpath.connectors.csv.config import CsvConfig
from towpath.connectors.duckdb.config import DuckdbConfig
from towpath.connectors.sqlite.config import SqliteConfig
from towpath.sdk import fileguard

OWN = ["towpath.db", "towpath.db-wal", "engine.db", "master.key", "towpath.yaml", "connectors/x.yaml"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    (home / "connectors").mkdir(parents=True)
    for name in ("_own", "_allowed"):
        monkeypatch.setattr(fileguard, name, ())
    fileguard.configure([*fileguard.own_files(home), tmp_path / "keys" / "the.key"])
    return home


@pytest.mark.parametrize("config", [SqliteConfig, DuckdbConfig, CsvConfig])
@pytest.mark.parametrize("name", OWN)
def test_our_own_files_are_refused(home: Path, config, name: str):
    (home.parent / "link").symlink_to(home)
    spellings = [home / name, home / "connectors" / ".." / name, home.parent / "link" / name]
    for path in [
        *spellings,
        home.parent / "keys" / "the.key",
        Path("/proc/self/root", *home.parts[1:], name),
    ]:
        with pytest.raises(ValidationError, match="Towpath's own files"):
            config(path=str(path))


@pytest.mark.parametrize("config", [SqliteConfig, DuckdbConfig, CsvConfig])
def test_what_stands_beside_them_is_not_ours(home: Path, config):
    for path in (home / "warehouse.duckdb", home.parent / "towpath.db", home / "lake"):
        assert str(config(path=str(path)).path) == str(path)


@pytest.mark.parametrize("config", [SqliteConfig, DuckdbConfig, CsvConfig])
def test_only_the_folders_of_the_operator_may_be_used(home: Path, config):
    lake = home.parent / "lake"
    lake.mkdir()
    (lake / "out").symlink_to(home.parent)
    fileguard.configure(fileguard.own_files(home), [lake])
    assert config(path=str(lake / "a.file")).path
    for path in (home.parent / "a.file", lake / ".." / "a.file", lake / "out" / "a.file", f"{lake}s/a.file"):
        with pytest.raises(ValidationError, match="TOWPATH_ALLOWED_FOLDERS"):
            config(path=str(path))

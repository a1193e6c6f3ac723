"""Every way in which the database itself fails has a code and a hint, and leaks nothing."""

import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text

from towpath.core.errors import (
    BusyError,
    ConfigError,
    ConflictError,
    IntegrityError,
    ResourceError,
    TowpathError,
)
from towpath.core.records import Organization
from towpath.sdk.testing.store_worlds import make_world, sealed
from towpath.store import engine, open_store


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "towpath.sqlite"
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.migrate()
        with store.begin() as unit:
            for n in range(200):
                unit.organizations.add(Organization(name=f"organization {n} " + "x" * 200))
    return path


@pytest.fixture
def store(path):
    with closing(open_store(f"sqlite:///{path}")) as store:
        yield store


def add(store):
    with store.begin() as unit:
        unit.organizations.add(Organization(name="new"))


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root:hunter2@localhost/towpath",
        "sqlite://",
        "sqlite:///:memory:",
        "hunter2",
        "",
        "oracle+x://scott:hunter2@h/x",
    ],
)
def test_urls_that_are_no_store(url):
    with pytest.raises(ConfigError) as wrong:
        open_store(url)
    assert wrong.value.code == "config.invalid"
    assert "hunter2" not in str(wrong.value.to_json())


def test_the_file_is_private_and_durable(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(open_store(f"sqlite:///{path}")) as store, store.begin() as unit:
        for pragma, value in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("secure_delete", 1),
        ):
            found = unit.organizations._connection.execute(text(f"PRAGMA {pragma}")).scalar()
            assert found == value, pragma


def test_shredded_secrets_leave_no_bytes(path, store):
    world = make_world(store)
    with store.begin() as unit:
        unit.secrets.put(world.org, sealed(world.org, world.connections, "hunter2" * 20))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"hunter2" in path.read_bytes()
    with store.begin() as unit:
        unit.secrets.shred(world.org, world.connections)
    store.close()
    assert b"hunter2" not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_no_database(path, store):
    path.write_bytes(os.urandom(8192))
    with pytest.raises(IntegrityError) as corrupt:
        add(store)
    assert corrupt.value.code == "store.corrupt"
    assert corrupt.value.hint


def test_a_damaged_page(path, store):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 512)
    with pytest.raises(IntegrityError) as corrupt, store.read() as unit:
        unit.organizations.list()
    assert corrupt.value.code == "store.corrupt"


def test_a_full_disk(path, store):
    pages = path.stat().st_size // 4096
    event.listen(store._engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count = {pages + 1}"))
    with pytest.raises(ResourceError) as full, store.begin() as unit:
        unit.organizations.add(Organization(name="x" * 40_000))
    assert full.value.code == "disk.full"
    with store.read() as unit:
        assert len(unit.organizations.list()) == 200


def test_a_folder_that_is_not_there(tmp_path):
    url = f"sqlite:///{tmp_path}/nowhere/towpath.sqlite"
    with closing(open_store(url)) as store, pytest.raises(ResourceError) as missing:
        store.migrate()
    assert missing.value.code == "path.not_found"


@contextmanager
def powerless():
    """Root may write everywhere: be somebody else meanwhile."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_read_only_folder(path):
    folder = Path(tempfile.mkdtemp())
    try:
        shutil.copy(path, folder / "towpath.sqlite")
        (folder / "towpath.sqlite").chmod(0o444)
        folder.chmod(0o555)
        with powerless(), closing(open_store(f"sqlite:///{folder}/towpath.sqlite")) as store:
            with pytest.raises(ResourceError) as refused:
                add(store)
            assert refused.value.code in ("path.read_only", "path.not_found")
            assert refused.value.hint
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_lock_that_another_process_holds(path, monkeypatch):
    monkeypatch.setattr(engine, "LOCK_TIMEOUT", 0.1)
    with closing(open_store(f"sqlite:///{path}")) as store, closing(sqlite3.connect(path)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError) as busy:
            add(store)
        assert (busy.value.code, busy.value.retryable) == ("store.busy", True)
        with store.read() as unit:
            assert len(unit.organizations.list()) == 200
        other.execute("ROLLBACK")
        add(store)


def test_an_unforeseen_constraint_is_a_conflict(store):
    with pytest.raises(ConflictError) as refused, store.begin() as unit:
        unit.organizations.add(Organization(name=None))
    assert refused.value.code == "store.conflict"


def test_values_are_not_in_messages(store):
    """Parameters of statements may hold whatever users keep."""
    with pytest.raises(TowpathError) as refused, store.begin() as unit:
        unit.organizations.add(Organization(id=None, name="hunter2"))
    told = f"{refused.value.to_json()} {refused.value.__cause__}"
    assert "hunter2" not in told

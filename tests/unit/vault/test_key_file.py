"""The key file: made once, for its owner only, and refused in any other state."""

import os
import random
import shutil
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import ConfigError, IntegrityError, ResourceError, TowpathError
from towpath.vault import FileKeys, Keyring, WrappingKey
from towpath.vault import key_file as module


@pytest.fixture
def path(tmp_path):
    return tmp_path / "master.key"


@pytest.fixture
def made(path):
    FileKeys(path).create(Keyring((WrappingKey.generate(),)))
    return path


def test_it_is_made_for_its_owner_only(path):
    keys = FileKeys(path)
    assert keys.load() is None
    ring = keys.create(Keyring((WrappingKey.generate(), WrappingKey.generate())))
    assert FileKeys(path).load() == ring
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_many_first_starts_make_one_key(path):
    def create(_):
        return FileKeys(path).create(Keyring((WrappingKey.generate(),)))

    with ThreadPoolExecutor(8) as pool:
        rings = set(pool.map(create, range(8)))
    assert rings == {FileKeys(path).load()}


def test_a_replacement_is_seen_at_once(made):
    reader, writer = FileKeys(made), FileKeys(made)
    first = reader.load()
    second = first.led_by(WrappingKey.generate())
    writer.replace(second)
    assert reader.load() == second
    assert second.others == first.keys


def test_what_a_killed_process_left_is_no_harm(made):
    made.with_name(".master.key.new").write_text("half of")
    FileKeys(made).replace(Keyring((WrappingKey.generate(),)))
    assert not made.with_name(".master.key.new").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610, 0o601])
def test_others_may_not_read_it(made, mode):
    keys = FileKeys(made)
    keys.load()
    made.chmod(mode)
    for provider in (keys, FileKeys(made), FileKeys(made, create=False)):
        with pytest.raises(IntegrityError) as refused:
            provider.load()
        assert refused.value.code == "vault.key_permissions"
        assert "chmod 600" in refused.value.hint
        assert str(made) in refused.value.message


@contextmanager
def as_nobody():
    """Root may read everything: be somebody else meanwhile."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared():
    """A folder that everybody can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_it_belongs_to_who_runs_towpath(shared):
    path = shared / "master.key"
    FileKeys(path).create(Keyring((WrappingKey.generate(),)))
    os.chown(path, 65534, 65534)
    with pytest.raises(IntegrityError) as refused:
        FileKeys(path).load()
    assert refused.value.code == "vault.key_permissions"


def test_it_cannot_be_read(shared):
    path = shared / "master.key"
    FileKeys(path).create(Keyring((WrappingKey.generate(),)))
    with as_nobody(), pytest.raises(IntegrityError) as refused:
        FileKeys(path).load()
    assert refused.value.code == "vault.key_permissions"


def test_it_cannot_be_written(shared):
    with as_nobody(), pytest.raises(ResourceError) as refused:
        FileKeys(shared / "master.key").create(Keyring((WrappingKey.generate(),)))
    assert refused.value.code == "path.read_only"


def test_a_folder_is_no_key(path):
    path.mkdir()
    with pytest.raises(IntegrityError) as refused:
        FileKeys(path).load()
    assert refused.value.code == "vault.key_permissions"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n \n# nothing but this\n",
        b"tpk1_short",
        b"\xff\xfe\x00",
        b"a" * 64 + b"g",
        random.Random(7).randbytes(100_000),  # noqa: S311 - only noise
        b"tpk1_" + b"A" * 44,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_contents_that_are_no_key(made, content):
    made.write_bytes(content)
    with pytest.raises(ConfigError) as malformed:
        FileKeys(made).load()
    assert malformed.value.code == "vault.key_malformed"
    assert malformed.value.hint


@given(st.binary(max_size=200))
def test_no_content_breaks_the_reader(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "master.key"
        path.touch(0o600)
        path.write_bytes(content)
        with suppress(ConfigError):
            assert all(len(key.material) == 32 for key in FileKeys(path).load())


def test_keys_of_other_tools_are_taken():
    material = bytes(range(32))
    key = WrappingKey(material)
    forms = [key.text, material.hex(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
    assert Keyring.parse(f"# said\n{forms[0]}, {forms[1]}\n\n{forms[2]}") == Keyring((key,))


def test_a_file_that_somebody_else_keeps_is_not_changed(made):
    keys = FileKeys(made, create=False)
    with pytest.raises(ConfigError) as given_from_outside:
        keys.replace(Keyring((WrappingKey.generate(),)))
    assert given_from_outside.value.code == "vault.key_given"


def test_one_process_at_a_time(made, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    with FileKeys(made).locked():
        with pytest.raises(TowpathError) as busy, FileKeys(made).locked():
            pass
        assert busy.value.code == "vault.busy"
    with FileKeys(made).locked():
        pass

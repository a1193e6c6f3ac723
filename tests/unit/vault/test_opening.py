"""No key, no start."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from pydantic import SecretStr

from support.postgres import PostgresServer
from towpath.core.errors import IntegrityError
from towpath.store import open_store
from towpath.vault import FileKeys, GivenKeys, Keyring, WrappingKey, open_vault


def refuse(home, provider=None):
    with home.store() as store, pytest.raises(IntegrityError) as refused:
        open_vault(store, provider) if provider else home.vault(store)
    assert refused.value.hint
    return refused.value.code


def test_the_first_start_makes_a_key_and_the_next_find_it(home):
    places = home.fill(2)
    assert home.opened(places) == [home.secrets(0), home.secrets(1)]


def test_first_starts_at_once_agree(home):
    with home.store() as store:
        store.migrate()

    def start(_):
        with home.store() as store:
            return home.vault(store).digest("x")

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(start, range(6)))) == 1
    with home.store() as store, store.read() as unit:
        assert len(unit.master_keys.list()) == 1


@pytest.mark.service("postgres")
def test_first_starts_on_many_machines_make_one_key(tmp_path, make_home, postgres: PostgresServer):
    """Each has its own folder: one makes the key, the others miss it until they get a copy."""
    url = postgres.url(postgres.create_database())
    with closing(open_store(url)) as store:
        store.migrate()

    def start(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        home = make_home(folder, url)
        try:
            with home.store() as store:
                return home.vault(store).digest("x")
        except IntegrityError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(start, range(6)))
    assert outcomes.count("vault.key_missing") == 5
    assert len(list(tmp_path.glob("*/master.key"))) == 1
    with closing(open_store(url)) as store, store.read() as unit:
        assert len(unit.master_keys.list()) == 1


def test_a_lost_key_is_not_replaced(home):
    home.fill(1)
    home.key_file.unlink()
    assert refuse(home) == "vault.key_missing"
    assert not home.key_file.exists()


def test_a_lost_key_is_missed_even_without_secrets(home):
    """Machine keys depend on it too."""
    home.fill(0)
    home.key_file.unlink()
    assert refuse(home) == "vault.key_missing"


def test_another_stores_key(home):
    home.fill(1)
    assert refuse(home, GivenKeys(SecretStr(WrappingKey.generate().text))) == "vault.key_wrong"


def test_a_changed_check_value(home):
    home.fill(1)
    with closing(sqlite3.connect(home.folder / "towpath.sqlite")) as connection:
        connection.execute("UPDATE master_keys SET digest_key = replace(digest_key, 'tp1', 'tp2')")
        connection.commit()
    assert refuse(home) == "vault.corrupt"


def test_a_crash_between_key_file_and_store(home):
    with home.store() as store:
        store.migrate()
        key = WrappingKey.generate()
        FileKeys(home.key_file).create(Keyring((key,)))
        same = open_vault(store, GivenKeys(SecretStr(key.text)))
        assert home.vault(store).digest("x") == same.digest("x")


def test_a_key_taken_away_too_early(home):
    places = home.fill(1)
    old = home.key_file.read_text()
    new = WrappingKey.generate().text
    with home.store() as store:
        vault = open_vault(store, GivenKeys(SecretStr(f"{new}\n{old}")))
        with store.read() as unit:
            assert vault.open(unit.secrets.get(*places[0]))
    assert refuse(home, GivenKeys(SecretStr(new))) == "vault.key_missing"


def test_a_key_that_vanishes_while_all_runs(home):
    places = home.fill(1)
    with home.store() as store:
        vault = home.vault(store)
        home.key_file.unlink()
        with store.read() as unit:
            assert vault.open(unit.secrets.get(*places[0]))
        with pytest.raises(IntegrityError) as missing:
            vault.seal("org", "con", {})
        assert missing.value.code == "vault.key_missing"

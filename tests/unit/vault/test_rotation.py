"""Rotation: online, to be gone on with after kill -9 at any point, and never a secret lost."""

import os
import shutil
import signal
import sys
import threading
from contextlib import suppress

import pytest
from pydantic import SecretStr

from support.postgres import PostgresServer
from towpath.core.errors import BusyError, ConfigError, IntegrityError, ResourceError
from towpath.vault import FileKeys, GivenKeys, Keyring, WrappingKey, open_vault, rotate


def file_keys(home):
    return FileKeys(home.key_file).load().keys


def wrapped_by(home, places):
    with home.store() as store, store.read() as unit:
        return {unit.secrets.get(*place).key_id for place in places}


def registered(home):
    with home.store() as store, store.read() as unit:
        return [key.key_id for key in unit.master_keys.list()]


def rotate_at(home, **options):
    with home.store() as store:
        return rotate(store, home.vault(store), **options)


def assert_settled(home, places, key_id):
    """One key everywhere, and everything opens."""
    assert [key.id for key in file_keys(home)] == [key_id]
    assert registered(home) == [key_id]
    assert wrapped_by(home, places) <= {key_id}
    assert home.opened(places) == [home.secrets(n) for n in range(len(places))]


def test_a_rotation(home):
    places = home.fill(230)
    (before,) = file_keys(home)
    seen = []
    with home.store() as store:
        vault = home.vault(store)
        digest = vault.digest("tp_x")
        done = rotate(store, vault, progress=seen.append)
        assert vault.digest("tp_x") == digest == home.vault(store).digest("tp_x")
    assert (done.rewrapped, done.retired, done.resumed) == (230, (before.id,), False)
    assert seen == [100, 200, 230]
    assert done.key_id != before.id
    assert_settled(home, places, done.key_id)


def test_a_chosen_key(home):
    places = home.fill(1)
    key = WrappingKey.generate()
    assert rotate_at(home, new_key=key).key_id == key.id
    assert file_keys(home) == (key,)
    assert_settled(home, places, key.id)


def test_a_key_file_that_cannot_be_replaced_is_told_before_anything_is_changed(home):
    places = home.fill(2)
    (before,) = file_keys(home)
    (home.folder / ".master.key.new" / "in the way").mkdir(parents=True)
    with pytest.raises(ResourceError) as refused:
        rotate_at(home)
    assert refused.value.code == "path.read_only"
    assert "TOWPATH_MASTER_KEY_FILE" in refused.value.hint
    assert_settled(home, places, before.id)


def test_other_processes_follow(home):
    (place, _) = home.fill(2)
    with home.store() as store, home.store() as other_store:
        other = home.vault(other_store)
        with store.read() as unit:
            read_before = unit.secrets.get(*place)
        sealed_before = other.seal(*place, {"password": "late"})
        for _ in range(2):
            rotate(store, home.vault(store))
        assert other.open(read_before)["password"].get_secret_value() == "hunter0"
        with pytest.raises(BusyError) as retired, other_store.begin() as unit:
            unit.secrets.put(place[0], sealed_before)
        assert (retired.value.code, retired.value.retryable) == ("vault.key_retired", True)
        with other_store.begin() as unit:
            other.keep(unit, *place, {"password": "new"})
        with store.read() as unit:
            assert home.vault(store).open(unit.secrets.get(*place))["password"].get_secret_value() == "new"


def test_only_one_rotates(home, monkeypatch):
    home.fill(1)
    monkeypatch.setattr("towpath.vault.key_file._PATIENCE", 0.05)
    with FileKeys(home.key_file).locked(), pytest.raises(BusyError) as busy:
        rotate_at(home)
    assert busy.value.code == "vault.busy"


def test_secrets_that_do_not_open_hold_up_no_others(home):
    places = home.fill(5)
    with home.store() as store, store.begin() as unit:
        broken = unit.secrets.get(*places[2])
        assert unit.secrets.rewrap(
            *places[2], broken.wrapped_key, broken.wrapped_key[:-4] + "AAAA", broken.key_id
        )
    old = file_keys(home)[0]
    with pytest.raises(IntegrityError) as corrupt:
        rotate_at(home)
    assert corrupt.value.code == "vault.corrupt"
    assert places[2][1] in corrupt.value.message
    new = file_keys(home)[0]
    assert file_keys(home) == (new, old)
    assert home.opened(places[:2] + places[3:])
    with home.store() as store, store.begin() as unit:
        unit.secrets.shred(*places[2])
    done = rotate_at(home)
    assert (done.resumed, done.key_id) == (True, new.id)
    del places[2]
    assert registered(home) == [new.id]
    assert wrapped_by(home, places) == {new.id}


# ── keys given from outside ──────────────────────────────────────────────────────────────────────


def test_given_keys(home):
    places = home.fill(3)
    old = home.key_file.read_text().splitlines()[-1]
    new = WrappingKey.generate()
    with home.store() as store:
        with pytest.raises(ConfigError) as alone:
            rotate(store, open_vault(store, GivenKeys(SecretStr(old))))
        assert alone.value.code == "vault.no_new_key"
        vault = open_vault(store, GivenKeys(SecretStr(f"{new.text},{old}")))
        done = rotate(store, vault)
        assert (done.key_id, done.rewrapped) == (new.id, 3)
        assert open_vault(store, GivenKeys(SecretStr(new.text))).digest("x") == vault.digest("x")
    assert wrapped_by(home, places) == {new.id}


# ── kill -9 ──────────────────────────────────────────────────────────────────────────────────────

_WATCHED = ("rotation.py", "key_file.py", "opening.py", "vault.py", "secrets.py")


def rotate_in_a_child(home, die_at):
    """Rotate in another process that kills itself with -9 before the line ``die_at``, counted from 0, that
    it would run in the vault. Returns whether it died."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            _rotate_and_die(home, die_at)
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == signal.SIGKILL


def _rotate_and_die(home, die_at):
    left = [die_at]

    def watch(frame, kind, _):
        if not frame.f_code.co_filename.endswith(_WATCHED):
            return None
        if kind == "line":
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
        return watch

    with home.store() as store:
        vault = home.vault(store)
        sys.settrace(watch)
        rotate(store, vault)
        sys.settrace(None)


@pytest.mark.slow
def test_killed_before_any_line(tmp_path, make_home):
    first = make_home(tmp_path / "first")
    first.folder.mkdir()
    places = first.fill(2)
    (original,) = file_keys(first)
    died, states = True, set()
    line = 0
    while died:
        home = make_home(tmp_path / "next")
        shutil.copytree(first.folder, home.folder)
        died = rotate_in_a_child(home, line)
        held = tuple(key.id == original.id for key in file_keys(home))
        states.add((held, len(registered(home)), len(wrapped_by(home, places))))
        # Everything goes on as it was left …
        assert home.opened(places) == [home.secrets(0), home.secrets(1)]
        # … and the next rotation brings it to its end.
        done = rotate_at(home)
        assert_settled(home, places, done.key_id)
        assert done.key_id != original.id
        shutil.rmtree(home.folder)
        line += 7
    # It was killed in every state that a rotation passes through.
    assert {
        ((True,), 1, 1),
        ((True,), 2, 1),
        ((False, True), 2, 1),
        ((False, True), 1, 1),
        ((False,), 1, 1),
    } == states


def test_killed_between_batches(home):
    places = home.fill(250)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            rotate_at(home, progress=lambda _: (os.write(writer, b"x"), signal.pause()))
        os._exit(1)
    os.close(writer)
    assert os.read(reader, 1) == b"x"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    new, old = (key.id for key in file_keys(home))
    assert wrapped_by(home, places) == {new, old}
    assert home.opened(places) == [home.secrets(n) for n in range(250)]
    done = rotate_at(home)
    assert (done.resumed, done.rewrapped, done.key_id) == (True, 150, new)
    assert_settled(home, places, new)


# ── meanwhile ────────────────────────────────────────────────────────────────────────────────────


def rotate_while_others_work(home):
    places = home.fill(8)
    stop, problems, sealed = threading.Event(), [], [0] * 4

    def work(number):
        try:
            with home.store() as store:
                vault = home.vault(store)
                while not stop.is_set():
                    place = places[number]
                    with store.begin() as unit:
                        vault.keep(unit, *place, {"count": str(sealed[number])})
                    with store.read() as unit:
                        found = [vault.open(unit.secrets.get(*place)) for place in places]
                    assert found[number]["count"].get_secret_value() == str(sealed[number])
                    sealed[number] += 1
        except BaseException as error:
            problems.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            done = rotate_at(home)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert not problems
    assert all(sealed)
    assert [key.id for key in file_keys(home)] == registered(home) == [done.key_id]
    assert wrapped_by(home, places) == {done.key_id}
    with home.store() as store:
        assert home.vault(store)


def test_nobody_is_disturbed_on_sqlite(home):
    rotate_while_others_work(home)


@pytest.mark.service("postgres")
def test_nobody_is_disturbed_on_postgres(tmp_path, make_home, postgres: PostgresServer):
    rotate_while_others_work(make_home(tmp_path, postgres.url(postgres.create_database())))


def test_rings_keep_their_order():
    old, new = WrappingKey.generate(), WrappingKey.generate()
    ring = Keyring((old,)).led_by(new)
    assert (ring.current, ring.others) == (new, (old,))
    assert ring.led_by(old).keys == (old, new)

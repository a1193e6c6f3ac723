"""Machine keys and passwords."""

import re

from pydantic import SecretStr

from towpath.vault import (
    GivenKeys,
    Keyring,
    Vault,
    WrappingKey,
    hash_password,
    kind_of,
    new_machine_key,
    verify_password,
)


def make_vault(digest_key=b"d" * 32):
    key = WrappingKey.generate()
    return Vault(GivenKeys(SecretStr(key.text)), Keyring((key,)), digest_key)


def test_a_machine_key_is_known_by_its_digest_only():
    vault = make_vault()
    made = new_machine_key(vault, "broker")
    text = made.key.get_secret_value()
    assert re.fullmatch(r"tp_broker_[A-Za-z0-9]{43}", text)
    assert made.digest == vault.digest(text) == make_vault().digest(made.key)
    assert made.digest != make_vault(b"e" * 32).digest(text)
    assert text not in f"{made!r} {made.digest}"
    assert new_machine_key(vault, "broker") != made


def test_the_kind_of_a_presented_key():
    vault = make_vault()
    for kind in ("integrator", "partner", "broker", "proxy"):
        assert kind_of(new_machine_key(vault, kind).key.get_secret_value()) == kind
    for foreign in (
        "",
        "tp_broker_",
        "tp_broker_" + "x" * 42,
        "tp_broker_" + "x" * 43 + "\n",
        "sk_live_" + "x" * 43,
    ):
        assert kind_of(foreign) is None


def test_passwords():
    stored = hash_password(SecretStr("pässword"))
    assert stored.startswith("$argon2id$")
    assert stored != hash_password(SecretStr("pässword"))
    assert verify_password(stored, SecretStr("pässword"))
    assert not verify_password(stored, SecretStr("password"))


def test_no_password_is_never_the_right_one():
    for stored in (None, "", "not a hash"):
        assert not verify_password(stored, SecretStr("nobody"))
    assert not verify_password("not a hash", SecretStr("not a hash"))

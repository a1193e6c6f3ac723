"""What is sealed opens with the same key in the same place, and in no other way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from towpath.core.errors import IntegrityError
from towpath.vault import GivenKeys, Keyring, Vault, WrappingKey

OLD, NEW = WrappingKey(b"o" * 32), WrappingKey(b"n" * 32)

TEXT = st.text(st.characters(exclude_categories=[]))
SECRETS = st.dictionaries(TEXT, TEXT, max_size=4)


def vault(*keys):
    provider = GivenKeys(SecretStr("\n".join(key.text for key in keys)))
    return Vault(provider, Keyring(keys), b"d" * 32)


def plain(opened):
    return {path: secret.get_secret_value() for path, secret in opened.items()}


@given(TEXT, TEXT, SECRETS)
def test_round_trip(org, connection, secrets):
    sealed = vault(OLD).seal(org, connection, secrets)
    assert plain(vault(OLD).open(sealed)) == secrets
    assert sealed.key_id == OLD.id


@given(TEXT, TEXT, SECRETS)
def test_round_trip_over_a_rotation(org, connection, secrets):
    sealed = vault(OLD).seal(org, connection, secrets)
    wrapped_key, key_id = vault(NEW, OLD).rewrap(sealed)
    rewrapped = replace(sealed, wrapped_key=wrapped_key, key_id=key_id)
    assert plain(vault(NEW).open(rewrapped)) == secrets
    with pytest.raises(IntegrityError) as missing:
        vault(NEW).open(sealed)
    assert missing.value.code == "vault.key_missing"


def changes(text):
    """The text with any one bit flipped, or any other last character."""
    for place, character in enumerate(text):
        for bit in range(8):
            yield text[:place] + chr(ord(character) ^ 1 << bit) + text[place + 1 :]
    for other in map(chr, range(256)):
        if other != text[-1]:
            yield text[:-1] + other
    yield from (text[:-1], text + "A", text + "=", text + "\n", " " + text)


@pytest.mark.parametrize("secret", ["", "a", "ab", "abc"])
def test_any_flipped_bit_is_seen(secret):
    keys = vault(OLD)
    sealed = keys.seal("org", "con", {"password": secret})
    broken = [replace(sealed, wrapped_key=text) for text in changes(sealed.wrapped_key)]
    broken += [replace(sealed, fields={"password": text}) for text in changes(sealed.fields["password"])]
    for changed in broken:
        with pytest.raises(IntegrityError) as corrupt:
            keys.open(changed)
        assert corrupt.value.code == "vault.corrupt"


@given(st.text(max_size=60))
def test_any_other_text_is_seen(text):
    sealed = vault(OLD).seal("org", "con", {"password": "hunter2"})
    for changed in (replace(sealed, wrapped_key=text), replace(sealed, fields={"password": text})):
        with pytest.raises(IntegrityError) as corrupt:
            vault(OLD).open(changed)
        assert corrupt.value.code == "vault.corrupt"


@pytest.mark.parametrize(
    "swap",
    [
        lambda mine, _: replace(mine, org="org_2"),
        lambda mine, _: replace(mine, connection="con_2"),
        lambda mine, _: replace(mine, fields={"user": mine.fields["password"]}),
        lambda mine, _: replace(
            mine, fields=dict(zip(mine.fields, reversed(mine.fields.values()), strict=True))
        ),
        lambda mine, other: replace(mine, fields=other.fields),
        lambda mine, other: replace(mine, wrapped_key=other.wrapped_key),
        lambda mine, other: replace(other, connection=mine.connection),
        lambda mine, _: replace(mine, org="org_1con_1", connection=""),
        lambda mine, _: replace(mine, key_id=NEW.id),
    ],
)
def test_nothing_opens_in_another_place(swap):
    keys = vault(OLD, NEW)
    mine = keys.seal("org_1", "con_1", {"password": "a", "token": "b"})
    other = keys.seal("org_1", "con_2", {"password": "c", "token": "d"})
    with pytest.raises(IntegrityError) as corrupt:
        keys.open(swap(mine, other))
    assert corrupt.value.code == "vault.corrupt"


def test_the_same_secret_is_never_sealed_alike():
    keys = vault(OLD)
    first, second = (keys.seal("org", "con", {"a": "x", "b": "x"}) for _ in range(2))
    texts = [*first.fields.values(), *second.fields.values(), first.wrapped_key, second.wrapped_key]
    assert len({text.rpartition(":")[2] for text in texts}) == 6


def test_nothing_secret_is_shown():
    keys = vault(OLD)
    sealed = keys.seal("org", "con", {"password": SecretStr("hunter2")})
    shown = f"{sealed!r} {keys.open(sealed)!r} {OLD!r} {Keyring((OLD,))!r} {keys!r} {keys.provider!r}"
    assert "hunter2" not in shown
    assert repr(OLD.material) not in shown
    assert OLD.text not in shown


def test_derived_keys_are_apart_and_stay():
    keys = vault(OLD)
    assert keys.digest("tp_x") == vault(NEW, OLD).digest(SecretStr("tp_x"))
    assert keys.derive("a") != keys.derive("b")
    assert len({keys.digest("a"), keys.digest("b"), keys.derive("machine key").hex()}) == 3

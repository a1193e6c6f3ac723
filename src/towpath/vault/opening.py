"""No key, no start: how a process comes to its vault."""

from collections.abc import Sequence

from towpath.core.errors import IntegrityError
from towpath.core.repositories import Store, UnitOfWork
from towpath.core.sealed import MasterKey
from towpath.vault import cipher
from towpath.vault.keyring import Keyring, WrappingKey
from towpath.vault.providers import KeyProvider
from towpath.vault.vault import Vault, key_missing, unwrap_digest_key


def open_vault(store: Store, provider: KeyProvider) -> Vault:
    """The vault of a migrated store, after a check that the keys fit what is stored.

    At the very first start the key is made (by a provider that can). Raises `IntegrityError`:
    ``vault.key_missing`` if there is no key, or not every one that is in use, ``vault.key_wrong`` if the key
    is another store's, ``vault.key_permissions``; `ConfigError`: ``vault.key_malformed``.
    """
    with store.read() as unit:
        known = unit.master_keys.list()
    ring = provider.load()
    if ring and [key.key_id for key in known] == [ring.current.id]:
        return Vault(provider, ring, _digest_key(provider, ring, known))
    with store.begin() as unit:
        unit.master_keys.lock()
        vault = _settle(unit, provider)
        unit.master_keys.add(vault.register(vault.ring().current))
        return vault


def _settle(unit: UnitOfWork, provider: KeyProvider) -> Vault:
    known = unit.master_keys.list()
    used = [key.key_id for key in known if unit.master_keys.in_use(key.key_id)]
    # After the store: in a rotation a key is kept from before its first use until after its last.
    ring = provider.load()
    if not known:
        return _first(provider, ring)
    if ring is None:
        raise key_missing(provider.place)
    vault = Vault(provider, ring, _digest_key(provider, ring, known))
    for lost in set(used) - {key.id for key in ring}:
        raise IntegrityError(
            "vault.key_missing",
            f"Some secrets need the older master key {lost}, which is not in {provider.place}.",
            hint="Put it back behind the current one and run `towpath secrets rotate`.",
        )
    return vault


def _first(provider: KeyProvider, ring: Keyring | None) -> Vault:
    """A store that has never sealed anything. The key is kept before its registration is committed: a crash
    between leaves a key without a use, never a use without its key.
    """
    ring = ring or provider.create(Keyring((WrappingKey.generate(),)))
    return Vault(provider, ring, cipher.new_key())


def _digest_key(provider: KeyProvider, ring: Keyring, known: Sequence[MasterKey]) -> bytes:
    """The canary: that it opens shows that the key is the right one."""
    held = {key.id: key for key in ring}
    fitting = [key for key in known if key.key_id in held]
    if not fitting:
        raise IntegrityError(
            "vault.key_wrong",
            f"The master key in {provider.place} is not the one that this store was sealed with.",
            hint=f"The store needs the key {known[-1].key_id}; this one is {ring.current.id}. Restore the "
            "right key from its safe copy, or use the store that belongs to this one.",
        )
    try:
        return unwrap_digest_key(held[fitting[0].key_id], fitting[0].digest_key)
    except cipher.DoesNotOpenError:
        raise IntegrityError(
            "vault.corrupt",
            "The key check value in the store was changed.",
            hint="Restore the store from a backup.",
        ) from None

"""Rotation of the master key, while everything goes on, and to be gone on with after any crash.

1. Register the new key in the store.      A crash here: the registration is of no use and is removed later.
2. Keep it in front of the old one.        From here every process seals with it and opens with both.
3. Wrap every data key by it, in batches.
4. Remove the old keys from the store:     its foreign key refuses while one is in use, and new use after.
5. Remove them where the keys are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

from towpath.core.errors import BusyError, ConfigError, IntegrityError
from towpath.core.repositories import Store
from towpath.core.sealed import SealedSecrets
from towpath.vault.keyring import Keyring, WrappingKey
from towpath.vault.vault import Vault

_BATCH = 100

#: How often what was sealed with an old key meanwhile is wrapped again.
_ROUNDS = 20


@dataclass(frozen=True)
class Rotation:
    """What a rotation has done."""

    key_id: str
    """The current master key now."""
    rewrapped: int
    """How many connections' data keys were wrapped anew."""
    retired: tuple[str, ...]
    """Ids of the keys that nothing needs any more."""
    resumed: bool
    """Whether it finished one that was begun before, instead of beginning with a new key."""
    key_file: str | None
    """Where the new key was written; None if the keys are given from outside."""


def rotate(
    store: Store,
    vault: Vault,
    new_key: WrappingKey | None = None,
    *,
    progress: Callable[[int], None] = lambda _done: None,
) -> Rotation:
    """Replace the master key by ``new_key`` (a fresh one by default) or finish a rotation that was cut off.

    Raises `ConfigError` (``vault.no_new_key``) if the keys are given from outside and there is only one,
    `ResourceError` (``path.read_only``) before anything is changed if the key file cannot be replaced,
    `BusyError` (``vault.busy``) during another rotation, and `IntegrityError` (``vault.corrupt``) at its end
    if the secrets of some connections did not open: all others are done then, and the old key stays.
    """
    with vault.provider.locked():
        ring = vault.ring()
        resumed = bool(ring.others)
        if not resumed:
            ring = _introduce(store, vault, ring, new_key or WrappingKey.generate())
        done, retired = _move(store, vault, ring.current.id, progress)
        writable = vault.provider.writable
        if writable:
            vault.provider.replace(Keyring((ring.current,)))
        return Rotation(ring.current.id, done, retired, resumed, vault.provider.place if writable else None)


def _move(
    store: Store, vault: Vault, key_id: str, progress: Callable[[int], None]
) -> tuple[int, tuple[str, ...]]:
    """Until nothing needs another key: a process may have sealed with one just before it learnt the new."""
    done, retired = 0, list[str]()
    for _ in range(_ROUNDS):
        done = _rewrap_all(store, vault, key_id, done, progress)
        with store.begin() as unit:
            old = [key.key_id for key in unit.master_keys.list() if key.key_id != key_id]
            gone = [id for id in old if unit.master_keys.retire(id)]
        retired += gone
        if gone == old:
            return done, tuple(retired)
    raise BusyError(
        "vault.busy",
        "Some process goes on sealing with an older master key.",
        hint="Give all processes the new key, restart them, and run `towpath secrets rotate` again.",
    )


def _introduce(store: Store, vault: Vault, ring: Keyring, key: WrappingKey) -> Keyring:
    if not vault.provider.writable:
        raise ConfigError(
            "vault.no_new_key",
            f"There is only one master key in {vault.provider.place}: nothing to rotate to.",
            hint="Put a new key in front of it there, restart all processes, and rotate then.",
            field=vault.provider.place,
        )
    # A rehearsal before anything is changed: a file in a read-only folder, or mounted, cannot be replaced.
    vault.provider.replace(ring)
    with store.begin() as unit:
        unit.master_keys.add(vault.register(key))
    ring = ring.led_by(key)
    vault.provider.replace(ring)
    return ring


def _rewrap_all(store: Store, vault: Vault, key_id: str, done: int, progress: Callable[[int], None]) -> int:
    """How many were done in the whole rotation, ``done`` of them before."""
    broken: dict[tuple[str, str], IntegrityError] = {}
    while True:
        with store.read() as unit:
            left = unit.secrets.wrapped_by_others(key_id, _BATCH + len(broken))
        left = [sealed for sealed in left if (sealed.org, sealed.connection) not in broken]
        if not left:
            break
        done += _rewrap(store, vault, left, broken)
        progress(done)
    for error in broken.values():
        raise error
    return done


def _rewrap(
    store: Store,
    vault: Vault,
    batch: list[SealedSecrets],
    broken: dict[tuple[str, str], IntegrityError],
) -> int:
    """How many were done; one that changed meanwhile is left for the next batch."""
    done = 0
    with store.begin() as unit:
        for sealed in batch:
            try:
                wrapped, key_id = vault.rewrap(sealed)
            except IntegrityError as error:
                broken[sealed.org, sealed.connection] = error
                continue
            done += unit.secrets.rewrap(sealed.org, sealed.connection, sealed.wrapped_key, wrapped, key_id)
    return done

"""The vault: envelope encryption of secrets, master keys and their rotation, machine keys, passwords.

The only user of ``cryptography``. Imports core only; never reads the environment.
"""

from towpath.vault.key_file import FileKeys
from towpath.vault.keyring import Keyring, WrappingKey
from towpath.vault.machine_keys import NewKey, kind_of, new_machine_key
from towpath.vault.opening import open_vault
from towpath.vault.passwords import hash_password, is_outdated, verify_password
from towpath.vault.providers import GivenKeys, KeyProvider
from towpath.vault.rotation import Rotation, rotate
from towpath.vault.split import join_secrets, names_of, split_secrets
from towpath.vault.vault import Vault

__all__ = [
    "FileKeys",
    "GivenKeys",
    "KeyProvider",
    "Keyring",
    "NewKey",
    "Rotation",
    "Vault",
    "WrappingKey",
    "hash_password",
    "is_outdated",
    "join_secrets",
    "kind_of",
    "names_of",
    "new_machine_key",
    "open_vault",
    "rotate",
    "split_secrets",
    "verify_password",
]

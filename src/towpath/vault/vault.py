"""The vault: seals the secrets of connections and opens them again. # Invariant 8

Envelope encryption: each set of secrets is sealed with a data key of its own, and the data key wrapped by a
master key. Ciphertexts open only in the place they were made for: (organization, connection, field).
"""

import hmac
from collections.abc import Mapping
from functools import cached_property

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from towpath.core.errors import BusyError, IntegrityError
from towpath.core.repositories import UnitOfWork
from towpath.core.sealed import MasterKey, SealedSecrets
from towpath.vault import cipher
from towpath.vault.keyring import Keyring, WrappingKey
from towpath.vault.providers import KeyProvider


class Vault:
    """Made by `open_vault`. Safe to use from many threads; follows a rotation made by any process."""

    def __init__(self, provider: KeyProvider, ring: Keyring, digest_key: bytes) -> None:
        self.provider = provider
        self._digest_key = digest_key
        # Grows only: who has read a row just before its key was retired can still open it.
        self._known = {key.id: key for key in ring}

    def seal(self, org: str, connection: str, secrets: Mapping[str, str | SecretStr]) -> SealedSecrets:
        """Seal a connection's whole set, by field path, under a new data key.

        Raises `IntegrityError` (``vault.key_missing``) if the key file has vanished.
        """
        master, data_key, place = self.ring().current, cipher.new_key(), (org, connection)
        return SealedSecrets(
            org=org,
            connection=connection,
            wrapped_key=cipher.seal(master.material, data_key, "data key", *place),
            key_id=master.id,
            fields={
                path: cipher.seal(data_key, _bytes(secret), "field", *place, path)
                for path, secret in secrets.items()
            },
        )

    def keep(
        self, unit: UnitOfWork, org: str, connection: str, secrets: Mapping[str, str | SecretStr]
    ) -> None:
        """Seal and store in one go; unlike the two steps apart it never fails because of a rotation."""
        try:
            unit.secrets.put(org, self.seal(org, connection, secrets))
        except BusyError:  # retired since: by now the provider has the new one
            unit.secrets.put(org, self.seal(org, connection, secrets))

    def open(self, sealed: SealedSecrets) -> dict[str, SecretStr]:
        """The secrets by field path. Raises `IntegrityError`: ``vault.key_missing`` if no known master key
        wraps the data key, ``vault.corrupt`` if anything was changed or moved.
        """
        data_key = self._unwrap(sealed)
        place = (sealed.org, sealed.connection)
        try:
            return {
                path: _secret(cipher.unseal(data_key, text, "field", *place, path))
                for path, text in sealed.fields.items()
            }
        except cipher.DoesNotOpenError:
            raise _corrupt(sealed) from None

    def rewrap(self, sealed: SealedSecrets) -> tuple[str, str]:
        """The data key wrapped by the current master key, and that key's id."""
        master, place = self.ring().current, (sealed.org, sealed.connection)
        return cipher.seal(master.material, self._unwrap(sealed), "data key", *place), master.id

    def digest(self, text: str | SecretStr) -> str:
        """HMAC-SHA256, hex, of a machine key: the same for ever, whatever master key comes."""
        return hmac.digest(self._machine_key, _bytes(text), "sha256").hex()

    @cached_property
    def _machine_key(self) -> bytes:
        return self.derive("machine key")

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose: the same for ever, in all processes of one store."""
        info = f"towpath {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._digest_key)

    def register(self, key: WrappingKey) -> MasterKey:
        """What the store keeps of a master key, so that data keys may be wrapped by it."""
        return MasterKey(key.id, wrap_digest_key(key, self._digest_key))

    def ring(self) -> Keyring:
        """The master keys as the provider has them now."""
        ring = self.provider.load()
        if ring is None:
            raise key_missing(self.provider.place)
        self._known |= {key.id: key for key in ring}
        return ring

    def _unwrap(self, sealed: SealedSecrets) -> bytes:
        key_id, place = sealed.key_id, (sealed.org, sealed.connection)
        if key_id not in self._known:
            self.ring()
        if key_id not in self._known:
            raise IntegrityError(
                "vault.key_missing",
                f"The secrets of connection {sealed.connection} need the master key {key_id}, which is not "
                f"in {self.provider.place}.",
                hint="Put that key back behind the current one, or enter the connection's secrets again.",
                connection=sealed.connection,
            )
        try:
            return cipher.unseal(self._known[key_id].material, sealed.wrapped_key, "data key", *place)
        except cipher.DoesNotOpenError:
            raise _corrupt(sealed) from None


def wrap_digest_key(master: WrappingKey, digest_key: bytes) -> str:
    return cipher.seal(master.material, digest_key, "digest key")


def unwrap_digest_key(master: WrappingKey, text: str) -> bytes:
    """Raises `cipher.DoesNotOpenError`."""
    return cipher.unseal(master.material, text, "digest key")


def _bytes(secret: str | SecretStr) -> bytes:
    """Any text, also one that UTF-8 proper has no bytes for."""
    text = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    return text.encode("utf-8", "surrogatepass")


def _secret(plain: bytes) -> SecretStr:
    return SecretStr(plain.decode("utf-8", "surrogatepass"))


def key_missing(place: str) -> IntegrityError:
    return IntegrityError(
        "vault.key_missing",
        f"There is no master key in {place}, but the store has secrets that need one.",
        hint="Restore the key from its safe copy. Without it the secrets are lost: they must be entered "
        "again in a new store.",
    )


def _corrupt(sealed: SealedSecrets) -> IntegrityError:
    return IntegrityError(
        "vault.corrupt",
        f"The stored secrets of connection {sealed.connection} do not open: they were changed, or belong to "
        "another connection.",
        hint="Restore the store from a backup, or enter the secrets of the connection again.",
        connection=sealed.connection,
    )

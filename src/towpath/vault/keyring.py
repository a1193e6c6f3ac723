"""Master keys: the keys that wrap the connections' data keys."""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field

from towpath.core.errors import ConfigError
from towpath.vault import cipher

_PREFIX = "tpk1_"


@dataclass(frozen=True)
class WrappingKey:
    """A key-encryption key. Its material is never shown by ``repr``."""

    material: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return cipher.key_id(self.material)

    @property
    def text(self) -> str:
        """How it stands in a key file. A secret."""
        return _PREFIX + cipher.encode(self.material)

    @classmethod
    def generate(cls) -> "WrappingKey":
        return cls(cipher.new_key())

    @classmethod
    def parse(cls, text: str) -> "WrappingKey":
        """From `text`, or from 32 bytes in standard base64 or hex as other tools make them."""
        material = _bytes_of(text)
        if material is None or len(material) != cipher.KEY_BYTES:
            raise malformed("it does not hold 32 bytes")
        return cls(material)


def _bytes_of(text: str) -> bytes | None:
    try:
        if text.startswith(_PREFIX):
            return cipher.decode(text.removeprefix(_PREFIX))
        if re.fullmatch(r"[0-9a-fA-F]{64}", text):
            return bytes.fromhex(text)
        return b64decode(text, validate=True)
    except (ValueError, cipher.DoesNotOpenError):
        return None


def malformed(why: str) -> ConfigError:
    return ConfigError(
        "vault.key_malformed",
        f"The master key cannot be used: {why}.",
        hint="Restore the key from its safe copy. A new one for a new store: `openssl rand -base64 32`.",
        field="TOWPATH_MASTER_KEY",
    )


@dataclass(frozen=True)
class Keyring:
    """One key or more: the first, the current one, wraps; the others only unwrap."""

    keys: tuple[WrappingKey, ...]

    @property
    def current(self) -> WrappingKey:
        return self.keys[0]

    @property
    def others(self) -> tuple[WrappingKey, ...]:
        return self.keys[1:]

    def __iter__(self) -> Iterator[WrappingKey]:
        return iter(self.keys)

    def led_by(self, key: WrappingKey) -> "Keyring":
        """The ring with ``key`` as the current one."""
        return Keyring((key, *(other for other in self.keys if other != key)))

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Keys apart by white space or commas; lines that begin with ``#`` say nothing.

        Raises `ConfigError` (``vault.key_malformed``).
        """
        lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
        words = re.split(r"[\s,]+", "\n".join(lines).strip())
        keys = tuple(dict.fromkeys(WrappingKey.parse(word) for word in words if word))
        if not keys:
            raise malformed("it is empty")
        return cls(keys)

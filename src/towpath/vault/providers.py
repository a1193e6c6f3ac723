"""Where master keys come from: a file of our own, or a value that somebody else keeps."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from pydantic import SecretStr

from towpath.core.errors import ConfigError
from towpath.vault.keyring import Keyring


class KeyProvider(Protocol):
    """Keeps the master keys. Safe to use from many threads and processes."""

    @property
    def place(self) -> str:
        """Where the keys are kept, for messages."""
        ...

    @property
    def writable(self) -> bool:
        """Whether `create` and `replace` work; otherwise somebody else brings new keys in."""
        ...

    def load(self) -> Keyring | None:
        """The keys as they are kept now; None if there never were any. Cheap while nothing changes.

        Raises `ConfigError` (``vault.key_malformed``) and `IntegrityError` (``vault.key_permissions``).
        """
        ...

    def create(self, ring: Keyring) -> Keyring:
        """Keep the first keys, in one step; if another process was faster its keys stay and are returned."""
        ...

    def replace(self, ring: Keyring) -> None:
        """Keep these keys instead of the present ones, in one step: readers find the old or the new."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Nobody else changes the keys meanwhile. Ends with the process at the latest.

        Raises `BusyError` (``vault.busy``).
        """
        ...


class GivenKeys:
    """Keys given as a value, from the environment for example: the current one first, older ones behind."""

    writable = False

    def __init__(self, value: SecretStr, place: str = "TOWPATH_MASTER_KEY") -> None:
        self.place = place
        self._ring = Keyring.parse(value.get_secret_value())

    def load(self) -> Keyring | None:
        return self._ring

    def create(self, ring: Keyring) -> Keyring:
        raise self._fixed()

    def replace(self, ring: Keyring) -> None:
        raise self._fixed()

    def locked(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _fixed(self) -> ConfigError:
        return ConfigError(
            "vault.key_given",
            f"The master key comes from {self.place} and cannot be changed from here.",
            hint="Put a new key in front of the present one there, restart all processes, then run "
            "`towpath secrets rotate`; when it has finished take the old key away.",
            field=self.place,
        )

"""What a connection type of this dialect can do: say what it asks for, and be translated both ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict


@dataclass(frozen=True)
class Translated:
    """A configuration in our words."""

    connector: str
    """The name of our connector."""
    config: dict[str, Any]
    """For its configuration class; it is not checked yet, and secrets in it are whatever stood there."""
    extra: dict[str, Any]
    """What was sent and means nothing to us: to be kept, and given back by `Kind.from_ours`. No secrets."""


class Spec(TypedDict):
    """What a form is made of."""

    jsonschema: dict[str, Any]
    """Draft 07."""
    uischema: str
    """JSON text."""


class Kind(Protocol):
    """One type in one role. `to_ours` and `from_ours` undo each other."""

    @property
    def name(self) -> str:
        """What clients call it: ``postgres``."""
        ...

    def to_ours(self, config: Mapping[str, Any]) -> Translated:
        """Raises `ConfigError` (``config.invalid``, ``config.unsupported``) naming the field as it was sent.

        Texts that stand where secrets do are moved as they are, references too.
        """
        ...

    def from_ours(
        self, connector: str, config: Mapping[str, Any], extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The configuration in the words of the type; whatever stands in ``config`` for a secret is moved."""
        ...

    def spec(self) -> Spec:
        """What it asks for."""
        ...

    def place(self, field: str) -> str:
        """What clients call a field of our configuration: ``ssl.mode`` for ``sslmode``."""
        ...

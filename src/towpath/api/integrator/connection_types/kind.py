"""What a type of connection is to this family."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath.api.integrator.errors import Fault
from towpath.core.ports import AuthType


@dataclass
class Settings:
    """What a document of a connection means to us."""

    connector: str
    config: dict[str, Any] = field(default_factory=dict)
    """With secrets, or masks where they are not known."""
    auth: AuthType | None = None
    """Set where all of the configuration is sealed as one: with tokens that are renewed, and where settings
    that are not secret by themselves may hold a secret.
    """
    credentials: dict[str, Any] = field(default_factory=dict)
    """Sealed with it, and not part of the connector's configuration."""
    scopes: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    """The document's names for the settings, for what is wrong with them."""


Reading = Callable[[Mapping[str, Any], list[Fault]], Settings]
"""From a document to what it means; what is wrong is added to the faults."""

Writing = Callable[[Mapping[str, Any]], dict[str, Any]]
"""From a configuration, with masks for its secrets, to the part of a document that says it."""


@dataclass(frozen=True)
class ConnectionType:
    """One type."""

    name: str
    """As documents say it."""
    read: Reading
    write: Writing | None = None
    connectors: tuple[str, ...] = ()
    """Those whose connections are shown as this type, wherever they were made."""
    level: int = 4
    """How many may use the connection at once where the document does not say."""
    lists: tuple[str, ...] = ()
    """Lists in its section that are shown empty where they are not set."""
    usable: bool = True
    """Whether anything can be done with it here but keeping it."""

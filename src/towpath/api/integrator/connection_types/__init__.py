"""Types of connections as documents have them, and as connectors know their settings."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.connection_types.databases import RDBMS, named
from towpath.api.integrator.connection_types.files import FTP, S3, SFTP
from towpath.api.integrator.connection_types.kind import ConnectionType, Settings
from towpath.api.integrator.connection_types.stored import STORED
from towpath.api.integrator.connection_types.web import HTTP, REST
from towpath.api.integrator.connection_types.wrapper import WRAPPER
from towpath.api.integrator.errors import Fault, required

__all__ = ["OURS", "TYPES", "ConnectionType", "Settings", "described", "type_of"]

#: By the word in documents.
TYPES: Mapping[str, ConnectionType] = {
    one.name: one for one in (REST, HTTP, FTP, SFTP, S3, WRAPPER, RDBMS, *STORED)
}
_DATABASES = ("postgres", "mysql")


def _read_ours(document: Mapping[str, Any], faults: list[Fault]) -> Settings:
    """Any connector by its own name and settings: ``{"type": "sqlite", "towpath": {"path": …}}``."""
    config = document.get("towpath")
    if not isinstance(config, Mapping):
        faults.append(required("towpath"))
        config = {}
    return Settings(str(document.get("type")), dict(config), places=_OwnPlaces())


class _OwnPlaces(dict[str, str]):
    """The settings have their own names."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"towpath.{name}"


#: Every connector that has no type of its own.
OURS = ConnectionType("towpath", _read_ours, level=4)


def type_of(document: Mapping[str, Any]) -> ConnectionType:
    """The type of a document. One with settings of ours is of a connector."""
    if isinstance(document.get("towpath"), Mapping):
        return OURS
    return TYPES.get(str(document.get("type")), OURS)


def described(connector: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a document says of a connection that was not made here: ``config`` has masks for its secrets."""
    for one in TYPES.values():
        if connector in one.connectors and one.write is not None:
            return {"type": one.name, one.name: one.write(config)}
    if connector in _DATABASES and RDBMS.write is not None:
        return {"type": "rdbms", "rdbms": named(connector, RDBMS.write(config))}
    return {"type": connector, "towpath": dict(config)}

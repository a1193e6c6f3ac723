"""Finds connection types by role and name."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, Protocol

from towpath.api.console.dialect import mysql, parquet, postgres, s3
from towpath.api.console.dialect.kind import Kind
from towpath.api.console.dialect.plain import Plain
from towpath.core.errors import ConfigError, TowpathError
from towpath.core.ports import Connector

Role = Literal["source", "destination"]


class Connectors(Protocol):
    """What is installed: ``rooms.registry``."""

    def names(self) -> list[str]: ...
    def get(self, name: str) -> Connector[Any]: ...


Make = Callable[[Connectors], Kind]


def _s3(registry: Connectors) -> Kind:
    return s3.kind({format: registry.get(name) for format, name in s3.FORMATS.items()})


#: Types whose settings this dialect words in its own way: name → connectors it needs, and how it is made.
_OWN: Mapping[Role, Mapping[str, tuple[tuple[str, ...], Make]]] = {
    "source": {
        "postgres": (("postgres",), lambda registry: postgres.kind(registry.get("postgres"))),
        "mysql": (("mysql",), lambda registry: mysql.kind(registry.get("mysql"))),
        "s3": (tuple(s3.FORMATS.values()), _s3),
    },
    "destination": {"parquet": (("parquet",), lambda registry: parquet.kind(registry.get("parquet")))},
}
#: Types of this dialect that no connector stands for as yet.
_KNOWN: Mapping[Role, tuple[str, ...]] = {
    "source": ("mongodb", "kafka", "oracle", "db2", "mssql"),
    "destination": ("iceberg",),
}


def find(registry: Connectors, role: Role, type: str) -> Kind:
    """The type; capital letters do not count. Raises `ConfigError` (``connector.unknown``) for one that
    is not known, or whose connector is not installed.
    """
    name = type.strip().lower()
    known = kinds(registry, role)
    if name not in known:
        raise _unknown(role, name, known)
    own = _OWN[role].get(name)
    if own:
        return own[1](registry)
    return Plain(name, registry.get(_connector_of(name)))


def kinds(registry: Connectors, role: Role) -> list[str]:
    """The names of all types that can be connected in this role, sorted."""
    able = [name for name in registry.names() if _able(registry, name, role)]
    own = [name for name, (needed, _) in _OWN[role].items() if set(needed) <= set(able)]
    return sorted({*own, *(kind_of(name, role) for name in able)})


def kind_of(connector: str, role: Role) -> str:
    """The type of a connection that was made elsewhere, by its connector's name."""
    own = _OWN[role].get(connector)
    return f"{connector}{_TAKEN}" if own and connector not in own[0] else connector


def versions(registry: Connectors, role: Role, type: str) -> list[str]:
    """The versions of a type, newest first: ``v1.0.0``. Raises as `find` does."""
    kind = find(registry, role, type)
    needed = _OWN[role][kind.name][0] if kind.name in _OWN[role] else (_connector_of(kind.name),)
    return [max((f"v{registry.get(name).version}" for name in needed), key=_number)]


#: At the end of the type of a connector whose own name the dialect gives to something else.
_TAKEN = "_connector"


def _connector_of(kind: str) -> str:
    return kind.removesuffix(_TAKEN)


def _able(registry: Connectors, name: str, role: Role) -> bool:
    """Whether the connector has the role; one that cannot be imported has none."""
    try:
        return getattr(registry.get(name), role) is not None
    except TowpathError:
        return False


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version[1:].split(".") if part.isdigit())


def _unknown(role: Role, name: str, known: list[str]) -> ConfigError:
    if name in _KNOWN[role]:
        return ConfigError(
            "connector.unknown",
            f"This installation has no connector for {role}s of type {name!r}.",
            hint=f"Types that can be connected: {', '.join(known)}.",
            field="type",
        )
    near = get_close_matches(name, known, n=1)
    return ConfigError(
        "connector.unknown",
        f"There is no {role} type {name!r}.",
        hint=f"Did you mean {near[0]!r}?" if near else f"Types that can be connected: {', '.join(known)}.",
        field="type",
    )

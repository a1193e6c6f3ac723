"""What every row has in common, and the tenants and workspaces that own the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from towpath.core.ids import new_id


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Organization:
    """A tenant: the owner of everything else."""

    id: str = field(default_factory=lambda: new_id("org"))
    name: str
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Owned:
    """Base of what an organization owns."""

    org: str
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Project(Owned):
    """A named workspace."""

    id: str = field(default_factory=lambda: new_id("prj"))
    name: str


@dataclass(frozen=True, kw_only=True)
class Integration(Owned):
    """A named group of flows."""

    id: str = field(default_factory=lambda: new_id("int"))
    name: str
    summary: str = ""
    connection: str | None = None
    """The connection that all of its flows read from, where they share one."""
    enabled: bool = True
    """While False, no schedule starts any of its flows, whatever they say themselves."""
    project: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What an API family needs to show it as its clients wrote it; never a secret."""

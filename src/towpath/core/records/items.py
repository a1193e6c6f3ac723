"""What is kept for API families and programs, and that no run acts on by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from towpath.core.ids import new_id
from towpath.core.records.base import Owned, now


@dataclass(frozen=True, kw_only=True)
class Item(Owned):
    """One resource of a kind that is only stored, listed and shown: an app, a licence, a template."""

    id: str = field(default_factory=lambda: new_id("itm"))
    kind: str
    """``app``, ``license``, ``template``, ``script``, ``lookup_cache`` …"""
    name: str = ""
    """Not unique."""
    parent: str | None = None
    """Id of the item that it is a part of: the app of a licence. It goes with it."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """Never holds a secret."""


@dataclass(frozen=True, kw_only=True)
class Value(Owned):
    """One value that a program keeps here. Keyed by (scope, key)."""

    scope: str = ""
    """What it belongs to: the id of an export, an import …; empty for the organization."""
    key: str
    value: Any
    """Any JSON, null too."""


@dataclass(frozen=True, kw_only=True)
class DebugLine:
    """A request to another system, or its answer, as somebody who debugs a connection asked to see them."""

    id: str = field(default_factory=lambda: new_id("dbg"))
    at: datetime = field(default_factory=now)
    connection: str
    step: str | None = None
    """Id of the export or import that it was made for."""
    what: str
    """``request`` or ``response``."""
    detail: Mapping[str, Any]
    """Secrets are masked."""

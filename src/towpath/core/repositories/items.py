"""What is kept for API families and programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from towpath.core.records import DebugLine, Value


class Values(Protocol):
    """Values that programs keep, by scope and key."""

    def put(self, org: str, scope: str, key: str, value: Any) -> bool:
        """Keep the value; True if the key is new."""
        ...

    def get(self, org: str, scope: str, key: str) -> Value | None: ...

    def find(self, org: str, scope: str, *, prefix: str = "", limit: int = 1000) -> Sequence[Value]:
        """Those whose keys begin with ``prefix``, in key order."""
        ...

    def keys(self, org: str, scope: str) -> Sequence[str]:
        """Sorted."""
        ...

    def remove(self, org: str, scope: str, key: str | None = None) -> int:
        """Remove one, or with None all of the scope; returns how many there were."""
        ...


class Buckets(Protocol):
    """Leaky buckets that all processes share."""

    def take(self, org: str, name: str, size: float, rate: float, at: datetime) -> float:
        """Put one drop into the bucket, which holds ``size`` and loses ``rate`` of them a second: 0.0 if it
        went in, else after how many seconds there is room, and nothing has changed.
        """
        ...


class DebugLines(Protocol):
    """What is captured while somebody debugs a connection."""

    def append(self, org: str, lines: Sequence[DebugLine]) -> None: ...

    def read(
        self, org: str, connection: str, *, step: str | None = None, limit: int = 1000
    ) -> Sequence[DebugLine]:
        """The newest ``limit``, oldest first; only those of ``step`` if one is named."""
        ...

    def remove(self, org: str, connection: str) -> None: ...

    def sweep(self, before: datetime) -> None:
        """Remove those of *all* organizations from before then."""
        ...

"""What steps are lent by whoever runs them: opened settings of connections, and a host."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from towpath.core.ports import Connector


@dataclass(frozen=True, kw_only=True)
class End:
    """A connection, opened by whoever has its secrets."""

    id: str
    connector: Connector[Any]
    config: BaseModel
    level: int = 4
    """How many may use it at once: ``max_parallel`` of it, or of its lender."""
    lane: str = ""
    """Id of the connection whose places count: its lender's, or its own; empty for its own."""
    words: Mapping[str, Any] = field(default_factory=dict)
    """What templates see as ``connection``; no secrets."""
    debugging: bool = False
    """Whether its requests and answers are captured now."""


class Host(Protocol):
    """What a run's child, or a request in a server's process, gives the steps. Any thread may call it."""

    @property
    def places(self) -> Path:
        """Folder of the lock files of connections' places: one for all processes of the machine."""
        ...

    def note(self, end: str, step: str, what: str, detail: Mapping[str, Any]) -> None:
        """A request or an answer of a connection that is debugged; whoever keeps it masks secrets."""
        ...

    def token(self, step: str) -> AbstractContextManager[str]:
        """A one-time token, dead when the context ends."""
        ...

    def folder(self, step: str) -> Path:
        """Where the step may keep files until the end of the run; it exists."""
        ...

    def check_wanted(self) -> None:
        """Raises if nobody wants the result any more."""
        ...

    def warn(self, step: str, message: str) -> None:
        """Tell what somebody should look at. # Invariant 4"""
        ...

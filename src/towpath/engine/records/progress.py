"""How far a run of the records lane has come: what is durable, and how the next page is added to it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from towpath.core.model import State
from towpath.core.records import Counters


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Of one generator; plain JSON without secrets."""

    after: State | None = None
    """Where it goes on; None: at the beginning, or nowhere if it is ``done``."""
    page: int = 0
    """How many pages of it are durable."""
    done: bool = False
    remember: State | None = None
    """Where the next run goes on."""
    files: Sequence[Mapping[str, Any]] = ()
    """Files that were read to their end: to be taken away when the run is over."""
    back: Sequence[Any] = ()
    """Records of the last page of which the system is still to be told that they were processed."""
    discarded: Mapping[str, int] = field(default_factory=dict)
    """How many records ended in which empty branch."""

    @classmethod
    def of(cls, told: Mapping[str, Any] | None) -> "Progress":
        return cls() if told is None else cls(**told)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def beyond(self, **changes: Any) -> "Progress":
        return replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class Durable:
    """One page, as it is told. Telling it again changes nothing: all numbers are those of the whole run."""

    step: str | None = None
    """The generator; None for what is sent again."""
    progress: Progress | None = None
    counters: Mapping[str, Counters] = field(default_factory=dict)
    """Of each step that saw records of the page, in the whole run so far."""
    errors: Sequence[Mapping[str, Any]] = ()
    passed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Trace keys by step, of those that have open errors."""
    sent: Sequence[str] = ()
    """Ids of errors whose records were sent again."""
    published: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What an import published that had held it back."""


class Parent(Protocol):
    """Whoever keeps what a run tells. Calls return when it is durable."""

    def began(self, steps: Sequence[str]) -> None:
        """These steps are under way."""
        ...

    def page(self, page: Durable) -> None: ...

    def down(self, connection: str, message: str) -> None:
        """The connection does not work any more."""
        ...

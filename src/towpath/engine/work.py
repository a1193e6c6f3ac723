"""One piece of work of a run, as the attempts at it see it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from towpath.core.errors import ConflictError, TowpathError
from towpath.core.records import Counters, RunStream, StreamStatus, now
from towpath.core.repositories import UnitOfWork
from towpath.engine.channel import Message
from towpath.engine.children import Child
from towpath.engine.context import Context, Outline, outline

#: How a piece of work ended: ``outcome`` for the record, ``error`` if a plan failed the run.
Ending = dict[str, Any]


def ending(outcome: str, error: TowpathError | None = None) -> Ending:
    return {"outcome": outcome, "error": None if error is None else error.to_json()}


class Work(ABC):
    """A plan, a slice, a commit, a discard. Looking first and writing what may be written twice, it can be
    done again at any time, by any worker.
    """

    takes_slot: ClassVar[bool] = False
    """Whether it moves data, and so counts against the worker's slots."""
    killable: ClassVar[bool] = True
    """Whether a cancel of the run ends it."""
    max_attempts: ClassVar[int | None] = None
    """How often it is tried; None: as often as the flow's policy says."""
    reads: ClassVar[bool] = True
    """Whether its child is given the source; without it the source may be away, and its tokens too."""
    modules: ClassVar[Sequence[str]] = ()
    """Names of modules of ours that its child needs beside those that all children need."""
    spare: ClassVar[bool] = False
    """Whether its child looks after itself when the worker dies."""

    def __init__(self, context: Context, org: str, run: str) -> None:
        self.context = context
        self.org = org
        self.run = run

    @property
    @abstractmethod
    def task(self) -> str:
        """Its name in the attempts."""

    @property
    def stream(self) -> str | None:
        return None

    @property
    def slice(self) -> str | None:
        return None

    @abstractmethod
    def over(self, work: UnitOfWork, seen: Outline) -> Ending | None:
        """What the store says: None if it is still to be done."""

    @abstractmethod
    def brief(self) -> dict[str, Any]:
        """The task for the child, without the ends. Read from the store at every attempt."""

    @abstractmethod
    def done(self, result: Mapping[str, Any], child: Child) -> Ending:
        """Make the child's result durable."""

    @abstractmethod
    def give_up(self, error: TowpathError) -> Ending:
        """Record that it failed for good."""

    def since(self, work: UnitOfWork) -> datetime | None:
        """Attempts that failed before this moment do not count: there was progress after them."""
        return None

    def hear(self, message: Message) -> Any:
        """Make what the child tells durable, or answer what it asks. Errors are raised in the child."""
        return None

    def released(self) -> None:  # noqa: B027 - most have nothing to do here
        """The child of an attempt has ended, one way or the other."""

    def connections(self, seen: Outline) -> dict[str, str]:
        """Ids of the connections that the child is given, by role."""
        return seen.connections(reads=self.reads)

    def look(self, work: UnitOfWork) -> Outline:
        return outline(work, self.org, self.run)

    def note(self, message: str, event: str, **more: Any) -> None:
        self.context.diary.note(
            self.org, self.run, message, event, stream=self.stream, slice=self.slice, **more
        )

    def fail_stream(self, stream: str, error: TowpathError) -> None:
        """The stream ends here; the others of the run go on."""

        def change(work: UnitOfWork) -> None:
            known = work.streams.get(self.org, self.run, stream)
            if not is_over(known):
                work.streams.update(
                    self.org,
                    self.run,
                    stream,
                    status=StreamStatus.FAILED,
                    error=error.to_json(),
                    rows_per_second=0.0,
                    ended_at=now(),
                )

        self.context.books.write(change)


def is_over(stream: RunStream) -> bool:
    return stream.status in (StreamStatus.COMMITTED, StreamStatus.FAILED)


def committed(counters: Counters) -> dict[str, Any]:
    """The changes to a stream whose last commit is done."""
    return {
        "status": StreamStatus.COMMITTED,
        "counters": counters,
        "rows_per_second": 0.0,
        "error": None,
        "ended_at": now(),
    }


def save_state(work: UnitOfWork, seen: Outline, stream: RunStream, state: Mapping[str, Any] | None) -> None:
    """Remember where the flow goes on. # Invariant 1

    Raises `ConflictError` if the state was reset since the stream was planned.
    """
    if seen.run.parent is not None:  # a retry fills gaps behind that place
        return
    generation = int(stream.target["lineage"].rpartition(":")[2])
    org, flow = seen.run.org, seen.run.flow
    if not work.states.save(org, flow, stream.stream, generation, state, seen.run.id):
        raise state_was_reset(stream.stream)


def state_was_reset(stream: str) -> ConflictError:
    return ConflictError(
        "state.reset",
        f"The state of {stream} was reset while the run was going on.",
        hint="Run the flow again: it begins where the reset says.",
    )

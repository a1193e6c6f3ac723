"""The promises of the data plane: three verbs to read, three to write, one value to register.

The write side is two-phase: many writers stage, one commit publishes, and the state travels with the
data. The engine calls in this order, and may be killed at any point of it::

    prepare(target)                                  once, before the fan-out
        writer(target, slice) → write(batch)* → close()     per slice, many processes at once
    commit(target, receipts, checkpoint)             once (parallel plan) or per micro-batch (ordered plan)
    source.ack(selection, state)                     after the state is saved
    discard(target)                                  at the end, whatever happened

Everything here is synchronous; one object is used by one thread at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from towpath.core.model import (
    Batch,
    Checkpoint,
    Plan,
    ReadMode,
    Receipt,
    Rejected,
    Selection,
    Slice,
    State,
    Stream,
    Target,
    WriteMode,
)

Config = TypeVar("Config", bound=BaseModel)


class Source(Protocol):
    """A system that records are read from."""

    def check(self) -> str:
        """Try the connection in under 3 s; returns what answered, such as ``PostgreSQL 17.2``.

        Raises `AuthError`, `UnreachableError` or `ConfigError` with a hint.
        """
        ...

    def discover(self) -> Sequence[Stream]:
        """Every stream that the credentials may read, ordered by key."""
        ...

    def plan(self, selection: Selection, state: State | None) -> Plan:
        """How to read what follows ``state`` (None: everything), split into independent slices.

        Raises `SchemaError` for a missing stream or column, and for a cursor that is null in any row.
        """
        ...

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        """The records of one slice; in resume order, with ``batch.state`` set, if the plan is ordered.

        Batches have ``selection.schema`` and 1 to about 100,000 records. No record is lost or comes
        twice between a read up to a batch's state and a read that follows that state. ``state`` is the
        one that the plan was made from, or for an ordered plan the last one committed.
        """
        ...

    def ack(self, selection: Selection, state: State) -> None:
        """``state`` is durable downstream: the system may forget what lies before it. Idempotent."""
        ...


class Writer(Protocol):
    """Stages the records of one slice. Nothing of it is visible to readers of the target."""

    def write(self, batch: Batch) -> Sequence[Rejected]:
        """Stage the batch; returns the records it could not take, usually none."""
        ...

    def close(self) -> Receipt:
        """Make what was staged durable. Called once, last; without it nothing was staged."""
        ...

    def abandon(self) -> None:
        """Drop what was staged and release everything, after an error. Never raises."""
        ...


class Destination(Protocol):
    """A system that records are written to."""

    def check(self) -> str:
        """As `Source.check`, and that the credentials may write."""
        ...

    def prepare(self, target: Target) -> None:
        """Make the staging of this run and verify that a commit can succeed; the target stays untouched.

        Sweeps staging that earlier runs of the same lineage left. Idempotent: staging of this run that
        exists already is kept. Raises `SchemaError` if the target's shape rules the write out (an upsert
        without a primary key, a column that cannot be added), `ConfigError` for a mode that is not
        supported. Casts that the destination must make are logged here, once each, as warnings.
        """
        ...

    def writer(self, target: Target, slice: Slice) -> Writer:
        """A writer for one slice. A re-done slice replaces its own staging and nothing else, even if
        the attempt before it is still writing: the last one closed, or the first, wins as a whole.
        """
        ...

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        """Publish every receipt, create or evolve the target, and remember the checkpoint: one atomic act.

        Does nothing if ``committed(target)`` is of the same run with the same or a higher number. With
        no receipts, an overwrite empties the target and the other modes only remember the checkpoint.
        In an upsert, of several records with one key the last one staged wins, in slice order.
        """
        ...

    def committed(self, target: Target) -> Checkpoint | None:
        """The last checkpoint of ``(target.lineage, target.stream)``: the truth after a crash. None if
        there is none, or the destination cannot remember any.
        """
        ...

    def discard(self, target: Target) -> None:
        """Sweep all staging of this run and stream. Idempotent; never touches the target."""
        ...


class Category(StrEnum):
    """What kind of system it is: how catalogues group connectors."""

    DATABASE = "database"
    FILES = "files"
    APPLICATION = "application"
    QUEUE = "queue"


@dataclass(frozen=True)
class Connector(Generic[Config]):
    """The one value that a plug-in exports, under the entry-point group ``towpath.connectors``."""

    name: str
    """``[a-z][a-z0-9_]*``, unique; equal to the entry point's name."""
    title: str
    version: str
    categories: tuple[Category, ...]
    config: type[Config]
    """Its JSON Schema is the settings form; fields of type ``SecretStr`` go to the vault."""
    source: Callable[[Config], AbstractContextManager[Source]] | None = None
    destination: Callable[[Config], AbstractContextManager[Destination]] | None = None
    read_modes: frozenset[ReadMode] = frozenset()
    write_modes: frozenset[WriteMode] = frozenset()
    icon: str = ""
    """An SVG document; empty for the neutral icon."""
    summary: str = ""
    """One line for catalogues."""

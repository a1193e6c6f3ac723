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

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from towpath.core.application import Application
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


class AuthType(StrEnum):
    """How a system knows its callers."""

    OAUTH2 = "oauth2"
    API_KEY = "api_key"
    BASIC = "basic"


@dataclass(frozen=True, kw_only=True)
class OAuth:
    """How a system issues OAuth 2 tokens (RFC 6749): its public side, without any client's secret.

    URLs may hold ``{name}`` where a connection's credentials fill in a word: ``https://{shop}.example/token``.
    """

    token_url: str
    authorize_url: str = ""
    """Empty where no person is asked: tokens come for the client's own credentials only."""
    revoke_url: str = ""
    """RFC 7009; empty where tokens cannot be revoked."""
    issuer: str = ""
    """RFC 9207: what ``iss`` in the answer must be; empty where the system sends none."""
    scopes: tuple[str, ...] = ()
    """Asked for where a connection names none."""
    scope_separator: str = " "
    pkce: bool = True
    client_auth: str = "client_secret_basic"
    """How the client shows itself: ``client_secret_basic`` or ``client_secret_post``."""
    authorize_parameters: Mapping[str, str] = field(default_factory=dict)
    token_parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StreamOffer:
    """A stream that a connector is known to have before anybody connects."""

    name: str
    """Key of the stream, as `Source.discover` will show it; empty for "every stream there is"."""
    title: str
    summary: str = ""
    mode: ReadMode = ReadMode.FULL_REFRESH
    """How it is best read."""
    cursor: str | None = None
    """The cursor column of an incremental read."""
    intervals: tuple[int, ...] = ()
    """How often, in seconds, users may have it read; empty for the usual choice."""


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
    application: Callable[[Config], AbstractContextManager[Application]] | None = None
    """The third role: read page by page, and written record by record."""
    reading: type[BaseModel] | None = None
    """What `PageRead.request` says to the application."""
    writing: type[BaseModel] | None = None
    """What `RecordWrite.request` says to it. If it has fields ``lookups``, ``ignore_existing``,
    ``ignore_missing`` or ``max_attempts``, they are given what `RecordWrite` says."""
    read_modes: frozenset[ReadMode] = frozenset()
    write_modes: frozenset[WriteMode] = frozenset()
    icon: str = ""
    """An SVG document; empty for the neutral icon."""
    summary: str = ""
    """One line for catalogues."""
    tags: tuple[str, ...] = ()
    """What catalogues group it by besides its categories: ``PMS``, ``Hospitality``."""
    auth: tuple[AuthType, ...] = ()
    """How its system knows callers, the usual way first; empty where that is all in ``config``."""
    oauth: OAuth | None = None
    """Set where ``auth`` has ``oauth2``."""
    streams: tuple[StreamOffer, ...] = ()
    """The streams that are known without a connection; empty where the connection decides."""

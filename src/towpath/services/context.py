"""What every use case needs: the rooms below, and who acts."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from towpath.core.errors import NotFoundError
from towpath.core.ids import of_uuid
from towpath.core.records import AuditEntry
from towpath.core.repositories import Repository, Store, UnitOfWork
from towpath.engine import Engine
from towpath.sdk.registry import Registry
from towpath.vault import Vault

if TYPE_CHECKING:
    from towpath.services.lending.desk import Desk


@dataclass(frozen=True)
class Actor:
    """Who does it, for the audit trail."""

    name: str = "system"
    """``user:<name>``, ``key:<id>``, ``cli`` or ``system``."""
    address: str | None = None
    request: str | None = None

    @property
    def user(self) -> str:
        """Name of the person who acts; empty for programs and the command line."""
        kind, _, name = self.name.partition(":")
        return name if kind == "user" else ""


@dataclass(frozen=True)
class Bucket:
    """A leaky bucket: how many drops it holds, and how many it loses a second."""

    size: float
    rate: float


class Rooms(Protocol):
    """What bootstrap joins. Each room is opened when it is first asked for."""

    @property
    def store(self) -> Store: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def minimum_interval(self) -> float:
        """The shortest interval between two starts of a flow that users may ask for, in seconds."""
        ...

    @property
    def public_url(self) -> str | None:
        """Where browsers and other systems reach us, without a slash at the end: ``https://towpath.example.com``.
        None if the operator did not say.
        """
        ...

    @property
    def trusted_origins(self) -> tuple[str, ...]:
        """Origins of web pages that may act for whoever is signed in; our own is not among them."""
        ...

    @property
    def open_signup(self) -> bool:
        """Whether anybody may sign up, without an invitation."""
        ...

    @property
    def integrator_bucket(self) -> Bucket | None:
        """How much each organization may ask of the integrator family; None for no limit."""
        ...

    @property
    def places(self) -> Path:
        """Folder of the lock files of connections' places: one for all processes of the machine."""
        ...

    @property
    def desk(self) -> "Desk":
        """Where credentials are fetched; one for the process."""
        ...

    def conceal(self, secret: str) -> None:
        """Keep the value out of this process's log from now on."""
        ...


@dataclass(frozen=True)
class UseCases:
    """Base of the services: cheap to make, one for each caller."""

    rooms: Rooms
    actor: Actor = Actor()

    def sealing(self) -> AbstractContextManager[UnitOfWork]:
        """A unit of work in which secrets are sealed or opened."""
        # Opening the vault may itself have to write, which no other unit of work of ours may surround.
        _ = self.rooms.vault
        return self.rooms.store.begin()


class Named(Protocol):
    """A row that users call by its name or its id."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def audit(work: UnitOfWork, org: str, actor: Actor, action: str, object: str, **detail: Any) -> None:
    """Remember in the same unit of work what was done; ``detail`` never holds a secret."""
    work.audit.append(
        org,
        AuditEntry(
            org=org,
            actor=actor.name,
            action=action,
            object=object,
            address=actor.address,
            request=actor.request,
            detail=detail,
        ),
    )


def named(repository: Repository[N], org: str, kind: str, name: str) -> N:
    """The row with this name or id, which may also be written as a UUID. Raises `NotFoundError` that offers
    the nearest name. For what belongs to no project: `towpath.services.naming` knows the rest.
    """
    # The id first: nobody may take another's place by taking its id for a name.
    row = repository.find(org, id=plain_id(kind, name)) or repository.find(org, name=name)
    if row is None:
        raise missing(kind, name, [item.name for item in repository.list(org)])
    return row


def plain_id(kind: str, text: str) -> str:
    """The id that the text means: API families whose ids are UUIDs write the same one differently."""
    try:
        return of_uuid(kind[:3], UUID(text))
    except ValueError:
        return text


def missing(kind: str, name: str, known: Sequence[str] | Mapping[str, str], hint: str = "") -> NotFoundError:
    """``known`` is what there is; or, by what somebody may have meant to write, what to write instead."""
    near = get_close_matches(name, known, n=1)
    offers = known if isinstance(known, Mapping) else dict(zip(near, near, strict=True))
    guess = f"Did you mean {offers[near[0]]!r}? " if near else ""
    return NotFoundError(
        f"{kind}.not_found",
        f"There is no {kind} {name!r}.",
        hint=guess + (hint or f"`towpath {kind}s list` shows what there is."),
        kind=kind,
        name=name,
    )

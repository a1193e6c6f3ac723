"""What users call connections and flows: their ids, their names, and ``project/name``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.repositories import Repository, UnitOfWork
from towpath.services.context import missing
from towpath.services.projects import names

#: How many of those that a name may mean are told.
_TOLD = 5


class InProject(Protocol):
    """A row that may belong to a project, in which its name is unique."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def project(self) -> str | None: ...


P = TypeVar("P", bound=InProject)


def called(
    work: UnitOfWork,
    org: str,
    repository: Repository[P],
    text: str,
    project: str | None = None,
    **equals: Any,
) -> Sequence[P]:
    """The rows that the text may mean as ``project/name``, or else as a name; the best of them only.

    A name means the row of ``project``, an id, before the whole organization's. Without ``project`` it means
    the organization's before those of all projects: no project takes a name away from the organization.
    ``/name`` is the organization's in any case.
    """
    home, slash, name = text.partition("/")
    row = work.projects.find(org, name=home) if home and slash else None
    if row is not None or text.startswith("/"):
        found = repository.list(org, name=name, project=row.id if row else None, **equals)
        if found:
            return found
    rows = repository.list(org, name=text, **equals)
    for place in dict.fromkeys((project, None)):
        here = [row for row in rows if row.project == place]
        if here:
            return here
    return rows if project is None else []


def only(work: UnitOfWork, org: str, kind: str, text: str, rows: Sequence[P]) -> P | None:
    """The row, or None if there is none. Raises `ConflictError` (``<kind>.ambiguous``) that tells how each of
    several is called.
    """
    if len(rows) <= 1:
        return rows[0] if rows else None
    homes = names(work, org)
    labels = [label(row, homes) for row in rows]
    # Those that nothing but their ids tell apart are told by these.
    ways = [
        name if labels.count(name) == 1 else f"{row.id} ({getattr(row, 'role', None) or name})"
        for name, row in zip(labels, rows, strict=True)
    ]
    more = ["…"] if len(ways) > _TOLD else []
    raise ConflictError(
        f"{kind}.ambiguous",
        f"More than one {kind} is called {text!r}.",
        hint=f"Say which one you mean: {', '.join([*ways[:_TOLD], *more])}.",
        name=text,
    )


def unknown(
    work: UnitOfWork, org: str, kind: str, repository: Repository[P], text: str, **equals: Any
) -> NotFoundError:
    """The error for a text that means no row; it offers the nearest name."""
    homes = names(work, org)
    labels = {row.name: label(row, homes) for row in repository.list(org, **equals)}
    labels |= {name: name for name in labels.values()}
    return missing(kind, text, labels)


def label(row: InProject, homes: Mapping[str, str]) -> str:
    """``project/name``, or just the name of what has no project; ``homes`` are the projects' names by id."""
    return row.name if row.project is None else f"{homes[row.project]}/{row.name}"

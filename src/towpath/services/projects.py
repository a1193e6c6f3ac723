"""Projects: named workspaces, each with sources, destinations and jobs of its own."""

import re
from collections.abc import Mapping

from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.records import Project
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit

#: What a project may be called: it stands in paths.
NAME = r"[A-Za-z0-9._-]{1,64}"


class Projects(UseCases):
    """The use cases of projects.

    What was made without a project, by the command line or another API family, is the organization's as a
    whole: every project shows it.
    """

    def open(self, org: str, name: str) -> Project:
        """The project of this name, made at its first use. Raises `NotFoundError` for what is no name."""
        _check(name)
        with self.rooms.store.read() as work:
            row = work.projects.find(org, name=name)
        return row or self._make(org, name)

    def _make(self, org: str, name: str) -> Project:
        try:
            with self.rooms.store.begin() as work:
                return self._add(work, org, name)
        except ConflictError:
            # Somebody else was faster.
            with self.rooms.store.read() as work:
                return _known(work, org, name)

    def open_in(self, work: UnitOfWork, org: str, name: str) -> Project:
        """As `open` does, in a unit of work of the caller's."""
        _check(name)
        return work.projects.find(org, name=name) or self._add(work, org, name)

    def _add(self, work: UnitOfWork, org: str, name: str) -> Project:
        row = work.projects.add(org, Project(org=org, name=name))
        audit(work, org, self.actor, "project.create", row.id, name=name)
        return row

    def names(self, org: str) -> Mapping[str, str]:
        """Of all projects, by id."""
        with self.rooms.store.read() as work:
            return names(work, org)


def names(work: UnitOfWork, org: str) -> Mapping[str, str]:
    """The names of all projects, by id."""
    return {row.id: row.name for row in work.projects.list(org)}


def _check(name: str) -> None:
    # In paths `.` and `..` mean something else.
    if not re.fullmatch(NAME, name) or name in (".", ".."):
        raise NotFoundError(
            "project.not_found",
            f"There is no project {name[:64]!r}.",
            hint="A project's name has 1 to 64 letters, digits, dots, dashes and underscores.",
            project=name,
        )


def _known(work: UnitOfWork, org: str, name: str) -> Project:
    row = work.projects.find(org, name=name)
    if row is None:
        raise NotFoundError(
            "project.not_found", f"There is no project {name!r}.", hint="Try again.", project=name
        )
    return row


def visible(project: Project) -> list[str | None]:
    """What ``project`` may be in rows that the project shows: its own, and the whole organization's."""
    return [project.id, None]

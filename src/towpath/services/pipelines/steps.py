"""Keeping exports and imports: what both have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from towpath.core.errors import ConflictError
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.ids import as_object_id, new_id
from towpath.core.records import Export, Import
from towpath.core.repositories import Repository, UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.pipelines.changes import changes
from towpath.services.pipelines.checks import check_step
from towpath.services.pipelines.drafts import StepDraft
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.faults import Faults

R = TypeVar("R", Export, Import)
S = TypeVar("S", ExportSpec, ImportSpec)


class Steps(UseCases, ABC, Generic[R, S]):
    """The use cases of one of the two kinds."""

    kind: ClassVar[str]

    @abstractmethod
    def rows(self, work: UnitOfWork) -> Repository[R]:
        """Where they are kept."""

    @abstractmethod
    def new(self, **values: Any) -> R:
        """A row that is not stored yet."""

    def create(self, org: str, draft: StepDraft[S], like: str | None = None) -> R:
        """``like``: the one that it is a copy of, whose secrets masks in it stand for. Raises `ConfigError`
        (``request.invalid``) with all that is wrong as ``faults``.
        """
        with self.sealing() as work:
            return self.create_in(work, org, draft, like)

    def create_in(self, work: UnitOfWork, org: str, draft: StepDraft[S], like: str | None = None) -> R:
        self._check(work, org, draft)
        draft = self.filled(work, org, draft, like)
        id = new_id(self.kind[:3])
        connection = self.linked(work, org, id, draft, None)
        name = self._name(work, org, id, draft.name)
        metadata = {DOCUMENT: dict(draft.document)}
        row = self.new(id=id, org=org, name=name, connection=connection, spec=draft.spec, metadata=metadata)
        self.rows(work).add(org, row)
        audit(work, org, self.actor, f"{self.kind}.create", id, name=name)
        return row

    def update(self, org: str, id: str, revise: Callable[[R], StepDraft[S]]) -> R:
        """Replace it as a whole. ``revise`` makes of it what it shall be, inside the unit of work that stores
        that; what it raises changes nothing. Raises as `create` does, and `ConflictError` (``step.copies``)
        for what only copies streams and would do anything else then.
        """
        with self.sealing() as work:
            before = self.rows(work).update(org, id)
            return self.update_in(work, org, before, revise(before))

    def update_in(self, work: UnitOfWork, org: str, before: R, draft: StepDraft[S]) -> R:
        if draft.spec != before.spec or (draft.connection and draft.connection.id != before.connection):
            _refuse_copies(before)
            self._check(work, org, draft)
        values: dict[str, Any] = {
            "spec": draft.spec,
            "connection": self.linked(work, org, before.id, draft, before),
            "name": self._name(work, org, before.id, draft.name),
            "metadata": {**before.metadata, DOCUMENT: dict(draft.document)},
        }
        row = self.rows(work).update(org, before.id, **values)
        detail = changes(before.metadata.get(DOCUMENT, {}), draft.document)
        audit(work, org, self.actor, f"{self.kind}.update", before.id, changes=detail)
        return row

    def annotate(self, org: str, id: str, key: str, value: Any) -> R:
        """Keep a note of an API family with it."""
        with self.rooms.store.begin() as work:
            before = self.rows(work).update(org, id)
            audit(work, org, self.actor, f"{self.kind}.update", id, fields=[key])
            return self.rows(work).update(org, id, metadata={**before.metadata, key: value})

    def delete(self, org: str, id: str) -> R:
        """Raises `ConflictError` (``<kind>.in_use``) while a flow has it as a step."""
        with self.sealing() as work:
            row = self.rows(work).get(org, id)
            self.rows(work).delete(org, id)
            work.values.remove(org, id)
            self.unlinked(work, org, row)
            audit(work, org, self.actor, f"{self.kind}.delete", id, name=row.name)
            return row

    def get(self, org: str, id: str) -> R:
        with self.rooms.store.read() as work:
            return self.rows(work).get(org, id)

    def list(self, org: str, **equals: Any) -> Sequence[R]:
        with self.rooms.store.read() as work:
            return self.rows(work).list(org, **equals)

    def linked(self, work: UnitOfWork, org: str, id: str, draft: StepDraft[S], before: R | None) -> str:
        """Id of the connection that the step uses."""
        assert draft.connection is not None  # noqa: S101 - checked before
        return draft.connection.id

    def filled(self, work: UnitOfWork, org: str, draft: StepDraft[S], like: str | None) -> StepDraft[S]:
        """The draft with the secrets of the one that it is a copy of."""
        return draft

    def unlinked(self, work: UnitOfWork, org: str, row: R) -> None:
        """Remove what was only the step's."""

    def _check(self, work: UnitOfWork, org: str, draft: StepDraft[S]) -> None:
        faults = Faults()
        check_step(self.rooms, work, org, draft, faults)
        faults.raise_any()

    def _name(self, work: UnitOfWork, org: str, id: str, name: str | None) -> str:
        return free_name(self.rows(work), org, id, name or f"{self.kind} {as_object_id(id)}")


def free_name(rows: Repository[Any], org: str, id: str, name: str) -> str:
    """The name; if something else is called so already, with the id behind it: names of this lane need not
    be unique, rows' names must.
    """
    other = rows.find(org, name=name, project=None)
    return name if other is None or other.id == id else f"{name} ({as_object_id(id)})"


def _refuse_copies(row: Export | Import) -> None:
    lane = row.spec.pages if isinstance(row, Export) else row.spec.records
    if lane is None:
        raise ConflictError(
            "step.copies",
            f"{row.name!r} belongs to a flow that copies streams: that is changed as a whole.",
            hint=f"Change it where it was made, or with `towpath apply`: {row.name}.",
            name=row.name,
        )

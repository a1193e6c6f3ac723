"""Configuration as documents: `apply` makes it so, `export` writes it down."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from towpath.core.errors import ConfigError, ConflictError, TowpathError
from towpath.core.records import Connection, Flow
from towpath.core.repositories import UnitOfWork
from towpath.sdk.registry import config_error
from towpath.services import connections, flows
from towpath.services.connections import Connections
from towpath.services.context import UseCases
from towpath.services.documents.exporting import ROLES, Export
from towpath.services.documents.files import Placed
from towpath.services.documents.models import (
    API_VERSION,
    NOTES,
    ConnectionDocument,
    ConnectionMetadata,
    ConnectionNotes,
    FlowDocument,
    FlowNotes,
)
from towpath.services.documents.references import Lookup, References
from towpath.services.flows import Flows
from towpath.services.projects import Projects
from towpath.services.secrets import sealing

_KINDS: dict[str, type[ConnectionDocument] | type[FlowDocument]] = {
    "Connection": ConnectionDocument,
    "Flow": FlowDocument,
}


@dataclass(frozen=True)
class Applied:
    """What became of one document: ``created``, ``updated`` or ``unchanged``."""

    kind: str
    name: str
    project: str | None
    action: str


class _DryRun(Exception):  # noqa: N818 - not an error: it rolls the unit of work back
    pass


class Documents(UseCases):
    """Applying and exporting documents."""

    def apply(
        self, org: str, documents: Sequence[Placed], lookup: Lookup, *, dry_run: bool = False
    ) -> list[Applied]:
        """Make the organization as the documents say: all of it or nothing, and idempotent.

        Raises errors that name file, document and field path. What no document names stays as it is.
        """
        parsed = [(placed, _parse(placed)) for placed in documents]
        _refuse_twice(parsed)
        # Connections first: flows name them, in whatever order the files come.
        parsed.sort(key=lambda item: item[1].kind != "Connection")
        done: list[Applied] = []
        try:
            with self.sealing() as work:
                done.extend(self._apply_one(work, org, *item, lookup) for item in parsed)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            pass
        return done

    def _apply_one(
        self,
        work: UnitOfWork,
        org: str,
        placed: Placed,
        document: ConnectionDocument | FlowDocument,
        lookup: Lookup,
    ) -> Applied:
        try:
            if isinstance(document, ConnectionDocument):
                action = self._connection(work, org, document, References(lookup, placed.file.parent))
            else:
                action = self._flow(work, org, document)
        except TowpathError as error:
            raise _located(error, placed) from None
        return Applied(document.kind, document.metadata.name, document.metadata.project, action)

    def _connection(
        self, work: UnitOfWork, org: str, document: ConnectionDocument, references: References
    ) -> str:
        use, spec, called = Connections(self.rooms, self.actor), document.spec, document.metadata
        with _below("spec"):
            connections.known_connector(self.rooms, spec.connector)
        with _below("spec.config"):
            config = references.resolve(spec.config)
            plain, secrets = use.parse(spec.connector, config)
            references.refuse_literals(secrets)
        project = self._project(work, org, called.project)
        # Names are unique in a project and role, and among what has no project.
        roles = ROLES if project is None else called.role
        own = {"customer": None, "deleted_at": None, "project": project, "role": roles}
        row = work.connections.find(org, name=called.name, **own)
        columns: dict[str, Any] = {"role": called.role, "max_parallel": spec.max_parallel}
        columns["metadata"] = _noted(row, called.console)
        if row is None:
            use.create_in(work, org, called.name, spec.connector, config, project=project, **columns)
            return "created"
        _refuse_another(row, spec.connector)
        same_config = plain == row.config and secrets == sealing.reveal(self.rooms, work, org, row.id)
        if same_config and _same(row, columns):
            return "unchanged"
        use.update_in(work, org, row, None if same_config else config, **columns)
        return "updated"

    def _flow(self, work: UnitOfWork, org: str, document: FlowDocument) -> str:
        use, called = Flows(self.rooms, self.actor), document.metadata
        project = self._project(work, org, called.project)
        row = work.flows.find(org, name=called.name, project=project)
        columns: dict[str, Any] = {"metadata": _noted(row, called.console)}
        with _below("spec"):
            if row is None:
                use.create_in(work, org, called.name, document.spec, project=project, **columns)
                return "created"
            wanted = flows.plain(work, org, document.spec, project)
            if flows.spec_of(work, org, row) == wanted and _same(row, columns):
                return "unchanged"
            use.update_in(work, org, row, document.spec, **columns)
            return "updated"

    def _project(self, work: UnitOfWork, org: str, name: str | None) -> str | None:
        """The id of the project of this name, made at its first use."""
        return None if name is None else Projects(self.rooms, self.actor).open_in(work, org, name).id

    def export(self, org: str) -> tuple[list[dict[str, Any]], list[str]]:
        """The organization's own connections (no customer's) and all flows as documents, secrets as
        placeholders; and what could not be written.
        """
        with self.rooms.store.read() as work:
            export = Export(work, org)
            return list(export.documents()), export.left_out


def _parse(placed: Placed) -> ConnectionDocument | FlowDocument:
    content = placed.content
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind not in _KINDS:
        raise _located(
            ConfigError(
                "document.kind",
                "A document needs `kind: Connection` or `kind: Flow`.",
                hint=f"Begin it with `apiVersion: {API_VERSION}` and its kind.",
                field="kind",
            ),
            placed,
        )
    try:
        return _KINDS[kind].model_validate(content)
    except ValidationError as error:
        raise _located(config_error(error, kind, "document.invalid"), placed) from None


def _refuse_twice(parsed: Sequence[tuple[Placed, ConnectionDocument | FlowDocument]]) -> None:
    seen: dict[tuple[str | None, ...], Placed] = {}
    for placed, document in parsed:
        other = seen.setdefault(_identity(document), placed)
        if other is not placed:
            error = ConfigError(
                "document.twice",
                f"The {document.kind} {document.metadata.name!r} stands in {other.place} already.",
                hint="Keep one of the two.",
                field="metadata.name",
            )
            raise _located(error, placed)


def _identity(document: ConnectionDocument | FlowDocument) -> tuple[str | None, ...]:
    called = document.metadata
    role = called.role if isinstance(called, ConnectionMetadata) and called.project else None
    return document.kind, called.project, role, called.name


@contextmanager
def _below(prefix: str) -> Iterator[None]:
    """Makes the field paths of errors begin at the root of the document."""
    try:
        yield
    except (ConfigError, ConflictError) as error:
        if "field" in error.context:
            error.context["field"] = f"{prefix}.{error.context['field']}"
        raise


def _located(error: TowpathError, placed: Placed) -> TowpathError:
    """The same error, its message beginning with file, document and field path."""
    field = error.context.get("field")
    where = f"{placed.place}, {field}" if field else placed.place
    error.message = f"{where}: {error.message}"
    return error.with_context(file=str(placed.file), document=placed.number)


def _noted(row: Connection | Flow | None, notes: ConnectionNotes | FlowNotes | None) -> dict[str, Any]:
    """The row's notes with those of the document; what it does not say stays."""
    kept = dict(row.metadata) if row else {}
    if notes is not None:
        kept[NOTES] = {**kept.get(NOTES, {}), **notes.model_dump(exclude_unset=True, exclude_none=True)}
    return kept


def _same(row: Connection | Flow, columns: Mapping[str, Any]) -> bool:
    return all(getattr(row, name) == value for name, value in columns.items())


def _refuse_another(row: Connection, connector: str) -> None:
    if row.connector != connector:
        raise ConflictError(
            "connection.connector_changed",
            f"The connection {row.name!r} is a {row.connector}; it cannot become a {connector}.",
            hint="Give the document another name, or delete the connection first.",
            field="spec.connector",
        )

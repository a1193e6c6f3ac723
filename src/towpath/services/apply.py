"""Configuration as documents: `apply` makes it so, `export` writes it down."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from towpath.core.errors import ConfigError, ConflictError, TowpathError
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.sdk.registry import config_error
from towpath.services import connections, flows, sealing, secretfields
from towpath.services.connections import Connections
from towpath.services.context import UseCases, by_name
from towpath.services.documents import API_VERSION, ConnectionDocument, FlowDocument
from towpath.services.flows import Flows
from towpath.services.references import Lookup, References
from towpath.services.yamlfiles import Placed

_KINDS: dict[str, type[ConnectionDocument] | type[FlowDocument]] = {
    "Connection": ConnectionDocument,
    "Flow": FlowDocument,
}


@dataclass(frozen=True)
class Applied:
    """What became of one document: ``created``, ``updated`` or ``unchanged``."""

    kind: str
    name: str
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
        return Applied(document.kind, document.metadata.name, action)

    def _connection(
        self, work: UnitOfWork, org: str, document: ConnectionDocument, references: References
    ) -> str:
        use, spec, name = Connections(self.rooms, self.actor), document.spec, document.metadata.name
        with _below("spec"):
            connections.known_connector(self.rooms, spec.connector)
        with _below("spec.config"):
            config = references.resolve(spec.config)
            plain, secrets = use.parse(spec.connector, config)
            references.refuse_literals(secrets)
        row = by_name(work.connections, org, name, customer=None, deleted_at=None)
        if row is None:
            use.create_in(work, org, name, spec.connector, config, max_parallel=spec.max_parallel)
            return "created"
        if row.connector != spec.connector:
            raise ConflictError(
                "connection.connector_changed",
                f"The connection {name!r} is a {row.connector}; it cannot become a {spec.connector}.",
                hint="Give the document another name, or delete the connection first.",
                field="spec.connector",
            )
        same_config = plain == row.config and secrets == sealing.reveal(self.rooms, work, org, row.id)
        if same_config and spec.max_parallel == row.max_parallel:
            return "unchanged"
        use.update_in(work, org, row, None if same_config else config, max_parallel=spec.max_parallel)
        return "updated"

    def _flow(self, work: UnitOfWork, org: str, document: FlowDocument) -> str:
        use, name = Flows(self.rooms, self.actor), document.metadata.name
        row = by_name(work.flows, org, name)
        with _below("spec"):
            if row is None:
                use.create_in(work, org, name, document.spec)
                return "created"
            if flows.spec_of(work, org, row) == document.spec:
                return "unchanged"
            use.update_in(work, org, row, document.spec)
            return "updated"

    def export(self, org: str) -> tuple[list[dict[str, Any]], list[str]]:
        """The organization's own connections (no customer's) and all flows as documents, secrets as
        placeholders; and what could not be written.
        """
        left_out: list[str] = []
        with self.rooms.store.read() as work:
            roles = ["source", "destination", None]  # no other one is a connection to move data over
            own = work.connections.list(org, customer=None, deleted_at=None, role=roles)
            documents = [_connection_document(row) for row in own]
            for flow in work.flows.list(org):
                try:
                    spec = flows.spec_of(work, org, flow).model_dump(mode="json", exclude_defaults=True)
                except ConflictError as error:
                    left_out.append(error.message)
                else:
                    documents.append(_document("Flow", flow.name, spec))
        return documents, left_out


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
    seen: dict[tuple[str, str], Placed] = {}
    for placed, document in parsed:
        other = seen.setdefault((document.kind, document.metadata.name), placed)
        if other is not placed:
            error = ConfigError(
                "document.twice",
                f"The {document.kind} {document.metadata.name!r} stands in {other.place} already.",
                hint="Keep one of the two.",
                field="metadata.name",
            )
            raise _located(error, placed)


@contextmanager
def _below(prefix: str) -> Iterator[None]:
    """Makes the field paths of errors begin at the root of the document."""
    try:
        yield
    except ConfigError as error:
        if "field" in error.context:
            error.context["field"] = f"{prefix}.{error.context['field']}"
        raise


def _located(error: TowpathError, placed: Placed) -> TowpathError:
    """The same error, its message beginning with file, document and field path."""
    field = error.context.get("field")
    where = f"{placed.place}, {field}" if field else placed.place
    error.message = f"{where}: {error.message}"
    return error.with_context(file=str(placed.file), document=placed.number)


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _connection_document(row: Connection) -> dict[str, Any]:
    spec: dict[str, Any] = {"connector": row.connector, "config": _placeholders(row.name, row.config)}
    return _document("Connection", row.name, spec | {"max_parallel": row.max_parallel})


def _placeholders(name: str, config: Any) -> Any:
    if secretfields.is_mark(config):
        variable = re.sub(r"[^A-Z0-9]+", "_", f"{name}_{config[secretfields.MARK]}".upper())
        return f"${{env:{variable}}}"
    if isinstance(config, dict):
        return {key: _placeholders(name, item) for key, item in config.items()}
    if isinstance(config, list):
        return [_placeholders(name, item) for item in config]
    return config

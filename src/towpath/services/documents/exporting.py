"""What an organization has, as documents that `towpath.services.documents.apply` understands."""

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from towpath.core.errors import ConflictError
from towpath.core.records import Connection, Flow
from towpath.core.repositories import UnitOfWork
from towpath.services import flows
from towpath.services.documents.models import API_VERSION, NOTES, ConnectionNotes, FlowNotes
from towpath.services.projects import names
from towpath.services.secrets import fields as secretfields

#: No other one is a connection to move data over.
ROLES = ("source", "destination", None)


class Export:
    """The documents of one export."""

    def __init__(self, work: UnitOfWork, org: str) -> None:
        self._work, self._org = work, org
        self._projects = names(work, org)
        self._variables: set[str] = set()
        self.left_out: list[str] = []
        """What could not be written, and why."""

    def documents(self) -> Iterator[dict[str, Any]]:
        """The organization's own connections (no customer's), then all flows; the oldest first."""
        own = self._work.connections.list(self._org, customer=None, deleted_at=None, role=ROLES)
        yield from map(self._connection, own)
        for flow in self._work.flows.list(self._org):
            try:
                yield self._flow(flow)
            except ConflictError as error:
                self.left_out.append(error.message)

    def _connection(self, row: Connection) -> dict[str, Any]:
        metadata = self._metadata(row)
        if row.role:
            metadata["role"] = row.role
        spec = {"connector": row.connector, "config": self._placeholders(row, row.config)}
        notes = _notes(row.metadata, ConnectionNotes)
        return _document("Connection", metadata | notes, spec | {"max_parallel": row.max_parallel})

    def _flow(self, row: Flow) -> dict[str, Any]:
        spec = flows.spec_of(self._work, self._org, row).model_dump(mode="json", exclude_defaults=True)
        return _document("Flow", self._metadata(row) | _notes(row.metadata, FlowNotes), spec)

    def _metadata(self, row: Connection | Flow) -> dict[str, Any]:
        return {"name": row.name} | ({"project": self._projects[row.project]} if row.project else {})

    def _placeholders(self, row: Connection, config: Any) -> Any:
        if secretfields.is_mark(config):
            home = [self._projects[row.project]] if row.project else []
            return f"${{env:{self._variable(*home, row.name, config[secretfields.MARK])}}}"
        if isinstance(config, dict):
            return {key: self._placeholders(row, item) for key, item in config.items()}
        if isinstance(config, list):
            return [self._placeholders(row, item) for item in config]
        return config

    def _variable(self, *words: str) -> str:
        """A variable's name that shells understand, and that no other secret has."""
        name = re.sub(r"[^A-Z0-9]+", "_", "_".join(words).upper())
        name = f"_{name}" if name[0].isdigit() else name
        free = next(way for way in _ways(name) if way not in self._variables)
        self._variables.add(free)
        return free


def _ways(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name}_{number}"


def _notes(metadata: Mapping[str, Any], kind: type[ConnectionNotes | FlowNotes]) -> dict[str, Any]:
    """What of the row's notes stands in documents."""
    kept = metadata.get(NOTES, {})
    notes = {name: kept[name] for name in kind.model_fields if kept.get(name)}
    return {NOTES: notes} if notes else {}


def _document(kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}

"""Destinations that partners write to: connections of the organization itself, in that role."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.core.errors import NotFoundError
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.services import catalogue, forms
from towpath.services.connections import Connections, known_connector
from towpath.services.context import UseCases
from towpath.services.partners.integrations import refill

#: Where a destination's metadata keeps the id of the key that made it.
MADE_BY = "made_by"


class Destinations(UseCases):
    """Whatever connection can be written to is a destination, however it was made; not those of customers,
    and not the sources that integrations own.
    """

    def list(self, org: str) -> Sequence[Connection]:
        with self.rooms.store.read() as work:
            return self._all(work, org)

    def get(self, org: str, id: str) -> Connection:
        with self.rooms.store.read() as work:
            return self._one(work, org, id)

    def create(self, org: str, name: str, connector: str, values: Mapping[str, Any], key: str) -> Connection:
        """``key`` is the id of the key that makes it. Raises `ConfigError` with ``faults`` by field id."""
        plugin = known_connector(self.rooms, connector)
        form = forms.form_of(plugin.config)
        config = forms.config_of(form, values)
        forms.check(plugin, form, config)
        cases = Connections(self.rooms, self.actor)
        return cases.create(org, name, connector, config, metadata={MADE_BY: key})

    def update(self, org: str, id: str, name: str, values: Mapping[str, Any]) -> Connection:
        """Replace name and settings as a whole; masked secrets stay as they are."""
        with self.sealing() as work:
            row = self._one(work, org, id)
            if name != row.name:
                row = work.connections.update(org, row.id, name=name)
            return refill(self, work, row, values)

    def delete(self, org: str, id: str) -> None:
        """Raises `ConflictError` (``connection.in_use``) while anything uses it."""
        Connections(self.rooms, self.actor).delete(org, self.get(org, id).id)

    def _all(self, work: UnitOfWork, org: str) -> Sequence[Connection]:
        names = {connector.name for connector in catalogue.destinations(self.rooms.registry)}
        sources = {row.connection for row in work.integrations.list(org)}
        roles = ["destination", None]
        rows = work.connections.list(org, customer=None, deleted_at=None, role=roles)
        return [row for row in rows if row.connector in names and row.id not in sources]

    def _one(self, work: UnitOfWork, org: str, id: str) -> Connection:
        for row in self._all(work, org):
            if row.id == id:
                return row
        raise NotFoundError(
            "connection.not_found", f"There is no connection {id}.", hint="List the destinations.", id=id
        )

"""Integrations of one source with any number of destinations, made as a whole and changed as a whole.

An integration owns its source connection and its flows: one for each destination and stream, on a timer of
its own. What it writes to are connections of the organization that live on without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import NotFoundError
from towpath.core.records import Connection, Integration, now
from towpath.core.repositories import UnitOfWork
from towpath.services import forms
from towpath.services.connections import Connections, known_connector
from towpath.services.context import UseCases, audit
from towpath.services.partners.flows import Delivery, Wiring, end, free_name
from towpath.services.secrets import sealing
from towpath.vault import join_secrets


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of an integration; None leaves a part as it is."""

    name: str | None = None
    summary: str | None = None
    enabled: bool | None = None
    values: Mapping[str, Any] | None = None
    """The form of the source, filled in; masked secrets stay as they are."""
    deliveries: tuple[Delivery, ...] | None = None
    """All of them: what is not among them ends, with its history."""


@dataclass(frozen=True)
class Integrations(UseCases):
    """Every change is one unit of work: it happens as a whole, or not at all.

    Raises `ConfigError` with a ``field`` that leads into the change (``values``,
    ``deliveries.0.readings.1.every``), and `ConflictError` (``integration.exists``) for a taken name.
    """

    def create(self, org: str, connector: str, change: Change) -> Integration:
        """``change`` has a name, values and deliveries."""
        plugin = known_connector(self.rooms, connector)
        form = forms.form_of(plugin.config)
        config = forms.config_of(form, change.values or {})
        forms.check(plugin, form, config)
        with self.sealing() as work:
            row = Integration(
                org=org,
                name=change.name or "",
                summary=change.summary or "",
                enabled=change.enabled is not False,
            )
            # The name first: of several callers with one name, all but one stop here.
            work.integrations.add(org, row)
            source = self._connect(work, org, row, connector, config)
            row = work.integrations.update(org, row.id, connection=source.id)
            Wiring(self.rooms, self.actor).fit(work, org, row, plugin, change.deliveries or ())
            audit(work, org, self.actor, "integration.create", row.id, name=row.name, connector=connector)
            return row

    def update(self, org: str, id: str, change: Change) -> Integration:
        """Raises also `ConflictError` (``flow.in_use``) for a running flow that would end."""
        fields = {"name": change.name, "summary": change.summary, "enabled": change.enabled}
        fresh = {name: value for name, value in fields.items() if value is not None}
        with self.sealing() as work:
            row, source = owned(work, org, id)
            row = work.integrations.update(org, row.id, **fresh) if fresh else row
            if change.values is not None:
                refill(self, work, source, change.values)
            if change.deliveries is not None:
                plugin = known_connector(self.rooms, source.connector)
                Wiring(self.rooms, self.actor).fit(work, org, row, plugin, change.deliveries)
            parts = [name for name in ("values", "deliveries") if getattr(change, name) is not None]
            audit(work, org, self.actor, "integration.update", row.id, fields=[*fresh, *parts])
            return row

    def delete(self, org: str, id: str) -> Integration:
        """Remove it with its flows, their history and its source connection. Raises `ConflictError`
        (``flow.in_use``) while one of the flows runs.
        """
        with self.sealing() as work:
            row, source = owned(work, org, id)
            for flow in work.flows.list(org, integration=row.id):
                end(work, org, flow)
            work.integrations.delete(org, row.id)
            work.secrets.shred(org, source.id)
            work.connections.update(org, source.id, deleted_at=now())
            audit(work, org, self.actor, "integration.delete", row.id, name=row.name)
            return row

    def _connect(
        self, work: UnitOfWork, org: str, row: Integration, connector: str, config: Mapping[str, Any]
    ) -> Connection:
        own = {"customer": None, "project": None, "deleted_at": None}
        name = free_name(work.connections, org, f"{row.name} - source", row, **own)
        return Connections(self.rooms, self.actor).create_in(work, org, name, connector, config)


def owned(work: UnitOfWork, org: str, id: str) -> tuple[Integration, Connection]:
    """The integration and its source. Raises `NotFoundError` also for one whose flows share no source."""
    row = work.integrations.get(org, id)
    if row.connection is None:
        raise NotFoundError(
            "integration.not_found",
            f"The integration {row.name!r} has no source of its own.",
            hint="It groups flows that were made one by one: change these.",
            id=id,
        )
    return row, work.connections.get(org, row.connection)


def refill(cases: UseCases, work: UnitOfWork, row: Connection, values: Mapping[str, Any]) -> Connection:
    """Make the filled-in form the connection's whole configuration; only masked secrets stay as they are."""
    plugin = known_connector(cases.rooms, row.connector)
    form = forms.form_of(plugin.config)
    config = forms.config_of(form, values, row.config)
    before = sealing.reveal(cases.rooms, work, row.org, row.id)
    forms.check(plugin, form, join_secrets(config, before))
    public, secrets = Connections(cases.rooms, cases.actor).parse(row.connector, config, before)
    sealing.keep(cases.rooms, work, row.org, row.id, secrets)
    audit(work, row.org, cases.actor, "connection.update", row.id, fields=["config"])
    return work.connections.update(row.org, row.id, config=public)

"""Between connectors as clients of this family know them and integrations."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, cast

from towpath.api.partners import schemas
from towpath.api.partners.directory import Directory
from towpath.api.partners.errors import fault
from towpath.api.partners.templates import source_icon
from towpath.core.errors import NotFoundError
from towpath.core.ports import Connector, StreamOffer
from towpath.services import catalogue, forms
from towpath.services.context import Rooms
from towpath.services.partners.flows import Delivery, Reading
from towpath.services.partners.integrations import Change
from towpath.services.partners.numbers import Kind, Numbering
from towpath.services.partners.standing import Part, Standing

_ENTITY = "entities"


class Translator:
    """Knows the numbers of one installation."""

    def __init__(self, rooms: Rooms, directory: Directory) -> None:
        self._directory = directory
        self._numbering = Numbering(rooms)

    # ── in ───────────────────────────────────────────────────────────────────────────────────────

    def template(self, number: int) -> Connector[Any]:
        """The connector that a body names. Raises `Faults`."""
        connector = self._directory.sources.get(number)
        if connector is None:
            raise _unknown(number, "connector_category_id")
        return connector

    def change(self, org: str, connector: Connector[Any], body: schemas.ConnectorBody) -> Change:
        """All that a body says. Raises `Faults`."""
        return Change(
            name=body.name,
            summary=body.description,
            enabled=body.is_active,
            values=body.credentials,
            deliveries=self._deliveries(org, connector, body.targets),
        )

    def patch(self, org: str, template: int, body: schemas.ConnectorPatch) -> Change:
        """What a body says of a connector of this template. Raises `Faults`."""
        deliveries = None
        if body.targets is not None:
            deliveries = self._deliveries(org, self.template(template), body.targets)
        return Change(
            name=body.name,
            summary=body.description,
            enabled=body.is_active,
            values=body.credentials,
            deliveries=deliveries,
        )

    def _deliveries(
        self, org: str, connector: Connector[Any], targets: Sequence[schemas.TargetBody]
    ) -> tuple[Delivery, ...]:
        return tuple(
            Delivery(
                destination=self._destination(org, target.destination_id, index),
                readings=tuple(
                    self._reading(connector, entity, ("targets", index, _ENTITY, place))
                    for place, entity in enumerate(target.entities)
                ),
            )
            for index, target in enumerate(targets)
        )

    def _destination(self, org: str, number: int, index: int) -> str:
        try:
            return self._numbering.id(org, Kind.DESTINATION, number)
        except NotFoundError:
            raise _unknown(number, "targets", index, "destination_id") from None

    def _reading(
        self, connector: Connector[Any], entity: schemas.EntityBody, place: tuple[str | int, ...]
    ) -> Reading:
        offer = self._directory.entities(connector).get(entity.id)
        if offer is None:
            raise _unknown(entity.id, *place, "id")
        seconds = self._directory.timers(offer).get(entity.entity_timer_id)
        if seconds is None:
            # Whether there is no such timer, or not for this entity, is all the same to who chose it.
            raise _unknown(entity.entity_timer_id, *place, "entity_timer_id")
        return Reading(stream=offer.name, every=seconds, enabled=entity.is_active)

    # ── out ──────────────────────────────────────────────────────────────────────────────────────

    def rows(self, org: str, standings: Sequence[Standing]) -> list[schemas.ConnectorRow]:
        ids = [standing.integration.id for standing in standings]
        numbers = self._numbering.of(org, Kind.CONNECTOR, ids)
        return [self._row(numbers[standing.integration.id], standing) for standing in standings]

    def connector(self, org: str, standing: Standing, parts: Sequence[Part]) -> schemas.Connector:
        (row,) = self.rows(org, [standing])
        plugin = self._directory.sources.get(row.connector_cat)
        form = forms.form_of(plugin.config) if plugin else {}
        return schemas.Connector(
            **row.model_dump(),
            credentials=forms.values_of(form, standing.source.config),
            targets=self._targets(org, plugin, parts),
            created_at=standing.integration.created_at,
            updated_at=standing.integration.updated_at,
        )

    def _row(self, number: int, standing: Standing) -> schemas.ConnectorRow:
        integration, code = standing.integration, standing.source.connector
        template = self._directory.number(code, "sources")
        plugin = self._directory.sources.get(template)
        return schemas.ConnectorRow(
            id=number,
            name=integration.name,
            description=integration.summary,
            lifecycle_status=standing.lifecycle.value,
            is_active=integration.enabled,
            connector_cat=template,
            # A package that is not installed any more leaves its connectors behind.
            connector_cat_name=plugin.title if plugin else code,
            icon=source_icon(code),
        )

    def _targets(
        self, org: str, plugin: Connector[Any] | None, parts: Sequence[Part]
    ) -> list[schemas.TargetStanding]:
        numbers = self._numbering.of(org, Kind.DESTINATION, [part.destination for part in parts])
        offers = self._directory.entities(plugin) if plugin else {}
        known = {offer.name: (number, offer) for number, offer in offers.items()}
        by_destination = groupby(
            sorted(parts, key=lambda part: numbers[part.destination]), lambda part: numbers[part.destination]
        )
        return [
            schemas.TargetStanding(
                destination_id=number, entities=[self._entity(known, part) for part in among]
            )
            for number, among in by_destination
        ]

    def _entity(self, known: dict[str, tuple[int, StreamOffer]], part: Part) -> schemas.EntityStanding:
        number, offer = known.get(part.stream, (None, None))
        return schemas.EntityStanding(
            id=number,
            name=catalogue.label(offer) if offer else part.stream,
            entity_timer_id=self._directory.timer(part.every),
            repeat_every=part.every,
            is_active=part.flow.enabled,
            table=part.table or None,
            namespace=part.namespace,
            last_run=_last_run(part),
        )


def _last_run(part: Part) -> schemas.LastRun | None:
    run = part.run
    if run is None:
        return None
    return schemas.LastRun(
        status=cast("Any", run.status.value),
        started_at=run.started_at,
        ended_at=run.ended_at,
        records_read=part.counters.read,
        records_written=part.counters.written,
        records_rejected=part.counters.rejected,
        error=str(run.error["message"]) if run.error else None,
    )


def _unknown(number: int, *place: str | int) -> Exception:
    return fault(f'Invalid pk "{number}" - object does not exist.', *place)

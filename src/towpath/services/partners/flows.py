"""The flows of an integration: one for each destination and stream, made to fit what is wanted of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import ConfigError
from towpath.core.flows import Every, FlowStream
from towpath.core.model import ReadMode, WriteMode
from towpath.core.ports import Connector, StreamOffer
from towpath.core.records import Connection, Flow, Integration, now
from towpath.core.repositories import UnitOfWork
from towpath.services import catalogue
from towpath.services.context import UseCases
from towpath.services.documents.models import DestinationSide, FlowSpec, SourceSide
from towpath.services.flows import Flows


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One stream of one target."""

    stream: str
    """Name of one of the connector's offers; empty for everything."""
    every: int
    """Seconds between two starts."""
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One target: a destination, and what is written to it."""

    destination: str
    """Id of the connection."""
    readings: tuple[Reading, ...]


#: Destination and stream: what tells the flows of one integration apart.
Key = tuple[str, str]


@dataclass(frozen=True)
class Wiring(UseCases):
    """Makes, changes and ends the flows of integrations, inside the caller's unit of work."""

    def fit(
        self, work: UnitOfWork, org: str, row: Integration, plugin: Connector[Any], wanted: Sequence[Delivery]
    ) -> None:
        """Make the integration's flows those that are wanted. A flow that stays keeps its state and history;
        one that is new, or switched on again, is due at once.

        Raises `ConfigError` with a ``field`` such as ``deliveries.0.readings.1.every``, and `ConflictError`
        (``flow.in_use``) for a running flow that is not wanted any more.
        """
        self._check(work, org, plugin, wanted)
        known = {key_of(work, org, flow): flow for flow in work.flows.list(org, integration=row.id)}
        readings = dict(_readings(wanted))
        for key in known.keys() - readings.keys():
            end(work, org, known[key])
        for key, (field, reading) in readings.items():
            if key in known:
                _retime(work, org, known[key], reading)
                continue
            try:
                self._add(work, org, row, plugin, key, reading)
            except ConfigError as error:
                # What source and destination cannot do together is the fault of having chosen both.
                raise _wrong(error.code, error.message, f"{field}.stream") from None

    def _add(
        self,
        work: UnitOfWork,
        org: str,
        row: Integration,
        plugin: Connector[Any],
        key: Key,
        reading: Reading,
    ) -> None:
        destination = work.connections.get(org, key[0])
        offer = _offer(plugin, reading.stream)
        writer = self.rooms.registry.get(destination.connector)
        place = _Place.free(work, org, row, destination, offer)
        spec = FlowSpec(
            source=SourceSide(connection=row.connection or ""),
            destination=DestinationSide(connection=destination.id, namespace=place.namespace),
            streams=_streams(offer, writer, place.table),
            schedule=Every(every=reading.every),
            enabled=reading.enabled,
        )
        name = free_name(
            work.flows, org, f"{row.name} - {destination.name} - {catalogue.label(offer)}", row, project=None
        )
        flow = Flows(self.rooms, self.actor).create_in(work, org, name, spec)
        due = now() if reading.enabled else None
        work.flows.update(org, flow.id, integration=row.id, next_due=due)

    def _check(self, work: UnitOfWork, org: str, plugin: Connector[Any], wanted: Sequence[Delivery]) -> None:
        if not wanted:
            raise _wrong("integration.incomplete", "An integration has at least one target.", "deliveries")
        seen: set[str] = set()
        for index, delivery in enumerate(wanted):
            field = f"deliveries.{index}"
            self._check_destination(work, org, delivery.destination, f"{field}.destination")
            if delivery.destination in seen:
                raise _wrong("destination.duplicate", "It is a target already.", f"{field}.destination")
            seen.add(delivery.destination)
            self._check_readings(plugin, delivery.readings, f"{field}.readings")

    def _check_destination(self, work: UnitOfWork, org: str, id: str, field: str) -> None:
        row = work.connections.find(org, id=id, customer=None, deleted_at=None)
        if row is None:
            raise _wrong("connection.unknown", "There is no such destination.", field)
        if self.rooms.registry.get(row.connector).destination is None:
            raise _wrong("connector.no_destination", f"{row.name!r} cannot be written to.", field)

    def _check_readings(self, plugin: Connector[Any], readings: Sequence[Reading], field: str) -> None:
        if not readings:
            raise _wrong("integration.incomplete", "A target has at least one stream.", field)
        seen: set[str] = set()
        for index, reading in enumerate(readings):
            offer, here = _offer(plugin, reading.stream), f"{field}.{index}"
            if reading.stream in seen:
                raise _wrong("stream.duplicate", "It is there already.", f"{here}.stream")
            seen.add(reading.stream)
            if reading.every not in catalogue.intervals(offer, self.rooms.minimum_interval):
                message = f"{catalogue.label(offer)} is not offered every {reading.every} seconds."
                raise _wrong("schedule.not_offered", message, f"{here}.every")


@dataclass(frozen=True)
class _Place:
    """Where a stream is written in its destination: nowhere that another import writes already."""

    table: str | None
    namespace: str | None = None

    @classmethod
    def free(
        cls, work: UnitOfWork, org: str, row: Integration, destination: Connection, offer: StreamOffer
    ) -> "_Place":
        """The stream's own name. If that is taken, as where one destination serves many customers, the name
        with the integration's number; everything goes into a namespace of its own then.
        """
        specs = [item.spec for item in work.imports.list(org, connection=destination.id)]
        own = {spec.namespace for spec in specs} if not offer.name else set()
        tables = {stream.target or stream.name for spec in specs for stream in spec.streams}
        if offer.name not in tables and None not in own:
            return cls(offer.name or None)
        number = work.numbers.assign(org, "integration", [row.id])[row.id]
        return cls(f"{offer.name}_{number}") if offer.name else cls(None, f"connector_{number}")


def _readings(wanted: Sequence[Delivery]) -> Iterator[tuple[Key, tuple[str, Reading]]]:
    """Each reading by its key, with its place in what is wanted."""
    for index, delivery in enumerate(wanted):
        for place, reading in enumerate(delivery.readings):
            yield (delivery.destination, reading.stream), (f"deliveries.{index}.readings.{place}", reading)


def key_of(work: UnitOfWork, org: str, flow: Flow) -> Key:
    """Destination and stream of an integration's flow."""
    reads = work.exports.get(org, flow.exports[0]).spec.streams
    return work.imports.get(org, flow.imports[0]).connection, reads[0].name if reads else ""


def end(work: UnitOfWork, org: str, flow: Flow) -> None:
    """Remove the flow with its history. Raises `ConflictError` (``flow.in_use``) while it runs."""
    work.flows.delete(org, flow.id)
    for export in flow.exports:
        work.exports.delete(org, export)
    for import_ in flow.imports:
        work.imports.delete(org, import_)


def free_name(repository: Any, org: str, name: str, row: Integration, **equals: Any) -> str:
    """The name, made unmistakable by the end of the integration's id if something is called so already."""
    if repository.find(org, name=name, **equals) is None:
        return name
    return f"{name} - {row.id[-6:]}"


def _offer(plugin: Connector[Any], stream: str) -> StreamOffer:
    return next(offer for offer in catalogue.offers(plugin) if offer.name == stream)


def _streams(offer: StreamOffer, writer: Connector[Any], table: str | None) -> tuple[FlowStream, ...]:
    """How the stream is read and written: as well as both ends can."""
    if not offer.name:
        return ()
    full = offer.mode is ReadMode.FULL_REFRESH
    best = WriteMode.OVERWRITE if full else WriteMode.UPSERT
    # Left open, an incremental stream is upserted by its key, or appended if it has none.
    write = None if best in writer.write_modes else WriteMode.APPEND
    return (FlowStream(name=offer.name, mode=offer.mode, cursor=offer.cursor, write=write, target=table),)


def _retime(work: UnitOfWork, org: str, flow: Flow, reading: Reading) -> None:
    schedule = Every(every=reading.every)
    if (flow.schedule, flow.enabled) == (schedule, reading.enabled):
        return
    due = now() if reading.enabled else None
    work.flows.update(org, flow.id, schedule=schedule, enabled=reading.enabled, next_due=due)


def _wrong(code: str, message: str, field: str) -> ConfigError:
    return ConfigError(code, message, hint="Correct it and try again.", field=field)

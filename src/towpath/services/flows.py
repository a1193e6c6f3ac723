"""Keeping flows: create, update, delete, switch on and off."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from croniter import CroniterBadDateError

from towpath.core.errors import ConfigError, ConflictError, NotFoundError
from towpath.core.flows import Cron, Every, ExportSpec, FlowStream, ImportSpec, Schedule
from towpath.core.model import ReadMode, WriteMode
from towpath.core.records import Connection, Export, Flow, Import, RunStatus, now
from towpath.core.repositories import UnitOfWork
from towpath.engine import first_due
from towpath.services import connections, naming
from towpath.services.context import Rooms, UseCases, audit
from towpath.services.documents.models import DestinationSide, FlowSpec, SourceSide


class Flows(UseCases):
    """The use cases of flows. A flow made here has one export and one import, which bear its name."""

    def create(self, org: str, name: str, spec: FlowSpec) -> Flow:
        """Raises `ConfigError` naming the field for what the connectors cannot do."""
        with self.rooms.store.begin() as work:
            return self.create_in(work, org, name, spec)

    def create_in(
        self,
        work: UnitOfWork,
        org: str,
        name: str,
        spec: FlowSpec,
        *,
        project: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Flow:
        """``project`` is an id; without one the flow is the whole organization's."""
        source, destination = validate(self.rooms, work, org, spec, project)
        reads, writes = _sides(spec)
        export = Export(org=org, name=name, connection=source.id, spec=reads, project=project)
        import_ = Import(org=org, name=name, connection=destination.id, spec=writes, project=project)
        work.exports.add(org, export)
        work.imports.add(org, import_)
        flow = Flow(
            org=org,
            name=name,
            exports=(export.id,),
            imports=(import_.id,),
            schedule=spec.schedule,
            policy=spec.policy,
            enabled=spec.enabled,
            next_due=self._first_due(spec.schedule, enabled=spec.enabled),
            project=project,
            metadata=dict(metadata or {}),
            created_by=self.actor.user,
            updated_by=self.actor.user,
        )
        work.flows.add(org, flow)
        audit(work, org, self.actor, "flow.create", flow.id, name=name)
        return flow

    def update(self, org: str, name: str, spec: FlowSpec) -> Flow:
        with self.rooms.store.begin() as work:
            return self.update_in(work, org, find(work, org, name), spec)

    def update_in(self, work: UnitOfWork, org: str, flow: Flow, spec: FlowSpec, **more: Any) -> Flow:
        """``more``: name, metadata. Streams that come from or go to another place than before begin anew."""
        export_id, import_id = _one_to_one(flow)
        source, destination = validate(self.rooms, work, org, spec, flow.project)
        reads, writes = _sides(spec)
        before = work.exports.get(org, export_id), work.imports.get(org, import_id)
        name = {key: more[key] for key in ("name",) if key in more}
        export = work.exports.update(org, export_id, connection=source.id, spec=reads, **name)
        import_ = work.imports.update(org, import_id, connection=destination.id, spec=writes, **name)
        self._begin_anew(work, org, flow, before, (export, import_))
        changed = work.flows.update(
            org,
            flow.id,
            schedule=spec.schedule,
            policy=spec.policy,
            enabled=spec.enabled,
            next_due=self._due(flow, spec.schedule, enabled=spec.enabled),
            updated_by=self.actor.user,
            **more,
        )
        audit(work, org, self.actor, "flow.update", flow.id)
        return changed

    def _begin_anew(
        self,
        work: UnitOfWork,
        org: str,
        flow: Flow,
        before: tuple[Export, Import],
        after: tuple[Export, Import],
    ) -> None:
        """Forget how far the streams were read whose ends have changed: what is there already is not in the
        other place. # Invariant 10
        """
        names = [saved.stream for saved in work.states.list(org, flow.id)]
        moved = [name for name in names if _ends(name, *before) != _ends(name, *after)]
        for name in moved:
            work.states.reset(org, flow.id, name)
        if moved:
            audit(work, org, self.actor, "state.reset", flow.id, streams=moved)

    def enable(self, org: str, name: str, *, enabled: bool = True) -> Flow:
        """Switch the schedule on or off; a flow that is off can still be run by hand."""
        with self.rooms.store.begin() as work:
            flow = find(work, org, name)
            due = self._due(flow, flow.schedule, enabled=enabled)
            changed = work.flows.update(
                org, flow.id, enabled=enabled, next_due=due, updated_by=self.actor.user
            )
            audit(work, org, self.actor, "flow.enable" if enabled else "flow.disable", flow.id)
            return changed

    def delete(self, org: str, name: str) -> Flow:
        """Remove the flow with its history. Raises `ConflictError` while it runs."""
        with self.rooms.store.begin() as work:
            flow = find(work, org, name)
            unfinished = [RunStatus.QUEUED, RunStatus.RUNNING]
            running = work.runs.list(org, flow=flow.id, status=unfinished, limit=1)
            if running:
                raise ConflictError(
                    "flow.in_use",
                    f"The flow {flow.name!r} is running.",
                    hint=f"Wait, or cancel it: `towpath runs cancel {running[0].id}`.",
                    flow=flow.name,
                )
            work.flows.delete(org, flow.id)
            if flow.pipeline is None:
                _delete_ends(work, org, flow)
            audit(work, org, self.actor, "flow.delete", flow.id, name=flow.name)
            return flow

    def _due(self, flow: Flow, schedule: Schedule | None, *, enabled: bool) -> datetime | None:
        if enabled and schedule == flow.schedule and flow.next_due is not None:
            return flow.next_due
        return self._first_due(schedule, enabled=enabled)

    def _first_due(self, schedule: Schedule | None, *, enabled: bool) -> datetime | None:
        if schedule is None or not enabled:
            return None
        return first_due(schedule, now(), self.rooms.minimum_interval)

    def get(self, org: str, name: str) -> Flow:
        with self.rooms.store.read() as work:
            return find(work, org, name)

    def list(self, org: str) -> Sequence[Flow]:
        with self.rooms.store.read() as work:
            return work.flows.list(org)

    def spec(self, org: str, flow: Flow) -> FlowSpec:
        with self.rooms.store.read() as work:
            return spec_of(work, org, flow)


def _delete_ends(work: UnitOfWork, org: str, flow: Flow) -> None:
    """Remove what the flow read and wrote, but for what another flow has as well."""
    others = {end for other in work.flows.list(org) for end in (*other.exports, *other.imports)}
    for export in set(flow.exports) - others:
        work.exports.delete(org, export)
    for import_ in set(flow.imports) - others:
        work.imports.delete(org, import_)


def known(work: UnitOfWork, org: str, name: str) -> Flow | None:
    """The flow with this id, or that which the name means: see `naming.called`. Raises `ConflictError`
    (``flow.ambiguous``).
    """
    # The id first: nobody may take another's place by taking its id for a name.
    row = work.flows.find(org, id=name)
    return row or naming.only(work, org, "flow", name, naming.called(work, org, work.flows, name))


def find(work: UnitOfWork, org: str, name: str) -> Flow:
    """The same; raises `NotFoundError` that offers the nearest name."""
    row = known(work, org, name)
    if row is None:
        raise naming.unknown(work, org, "flow", work.flows, name)
    return row


def spec_of(work: UnitOfWork, org: str, flow: Flow) -> FlowSpec:
    """The flow as its YAML document says it. Raises `ConflictError` for one of several exports or imports."""
    export_id, import_id = _one_to_one(flow)
    export, import_ = work.exports.get(org, export_id), work.imports.get(org, import_id)
    source = work.connections.get(org, export.connection)
    destination = work.connections.get(org, import_.connection)
    return FlowSpec(
        source=SourceSide(connection=connections.handle(work, source, flow.project, "source")),
        destination=DestinationSide(
            connection=connections.handle(work, destination, flow.project, "destination"),
            namespace=import_.spec.namespace,
        ),
        streams=joined(export.spec, import_.spec),
        schedule=flow.schedule,
        policy=flow.policy,
        enabled=flow.enabled,
    )


def joined(reads: ExportSpec, writes: ImportSpec) -> tuple[FlowStream, ...]:
    """Reading and writing of each stream in one place, as a flow's document says them."""
    by_name = {stream.name: stream for stream in writes.streams}
    streams = []
    for read in reads.streams:
        write = by_name.get(read.name)
        more = write.model_dump(exclude={"name", "mode"}) | {"write": write.mode} if write else {}
        streams.append(FlowStream(**read.model_dump(), **more))
    return tuple(streams)


def sides(
    work: UnitOfWork, org: str, spec: FlowSpec, project: str | None = None
) -> tuple[Connection, Connection]:
    """What a flow of the project reads from and writes to. Raises `ConfigError` and `ConflictError` that name
    the field.
    """
    source = _side(work, org, spec.source.connection, "source", project)
    return source, _side(work, org, spec.destination.connection, "destination", project)


def plain(work: UnitOfWork, org: str, spec: FlowSpec, project: str | None = None) -> FlowSpec:
    """The same with its connections called as `spec_of` calls them. Raises as `sides` does."""
    source, destination = sides(work, org, spec, project)
    reads = SourceSide(connection=connections.handle(work, source, project, "source"))
    writes = connections.handle(work, destination, project, "destination")
    return spec.model_copy(
        update={
            "source": reads,
            "destination": spec.destination.model_copy(update={"connection": writes}),
        }
    )


def validate(
    rooms: Rooms, work: UnitOfWork, org: str, spec: FlowSpec, project: str | None = None
) -> tuple[Connection, Connection]:
    """The two connections of a flow that they can serve."""
    source, destination = sides(work, org, spec, project)
    _check_roles(rooms, source, destination)
    _check_schedule(spec.schedule, rooms.minimum_interval)
    _check_names(spec.streams)
    reader, writer = rooms.registry.get(source.connector), rooms.registry.get(destination.connector)
    # A flow that names no stream reads each with a full refresh: the same rules hold for that one.
    streams = spec.streams or (FlowStream(name="*"),)
    for index, stream in enumerate(streams):
        field = f"streams.{index}"
        if stream.mode not in reader.read_modes:
            raise ConfigError(
                "read_mode.unsupported",
                f"{reader.title} cannot be read with mode {stream.mode}.",
                hint=f"Set `mode` to one of: {', '.join(sorted(reader.read_modes))}.",
                field=f"{field}.mode",
            )
        mode = stream.write or (WriteMode.OVERWRITE if stream.mode is ReadMode.FULL_REFRESH else None)
        if mode is not None and mode not in writer.write_modes:
            raise ConfigError(
                "write_mode.unsupported",
                f"{writer.title} cannot write with mode {mode}.",
                hint=f"Set `write` to one of: {', '.join(sorted(writer.write_modes))}.",
                field=f"{field}.write",
            )
    return source, destination


def _side(work: UnitOfWork, org: str, name: str, side: str, project: str | None) -> Connection:
    field = f"{side}.connection"
    try:
        return connections.find(work, org, name, project, side)
    except NotFoundError as error:
        raise ConfigError("connection.unknown", error.message, hint=error.hint, field=field) from None
    except ConflictError as error:
        raise error.with_context(field=field) from None


def _check_roles(rooms: Rooms, source: Connection, destination: Connection) -> None:
    for row, side in ((source, "source"), (destination, "destination")):
        connector = rooms.registry.get(row.connector)
        if getattr(connector, side) is None:
            raise ConfigError(
                f"connector.no_{side}",
                f"{connector.title} (connection {row.name!r}) cannot be a {side}.",
                hint="`towpath connectors list` shows what each connector can do.",
                field=f"{side}.connection",
            )


def _check_schedule(schedule: Schedule | None, minimum: float) -> None:
    if isinstance(schedule, Every) and schedule.every < minimum:
        raise ConfigError(
            "schedule.too_often",
            f"A flow cannot start every {schedule.every:g} seconds; the minimum is {minimum:g}.",
            hint=f"Set `every` to {minimum:g} or more.",
            field="schedule.every",
        )
    if isinstance(schedule, Cron):
        try:
            first_due(schedule, now(), minimum)
        except CroniterBadDateError:
            raise ConfigError(
                "schedule.never",
                f"The time {schedule.cron!r} never comes.",
                hint="Check its day and month: no February has 30 days.",
                field="schedule.cron",
            ) from None


def _check_names(streams: Sequence[FlowStream]) -> None:
    seen: set[str] = set()
    for index, stream in enumerate(streams):
        if stream.name in seen:
            raise ConfigError(
                "stream.duplicate",
                f"The stream {stream.name!r} is listed twice.",
                hint="Keep one of the two.",
                field=f"streams.{index}.name",
            )
        seen.add(stream.name)


def _ends(name: str, export: Export, import_: Import) -> tuple[str | None, ...]:
    """Where a stream comes from and goes to."""
    target = next((stream.target for stream in import_.spec.streams if stream.name == name), None)
    # Its own name, said or not, is one place.
    own = target is None or name.endswith(f".{target}") or name == target
    return export.connection, import_.connection, import_.spec.namespace, None if own else target


def _sides(spec: FlowSpec) -> tuple[ExportSpec, ImportSpec]:
    reads = ExportSpec(streams=tuple(stream.to_read() for stream in spec.streams))
    streams = tuple(stream.to_write() for stream in spec.streams)
    return reads, ImportSpec(namespace=spec.destination.namespace, streams=streams)


def _one_to_one(flow: Flow) -> tuple[str, str]:
    if flow.pipeline is not None:
        raise ConflictError(
            "flow.shape",
            f"The flow {flow.name!r} runs records through steps, and does not copy streams.",
            hint="Change it where its steps are: PUT /v1/flows/{_id}, /v1/exports/{_id}, /v1/imports/{_id}.",
            flow=flow.name,
        )
    if len(flow.exports) != 1 or len(flow.imports) != 1:
        raise ConflictError(
            "flow.shape",
            f"The flow {flow.name!r} does not have exactly one export and one import.",
            hint="A document says one of each: delete the flow and apply one document for each pair.",
            flow=flow.name,
        )
    return flow.exports[0], flow.imports[0]

"""Between jobs as clients of this family know them and flows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.api.console import entities, frequency, jobs_streams, states
from towpath.api.console.jobs_faults import below
from towpath.api.console.jobs_schemas import End, EndBody, JobBody, JobChange, JobView
from towpath.api.console.members import Place
from towpath.core.errors import ConfigError
from towpath.core.flows import Schedule
from towpath.core.records import Connection
from towpath.services.jobs.jobs import End as Ours
from towpath.services.jobs.jobs import Job, Jobs, JobSpec
from towpath.services.numbering import Kind, Numbering
from towpath.services.workspace.uses import Role


@dataclass(frozen=True)
class Wanted:
    """What a client wants of a job."""

    spec: JobSpec
    clear: tuple[str, ...] = ()
    """Streams to empty."""


def new(place: Place, body: JobBody) -> JobSpec:
    """Raises `ConfigError` naming the field as it was sent."""
    source = _end(place, Role.SOURCE, body.source)
    destination = _end(place, Role.DESTINATION, body.destination)
    found, namespace = _read(place, body.streams_config, destination)
    when = frequency.schedule(body.frequency or "")
    notes: dict[str, Any] = {
        "frequency": body.frequency or "",
        "advanced_settings": body.advanced_settings or {},
        **jobs_streams.notes(body.streams_config, (found, namespace)),
    }
    return JobSpec(
        name=body.name,
        source=source,
        destination=destination,
        streams=found,
        namespace=namespace,
        schedule=when,
        enabled=body.activate,
        metadata={entities.NOTES: notes},
    )


def changed(place: Place, job: Job, body: JobChange) -> Wanted:
    """What becomes of the job. Raises `ConfigError` naming the field as it was sent."""
    source = _end(place, Role.SOURCE, body.source) if body.source else job.source
    destination = _end(place, Role.DESTINATION, body.destination) if body.destination else job.destination
    notes: dict[str, Any] = dict(job.flow.metadata.get(entities.NOTES, {}))
    found, namespace, when = job.streams, job.namespace, job.flow.schedule
    if body.streams_config is not None and not jobs_streams.is_shown(job, body.streams_config):
        found, namespace = _read(place, body.streams_config, destination)
        notes |= jobs_streams.notes(body.streams_config, (found, namespace))
    if body.frequency is not None:
        when = _when(job, body.frequency)
        notes["frequency"] = body.frequency
    if body.advanced_settings is not None:
        notes["advanced_settings"] = body.advanced_settings
    spec = JobSpec(
        name=body.name or job.flow.name,
        source=source,
        destination=destination,
        streams=found,
        namespace=namespace,
        schedule=when,
        enabled=job.flow.enabled if body.activate is None else body.activate,
        metadata={entities.NOTES: notes},
    )
    return Wanted(spec, jobs_streams.cleared(body.difference_streams, found))


def views(place: Place, jobs: Sequence[Job]) -> list[JobView]:
    """The jobs as clients see them."""
    numbering = Numbering(*place.use)
    flows = numbering.of(place.org, Kind.FLOW, [job.flow.id for job in jobs])
    used = dict.fromkeys(row.id for job in jobs for row in (job.source, job.destination))
    ends = numbering.of(place.org, Kind.CONNECTION, list(used))
    return [_view(place, job, flows[job.flow.id], ends) for job in jobs]


def view(place: Place, job: Job) -> JobView:
    return views(place, [job])[0]


def _view(place: Place, job: Job, number: int, ends: Mapping[str, int]) -> JobView:
    flow = job.flow
    notes = flow.metadata.get(entities.NOTES, {})
    return JobView(
        id=number,
        name=flow.name,
        source=_shown(place, Role.SOURCE, job.source, ends),
        destination=_shown(place, Role.DESTINATION, job.destination, ends),
        frequency=frequency.shown(notes.get("frequency"), flow.schedule),
        streams_config=jobs_streams.shown(job),
        advanced_settings=notes.get("advanced_settings") or {},
        activate=flow.enabled,
        created_at=states.moment(flow.created_at),
        updated_at=states.moment(flow.updated_at),
        created_by=flow.created_by,
        updated_by=flow.updated_by,
        **states.last_run(job.last),
    )


def _shown(place: Place, role: Role, row: Connection, ends: Mapping[str, int]) -> End:
    found = entities.described(place.rooms, role, row)
    return End(id=ends[row.id], name=found.name, type=found.type, version=found.version, config=found.config)


def _when(job: Job, sent: str) -> Schedule | None:
    if sent == frequency.words(job.flow.schedule):
        return job.flow.schedule
    return frequency.schedule(sent)


def _end(place: Place, role: Role, body: EndBody) -> Ours:
    if body.id is not None:
        return Jobs(*place.use).end(place.org, place.project, role, body.id)
    for name in ("name", "type", "config"):
        if getattr(body, name) is None:
            raise ConfigError(
                "request.invalid",
                f"{role}.{name}: Field required.",
                hint=f"Say the {role} in full, or the id of one that is there.",
                field=f"{role}.{name}",
            )
    try:
        return entities.accepted(
            place.rooms,
            role,
            name=body.name or "",
            type=body.type or "",
            version=body.version,
            config=body.config or {},
        )
    except ConfigError as error:
        raise below(role, error) from None


def _read(place: Place, sent: jobs_streams.Sent, destination: Ours) -> jobs_streams.Read:
    return jobs_streams.read(sent, place.rooms.registry.get(destination.connector))

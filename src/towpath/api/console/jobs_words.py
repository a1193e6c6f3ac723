"""Between jobs as clients of this family know them and flows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.api.console import entities, frequency, states, streams
from towpath.api.console.jobs_faults import below
from towpath.api.console.jobs_schemas import End, EndBody, JobBody, JobChange, JobView
from towpath.api.console.members import Place
from towpath.core.errors import ConfigError
from towpath.core.flows import FlowStream, Schedule
from towpath.core.records import Connection
from towpath.services.jobs import End as Ours
from towpath.services.jobs import Job, Jobs, JobSpec
from towpath.services.numbering import Kind, Numbering
from towpath.services.workspace_uses import Role

#: Where a flow keeps what this family alone knows of it.
NOTES = "console"


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
    found, namespace = _streams(place, body.streams_config, destination)
    when = frequency.schedule(body.frequency or "")
    notes = {
        "frequency": body.frequency or "",
        "streams_config": streams.parsed(body.streams_config),
        "advanced_settings": body.advanced_settings or {},
    }
    return JobSpec(
        name=body.name,
        source=source,
        destination=destination,
        streams=found,
        namespace=namespace,
        schedule=when,
        enabled=body.activate,
        metadata={NOTES: notes},
    )


def changed(place: Place, job: Job, body: JobChange) -> Wanted:
    """What becomes of the job. Raises `ConfigError` naming the field as it was sent."""
    source = _end(place, Role.SOURCE, body.source) if body.source else job.source
    destination = _end(place, Role.DESTINATION, body.destination) if body.destination else job.destination
    notes: dict[str, Any] = dict(job.flow.metadata.get(NOTES, {}))
    found, namespace, when = job.streams, job.namespace, job.flow.schedule
    if body.streams_config is not None and not _is_shown(job, body.streams_config):
        found, namespace = _streams(place, body.streams_config, destination)
        notes["streams_config"] = streams.parsed(body.streams_config)
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
        metadata={NOTES: notes},
    )
    return Wanted(spec, _cleared(body.difference_streams, found))


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
    notes = flow.metadata.get(NOTES, {})
    return JobView(
        id=number,
        name=flow.name,
        source=_shown(place, Role.SOURCE, job.source, ends),
        destination=_shown(place, Role.DESTINATION, job.destination, ends),
        frequency=frequency.shown(notes.get("frequency"), flow.schedule),
        streams_config=json.dumps(_streams_config(job), ensure_ascii=False),
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


def _streams_config(job: Job) -> dict[str, Any]:
    kept = job.flow.metadata.get(NOTES, {}).get("streams_config")
    return streams.shown(kept, job.streams, job.namespace)


def _is_shown(job: Job, sent: str | Mapping[str, Any]) -> bool:
    """Whether it is what the job was shown with: then its flow stays, with what has no word here."""
    return streams.parsed(sent) == _streams_config(job)


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


def _streams(
    place: Place, sent: str | Mapping[str, Any] | None, destination: Ours
) -> tuple[tuple[FlowStream, ...], str | None]:
    writer = place.rooms.registry.get(destination.connector)
    return streams.flow_streams(sent, writes=writer.write_modes)


def _cleared(sent: str | Mapping[str, Any] | None, found: Sequence[FlowStream]) -> tuple[str, ...]:
    """Those of the job's streams that are named."""
    names = {stream.name for stream in streams.flow_streams(sent)[0]} if _names_any(sent) else set()
    return tuple(name for name in sorted(names) if not found or name in {one.name for one in found})


def _names_any(sent: str | Mapping[str, Any] | None) -> bool:
    return any(streams.parsed(sent).get("selected_streams", {}).values())

"""What is wrong with a job, in words of its client."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from towpath.api.console import entities
from towpath.api.console.jobs_schemas import JobBody, JobChange
from towpath.api.console.members import Place
from towpath.core.errors import ConfigError
from towpath.core.flows import FlowStream
from towpath.services.workspace.uses import Role

#: What to do, where the hints of flows speak of their documents.
_HINTS = {
    "read_mode.unsupported": "Choose another sync mode for it.",
    "write_mode.unsupported": "Choose another way to write it, or another destination.",
    "schedule.too_often": "Choose a longer interval.",
}


@contextmanager
def told(place: Place, body: JobBody | JobChange, streams: Sequence[FlowStream]) -> Iterator[None]:
    """Raises `ConfigError` with fields as the client sent them; a stream is called by its name."""
    try:
        yield
    except ConfigError as error:
        raise _told(place, body, streams, error) from None


def below(role: str, error: ConfigError) -> ConfigError:
    """The error, its field said from the top of the job."""
    field = f"{role}.{error.context.get('field', '')}".rstrip(".")
    return ConfigError(error.code, error.message, hint=error.hint, field=field)


def _told(
    place: Place, body: JobBody | JobChange, streams: Sequence[FlowStream], error: ConfigError
) -> ConfigError:
    if "role" in error.context:
        return _of_end(place, body, error)
    first, *rest = str(error.context.get("field", "")).split(".")
    hint = _HINTS.get(error.code, error.hint)
    if first == "streams" and not streams:
        return ConfigError(error.code, error.message, hint=hint, field="streams_config")
    if first == "streams" and rest:
        name = streams[int(rest[0])].name
        message = f"The stream {name!r}: {error.message}"
        return ConfigError(error.code, message, hint=hint, field=f"streams_config.{name}")
    if first == "schedule":
        return ConfigError(error.code, error.message, hint=hint, field="frequency")
    if rest == ["connection"]:
        return ConfigError(error.code, error.message, hint=hint, field=first)
    return error


def _of_end(place: Place, body: JobBody | JobChange, error: ConfigError) -> ConfigError:
    """What is wrong with the settings of a new source or destination."""
    role = Role(error.context["role"])
    end = body.source if role is Role.SOURCE else body.destination
    try:
        with entities.in_words_of(place.rooms, role, (end and end.type) or ""):
            raise error
    except ConfigError as told:
        return below(role, told)

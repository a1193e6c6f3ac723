"""Opening what a step needs: its application, its settings, its words."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError

from towpath.core.application import Application
from towpath.core.errors import ConfigError, DataError
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.model import State
from towpath.core.steps import PageRead, RecordWrite
from towpath.engine.records.ends import End, Host
from towpath.engine.records.stream_pages import StreamPages, StreamReading
from towpath.engine.records.stream_records import StreamRecords, StreamWriting
from towpath.engine.records.tools import StepTools
from towpath.sdk.registry import config_error

#: Longest trace key.
_MOST_KEY = 512
_WRITE_FIELDS = ("lookups", "ignore_existing", "ignore_missing", "max_attempts")


def open_reading(
    stack: ExitStack, spec: ExportSpec, pages: PageRead, end: End | None, state: State | None
) -> tuple[Application | None, BaseModel | None]:
    """What an export reads with; nothing where its records are only given. ``state``: where an incremental
    stream goes on.
    """
    if end is None or pages.kind in ("webhook", "simple"):
        return None, None
    connector = end.connector
    if connector.application is not None and connector.reading is not None and not spec.streams:
        reading = _parsed(connector.reading, pages.request, f"settings of an export from {connector.title}")
        return stack.enter_context(connector.application(end.config)), reading
    if connector.source is not None and spec.streams:
        source = stack.enter_context(connector.source(end.config))
        return StreamPages(connector, source, state), StreamReading(read=spec.streams[0])
    raise _cannot(end, "read", "streams" if connector.source else "")


def open_writing(
    stack: ExitStack, spec: ImportSpec, records: RecordWrite, end: End
) -> tuple[Application, BaseModel]:
    """What an import writes with."""
    connector = end.connector
    if connector.application is not None and connector.writing is not None and not spec.streams:
        request = writing_request(connector.writing, records)
        writing = _parsed(connector.writing, request, f"settings of an import to {connector.title}")
        return stack.enter_context(connector.application(end.config)), writing
    if connector.destination is not None and spec.streams:
        destination = stack.enter_context(connector.destination(end.config))
        known = None if connector.source is None else partial(connector.source, end.config)
        application = StreamRecords(connector, destination, known)
        return application, StreamWriting(write=spec.streams[0], namespace=spec.namespace)
    raise _cannot(end, "written", "streams" if connector.destination else "")


def writing_request(model: type[BaseModel], records: RecordWrite) -> dict[str, Any]:
    """What an import says to its connector: its request, and what else of it the connector asks for."""
    said = {name: getattr(records, name) for name in _WRITE_FIELDS if name in model.model_fields}
    return {**said, **records.request}


def words_of(
    words: Mapping[str, Any], role: str, step: str, settings: Mapping[str, Any], end: End | None
) -> dict[str, Any]:
    """What the templates of a step see: what the run knows, and the step's own."""
    shared = words.get("settings") or {}
    return {
        **words,
        "settings": {**shared, role: dict(settings)} if isinstance(shared, Mapping) else shared,
        "connection": {} if end is None else dict(end.words),
        role: {"id": step, "settings": dict(settings), **(words.get(role) or {})},
    }


def labels(
    trace_key: str | None, data_uri: str | None, tools: StepTools, host: Host
) -> Callable[..., tuple[str | None, str | None]]:
    """Makes trace key and link of a record. One that cannot be made is told once, and is None."""
    told: set[str] = set()

    def made(template: str | None, record: Any, more: Mapping[str, Any]) -> str | None:
        if not template:
            return None
        try:
            return tools.render(template, record, **more) or None
        except DataError as error:
            if error.code not in told:
                told.add(error.code)
                host.warn(tools.now.step, f"{template!r} cannot be made for every record: {error}")
            return None

    def label(record: Any, **more: Any) -> tuple[str | None, str | None]:
        trace = made(trace_key, record, more)
        return trace[:_MOST_KEY] if trace else None, made(data_uri, record, more)

    return label


def _parsed(model: type[BaseModel], request: Mapping[str, Any], what: str) -> BaseModel:
    try:
        return model.model_validate(dict(request))
    except ValidationError as error:
        raise config_error(error, what, "config.invalid") from None


def _cannot(end: End, what: str, has: str) -> ConfigError:
    hint = "Choose another connection."
    if has:
        hint = f"Name the one stream that is to be {what}."
    return ConfigError(
        "connector.no_records",
        f"{end.connector.title} cannot be {what} record by record.",
        hint=hint,
    )

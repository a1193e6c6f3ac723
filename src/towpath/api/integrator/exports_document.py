"""Between exports as documents and ours."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from towpath.api.integrator.documents import MASK
from towpath.api.integrator.errors import Refused, invalid
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.moments import parsed
from towpath.api.integrator.step_types import hooks
from towpath.api.integrator.step_types.steps import (
    clean,
    meaningful,
    mentions_of,
    name_of,
    no_settings,
    own_block,
    system_of,
)
from towpath.api.integrator.step_types.words import Reading, Word, flag, number, text, texts
from towpath.api.integrator.webhooks_settings import POSTED, answering, listener
from towpath.core.flows import ExportSpec, StreamRead
from towpath.core.records import Export
from towpath.core.steps import PageRead
from towpath.services.pipelines.drafts import Mention, StepDraft

_KINDS = ("all", "delta", "once", "test", *POSTED)
#: Kinds of systems that are only stored; nothing else can be one.
_KEPT_KINDS = ("distributed", "tranlinedelta", "blob", "stream", "valueDelta")


def _lag(value: Any) -> float:
    return number(value) / 1000


def _start(value: Any) -> datetime:
    found = parsed(value)
    if found is None:
        raise ValueError("It is a date like 2030-01-31T12:00:00.000Z.")
    return found


_WORDS = (
    Word("pageSize", "page_size", number),
    Word("delta.dateField", "delta.field", text),
    Word("delta.dateFormat", "delta.format", text),
    Word("delta.startDate", "delta.start", _start),
    Word("delta.lagOffset", "delta.lag", _lag),
    Word("once.booleanField", "once.field", text),
    Word("isLookup", "lookup", flag),
    Word("transform", "transform", meaningful),
    Word("filter", "filter", meaningful),
    Word("inputFilter", "input_filter", meaningful),
    Word("groupByFields", "group_by", texts),
    Word("sortByFields", "sort_by"),
    Word("oneToMany", "one_to_many", flag),
    Word("pathToMany", "path_to_many", text),
    Word("traceKeyTemplate", "trace_key", text),
    Word("dataURITemplate", "data_uri", text),
    Word("settings", "settings"),
)


def draft(document: Mapping[str, Any]) -> StepDraft[ExportSpec]:
    """What the document means. Raises `Refused` with all that is wrong, as far as that shows without looking
    anything up.
    """
    reading = Reading(document)
    connection, mentions = mentions_of(reading)
    kind = _kind(reading)
    block = own_block(reading)
    posted = listener(reading, kind, mask=MASK) if kind in POSTED else None
    spec, root = _spec(reading, kind, block, mentions)
    name = name_of(reading)
    reading.done()
    assert spec is not None  # noqa: S101 - what is none has faults
    system = system_of(document)
    return StepDraft(
        name=name,
        connection=None if kind in POSTED else connection,
        spec=spec,
        document=clean(_without_secrets(document)),
        systems=system.connectors if system and not block else frozenset(),
        root=root,
        places=reading.places,
        listener=posted,
        mentions=tuple(mentions),
    )


def _kind(reading: Reading) -> str:
    kind = reading.document.get("type") or "all"
    system = system_of(reading.document)
    if kind in _KINDS:
        return str(kind)
    if not (kind in _KEPT_KINDS and system and not system.reads[1:]):
        reading.faults.append(invalid("type", f"It is one of {', '.join(_KINDS[1:])}, or not there at all."))
    return "all"


def _spec(
    reading: Reading, kind: str, block: Mapping[str, Any], mentions: list[Mention]
) -> tuple[ExportSpec | None, str]:
    """What is read and how, and the part of the document that says it."""
    if "streams" in block:
        return reading.model(ExportSpec, {"streams": block["streams"]}), "towpath"
    request, root = _request(reading, kind, block)
    values = {"kind": kind, "request": request, **reading.settings(_WORDS)}
    if kind != "delta":
        values.pop("delta", None)
    if kind != "once":
        values.pop("once", None)
    if kind == "test":
        values |= {"limit": 1} | reading.settings((Word("test.limit", "limit", number),))
    values["hooks"] = hooks.hooks(reading, ("preSavePage",), mentions)
    pages = reading.model(PageRead, {name: value for name, value in values.items() if value is not None})
    stream = reading.model(StreamRead, _stream(block)) if "stream" in block else None
    if pages is None:
        return None, root
    return ExportSpec(pages=pages, streams=(stream,) if stream else ()), root


def _stream(block: Mapping[str, Any]) -> dict[str, Any]:
    more = {name: value for name, value in block.items() if name not in ("stream", "request")}
    return {"name": block["stream"], **more}


def _request(reading: Reading, kind: str, block: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    if "request" in block:
        return dict(reading.object("towpath.request")), "towpath.request"
    if "stream" in block:
        return {}, "towpath"
    if kind in POSTED:
        return answering(reading), "webhook"
    system = system_of(reading.document)
    if system is None:
        no_settings(reading)
        return {}, ""
    reading.object(system.root)
    return system.reading(reading), system.root


def shown(row: Export, identifier: str) -> dict[str, Any]:
    """The document of an export."""
    kept: Mapping[str, Any] = row.metadata.get("integrator", {})
    found = dict(kept) if _is_meant(kept, row) else _said(row, kept)
    if not found.get("name") and not row.name.startswith("export "):
        found["name"] = row.name
    if row.spec.pages is None or row.spec.pages.kind not in POSTED:
        found["_connectionId"] = shown_id(row.connection)
    return {"_id": shown_id(row.id), **found, "apiIdentifier": identifier}


def _is_meant(kept: Mapping[str, Any], row: Export) -> bool:
    """Whether what is kept still says what runs. Secrets are no part of that."""
    try:
        return bool(kept) and draft(kept).spec == row.spec
    except Refused:
        return False


def _said(row: Export, kept: Mapping[str, Any]) -> dict[str, Any]:
    """A document for an export that was made or changed elsewhere, in our own words."""
    spec = row.spec
    if spec.pages is None:
        streams = [item.model_dump(mode="json", exclude_defaults=True) for item in spec.streams]
        return {"name": row.name, "towpath": {"streams": streams}}
    whole = {name: kept[name] for name in ("_integrationId", "_connectorId", "description") if name in kept}
    found: dict[str, Any] = {"name": row.name, **whole, "pageSize": spec.pages.page_size}
    if spec.pages.kind != "all":
        found["type"] = spec.pages.kind
    found["towpath"] = {"request": dict(spec.pages.request)}
    return found


def _without_secrets(document: Mapping[str, Any]) -> dict[str, Any]:
    """With a mask for every secret of its listener. # Invariant 8"""
    webhook = document.get("webhook")
    if not isinstance(webhook, Mapping):
        return dict(document)
    masked = {
        name: MASK if name in ("token", "key", "password") and value else value
        for name, value in webhook.items()
    }
    return {**document, "webhook": masked}

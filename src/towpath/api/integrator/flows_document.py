"""Between flows as documents and ours."""

from collections.abc import Iterator, Mapping
from typing import Any

from towpath.api.integrator import flows_schedule
from towpath.api.integrator.errors import Refused, invalid, required
from towpath.api.integrator.ids import shown as shown_id
from towpath.api.integrator.step_types import hooks
from towpath.api.integrator.step_types.references import mention
from towpath.api.integrator.step_types.steps import clean, meaningful
from towpath.api.integrator.step_types.words import Reading, Word, flag
from towpath.core.flows import Schedule
from towpath.core.pipelines import Pipeline
from towpath.core.records import Flow
from towpath.services.pipelines.drafts import FlowDraft, Mention

_WORDS = (
    Word("skipRetries", "skip_retries", flag),
    Word("runPageGeneratorsInParallel", "parallel_generators", flag),
    Word("autoResolveMatchingTraceKeys", "auto_resolve", flag),
    Word("settings", "settings"),
)
_ROUTES = {"first_matching_branch": False, "all_matching_branches": True}


class _Flow:
    """A flow's document on its way."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.reading = Reading(document)
        self.document = document
        self.mentions: list[Mention] = []
        self.exports: list[str] = []
        self.imports: list[str] = []

    def step(self, digits: Any, field: str, kind: str) -> str | None:
        """Id of a step, which is one of the flow's from now on."""
        if digits is None:
            self.reading.faults.append(required(field))
            return None
        found = mention(self.reading, digits, field, kind)
        if found is None:
            return None
        self.mentions.append(found)
        steps = self.exports if kind == "exports" else self.imports
        if found.id not in steps:
            steps.append(found.id)
        return found.id

    def objects(self, value: Any, field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The objects of a list, with their places."""
        if value is None:
            return
        if not isinstance(value, list):
            self.reading.faults.append(invalid(field, "It is a list of objects."))
            return
        for number, item in enumerate(value):
            place = f"{field}[{number}]"
            if isinstance(item, Mapping):
                yield place, item
            else:
                self.reading.faults.append(invalid(place, "It is an object."))


def draft(document: Mapping[str, Any]) -> FlowDraft:
    """What the document means. Raises `Refused` with all that is wrong, as far as that shows without looking
    anything up.
    """
    flow = _Flow(document)
    reading = flow.reading
    name = document.get("name")
    if not isinstance(name, str) or not name:
        reading.faults.append(required("name") if not name else invalid("name", "It is a text."))
    integration = mention(reading, document.get("_integrationId"), "_integrationId", "integrations")
    pipeline = _pipeline(flow)
    when = _schedule(reading)
    disabled = reading.settings((Word("disabled", "disabled", flag),)).get("disabled", True)
    reading.done()
    return FlowDraft(
        name=str(name),
        exports=tuple(flow.exports),
        imports=tuple(flow.imports),
        pipeline=pipeline,
        schedule=when,
        enabled=not disabled,
        integration=integration.id if integration else None,
        document=clean(document),
        mentions=(*flow.mentions, *([integration] if integration else [])),
    )


def _pipeline(flow: _Flow) -> Pipeline | None:
    if flow.document.get("routers") and flow.document.get("pageProcessors"):
        message = '"pageProcessors" is not allowed when "routers" is present'
        flow.reading.faults.append(invalid("pageProcessors", message))
    values: dict[str, Any] = {
        "generators": list(_generators(flow)),
        "processors": list(_processors(flow, flow.document.get("pageProcessors"), "pageProcessors")),
        "routers": list(_routers(flow)),
        "run_next": list(_next(flow)),
        **flow.reading.settings(_WORDS),
    }
    _add_flat(flow, values)
    return flow.reading.model(Pipeline, values)


def _add_flat(flow: _Flow, values: dict[str, Any]) -> None:
    """The shape of 2016: one export, one import."""
    document = flow.document
    if document.get("_exportId") is not None and not values["generators"]:
        values["generators"] = [{"step": flow.step(document["_exportId"], "_exportId", "exports")}]
    if document.get("_importId") is not None and not values["processors"]:
        step = flow.step(document["_importId"], "_importId", "imports")
        values["processors"] = [{"step": step, "kind": "import"}]


def _generators(flow: _Flow) -> Iterator[dict[str, Any]]:
    for place, item in flow.objects(flow.document.get("pageGenerators"), "pageGenerators"):
        step = flow.step(item.get("_exportId"), f"{place}._exportId", "exports")
        if step:
            yield {"step": step, "skip_retries": bool(item.get("skipRetries"))}


def _processors(flow: _Flow, given: Any, field: str) -> Iterator[dict[str, Any]]:
    for place, item in flow.objects(given, field):
        kind = item.get("type") or ("export" if item.get("_exportId") else "import")
        if kind not in ("export", "import"):
            flow.reading.faults.append(invalid(f"{place}.type", "It is export or import."))
            continue
        name = "_exportId" if kind == "export" else "_importId"
        step = flow.step(item.get(name), f"{place}.{name}", f"{kind}s")
        own = item.get("hooks")
        given_hook = own.get("postResponseMap") if isinstance(own, Mapping) else None
        if step:
            yield {
                "step": step,
                "kind": "lookup" if kind == "export" else "import",
                "response": _response(item.get("responseMapping")),
                "proceed_on_failure": bool(item.get("proceedOnFailure")),
                "hook": hooks.hook(flow.reading, given_hook, f"{place}.hooks.postResponseMap", flow.mentions),
            }


def _response(mapping: Any) -> Any:
    """None for a mapping that maps nothing."""
    if isinstance(mapping, Mapping) and not any(mapping.get(part) for part in ("fields", "lists")):
        return None
    return meaningful(mapping)


def _routers(flow: _Flow) -> Iterator[dict[str, Any]]:
    for place, item in flow.objects(flow.document.get("routers"), "routers"):
        route = str(item.get("routeRecordsTo") or "first_matching_branch")
        if route not in _ROUTES:
            flow.reading.faults.append(
                invalid(f"{place}.routeRecordsTo", f"It is one of {', '.join(_ROUTES)}.")
            )
        script = item.get("script") if item.get("routeRecordsUsing") == "script" else None
        yield {
            "id": str(item.get("id") or item.get("_id") or place),
            "name": str(item.get("name") or ""),
            "all_branches": _ROUTES.get(route, False),
            "hook": hooks.hook(flow.reading, script, f"{place}.script", flow.mentions),
            "branches": [_branch(flow, where, branch) for where, branch in _branches(flow, place, item)],
        }


def _branches(flow: _Flow, place: str, router: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = list(flow.objects(router.get("branches"), f"{place}.branches"))
    if not found:
        flow.reading.faults.append(required(f"{place}.branches"))
    yield from found


def _branch(flow: _Flow, place: str, branch: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": str(branch.get("name") or ""),
        "filter": meaningful(branch.get("inputFilter")),
        "processors": list(_processors(flow, branch.get("pageProcessors"), f"{place}.pageProcessors")),
        "router": branch.get("nextRouterId") or None,
    }


def _next(flow: _Flow) -> Iterator[str]:
    given = flow.document.get("_runNextFlowIds") or []
    if not isinstance(given, list):
        flow.reading.faults.append(invalid("_runNextFlowIds", "It is a list of the _ids of flows."))
        return
    for number, digits in enumerate(given):
        found = mention(flow.reading, digits, f"_runNextFlowIds[{number}]", "flows")
        if found:
            flow.mentions.append(found)
            yield found.id


def _schedule(reading: Reading) -> Schedule | None:
    try:
        return flows_schedule.schedule(reading.document.get("schedule"), reading.document.get("timezone"))
    except Refused as error:
        reading.faults += error.faults
        return None


def shown(row: Flow) -> dict[str, Any]:
    """The document of a flow."""
    kept: Mapping[str, Any] = row.metadata.get("integrator", {})
    found = dict(kept) if _is_meant(kept, row) else _said(row)
    if row.integration:
        found["_integrationId"] = shown_id(row.integration)
    return {"_id": shown_id(row.id), **found, "disabled": not row.enabled}


def _is_meant(kept: Mapping[str, Any], row: Flow) -> bool:
    """Whether what is kept still says what runs."""
    try:
        meant = draft(kept) if kept else None
    except Refused:
        return False
    if meant is None or meant.schedule != row.schedule or meant.exports != row.exports:
        return False
    # A flow that copies streams has no pipeline, and is said by its two steps all the same.
    return meant.imports == row.imports and row.pipeline in (meant.pipeline, None)


def _said(row: Flow) -> dict[str, Any]:
    """A document for a flow that was made or changed elsewhere."""
    found: dict[str, Any] = {"name": row.name, **flows_schedule.shown(row.schedule)}
    if row.pipeline is None:
        return {**found, "_exportId": shown_id(row.exports[0]), "_importId": shown_id(row.imports[0])}
    found["pageGenerators"] = [{"_exportId": shown_id(item.step)} for item in row.pipeline.generators]
    found["pageProcessors"] = [
        {
            "type": "export" if item.kind == "lookup" else "import",
            "_exportId" if item.kind == "lookup" else "_importId": shown_id(item.step),
            "proceedOnFailure": item.proceed_on_failure,
            "responseMapping": item.response or {"fields": [], "lists": []},
        }
        for item in row.pipeline.processors
    ]
    return found

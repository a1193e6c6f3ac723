"""Functions of users' own in exports, imports and flows."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.errors import invalid
from towpath.api.integrator.step_types.references import mention
from towpath.api.integrator.step_types.words import Reading
from towpath.core.steps import Hook
from towpath.services.pipelines.drafts import Mention

#: Their words for the places of exports and imports, and ours.
PLACES: Mapping[str, str] = {
    "preSavePage": "pre_save_page",
    "preMap": "pre_map",
    "postMap": "post_map",
    "postSubmit": "post_submit",
    "postAggregate": "post_aggregate",
    "postResponseMap": "post_response_map",
}


def hooks(reading: Reading, names: tuple[str, ...], mentions: list[Mention]) -> dict[str, Hook]:
    """The hooks that a document names, by our words for their places. The stacks that they are on are added
    to the mentions.
    """
    given = reading.object("hooks")
    found = {}
    for name in names:
        made = hook(reading, given.get(name), f"hooks.{name}", mentions) or _early(given.get(f"_{name}Id"))
        if made:
            found[PLACES[name]] = made
    return found


def hook(reading: Reading, given: Any, field: str, mentions: list[Mention]) -> Hook | None:
    """One of them; None for one that names no function."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        reading.faults.append(invalid(field, "It is an object."))
        return None
    function = given.get("function")
    if not function:
        return None
    configuration = given.get("configuration") or {}
    if not isinstance(configuration, Mapping):
        reading.faults.append(invalid(f"{field}.configuration", "It is an object."))
        return None
    stack = mention(reading, given.get("_stackId"), f"{field}._stackId", "stacks")
    mentions += [stack] if stack else []
    app, script = reading.document.get("_connectorId"), given.get("_scriptId")
    # There is nothing here that runs scripts: called, it is a function that nobody has.
    name = f"{script}.{function}" if script else str(function)
    return Hook(
        function=name,
        stack=stack.id if stack else None,
        app=str(app) if app else None,
        configuration=configuration,
    )


def _early(id: Any) -> Hook | None:
    """A hook as of 2016: by its id alone."""
    return Hook(function=str(id)) if id else None

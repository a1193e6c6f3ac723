"""What exports and imports have in common as documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.api.integrator.errors import invalid, required
from towpath.api.integrator.step_types import databases, files, rest, wrapper
from towpath.api.integrator.step_types.references import mention
from towpath.api.integrator.step_types.systems import KEPT, System
from towpath.api.integrator.step_types.words import Reading
from towpath.services.pipelines.drafts import Mention

#: The parts that say how a system is read or written; the first that is there counts.
SYSTEMS: Sequence[System] = (
    rest.HTTP,
    rest.REST,
    files.FTP,
    files.S3,
    wrapper.SYSTEM,
    databases.RDBMS,
    *KEPT.values(),
)

#: What we say of a step; what a client sends of it is not kept.
COMPUTED = ("_id", "createdAt", "lastModified", "apiIdentifier")

_BLOCK = "towpath"


def system_of(document: Mapping[str, Any]) -> System | None:
    return next((system for system in SYSTEMS if _is_part(document.get(system.root))), None)


def _is_part(value: Any) -> bool:
    """A flag of the same name is none."""
    return value not in (None, {}) and not isinstance(value, bool)


def own_block(reading: Reading) -> Mapping[str, Any]:
    """What a document says in our own words, under ``towpath``."""
    return reading.object(_BLOCK)


def name_of(reading: Reading) -> str | None:
    name = reading.document.get("name")
    if name is not None and not isinstance(name, str):
        reading.faults.append(invalid("name", "It is a text."))
        return None
    return name or None


def mentions_of(reading: Reading) -> tuple[Mention | None, list[Mention]]:
    """The connection, and what else is named."""
    connection = mention(reading, reading.document.get("_connectionId"), "_connectionId", "connections")
    integration = mention(reading, reading.document.get("_integrationId"), "_integrationId", "integrations")
    return connection, [integration] if integration else []


def meaningful(value: Any) -> Any:
    """None for what says nothing: empty objects, lists and texts."""
    return None if value in (None, {}, [], "") else value


def clean(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as it is kept: without what is computed, null hooks and empty lists of lookups."""
    found = {name: value for name, value in document.items() if name not in COMPUTED}
    if isinstance(found.get("hooks"), Mapping):
        found["hooks"] = {name: value for name, value in found["hooks"].items() if _says_something(value)}
        if not found["hooks"]:
            del found["hooks"]
    for name, part in found.items():
        if isinstance(part, Mapping) and part.get("lookups") == []:
            found[name] = {key: value for key, value in part.items() if key != "lookups"}
    return found


def _says_something(hook: Any) -> bool:
    if isinstance(hook, Mapping):
        return any(value is not None for value in hook.values())
    return hook is not None


def no_settings(reading: Reading) -> None:
    """Tell that nothing says what is to be read or written."""
    reading.faults.append(required(_likely(reading.document)))


def _likely(document: Mapping[str, Any]) -> str:
    """Which part is missing, going by the kind that the document names."""
    kind = str(document.get("adaptorType") or "").lower()
    return next((system.root for system in SYSTEMS if kind.startswith(system.root)), "rest")

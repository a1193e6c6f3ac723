"""From the document of a connection to what is kept of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from towpath.api.integrator.connection_types import OURS, TYPES, ConnectionType, Settings, type_of
from towpath.api.integrator.connection_types.tables import number
from towpath.api.integrator.documents import Document, own
from towpath.api.integrator.errors import Fault, Refused, dangling, invalid, required
from towpath.api.integrator.moments import moment
from towpath.core.errors import ConfigError
from towpath.core.ids import of_object_id
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.services.context import Rooms
from towpath.services.pipelines.connecting import Draft, cut_settings
from towpath.services.pipelines.masking import MASK, cut, filled
from towpath.services.secrets.fields import MARK, is_mark
from towpath.services.tokens.clients import CLIENT

#: What we say of connections, besides what is said of all resources.
COMPUTED = ("offline", "needsAuthorization", "lastError")
#: How many may use a connection at once.
_MOST = 500
#: How many connections borrow from each other in a row.
_LONGEST_CHAIN = 20


def drafted(
    rooms: Rooms, work: UnitOfWork, org: str, id: str, document: Document, known: Mapping[str, Any]
) -> tuple[Draft, Settings]:
    """What shall be kept under the id; ``known`` are secrets that masks stand for. Raises `Refused` with all
    that is wrong.
    """
    given = filled(_own(document), known)
    faults: list[Fault] = [invalid(path, "It has a name that is ours alone.") for path in _marks(given, "")]
    kind, settings = _read(rooms, given, faults)
    columns = _columns(work, org, id, kind, given, settings, faults)
    if faults:
        raise Refused(*faults)
    shown, secrets = _cut(rooms, given, settings)
    draft = Draft(
        connector=settings.connector,
        name=str(given.get("name") or f"{given['type']} connection"),
        document=shown,
        secrets=secrets,
        config=settings.config,
        auth=settings.auth,
        credentials=settings.credentials,
        usable=settings.connector in rooms.registry.names(),
        columns=columns,
    )
    return draft, settings


def refused(error: ConfigError, settings: Settings) -> Refused:
    """What a connector says of its settings, in the words of the document."""
    reasons = error.context.get("reasons")
    if isinstance(reasons, dict) and reasons:
        return Refused(*(_fault(settings, field, str(told)) for field, told in reasons.items()))
    field = str(error.context.get("field") or "")
    return Refused(Fault("invalid_field", f"{error.message} {error.hint}", _place(settings, field) or None))


def _marks(value: Any, path: str) -> Iterator[str]:
    """Where marks stand, which are ours alone: in what is sent they could stand for what was never stored."""
    if isinstance(value, Mapping):
        if MARK in value:
            yield path or MARK
        for name, item in value.items():
            yield from _marks(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _marks(item, f"{path}.{index}")


def _own(document: Document) -> dict[str, Any]:
    return {name: value for name, value in own(document).items() if name not in COMPUTED}


def _read(rooms: Rooms, given: Mapping[str, Any], faults: list[Fault]) -> tuple[ConnectionType, Settings]:
    name = given.get("type")
    if not isinstance(name, str) or not name:
        faults.append(required("type"))
        return OURS, Settings("")
    kind = type_of(given)
    if kind is OURS and not _is_offered(rooms, name):
        faults.append(invalid("type", f"It is one of {', '.join(TYPES)}, or the name of a connector."))
        return OURS, Settings(name)
    return kind, kind.read(given, faults)


def _is_offered(rooms: Rooms, name: str) -> bool:
    if name not in rooms.registry.names():
        return False
    connector = rooms.registry.get(name)
    return bool(connector.source or connector.destination or connector.application)


def _columns(
    work: UnitOfWork,
    org: str,
    id: str,
    kind: ConnectionType,
    given: Mapping[str, Any],
    settings: Settings,
    faults: list[Fault],
) -> dict[str, Any]:
    part = given.get(str(given.get("type")))
    part = part if isinstance(part, Mapping) else {}
    if client := given.get("_iClientId") or part.get("_iClientId"):
        settings.credentials[CLIENT] = _reference(
            work, org, client, "_iClientId", "iclient", "client", faults
        )
    if stack := settings.config.get("stack"):
        _check_row(work, org, stack, f"{kind.name}._stackId", "stack", "stack", faults)
    return {
        "max_parallel": _level(kind, given, part, faults),
        "lender": _lender(work, org, id, given, faults),
        "debug_until": moment(given.get("debugDate"), "debugDate", faults),
        "scopes": settings.scopes,
    }


def _level(
    kind: ConnectionType, given: Mapping[str, Any], part: Mapping[str, Any], faults: list[Fault]
) -> int:
    value = part.get("concurrencyLevel", given.get("concurrencyLevel"))
    if value is None:
        return kind.level
    try:
        level = number(value)
    except ValueError:
        level = 0
    if not 1 <= level <= _MOST:
        field = f"{kind.name}.concurrencyLevel"
        faults.append(invalid(field, f"It is a whole number from 1 to {_MOST}."))
    return level


def _lender(work: UnitOfWork, org: str, id: str, given: Mapping[str, Any], faults: list[Fault]) -> str | None:
    field = "_borrowConcurrencyFromConnectionId"
    if not given.get(field):
        return None
    lender = _reference(work, org, given[field], field, "connection", None, faults)
    if lender is not None and id in _chain(work, org, lender):
        faults.append(invalid(field, "A connection does not borrow from itself, be it by way of others."))
    return lender


def _chain(work: UnitOfWork, org: str, id: str | None) -> set[str]:
    found: set[str] = set()
    while id is not None and id not in found and len(found) < _LONGEST_CHAIN:
        found.add(id)
        row = work.connections.find(org, id=id, deleted_at=None)
        id = row.lender if row else None
    return found


def _reference(
    work: UnitOfWork, org: str, value: object, field: str, what: str, role: str | None, faults: list[Fault]
) -> str | None:
    try:
        id = of_object_id("con", str(value))
    except ValueError:
        faults.append(dangling(field, what))
        return None
    return id if _check_row(work, org, id, field, what, role, faults) else None


def _check_row(
    work: UnitOfWork, org: str, id: str, field: str, what: str, role: str | None, faults: list[Fault]
) -> bool:
    row = work.connections.find(org, id=id, customer=None, deleted_at=None)
    if row is not None and (row.role == role if role else is_shown(row)):
        return True
    faults.append(dangling(field, what))
    return False


def is_shown(row: Connection) -> bool:
    """Whether it is a connection to this family: stacks, clients and listeners are other resources."""
    hidden = ("stack", "client", "listener", "alerts")
    return row.role not in hidden and row.connector != "oauth_client" and row.customer is None


def _cut(rooms: Rooms, given: Mapping[str, Any], settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document without its secrets, and these. What is secret in settings of ours the connector says."""
    document, secrets = cut(given)
    if type_of(given) is OURS:
        public, found = cut_settings(rooms, settings.connector, given["towpath"])
        document["towpath"] = masked_marks(public)
        secrets |= {f"towpath.{path}": text for path, text in found.items()}
    return document, {path: value for path, value in secrets.items() if value != MASK}


def masked_marks(config: Any) -> Any:
    """A configuration with `MASK` for the secrets that it has marks for."""
    if is_mark(config):
        return MASK
    if isinstance(config, Mapping):
        return {name: masked_marks(item) for name, item in config.items()}
    if isinstance(config, list):
        return [masked_marks(item) for item in config]
    return config


def _fault(settings: Settings, field: str, told: str) -> Fault:
    return invalid(_place(settings, field), f"{told[:1].upper()}{told[1:].rstrip('.')}.")


def _place(settings: Settings, field: str) -> str:
    """The document's name for a setting, or for what it is a part of."""
    parts = field.split(".")
    # Of the ways of authentication the checks name the way, too.
    tries = [parts, [parts[0], *parts[2:]]] if parts[0] == "auth" else [parts]
    for names in tries:
        if ".".join(names) in settings.places:
            return settings.places[".".join(names)]
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        if name in settings.places:
            return ".".join([settings.places[name], *parts[length:]])
    return field

"""Organizations full of rows, one of each kind, for the store suite."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

from towpath.core.filters import Operator
from towpath.core.flows import Every, ExportSpec, Filter, ImportSpec, Policy, StreamRead, StreamWrite
from towpath.core.ids import new_id
from towpath.core.model import ReadMode, WriteMode
from towpath.core.ports import AuthType
from towpath.core.records import (
    AuditEntry,
    Authorization,
    Connection,
    ConnectionStatus,
    Customer,
    DebugLine,
    Event,
    Export,
    Flow,
    Grant,
    Import,
    Instance,
    Integration,
    Item,
    Key,
    KeyKind,
    LogLine,
    Organization,
    Owned,
    Project,
    RecordError,
    Role,
    Run,
    RunSlice,
    RunStream,
    User,
    now,
)
from towpath.core.repositories import Store, UnitOfWork
from towpath.core.sealed import MasterKey, SealedSecrets

#: The stream that every world's run has, with the names that hurt.
STREAM = 'public."Örders", 100%'

#: The master key that every world's secrets are wrapped by.
MASTER_KEY = MasterKey("00000000000000aa", "sealed digest key")

#: More instances, for grants: as many can be added to a world one after the other.
SPARES = tuple(f"instances/{n}" for n in range(6))
_spares = cycle(SPARES)


def fresh(kind: str, org: str, ids: Mapping[str, str], /, **fields: Any) -> Any:
    """A record of a kind (the name of its repository) that can be added to the world with these ids."""
    record, values = _KINDS[kind]
    taken = {name: value(ids) if callable(value) else value for name, value in values.items()}
    if "name" in record.__dataclass_fields__:
        taken["name"] = f"a new {new_id('name')}"
    return record(**({"org": org} | taken | fields))


#: Repository name → record class and the fields that need a value; functions get the ids of the world.
_KINDS: dict[str, tuple[type[Owned], dict[str, Any]]] = {
    "projects": (Project, {}),
    "customers": (Customer, {}),
    "instances": (Instance, {"customer": lambda ids: ids["customers"]}),
    "users": (User, {"email": "é@example.com", "password_hash": "$argon2id$…", "role": Role.OWNER}),
    "keys": (
        Key,
        {
            "kind": KeyKind.BROKER,
            "digest": lambda _: new_id("digest"),
            "instance": lambda ids: ids["instances"],
            "scopes": ("a", "b"),
            "hint": "tp_proxy_é",
            "user": lambda ids: ids["users"],
            "expires_at": datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC),
        },
    ),
    "connections": (
        Connection,
        {
            "connector": "postgres",
            "config": {
                "host": "h\u00e9",
                "nul": "\x00",
                "big": 2**80,
                "half": "\ud800",
                "deep": [{"x": None}],
            },
            "project": lambda ids: ids["projects"],
            "customer": lambda ids: ids["customers"],
            "auth": AuthType.OAUTH2,
            "scopes": ("mail.send", "é"),
            "metadata": {"deep": [{"x": None}], "nul": "\x00"},
            "status": ConnectionStatus.ERROR,
            "error": "it answered 500",
            "role": "source",
            "created_by": "Ann",
            "updated_by": "Bo",
            "expires_at": datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC),
        },
    ),
    "grants": (
        Grant,
        {
            "connection": lambda ids: ids["connections"],
            # One for each connection and instance: the world's own row has the first.
            "instance": lambda ids: ids[next(_spares)] if "grants" in ids else ids["instances"],
            "capabilities": ("send_mail", "b", "a"),
        },
    ),
    "authorizations": (
        Authorization,
        {
            "connection": lambda ids: ids["connections"],
            "browser": "digest",
            "expires_at": datetime(2224, 2, 29, 12, 0, 0, 1, tzinfo=UTC),
        },
    ),
    "events": (Event, {"type": "connection.expired", "body": {"big": 2**80}, "error": "nobody\u00e9"}),
    "exports": (
        Export,
        {
            "connection": lambda ids: ids["connections"],
            "project": lambda ids: ids["projects"],
            "spec": ExportSpec(
                streams=(
                    StreamRead(
                        name=STREAM,
                        mode=ReadMode.INCREMENTAL,
                        cursor="at",
                        lookback=1.5,
                        columns=("id", "at"),
                        where=(Filter(column="kind", op=Operator.IN, value=["a", None, 1]),),
                    ),
                )
            ),
        },
    ),
    "imports": (
        Import,
        {
            "connection": lambda ids: ids["connections"],
            "spec": ImportSpec(
                namespace="lake",
                streams=(StreamWrite(name=STREAM, mode=WriteMode.UPSERT, primary_key=("id",)),),
            ),
        },
    ),
    "integrations": (
        Integration,
        {
            "project": lambda ids: ids["projects"],
            "connection": lambda ids: ids["connections"],
            "summary": "Örders",
            "enabled": True,
        },
    ),
    "flows": (
        Flow,
        {
            "exports": lambda ids: (ids["exports"],),
            "imports": lambda ids: (ids["imports"],),
            "schedule": Every(every=90),
            "policy": Policy(max_attempts=3),
            "next_due": datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC),
            "integration": lambda ids: ids["integrations"],
            "project": lambda ids: ids["projects"],
            "metadata": {"console": {"frequency": "5-minutes"}},
            "created_by": "Ann",
            "updated_by": "Bo",
        },
    ),
    "runs": (
        Run,
        {"flow": lambda ids: ids["flows"], "streams": (STREAM,), "error": {"code": "x"}, "clear": True},
    ),
    "record_errors": (
        RecordError,
        {
            "run": lambda ids: ids["runs"],
            "flow": lambda ids: ids["flows"],
            "stream": STREAM,
            "code": "upsert.no_key",
            "message": "no key",
            "record": {"id": None, "big": 2**80},
            "key": lambda _: new_id("key"),
            "detail": {"source": "mapping"},
        },
    ),
    "items": (Item, {"kind": "template", "document": {"published": False}}),
}

#: The repositories with the common methods, each after those that its rows refer to.
KINDS = tuple(_KINDS)

#: The record of each kind.
RECORDS = {kind: record for kind, (record, _) in _KINDS.items()}


@dataclass(frozen=True)
class World:
    """One organization with a row of everything; ``ids`` by the names of the repositories."""

    org: str
    ids: Mapping[str, str]

    def __getattr__(self, name: str) -> str:
        """``world.runs``: the id of its run."""
        try:
            return self.ids[name]
        except KeyError:
            raise AttributeError(name) from None

    def fresh(self, kind: str, /, **fields: Any) -> Any:
        return fresh(kind, self.org, self.ids, **fields)

    def plan(self, *slices: str, epoch: int = 0, **fields: Any) -> tuple[RunStream, list[RunSlice]]:
        return plan(self.org, self.ids["runs"], *slices, epoch=epoch, **fields)


def plan(
    org: str, run: str, *slices: str, epoch: int = 0, stream: str = STREAM, **fields: Any
) -> tuple[RunStream, list[RunSlice]]:
    head = RunStream(org=org, run=run, stream=stream, epoch=epoch, selection={}, target={}, **fields)
    parts = [
        RunSlice(org=org, run=run, stream=stream, epoch=epoch, slice=name, spec={"of": epoch})
        for name in slices
    ]
    return head, parts


def make_world(store: Store) -> World:
    """A new organization with a row of everything, committed."""
    with store.begin() as unit:
        org = unit.organizations.add(Organization(name=new_id("organization"))).id
        ids: dict[str, str] = {}
        for kind in KINDS:
            ids[kind] = getattr(unit, kind).add(org, fresh(kind, org, ids)).id
        for name in SPARES:
            ids[name] = unit.instances.add(org, fresh("instances", org, ids)).id
        _add_parts(unit, org, ids)
    return World(org, ids)


def _add_parts(unit: UnitOfWork, org: str, ids: dict[str, str]) -> None:
    run = ids["runs"]
    unit.streams.save_plan(org, *plan(org, run, "s0", "s1"))
    ids["streams"] = unit.streams.get(org, run, STREAM).id
    ids["attempts"] = unit.attempts.begin(org, run, "slice/0", "worker-1").id
    unit.states.save(org, ids["flows"], STREAM, 0, {"cursor": 5}, run)
    unit.log.append(org, run, [LogLine(message="begun")])
    unit.master_keys.add(MASTER_KEY)
    unit.secrets.put(org, sealed(org, ids["connections"]))
    entry = AuditEntry(org=org, actor="cli", action="world.make", object=org)
    ids["audit"] = unit.audit.append(org, entry).id
    unit.renewals.claim(org, ids["connections"], ids["connections"], now(), now() + timedelta(minutes=1))
    ids["requests"], ids["numbers"] = new_id("request"), new_id("kind")
    unit.requests.remember(org, ids["requests"], "fingerprint", ids["connections"])
    unit.numbers.assign(org, ids["numbers"], [ids["connections"]])
    ids["values"] = new_id("scope")
    unit.values.put(org, ids["values"], "counter", {"n": 1})
    line = DebugLine(connection=ids["connections"], step="exp_1", what="request", detail={"method": "GET"})
    unit.debug_lines.append(org, [line])


def sealed(org: str, connection: str, wrapped_key: str = "wrapped") -> SealedSecrets:
    return SealedSecrets(org, connection, wrapped_key, MASTER_KEY.key_id, {"password": "ciphertext"})


def missing_ids(world: World) -> dict[str, str]:
    """Ids that nobody has."""
    return {kind: new_id(id.partition("_")[0]) for kind, id in world.ids.items()}


def snapshot(store: Store, world: World) -> dict[str, Any]:
    """Everything that the world's organization holds."""
    org, run, flow = world.org, world.runs, world.flows
    with store.read() as unit:
        rows: dict[str, Any] = {kind: getattr(unit, kind).list(org) for kind in KINDS}
        return rows | {
            "streams": unit.streams.list(org, run),
            "slices": unit.streams.slices(org, run, STREAM),
            "attempts": unit.attempts.list(org, run),
            "states": unit.states.list(org, flow),
            "log": unit.log.read(org, run),
            "secrets": unit.secrets.get(org, world.connections),
            "audit": unit.audit.list(org),
            "head": unit.audit.head(org),
            "renewal": unit.renewals.get(org, world.connections).owner,
            "request": unit.requests.find(org, world.requests),
            "number": unit.numbers.find(org, world.numbers, 1),
            "values": unit.values.find(org, world.values),
            "debug_lines": unit.debug_lines.read(org, world.connections),
        }

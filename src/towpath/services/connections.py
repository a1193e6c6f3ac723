"""Keeping connections: create, update, delete, try, look through."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr

from towpath.core.errors import ConfigError, NotFoundError, TowpathError
from towpath.core.model import Selection, Stream
from towpath.core.ports import Connector, Destination, Source
from towpath.core.records import Connection
from towpath.core.repositories import UnitOfWork
from towpath.sdk.registry import parse_config
from towpath.services import naming
from towpath.services.context import Rooms, UseCases, audit, missing
from towpath.services.lending import credentials
from towpath.services.pipelines import mentions
from towpath.services.projects import names
from towpath.services.removal import remove
from towpath.services.secrets import fields as secretfields
from towpath.services.secrets import sealing
from towpath.services.tokens.renewing import make_fresh
from towpath.vault import join_secrets, split_secrets

if TYPE_CHECKING:
    from towpath.core.application import Application

#: The role of connections that are an extension server's.
STACK = "stack"


@dataclass(frozen=True)
class Checked:
    """What one role of a connection answered: ``answer`` or ``error``, never both."""

    role: str
    """``source``, ``destination`` or ``application``."""
    answer: str = ""
    error: TowpathError | None = None


@dataclass(frozen=True)
class Preview:
    """The first records of a stream."""

    stream: Stream
    records: list[dict[str, Any]]


class Connections(UseCases):
    """The use cases of connections. Secrets go in, and never come out."""

    def create(
        self, org: str, name: str, connector: str, config: Mapping[str, Any], **more: Any
    ) -> Connection:
        """``more``: project, customer, max_parallel. Raises `ConfigError` naming the field at fault."""
        with self.sealing() as work:
            return self.create_in(work, org, name, connector, config, **more)

    def create_in(
        self,
        work: UnitOfWork,
        org: str,
        name: str,
        connector: str,
        config: Mapping[str, Any],
        *,
        known: Mapping[str, SecretStr] | None = None,
        **more: Any,
    ) -> Connection:
        """``known`` are the secrets that marks in ``config`` stand for."""
        plain, secrets = self.parse(connector, config, known)
        row = Connection(org=org, name=name, connector=connector, config=plain, **more)
        work.connections.add(org, row)
        sealing.keep(self.rooms, work, org, row.id, secrets)
        audit(work, org, self.actor, "connection.create", row.id, name=name, connector=connector)
        return row

    def update(self, org: str, name: str, config: Mapping[str, Any] | None = None, **more: Any) -> Connection:
        """Replace the configuration; secrets that it omits or masks stay as they are."""
        with self.sealing() as work:
            return self.update_in(work, org, find(work, org, name), config, **more)

    def update_in(
        self,
        work: UnitOfWork,
        org: str,
        row: Connection,
        config: Mapping[str, Any] | None,
        *,
        known: Mapping[str, SecretStr] | None = None,
        **more: Any,
    ) -> Connection:
        """``known`` are secrets that marks in ``config`` stand for instead of the connection's own."""
        changes = dict(more)
        if config is not None:
            _refuse_lent(row)
            before = sealing.reveal(self.rooms, work, org, row.id)
            whole = secretfields.kept(config, row.config)
            changes["config"], secrets = self.parse(row.connector, whole, {**before, **(known or {})})
            if secrets != before:
                sealing.keep(self.rooms, work, org, row.id, secrets)
        changed = work.connections.update(org, row.id, **changes)
        audit(work, org, self.actor, "connection.update", row.id, fields=sorted(changes))
        return changed

    def parse(
        self, connector: str, config: Mapping[str, Any], known: Mapping[str, SecretStr] | None = None
    ) -> tuple[dict[str, Any], dict[str, SecretStr]]:
        """The configuration without its secrets, and the secrets by path.

        ``known`` are the secrets that marks in it may stand for. Raises `ConfigError` naming the field.
        """
        plugin = known_connector(self.rooms, connector)
        public, fresh = split_secrets(plugin.config, config)
        secrets = {**(known or {}), **fresh}
        parsed: BaseModel = parse_config(plugin, join_secrets(public, secrets))
        public = secretfields.typed(public, parsed.model_dump(mode="json", exclude_unset=True))
        return public, {path: secrets[path] for path in secretfields.marks(public)}

    def secrets_in(self, connector: str, config: Mapping[str, Any]) -> set[str]:
        """The field paths of the secrets that a configuration, whole or in part, gives."""
        return set(split_secrets(known_connector(self.rooms, connector).config, config)[1])

    def delete(self, org: str, name: str) -> Connection:
        """As `remove` does."""
        return remove(self, org, lambda work: find(work, org, name))

    def get(self, org: str, name: str) -> Connection:
        with self.rooms.store.read() as work:
            return find(work, org, name)

    def list(self, org: str) -> Sequence[Connection]:
        with self.rooms.store.read() as work:
            return alive(work, org)

    def roles_in_use(self, org: str, connection: str) -> set[str]:
        with self.rooms.store.read() as work:
            reads = work.exports.list(org, connection=connection)
            writes = work.imports.list(org, connection=connection)
        return {role for role, rows in (("source", reads), ("destination", writes)) if rows}

    def check(self, org: str, name: str) -> Sequence[Checked]:
        """Try the connection in the roles that flows use it in; an unused one in every role it has. One that
        has neither source nor destination is tried as an application.
        """
        row, connector, config = self.resolve(org, name)
        roles = [role for role in ("source", "destination") if getattr(connector, role)]
        if not roles:
            return [check_role(connector, config, "application")] if connector.application else []
        used = self.roles_in_use(org, row.id)
        return [check_role(connector, config, role) for role in roles if not used or role in used]

    def discover(self, org: str, name: str) -> Sequence[Stream]:
        with self.source(org, name) as source:
            return source.discover()

    def preview(self, org: str, name: str, stream: str, limit: int = 20) -> Preview:
        """The first ``limit`` records of a stream."""
        with self.source(org, name) as source:
            found = find_stream(source.discover(), stream)
            return Preview(found, first_records(source, Selection(found), limit))

    @contextmanager
    def source(self, org: str, name: str) -> Iterator[Source]:
        """The connection, opened to read. Raises `ConfigError` if its system can only be written to."""
        row, connector, config = self.resolve(org, name, "source")
        if connector.source is None:
            raise ConfigError(
                "connector.no_source",
                f"{connector.title} cannot be read from.",
                hint="`towpath connectors list` shows which connectors are sources.",
                connection=row.name,
            )
        with connector.source(config) as source:
            yield source

    def resolve(self, org: str, name: str, role: str | None = None) -> tuple[Connection, Connector[Any], Any]:
        """The connection, its connector and its configuration object, secrets included."""
        _ = self.rooms.vault
        with self.rooms.store.read() as work:
            row = find(work, org, name, role=role)
        make_fresh(self.rooms, org, row.id)
        with self.rooms.store.read() as work:
            plain = plain_config(self.rooms, work, org, row)
        connector = self.rooms.registry.get(row.connector)
        return row, connector, parse_config(connector, plain)


def _refuse_lent(row: Connection) -> None:
    """Credentials that are sealed as a whole are replaced as a whole, and not setting by setting."""
    if credentials.whole(row):
        raise ConfigError(
            "config.invalid",
            f"The credentials of the connection {row.name!r} are kept to be lent, and changed as a whole.",
            hint="Send all of them: PATCH /v1/customers/{customer}/connections/{connection}.",
            field="config",
        )


def known_connector(rooms: Rooms, name: str) -> Connector[Any]:
    """The connector that a configuration names. Raises `ConfigError` (``connector.unknown``)."""
    try:
        return rooms.registry.get(name)
    except NotFoundError as error:
        raise ConfigError(error.code, error.message, hint=error.hint, field="connector") from None


def plain_config(rooms: Rooms, work: UnitOfWork, org: str, row: Connection) -> dict[str, Any]:
    """The configuration with its secrets: for the one moment in which the connection is opened."""
    if credentials.whole(row):
        connector = known_connector(rooms, row.connector)
        return credentials.fields_for(connector, credentials.reveal(rooms, work, org, row))
    config = join_secrets(row.config, sealing.reveal(rooms, work, org, row.id))
    return with_stack(rooms, work, org, config) if row.connector == "wrapper" else config


def with_stack(rooms: Rooms, work: UnitOfWork, org: str, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a wrapper with address and token of the extension server that its ``stack`` names,
    if it names one. Raises `ConfigError` if that is not there, or is none that functions can be called on.
    """
    id = config.get("stack")
    if not isinstance(id, str) or not id:
        return config
    stack = work.connections.find(org, id=id, role=STACK, deleted_at=None)
    server = plain_config(rooms, work, org, stack).get("server") if stack else None
    if server is None:
        raise ConfigError(
            "config.invalid",
            "The stack is not one of yours, or its functions are not on an extension server.",
            hint="Name a stack of the type server: GET /v1/stacks lists them.",
            field="stack",
        )
    return {**config, "server": server}


#: The connections that have names; those of customers have ids alone.
_OWN: dict[str, Any] = {"customer": None, "deleted_at": None}


def find(
    work: UnitOfWork, org: str, name: str, project: str | None = None, role: str | None = None
) -> Connection:
    """The connection with this id, or that of the organization's own (no customer's) which the name means in
    ``project``, an id; see `naming.called`. Of a source and a destination of one name it is that of ``role``.

    Raises `NotFoundError` that offers the nearest name, and `ConflictError` (``connection.ambiguous``).
    """
    connections = work.connections
    # The id first: nobody may take another's place by taking its id for a name.
    row = connections.find(org, id=name, deleted_at=None)
    row = row or naming.only(work, org, "connection", name, _called(work, org, name, project, role))
    if row is None:
        raise naming.unknown(work, org, "connection", connections, name, **_OWN)
    return row


def _called(
    work: UnitOfWork, org: str, name: str, project: str | None, role: str | None
) -> Sequence[Connection]:
    ways = [_OWN] if role is None else [_OWN | {"role": [role, None]}, _OWN]
    found = (naming.called(work, org, work.connections, name, project, **way) for way in ways)
    return next(filter(None, found), [])


def handle(work: UnitOfWork, row: Connection, project: str | None = None, role: str | None = None) -> str:
    """What `find` finds the connection by, in documents of the project; the id only if nothing else does."""
    if row.customer is not None:
        return row.id
    label = naming.label(row, names(work, row.org))
    ways = [row.name] if row.project in (None, project) else []
    ways.append(label if row.project else f"/{label}")
    means = (text for text in ways if _called(work, row.org, text, project, role) == [row])
    return next(means, row.id)


def alive(work: UnitOfWork, org: str) -> Sequence[Connection]:
    """The connections that are not deleted, without those that are parts of something else."""
    return [row for row in work.connections.list(org, deleted_at=None) if row.role not in mentions.PRIVATE]


def check_role(connector: Connector[Any], config: Any, role: str) -> Checked:
    """Try one role; what goes wrong is part of the answer."""
    open_role = getattr(connector, role)
    try:
        with open_role(config) as system:
            answer: Source | Destination | Application = system
            return Checked(role, answer=answer.check())
    except TowpathError as error:
        return Checked(role, error=error)


def find_stream(streams: Sequence[Stream], name: str) -> Stream:
    """The stream with this key; its bare name will do if only one has it."""
    for stream in streams:
        if stream.key == name:
            return stream
    bare = [stream for stream in streams if stream.name == name]
    if len(bare) == 1:
        return bare[0]
    known = [stream.key for stream in streams]
    raise missing("stream", name, known, "`towpath discover CONNECTION` lists the streams.")


def first_records(source: Source, selection: Selection, limit: int) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for slice in source.plan(selection, None).slices:
        reading = source.read(selection, slice, None)
        try:
            for batch in reading:
                records.extend(batch.arrow.slice(0, limit - len(records)).to_pylist())
                if len(records) >= limit:
                    return records
        finally:
            close = getattr(reading, "close", None)
            if close:
                close()
    return records

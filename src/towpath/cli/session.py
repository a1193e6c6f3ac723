"""What one call of the command knows: its flags, and the rooms once they are needed."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.bootstrap.container import Container
    from towpath.sdk.registry import Registry
    from towpath.services.connections import Connections
    from towpath.services.documents.apply import Documents
    from towpath.services.flows import Flows
    from towpath.services.inbox import Inbox
    from towpath.services.people.keys import Customers, Instances, Keys
    from towpath.services.people.users import Users
    from towpath.services.runs import Runs
    from towpath.services.secrets.masterkey import MasterKey
    from towpath.services.states import States
    from towpath.services.trail import Trail

#: The options that many commands share.
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Session:
    """Opens nothing before it is asked to, so that light commands stay light."""

    def __init__(self, flags: dict[str, Any]) -> None:
        self.flags = flags

    @cached_property
    def container(self) -> "Container":
        from towpath.bootstrap import logs, settings
        from towpath.bootstrap.container import Container

        loaded = settings.load(self.flags)
        settings.forget_secrets()
        logs.configure(loaded.log_level, loaded.log_format)
        return Container(loaded)

    @cached_property
    def registry(self) -> "Registry":
        """The connectors, without opening the store."""
        from towpath.bootstrap import plugins, settings

        return plugins.installed(settings.load(self.flags))

    def close(self) -> None:
        """Release what was opened."""
        if "container" in self.__dict__:
            self.container.close()

    @property
    def org(self) -> str:
        return self.container.organization.id

    @property
    def connections(self) -> "Connections":
        from towpath.services.connections import Connections

        return Connections(self.container, self.actor)

    @property
    def flows(self) -> "Flows":
        from towpath.services.flows import Flows

        return Flows(self.container, self.actor)

    @property
    def projects(self) -> "Mapping[str, str]":
        """The names of all projects, by id."""
        from towpath.services.projects import Projects

        return Projects(self.container, self.actor).names(self.org)

    @property
    def runs(self) -> "Runs":
        from towpath.services.runs import Runs

        return Runs(self.container, self.actor)

    @property
    def states(self) -> "States":
        from towpath.services.states import States

        return States(self.container, self.actor)

    @property
    def inbox(self) -> "Inbox":
        from towpath.services.inbox import Inbox

        return Inbox(self.container, self.actor)

    @property
    def documents(self) -> "Documents":
        from towpath.services.documents.apply import Documents

        return Documents(self.container, self.actor)

    @property
    def users(self) -> "Users":
        from towpath.services.people.users import Users

        return Users(self.container, self.actor)

    @property
    def keys(self) -> "Keys":
        from towpath.services.people.keys import Keys

        return Keys(self.container, self.actor)

    @property
    def customers(self) -> "Customers":
        from towpath.services.people.keys import Customers

        return Customers(self.container, self.actor)

    @property
    def instances(self) -> "Instances":
        from towpath.services.people.keys import Instances

        return Instances(self.container, self.actor)

    @property
    def master_key(self) -> "MasterKey":
        from towpath.services.secrets.masterkey import MasterKey

        return MasterKey(self.container, self.actor)

    @property
    def trail(self) -> "Trail":
        from towpath.services.trail import Trail

        return Trail(self.container, self.actor)

    @cached_property
    def actor(self) -> Any:
        from towpath.services.context import Actor

        return Actor("cli")


def session(ctx: typer.Context) -> Session:
    """The session of this call; closed when the command ends, however it ends."""
    found: Session = ctx.obj
    return found


def with_home(ctx: typer.Context, home: Path | None) -> Session:
    """The session with the home folder that the command itself was given."""
    found = session(ctx)
    if home is not None:
        found.flags["home"] = home
    return found


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone. Raises `typer.Abort` on no."""
    if not yes:
        typer.confirm(question, abort=True, err=True)

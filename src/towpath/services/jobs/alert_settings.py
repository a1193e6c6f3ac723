"""Where a project's alerts go: one URL, and the secret that signs what is sent there."""

import base64
import secrets
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from towpath.core.errors import ConfigError, ConflictError, TowpathError, UnreachableError
from towpath.core.records import Connection, Event, Project, now
from towpath.sdk.guard import allowed_hosts, checked_addresses
from towpath.sdk.http_errors import PORTS, checked_parts
from towpath.services import events
from towpath.services.connections import Connections
from towpath.services.context import UseCases
from towpath.services.jobs.alerts import CONNECTOR, NAME, ROLE, receiver
from towpath.services.removal import remove

TEST = "alert.test"
#: Bytes of a signing secret, as Standard Webhooks recommends.
_SECRET = 32


@dataclass(frozen=True)
class Heard:
    """What the receiver made of a test."""

    delivered: bool
    said: str
    status: int | None = None
    """None if there was no answer."""


class Alerts(UseCases):
    """The use cases of a project's alerts."""

    def url(self, org: str, project: Project) -> str | None:
        """Where they go; None if they are off."""
        with self.rooms.store.read() as work:
            row = receiver(work, org, project.id)
        return row.config["url"] if row else None

    def send_to(self, org: str, project: Project, url: str, *, rotate: bool = False) -> SecretStr | None:
        """Send them there from now on. A new URL gets a new signing secret, and the old one another with
        ``rotate``: it is shown this once. Raises `ConfigError` for what cannot or may not be reached.
        """
        # Opening it puts the operator's list of hosts in force, also if nobody has asked for it yet.
        _ = self.rooms.registry
        check(url)
        if url == self.url(org, project) and not rotate:
            return None
        secret = SecretStr("whsec_" + base64.b64encode(secrets.token_bytes(_SECRET)).decode())
        try:
            self._keep(org, project, url, secret)
        except ConflictError:  # somebody else has just been first
            self._keep(org, project, url, secret)
        return secret

    def rotate(self, org: str, project: Project) -> SecretStr | None:
        """Another signing secret. Raises `ConfigError` (``alerts.off``)."""
        return self.send_to(org, project, self._known(org, project), rotate=True)

    def off(self, org: str, project: Project) -> None:
        """Send no more. What has not been delivered yet never is."""
        with self.rooms.store.read() as work:
            row = receiver(work, org, project.id)
        if row is not None:
            remove(self, org, lambda work: work.connections.get(org, row.id))

    def test(self, org: str, project: Project) -> Heard:
        """Send an event now, and tell what came of it. Raises `ConfigError` (``alerts.off``)."""
        self._known(org, project)
        with self.rooms.store.read() as work:
            row = receiver(work, org, project.id)
        event = _test_event(org, project, row)
        try:
            answer = events.post(self.rooms, event)
        except TowpathError as error:
            return Heard(delivered=False, said=f"{error.message} {error.hint}".strip())
        return Heard(answer.ok, answer.excerpt(), answer.status)

    def _known(self, org: str, project: Project) -> str:
        url = self.url(org, project)
        if url is None:
            raise ConfigError(
                "alerts.off",
                f"The project {project.name!r} has no address for alerts.",
                hint="Set its webhook_alert_url first.",
                field="url",
            )
        return url

    def _keep(self, org: str, project: Project, url: str, secret: SecretStr) -> None:
        config = {"url": url, "signing_secret": secret.get_secret_value()}
        connections, person = Connections(self.rooms, self.actor), self.actor.user
        with self.sealing() as work:
            row = receiver(work, org, project.id)
            if row is not None:
                connections.update_in(work, org, row, config, updated_by=person)
                return
            more: dict[str, Any] = {"project": project.id, "role": ROLE}
            more |= {"created_by": person, "updated_by": person}
            connections.create_in(work, org, NAME, CONNECTOR, config, **more)


def check(url: str) -> None:
    """Raises `ConfigError` naming the field ``url`` for what is no URL, has no address, or leads inside."""
    parts = checked_parts(url)
    try:
        checked_addresses(parts.hostname or "", parts.port or PORTS[parts.scheme], allowed_hosts())
    except UnreachableError as error:
        raise ConfigError(error.code, error.message, hint=error.hint, field="url") from None


def _test_event(org: str, project: Project, row: Connection | None) -> Event:
    text = f"Alerts of the project {project.name} arrive here."
    data = {"project": project.name}
    body = {"type": TEST, "timestamp": now().isoformat(), "text": text, "data": data}
    return Event(org=org, type=TEST, body=body, connection=row.id if row else None)

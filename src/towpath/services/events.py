"""Telling the organization's own systems what became of a connection or a run, by webhook.

An event is stored in the unit of work that changes the row: there is exactly one for each change. Any
worker sends it, at least once, under one ``webhook-id`` by which its receiver knows it again.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from towpath.core.errors import NotFoundError, TowpathError
from towpath.core.ids import as_uuid
from towpath.core.records import Connection, Event, now
from towpath.core.repositories import UnitOfWork
from towpath.sdk.http import HttpClient, Response, Retry
from towpath.sdk.registry import parse_config
from towpath.sdk.webhooks import Signer
from towpath.services.context import Rooms
from towpath.services.secrets import sealing
from towpath.vault import join_secrets

#: What may become of a connection: ``connection.expired``, ``connection.recovered``.
EXPIRED, RECOVERED = "expired", "recovered"

#: The connection that says where events go: of the connector ``http``, and without a customer.
NAME, CONNECTOR = "events", "http"
#: After so many attempts it is given up.
ATTEMPTS = 10
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=6)
#: Shorter than the first pause: nobody else sends the event meanwhile.
_TIMEOUT = 20.0
_LONGEST_ERROR = 300

_log = logging.getLogger(__name__)


def emit(work: UnitOfWork, org: str, what: str, row: Connection) -> None:
    """Store the event, in the unit of work of what it tells about; nothing if nobody wants to know."""
    if receiver(work, org) is not None:
        type = f"connection.{what}"
        work.events.add(org, Event(org=org, type=type, body=_body(type, row)))


def receiver(work: UnitOfWork, org: str) -> Connection | None:
    """The connection that events are sent to."""
    return work.connections.find(
        org, name=NAME, connector=CONNECTOR, customer=None, project=None, deleted_at=None
    )


def _body(type: str, row: Connection) -> dict[str, Any]:
    """In the words of the broker API, ids included."""
    ends = row.expires_at
    return {
        "type": type,
        "timestamp": row.updated_at.isoformat(),
        "data": {
            "connection_id": str(as_uuid(row.id)),
            "customer_id": str(as_uuid(row.customer)) if row.customer else None,
            "provider": row.connector,
            "name": row.name,
            "status": str(row.status),
            "error_message": row.error,
            "expires_at": ends.isoformat() if ends else None,
        },
    }


def deliver(rooms: Rooms, at: datetime | None = None) -> int:
    """Send what is due, once each; returns how many were delivered. Many processes may do so at once."""
    at = at or now()
    with rooms.store.read() as work:
        waiting = work.events.due(at)
    return sum(_send(rooms, event, at) for event in waiting)


def _send(rooms: Rooms, event: Event, at: datetime) -> bool:
    # Postponed before it is sent: if this process dies meanwhile, it is sent once more and not for ever.
    with rooms.store.begin() as work:
        if not work.events.postpone(event.org, event.id, event.attempts, at + _pause(event.attempts)):
            return False
    error, again = _tried(rooms, event)
    last = not again or event.attempts + 1 >= ATTEMPTS
    with rooms.store.begin() as work:
        if error is None or last:
            work.events.update(event.org, event.id, ended_at=now(), error=error)
        else:
            work.events.update(event.org, event.id, error=error)
    if error is not None and last:
        _log.warning("The event %s is given up after %d attempts: %s", event.id, event.attempts + 1, error)
    return error is None


def _pause(attempts: int) -> timedelta:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 3.0**attempts)


def _tried(rooms: Rooms, event: Event) -> tuple[str | None, bool]:
    """Send it; what went wrong, in a few words, or None; and whether another try may help."""
    try:
        answer = post(rooms, event)
    except NotFoundError as error:
        return error.message, event.connection is None  # the organization may get a new one
    except TowpathError as error:
        return error.message[:_LONGEST_ERROR], True
    return (None if answer.ok else f"{answer.url} answered {answer.status}."), True


def post(rooms: Rooms, event: Event) -> Response:
    """Send it now, once; the answer, whatever it is. Raises `NotFoundError` if nobody is there to get it, and
    as `HttpClient.request` does.
    """
    config = _config(rooms, event)
    body = orjson.dumps(event.body)
    secrets = {name: text.get_secret_value() for name, text in config.secret_headers.items()}
    headers = {**config.headers, "content-type": "application/json", **_signed(config, event, body)}
    with HttpClient(timeout=_TIMEOUT, retry=Retry(attempts=1), ca_file=config.ca_file) as client:
        return client.request("POST", config.url, headers=headers, secret_headers=secrets, body=body)


def _signed(config: Any, event: Event, body: bytes) -> Mapping[str, str]:
    if config.signing_secret is None:
        return {"webhook-id": event.id, "webhook-timestamp": str(int(now().timestamp()))}
    return Signer(config.signing_secret.get_secret_value()).headers(event.id, body)


def _config(rooms: Rooms, event: Event) -> Any:
    """The settings of the receiver, an HTTP connection's. Raises `NotFoundError` if there is none."""
    _ = rooms.vault
    with rooms.store.read() as work:
        row = _receiver_of(work, event)
        plain = join_secrets(row.config, sealing.reveal(rooms, work, event.org, row.id))
    return parse_config(rooms.registry.get(CONNECTOR), plain)


def _receiver_of(work: UnitOfWork, event: Event) -> Connection:
    if event.connection is not None:
        row = work.connections.find(event.org, id=event.connection, deleted_at=None)
    else:
        row = receiver(work, event.org)
    if row is None:
        what = "receiver any more" if event.connection else f"connection {NAME!r}"
        raise NotFoundError(
            "connection.not_found", f"There is no {what} to send it to.", hint="Make one.", event=event.id
        )
    return row

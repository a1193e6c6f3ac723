"""Customers' connections."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from towpath.api.broker import schemas, translate
from towpath.api.broker.auth import Broker
from towpath.api.broker.documents import PROBLEMS
from towpath.api.broker.repeats import IdempotencyKey, repeat
from towpath.api.kit.routing import Router
from towpath.core.records import ConnectionStatus
from towpath.services.lending.credentials import provider_name
from towpath.services.lending.lent import CustomerConnections
from towpath.services.lending.trials import Trials

router = Router(prefix="/v1/customers/{customer_id}/connections", tags=["Connections"])


@router.get("", summary="List Connections", responses=PROBLEMS)
def list_connections(
    broker: Broker,
    customer_id: UUID,
    limit: Annotated[int | None, Query(ge=1, le=1000)] = None,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    provider: str | None = None,
    status: ConnectionStatus | None = None,
) -> schemas.ConnectionListResponse:
    """A customer's connections, the oldest first; `total` counts them all, whatever `limit` and `offset`.

    Credentials are never shown.
    """
    wanted = {"connector": provider and provider_name(provider), "status": status}
    equals = {name: value for name, value in wanted.items() if value is not None}
    page = CustomerConnections(*broker.use).list(
        broker.org, translate.customer_id(customer_id), limit=limit, offset=offset, **equals
    )
    shown = [translate.connection(lent) for lent in page.rows]
    return schemas.ConnectionListResponse(connections=shown, total=page.total)


@router.post("", status_code=201, summary="Create Connection", responses=PROBLEMS)
def create_connection(
    broker: Broker,
    customer_id: UUID,
    body: schemas.ConnectionCreate,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> schemas.ConnectionResponse:
    """Keep a customer's credentials for another system, encrypted.

    The connection is `active` if the credentials are enough to use it, else `pending`. One name for each
    customer and provider.
    """
    lent = CustomerConnections(*broker.use).create(
        broker.org,
        translate.customer_id(customer_id),
        translate.new_connection(body),
        repeat(idempotency_key, request, body),
    )
    made = translate.connection(lent)
    response.headers["Location"] = f"/v1/customers/{customer_id}/connections/{made.id}"
    return made


@router.get("/{connection_id}", summary="Get Connection", responses=PROBLEMS)
def get_connection(broker: Broker, customer_id: UUID, connection_id: UUID) -> schemas.ConnectionResponse:
    """One connection, without its credentials."""
    found = CustomerConnections(*broker.use).get(
        broker.org, translate.customer_id(customer_id), translate.connection_id(connection_id)
    )
    return translate.connection(found)


@router.patch("/{connection_id}", summary="Update Connection", responses=PROBLEMS)
def update_connection(
    broker: Broker, customer_id: UUID, connection_id: UUID, body: schemas.ConnectionUpdate
) -> schemas.ConnectionResponse:
    """Change what is given and nothing else. New credentials replace the old ones as a whole."""
    changed = CustomerConnections(*broker.use).update(
        broker.org,
        translate.customer_id(customer_id),
        translate.connection_id(connection_id),
        translate.connection_change(body),
    )
    return translate.connection(changed)


@router.delete("/{connection_id}", status_code=204, summary="Delete Connection", responses=PROBLEMS)
def delete_connection(broker: Broker, customer_id: UUID, connection_id: UUID) -> None:
    """Take back all grants and destroy the credentials; the next fetch finds nothing.

    The provider is asked to revoke the tokens afterwards, where it offers that.
    """
    CustomerConnections(*broker.use).delete(
        broker.org, translate.customer_id(customer_id), translate.connection_id(connection_id)
    )


@router.post("/{connection_id}/test", summary="Test Connection", responses=PROBLEMS)
def test_connection(broker: Broker, customer_id: UUID, connection_id: UUID) -> schemas.ConnectionTestResponse:
    """Try the credentials at the other system: renew the token, or sign in. That sets the status."""
    tried = Trials(*broker.use).test(
        broker.org, translate.customer_id(customer_id), translate.connection_id(connection_id)
    )
    return schemas.ConnectionTestResponse(
        checked_at=tried.at,
        detail=tried.answer,
        error_message=tried.connection.error,
        status=tried.connection.status,
    )

"""Grants: which instance may fetch a connection's credentials."""

from uuid import UUID

from fastapi import Request, Response

from towpath.api.broker import schemas, translate
from towpath.api.broker.auth import Broker
from towpath.api.broker.documents import PROBLEMS
from towpath.api.broker.repeats import IdempotencyKey, repeat
from towpath.api.kit.routing import Router
from towpath.services.lending.grants import Grants

_PREFIX = "/v1/customers/{customer_id}/connections/{connection_id}/grants"

router = Router(prefix=_PREFIX, tags=["Connections"])


@router.get("", summary="List Grants", responses=PROBLEMS)
def list_grants(broker: Broker, customer_id: UUID, connection_id: UUID) -> schemas.GrantListResponse:
    """Who may fetch the connection's credentials."""
    rows = Grants(*broker.use).list(
        broker.org, translate.customer_id(customer_id), translate.connection_id(connection_id)
    )
    return schemas.GrantListResponse(grants=[translate.grant(row) for row in rows], total=len(rows))


@router.post("", status_code=201, summary="Create Grant", responses=PROBLEMS)
def create_grant(
    broker: Broker,
    customer_id: UUID,
    connection_id: UUID,
    body: schemas.GrantCreate,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> schemas.GrantResponse:
    """Let an instance of the same customer fetch the credentials, for these capabilities."""
    made = translate.grant(
        Grants(*broker.use).create(
            broker.org,
            translate.customer_id(customer_id),
            translate.connection_id(connection_id),
            translate.instance_id(body.instance_id),
            body.capabilities,
            repeat(idempotency_key, request, body),
        )
    )
    response.headers["Location"] = _PREFIX.format(**request.path_params) + f"/{made.id}"
    return made


@router.patch("/{grant_id}", summary="Update Grant", responses=PROBLEMS)
def update_grant(
    broker: Broker, customer_id: UUID, connection_id: UUID, grant_id: UUID, body: schemas.GrantUpdate
) -> schemas.GrantResponse:
    """Change the capabilities, from the next fetch on."""
    changed = Grants(*broker.use).update(
        broker.org,
        translate.customer_id(customer_id),
        translate.connection_id(connection_id),
        translate.grant_id(grant_id),
        body.capabilities,
    )
    return translate.grant(changed)


@router.delete("/{grant_id}", status_code=204, summary="Delete Grant", responses=PROBLEMS)
def delete_grant(broker: Broker, customer_id: UUID, connection_id: UUID, grant_id: UUID) -> None:
    """Take the grant back: the next fetch finds nothing."""
    Grants(*broker.use).delete(
        broker.org,
        translate.customer_id(customer_id),
        translate.connection_id(connection_id),
        translate.grant_id(grant_id),
    )

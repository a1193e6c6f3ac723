"""An organization's end customers."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from towpath.api.broker import schemas, translate
from towpath.api.broker.auth import Broker
from towpath.api.broker.documents import PROBLEMS
from towpath.api.kit.routing import Router
from towpath.services.people.customers import CustomersById
from towpath.services.people.keys import Customers

router = Router(prefix="/v1/customers", tags=["Customers"])


@router.get("", summary="List Customers", responses=PROBLEMS)
def list_customers(
    broker: Broker,
    limit: Annotated[int | None, Query(ge=1, le=1000)] = None,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> schemas.CustomerListResponse:
    """The customers, the oldest first; `total` counts them all."""
    rows = Customers(*broker.use).list(broker.org)
    shown = rows[offset:] if limit is None else rows[offset : offset + limit]
    return schemas.CustomerListResponse(customers=[translate.customer(row) for row in shown], total=len(rows))


@router.post("", status_code=201, summary="Create Customer", responses=PROBLEMS)
def create_customer(
    broker: Broker, body: schemas.CustomerCreate, response: Response
) -> schemas.CustomerResponse:
    """Add a customer, on whose behalf connections are kept."""
    made = translate.customer(Customers(*broker.use).create(broker.org, body.name))
    response.headers["Location"] = f"/v1/customers/{made.id}"
    return made


@router.get("/{customer_id}", summary="Get Customer", responses=PROBLEMS)
def get_customer(broker: Broker, customer_id: UUID) -> schemas.CustomerResponse:
    """One customer."""
    return translate.customer(CustomersById(*broker.use).get(broker.org, translate.customer_id(customer_id)))


@router.delete("/{customer_id}", status_code=204, summary="Delete Customer", responses=PROBLEMS)
def delete_customer(broker: Broker, customer_id: UUID) -> None:
    """Remove a customer that has no connections and instances any more."""
    CustomersById(*broker.use).delete(broker.org, translate.customer_id(customer_id))

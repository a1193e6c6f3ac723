"""Instances: the programs that run for a customer, and their proxy keys."""

from datetime import timedelta
from uuid import UUID

from fastapi import Response

from towpath.api.broker import schemas, translate
from towpath.api.broker.auth import Broker
from towpath.api.broker.documents import PROBLEMS
from towpath.api.kit.routing import Router
from towpath.services.people.customers import CustomerInstances, Runtime
from towpath.services.people.keys import Shown

router = Router(prefix="/v1/customers/{customer_id}/instances", tags=["Instances"])


@router.get("", summary="List Instances", responses=PROBLEMS)
def list_instances(broker: Broker, customer_id: UUID) -> schemas.InstanceListResponse:
    """A customer's instances, the oldest first. Of their keys only hints are shown."""
    rows = CustomerInstances(*broker.use).list(broker.org, translate.customer_id(customer_id))
    return schemas.InstanceListResponse(instances=[translate.instance(row) for row in rows], total=len(rows))


@router.post("", status_code=201, summary="Create Instance", responses=PROBLEMS)
def create_instance(
    broker: Broker, customer_id: UUID, body: schemas.InstanceCreate, response: Response
) -> schemas.InstanceCreated:
    """Add an instance. This answer shows its proxy key, and no other answer ever does."""
    runtime, shown = CustomerInstances(*broker.use).create(
        broker.org, translate.customer_id(customer_id), body.name
    )
    made = _with_key(runtime, shown, response)
    response.headers["Location"] = f"/v1/customers/{customer_id}/instances/{made.id}"
    return made


@router.delete("/{instance_id}", status_code=204, summary="Delete Instance", responses=PROBLEMS)
def delete_instance(broker: Broker, customer_id: UUID, instance_id: UUID) -> None:
    """Remove an instance with its grants; its keys open nothing any more."""
    CustomerInstances(*broker.use).delete(
        broker.org, translate.customer_id(customer_id), translate.instance_id(instance_id)
    )


@router.post("/{instance_id}/rotate-key", summary="Rotate Proxy Key", responses=PROBLEMS)
def rotate_proxy_key(
    broker: Broker,
    customer_id: UUID,
    instance_id: UUID,
    response: Response,
    body: schemas.KeyRotate | None = None,
) -> schemas.InstanceCreated:
    """A new proxy key, shown in this answer only; the ones of before end with the overlap."""
    runtime, shown = CustomerInstances(*broker.use).rotate(
        broker.org,
        translate.customer_id(customer_id),
        translate.instance_id(instance_id),
        timedelta(seconds=(body or schemas.KeyRotate()).overlap_seconds),
    )
    return _with_key(runtime, shown, response)


def _with_key(runtime: Runtime, shown: Shown, response: Response) -> schemas.InstanceCreated:
    response.headers["Cache-Control"] = "no-store"
    plain = translate.instance(runtime).model_dump()
    return schemas.InstanceCreated(**plain, proxy_key=shown.text.get_secret_value())

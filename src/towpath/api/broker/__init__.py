"""The broker family: an application keeps its customers' connections here, and its instances borrow them."""

from towpath.api.broker.application import build
from towpath.api.kit.family import Family

family = Family(
    name="broker",
    title="Broker",
    prefixes=("/v1/customers", "/v1/providers", "/v1/audit", "/internal/v1/instances", "/connect"),
    build=build,
    unmetered=("/internal/v1/instances",),
)

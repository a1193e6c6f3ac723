"""The partners API: connectors and destinations, made by programs of partners."""

from towpath.api.kit.family import Family
from towpath.api.partners.app import build

__all__ = ["family"]

family = Family(
    name="partners",
    title="Partners",
    prefixes=("/o", "/api/v2", "/media/icons"),
    build=build,
)

"""The integrator family: connections, exports, imports and flows of the records lane, for programs."""

from towpath.api.integrator.application import build
from towpath.api.kit.family import Family

#: Bytes of a page of records that is sent to an import, or to a listener.
_LARGE = 8 * 1024 * 1024

family = Family(
    name="integrator",
    title="Integrator",
    # What the broker has of /v1 is longer, and wins.
    prefixes=("/v1",),
    build=build,
    max_body=dict.fromkeys(("/v1/exports", "/v1/imports", "/v1/connections"), _LARGE),
)

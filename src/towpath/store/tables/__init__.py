"""The tables. Each column carries the name of the record's field that it keeps.

Every row but an organization, a worker and a master key belongs to one organization; primary and foreign
keys begin with it, so that no row can refer to another tenant's. # Invariant 9
"""

from towpath.store.tables.base import metadata
from towpath.store.tables.connections import (
    authorizations,
    connections,
    events,
    grants,
    master_keys,
    renewals,
    secrets,
)
from towpath.store.tables.flows import (
    exports,
    flow_exports,
    flow_imports,
    flows,
    imports,
    integrations,
    states,
)
from towpath.store.tables.history import audit, audit_heads, record_errors, run_log
from towpath.store.tables.items import buckets, debug_lines, items, stored_values
from towpath.store.tables.people import (
    customers,
    instances,
    keys,
    numbers,
    organizations,
    projects,
    requests,
    users,
)
from towpath.store.tables.runs import attempts, run_slices, run_streams, runs, workers

__all__ = [
    "attempts",
    "audit",
    "audit_heads",
    "authorizations",
    "buckets",
    "connections",
    "customers",
    "debug_lines",
    "events",
    "exports",
    "flow_exports",
    "flow_imports",
    "flows",
    "grants",
    "imports",
    "instances",
    "integrations",
    "items",
    "keys",
    "master_keys",
    "metadata",
    "numbers",
    "organizations",
    "projects",
    "record_errors",
    "renewals",
    "requests",
    "run_log",
    "run_slices",
    "run_streams",
    "runs",
    "secrets",
    "states",
    "stored_values",
    "users",
    "workers",
]

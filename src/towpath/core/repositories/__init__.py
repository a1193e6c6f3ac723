"""The promises of the store: repositories inside a unit of work.

A unit of work is one transaction: it commits when its block ends and rolls back when the block raises.
Repositories never commit. Every call names the organization first, and an id of another organization
reads exactly as a missing one (# Invariant 9). All writes may be repeated without harm.
"""

from towpath.core.repositories.base import Between, Repository
from towpath.core.repositories.connections import (
    Authorizations,
    Connections,
    Events,
    Grants,
    Lendable,
    Renewals,
)
from towpath.core.repositories.flows import Flows, States
from towpath.core.repositories.history import Audit, RecordErrors, RunLog, Standing
from towpath.core.repositories.items import Buckets, DebugLines, Values
from towpath.core.repositories.people import Keys, Numbers, Organizations, Remembered, Requests
from towpath.core.repositories.runs import Attempts, Runs, RunStreams, Workers
from towpath.core.repositories.unit import Store, UnitOfWork

__all__ = [
    "Attempts",
    "Audit",
    "Authorizations",
    "Between",
    "Buckets",
    "Connections",
    "DebugLines",
    "Events",
    "Flows",
    "Grants",
    "Keys",
    "Lendable",
    "Numbers",
    "Organizations",
    "RecordErrors",
    "Remembered",
    "Renewals",
    "Repository",
    "Requests",
    "RunLog",
    "RunStreams",
    "Runs",
    "Standing",
    "States",
    "Store",
    "UnitOfWork",
    "Values",
    "Workers",
]

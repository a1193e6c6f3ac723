"""How many messages wait for each connection."""

from collections import Counter
from collections.abc import Mapping

from towpath.core.records import RunStatus
from towpath.core.repositories import UnitOfWork


def waiting(work: UnitOfWork, org: str) -> Mapping[str, int]:
    """By connection: runs that are queued and read from it or write to it. Records of a run that goes on wait
    in its process, and are not among them.
    """
    flows = Counter(run.flow for run in work.runs.list(org, status=RunStatus.QUEUED))
    found = Counter[str]()
    if not flows:
        return found
    for flow in work.flows.list(org, id=list(flows)):
        exports = work.exports.list(org, id=list(flow.exports))
        imports = work.imports.list(org, id=list(flow.imports))
        for connection in {row.connection for row in exports} | {row.connection for row in imports}:
            found[connection] += flows[flow.id]
    return found

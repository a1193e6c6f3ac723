"""The unit of work: all repositories over one transaction."""

from sqlalchemy import Connection

from towpath.core import records
from towpath.store import tables
from towpath.store.accounts import SqlConnections, SqlKeys, SqlSides
from towpath.store.attempts import SqlAttempts, SqlWorkers
from towpath.store.audit import SqlAudit
from towpath.store.events import SqlEvents
from towpath.store.flows import SqlFlows
from towpath.store.items import SqlBuckets, SqlDebugLines, SqlValues
from towpath.store.lending import SqlGrants
from towpath.store.organizations import SqlOrganizations
from towpath.store.record_errors import SqlRecordErrors
from towpath.store.renewals import SqlAuthorizations, SqlRenewals
from towpath.store.repository import SqlRepository
from towpath.store.requests import SqlNumbers, SqlRequests
from towpath.store.run_log import SqlRunLog
from towpath.store.runs import SqlRuns
from towpath.store.secrets import SqlMasterKeys, SqlSecrets
from towpath.store.states import SqlStates
from towpath.store.streams import SqlRunStreams


class SqlUnitOfWork:
    """One transaction. Who opened it ends it: `SqlStore.begin`."""

    def __init__(self, connection: Connection) -> None:
        self.organizations = SqlOrganizations(connection)
        self.projects = SqlRepository(connection, tables.projects, records.Project)
        self.customers = SqlRepository(connection, tables.customers, records.Customer)
        self.instances = SqlRepository(connection, tables.instances, records.Instance)
        self.users = SqlRepository(connection, tables.users, records.User)
        self.keys = SqlKeys(connection)
        self.connections = SqlConnections(connection)
        self.grants = SqlGrants(connection)
        self.renewals = SqlRenewals(connection)
        self.authorizations = SqlAuthorizations(connection)
        self.events = SqlEvents(connection)
        self.requests = SqlRequests(connection)
        self.numbers = SqlNumbers(connection)
        self.exports = SqlSides(connection, tables.exports, records.Export)
        self.imports = SqlSides(connection, tables.imports, records.Import)
        self.flows = SqlFlows(connection)
        self.integrations = SqlRepository(connection, tables.integrations, records.Integration)
        self.runs = SqlRuns(connection)
        self.streams = SqlRunStreams(connection)
        self.attempts = SqlAttempts(connection)
        self.states = SqlStates(connection)
        self.log = SqlRunLog(connection)
        self.record_errors = SqlRecordErrors(connection)
        self.secrets = SqlSecrets(connection)
        self.master_keys = SqlMasterKeys(connection)
        self.audit = SqlAudit(connection)
        self.items = SqlRepository(connection, tables.items, records.Item)
        self.values = SqlValues(connection)
        self.buckets = SqlBuckets(connection)
        self.debug_lines = SqlDebugLines(connection)
        self.workers = SqlWorkers(connection)

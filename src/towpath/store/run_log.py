"""The log of each run."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select, update

from towpath.core.records import Level, LogLine
from towpath.store import tables
from towpath.store.references import missing

_LOG, _RUNS = tables.run_log, tables.runs
_LINE = [column for column in _LOG.c if column.name not in ("org", "run")]


class SqlRunLog:
    """The log of each run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, org: str, run: str, lines: Sequence[LogLine]) -> None:
        if not lines:
            return
        first = self._take(org, run, len(lines))
        rows = [
            {"org": org, "run": run}
            | {name: getattr(line, name) for name in line.__dataclass_fields__}
            | {"seq": seq}
            for seq, line in enumerate(lines, first)
        ]
        self._connection.execute(insert(_LOG), rows)

    def read(
        self,
        org: str,
        run: str,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        tail: bool = False,
        minimum: Level | None = None,
    ) -> Sequence[LogLine]:
        query = select(*_LINE).where(_LOG.c.org == org, _LOG.c.run == run, _LOG.c.seq > after)
        if before is not None:
            query = query.where(_LOG.c.seq < before)
        if minimum is not None:
            query = query.where(_LOG.c.level >= minimum)
        query = query.order_by(_LOG.c.seq.desc() if tail else _LOG.c.seq).limit(limit)
        lines = [LogLine(**row) for row in self._connection.execute(query).mappings()]
        return lines[::-1] if tail else lines

    def _take(self, org: str, run: str, count: int) -> int:
        """Take the next numbers of the run and return the first.

        The run's row stays locked until this unit of work ends, so numbers become visible in their order:
        who has read up to one never finds a smaller one later.
        """
        change = update(_RUNS).where(_RUNS.c.org == org, _RUNS.c.id == run)
        taken = change.values(log_seq=_RUNS.c.log_seq + count).returning(_RUNS.c.log_seq)
        last = self._connection.execute(taken).scalar()
        if last is None:
            raise missing(_RUNS, run)
        return int(last) - count + 1

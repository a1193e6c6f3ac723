"""The application that every database with a `Dialect` has."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

from towpath.core.application import Escape, Failure, Outcome, Page, Sending, Tools
from towpath.core.errors import DataError, TowpathError
from towpath.core.model import Record, State
from towpath.sdk.sqlapp.dialect import Cursor, Dialect
from towpath.sdk.sqlapp.failures import failure
from towpath.sdk.sqlapp.models import SqlReading, SqlWriting
from towpath.sdk.sqlapp.values import plain, record_of
from towpath.sdk.sqlapp.writing import Writing


class SqlApplication:
    """One connection, opened when it is first needed, and one more for each read that goes on."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._open = ExitStack()
        self._kept: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def check(self) -> str:
        return self._dialect.check()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def pages(
        self,
        read: SqlReading,
        size: int,
        tools: Tools,
        *,
        record: Any = None,
        after: State | None = None,
    ) -> Iterator[Page]:
        """A read that goes on reads the rows before again and drops them: the query's order must stand."""
        at = int((after or {}).get("offset", 0))
        sql = tools.render(read.query, record, escape=Escape.SQL)
        tools.note("request", {"query": sql})
        with ExitStack() as stack:
            with self._told(), tools.slot():
                tools.check_wanted()
                connection = stack.enter_context(self._dialect.connected())
                cursor = stack.enter_context(self._dialect.streamed(connection, sql))
                names = _names(cursor)
                self._skip(cursor, at)
            rows: Sequence[Sequence[Any]] = ()
            while True:
                # One more than the page has: only so is it known whether it is the last.
                with self._told(), tools.slot():
                    tools.check_wanted()
                    rows = [*rows, *cursor.fetchmany(size + 1 - len(rows))]
                page, rows = rows[:size], rows[size:]
                at += len(page)
                records = [record_of(names, row) for row in page]
                tools.note("response", {"records": len(records)})
                yield Page(records=records, after={"offset": at} if rows else None)
                if not rows:
                    return

    @staticmethod
    def _skip(cursor: Cursor, rows: int) -> None:
        left = rows
        while left and (found := len(cursor.fetchmany(min(left, 10_000)))):
            left -= found

    def read_back(
        self, read: SqlReading, records: Sequence[Record], tools: Tools
    ) -> Sequence[Failure | None]:
        return [self._read_back(read, record, tools) for record in records]

    def _read_back(self, read: SqlReading, record: Record, tools: Tools) -> Failure | None:
        if read.once_query is None:
            return None
        tools.check_wanted()
        try:
            self.run(tools.render(read.once_query, record, escape=Escape.SQL), tools)
        except TowpathError as error:
            return failure(error)
        return None

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def look(self, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
        """``query`` finds rows; ``extract`` is a path into the list of them (``0.id``) or into each row
        (``id``); without it the first column counts.
        """
        tools.check_wanted()
        found = self.run(tools.render(str(lookup.get("query") or ""), record, escape=Escape.SQL), tools)
        extract = lookup.get("extract")
        if not extract:
            return [next(iter(row.values()), None) for row in found.rows]
        if tools.has(extract, found.rows):
            value = tools.value(extract, found.rows)
            return value if isinstance(value, list) else [value]
        return [tools.value(extract, row) for row in found.rows if tools.has(extract, row)]

    def send(self, write: SqlWriting, sendings: Sequence[Sending], tools: Tools) -> Sequence[Outcome]:
        return Writing(self, self._dialect, write, tools).send(sendings) if sendings else []

    def finish(self, write: SqlWriting, tools: Tools) -> Mapping[str, Any]:
        return {}

    # ── statements ───────────────────────────────────────────────────────────────────────────────

    def run(self, sql: str, tools: Tools) -> "Result":
        """The result of a statement. Raises a `TowpathError`."""
        tools.note("request", {"query": sql})
        with self._told(), tools.slot():
            cursor = self._connection().cursor()
            try:
                cursor.execute(sql)
                rows = cursor.fetchall() if cursor.description else ()
                found = Result([record_of(_names(cursor), row) for row in rows], max(0, cursor.rowcount))
            finally:
                cursor.close()
        tools.note("response", {"rows": found.rows, "affected": found.affected})
        return found

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]], tools: Tools) -> None:
        """The statement for all of the rows, or for none. Raises a `TowpathError`."""
        tools.note("request", {"query": sql, "rows": len(rows)})
        with self._told(), tools.slot():
            cursor = self._connection().cursor()
            try:
                cursor.execute("BEGIN")
                try:
                    cursor.executemany(sql, rows)
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
            finally:
                cursor.close()

    def _connection(self) -> Any:
        if self._kept is None:
            self._kept = self._open.enter_context(self._dialect.connected())
        return self._kept

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except TowpathError:
            raise
        except Exception as error:
            told = self._dialect.translate(error)
            if told is None:
                raise
            raise told from error


class Result:
    """What a statement answered."""

    def __init__(self, rows: list[Record], affected: int) -> None:
        self.rows, self.affected = rows, affected


def _names(cursor: Cursor) -> list[str]:
    if cursor.description is None:
        raise DataError(
            "query.no_rows",
            "The query gives no rows.",
            hint="An export needs a query that reads: SELECT …",
        )
    return [str(plain(column[0])) for column in cursor.description]

"""Publishes staged rows together with the checkpoint, so that readers see all or nothing.

Either in one transaction, in a table that stays; or in a new table that takes the target's place by one
RENAME. The second way is for overwrites and for targets that do not exist yet.
"""

import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import pymysql

from towpath.connectors.mysql import checkpoints, staging
from towpath.connectors.mysql.columns import Column
from towpath.connectors.mysql.connection import Connection, execute
from towpath.connectors.mysql.place import Place
from towpath.connectors.mysql.query import name
from towpath.sdk import Checkpoint, IntegrityError, Receipt, Target, WriteMode

_log = logging.getLogger("towpath.connectors.mysql")
#: Errors that say that the records do not keep to the key: a key twice, a null in it.
_NO_KEY = frozenset({1062, 1048})


@dataclass(frozen=True)
class Publication:
    """One commit."""

    connection: Connection
    place: Place
    target: Target
    columns: Sequence[Column]
    receipts: Sequence[Receipt]
    checkpoint: Checkpoint

    # ── in a table that stays ────────────────────────────────────────────────────────────────────

    def in_place(self, clauses: Sequence[str]) -> None:
        """Change the target if it must, and then its rows in one transaction."""
        attempts = staging.attempts(self.connection, self.place, self.receipts)
        if clauses:
            self._run(f"ALTER TABLE {self.place.table} {', '.join(clauses)}")
        with self._transaction():
            if self.target.mode is WriteMode.OVERWRITE:
                self._run(f"DELETE FROM {self.place.table}")
            self._fill(self.place.table, attempts)
            staging.forget(self.connection, self.place, self.receipts)
            checkpoints.write(self.connection, self.place, self.target, self.checkpoint)
        self._tidy()

    def remember(self) -> None:
        """Only the checkpoint."""
        checkpoints.write(self.connection, self.place, self.target, self.checkpoint)

    # ── by a new table ───────────────────────────────────────────────────────────────────────────

    def by_renaming(self, *, replaces: bool) -> None:
        """``replaces`` a target that is there, or takes a name that is free."""
        attempts = staging.attempts(self.connection, self.place, self.receipts)
        token = secrets.token_hex(8)
        self._make_new(token, attempts)
        checkpoints.write(self.connection, self.place, self.target, self.checkpoint, token)
        swap = [f"{self.place.new} TO {self.place.table}"]
        if replaces:
            swap.insert(0, f"{self.place.table} TO {self.place.old}")
        self._run(f"RENAME TABLE {', '.join(swap)}")
        checkpoints.settle(self.connection, self.place)
        self._tidy()

    def _make_new(self, token: str, attempts: Sequence[int]) -> None:
        keyed = any(column.key for column in self.columns)
        try:
            make(self.connection, self.place, self.target, self.columns, token)
            self._fill(self.place.new, attempts)
        except pymysql.MySQLError as error:
            if self.target.mode is WriteMode.UPSERT or not keyed or error.args[0] not in _NO_KEY:
                raise
            _log.warning("%s gets no primary key: %s", self.target.name, error.args[-1])
            plain = [replace(column, key=False) for column in self.columns]
            make(self.connection, self.place, self.target, plain, token)
            self._fill(self.place.new, attempts)

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────

    def _fill(self, table: str, attempts: Sequence[int]) -> None:
        if self.target.mode is WriteMode.UPSERT:
            for attempt in attempts:
                self._run(self._insert(table, [attempt]) + self._replacing())
        elif attempts:
            self._check(self._run(self._insert(table, attempts)))

    def _insert(self, table: str, attempts: Sequence[int]) -> str:
        """In the order in which they were staged."""
        names = ", ".join(name(column.name) for column in self.columns)
        listed = ", ".join(map(str, attempts))
        order = f" ORDER BY {name(staging.ATTEMPT)}, {name(staging.ROW)}" if self.place.ordered else ""
        return (
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {self.place.staging}"
            f" WHERE {name(staging.ATTEMPT)} IN ({listed}){order}"
        )

    def _replacing(self) -> str:
        """A record of a key that is there takes its place: the last one wins."""
        key = self.target.primary_key
        rest = [column.name for column in self.columns if column.name not in key] or key
        changes = ", ".join(f"{name(one)} = VALUES({name(one)})" for one in rest)
        return f" ON DUPLICATE KEY UPDATE {changes}"

    def _check(self, rows: int) -> None:
        wanted = sum(receipt.rows for receipt in self.receipts)
        if rows != wanted:
            raise IntegrityError(
                "staging.lost",
                f"The staging of {self.place.table} holds {rows} of the {wanted} records to publish.",
                hint="Something removed or changed the staging table. Run the flow again.",
            )

    # ── statements ───────────────────────────────────────────────────────────────────────────────

    def _run(self, sql: str) -> int:
        """Run a statement; the number of rows that it changed."""
        with self.connection.cursor() as cursor:
            return int(cursor.execute(sql))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        execute(self.connection, "BEGIN")
        try:
            yield
            execute(self.connection, "COMMIT")
        except BaseException:
            with suppress(pymysql.MySQLError, OSError):  # the session is gone, and the transaction with it
                execute(self.connection, "ROLLBACK")
            raise

    def _tidy(self) -> None:
        """What has been published need not be kept; if it cannot go now, `discard` takes it."""
        try:
            staging.drop(self.connection, self.place)
        except pymysql.MySQLError as error:
            _log.info("staging of %s is left for later: %s", self.target.stream, error.args[-1])


def make(
    connection: Connection, place: Place, target: Target, columns: Sequence[Column], token: str = ""
) -> None:
    """Make the new table, empty."""
    parts = [column.declared for column in columns]
    if any(column.key for column in columns):
        parts.append(f"PRIMARY KEY ({', '.join(map(name, target.primary_key))})")
    execute(connection, f"DROP TABLE IF EXISTS {place.new}, {place.old}")
    execute(
        connection,
        f"CREATE TABLE {place.new} ({', '.join(parts)}) ENGINE=InnoDB ROW_FORMAT=DYNAMIC"
        f" DEFAULT CHARACTER SET utf8mb4 COMMENT='{checkpoints.comment(token) if token else ''}'",
    )

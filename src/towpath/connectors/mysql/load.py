"""Brings the text of rows into a table: by LOAD DATA LOCAL where the server allows it, else by INSERT."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pymysql
from pymysql.constants import COMMAND
from pymysql.protocol import OKPacketWrapper

from towpath.connectors.mysql import spelling
from towpath.connectors.mysql.columns import Column
from towpath.connectors.mysql.connection import Connection, execute
from towpath.connectors.mysql.dialect import Dialect
from towpath.connectors.mysql.encode import offsets
from towpath.connectors.mysql.query import name
from towpath.connectors.mysql.types import base_type
from towpath.sdk import DataError

_PIECE = 1 << 19
_STATEMENT = 1 << 22
_HEAD = 1 << 13
_FORMAT = (
    "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\\'' ESCAPED BY '\\\\'"
    " LINES STARTING BY '(' TERMINATED BY '),\\n'"
)


class Loader:
    """Loads into one table of a session's, in the transaction that the session is in."""

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        table: str,
        columns: Sequence[Column],
        tags: Sequence[str],
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self.mark = "" if dialect.takes_files else "X"
        """What binaries are to be marked with."""
        self.longest = dialect.packet - _HEAD - sum(4 * len(column.name) + 4 for column in columns)
        """Bytes that the text of one row may have."""
        if dialect.takes_files:
            self._statement = _load(table, columns, tags)
        else:
            names = ", ".join(name(one) for one in (*(column.name for column in columns), *tags))
            self._statement = f"INSERT INTO {table} ({names}) VALUES "

    def load(self, rows: pa.Array) -> int:
        """Load the rows, which `encode.rows` made; returns their bytes."""
        marks: list[int] = offsets(rows).to_pylist()
        text = rows.buffers()[2]
        if self._dialect.takes_files:
            self._file(memoryview(text)[marks[0] : marks[-1]], len(rows))
        else:
            for start, stop in _statements(marks, min(_STATEMENT, self.longest)):
                values = bytes(memoryview(text)[start : stop - 2])
                execute(self._connection, self._statement.encode() + values)  # type: ignore[arg-type]  # it takes bytes
        return marks[-1] - marks[0]

    def _file(self, text: memoryview, count: int) -> None:
        """Send the text as the "file" that the server asks for, whatever name it asks for."""
        connection: Any = self._connection
        connection._execute_command(COMMAND.COM_QUERY, self._statement)  # noqa: SLF001 - the driver reads files only
        if not connection._read_packet().is_load_local_packet():  # noqa: SLF001 - as above
            raise pymysql.OperationalError(2014, "The server did not ask for the rows")
        self._send(connection, text)
        done = OKPacketWrapper(connection._read_packet())  # noqa: SLF001 - as above
        if done.warning_count or done.affected_rows != count:
            raise self._changed(done.affected_rows, count)

    def _send(self, connection: Any, text: memoryview) -> None:
        size = min(_PIECE, self._dialect.packet // 2)
        try:
            for start in range(0, len(text), size):
                connection.write_packet(bytes(text[start : start + size]))
            connection.write_packet(b"")
        except BaseException:  # the server waits for the rest: the session is of no more use
            connection._force_close()  # noqa: SLF001 - its public way asks the server, which does not listen
            raise

    def _changed(self, loaded: int, count: int) -> DataError:
        """With LOCAL the server only warns of what it could not take as it was. # Invariant 6"""
        warnings = execute(self._connection, "SHOW WARNINGS LIMIT 1")
        said = f": {warnings[0][2]}" if warnings else ""
        return DataError(
            "value.unrepresentable",
            f"The server took {loaded} of {count} records, and not as they are{said}.",
            hint="Correct the value, or leave the column out.",
        )


def _load(table: str, columns: Sequence[Column], tags: Sequence[str]) -> str:
    takers, sets = list[str](), list[str]()
    for place, column in enumerate(columns):
        variable, made = f"@v{place}", _from_text(column)
        takers.append(variable if made else name(column.name))
        if made:
            sets.append(f"{name(column.name)} = {made.format(variable)}")
    takers += map(name, tags)
    listed = f" SET {', '.join(sets)}" if sets else ""
    return f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {table} {_FORMAT} ({', '.join(takers)}){listed}"


def _from_text(column: Column) -> str:
    """The expression that makes the value of a field's text; empty if the text does."""
    base = base_type(column.type)
    if base in spelling.BINARIES or spelling.is_geometry(column.type):
        return "UNHEX({})"
    return "CAST({} AS UNSIGNED)" if base == "bit" else ""


def _statements(marks: list[int], size: int) -> Iterator[tuple[int, int]]:
    """Where to cut the text so that no piece has more than ``size`` bytes, if it is more than one row."""
    start = 0
    while start < len(marks) - 1:
        stop = max(bisect_right(marks, marks[start] + size) - 1, start + 1)
        yield marks[start], marks[stop]
        start = stop

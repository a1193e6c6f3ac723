"""Reads a query through the binary protocol: a prepared statement, its rows decoded by the compiled module.

PyMySQL has done the login and prepares the statement; from then on its socket is read here, in large pieces.
"""

import struct
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa
import pymysql
from pymysql.constants import COMMAND
from pymysql.err import raise_mysql_exception
from pymysql.protocol import FieldDescriptorPacket

from towpath.connectors.mysql import faults
from towpath.connectors.mysql._decode import Decoder
from towpath.connectors.mysql.connection import Connection, plug
from towpath.connectors.mysql.types import Wire, readings

_UNSIGNED = 32
_BINARY = 63
_ERROR, _NULL, _TWO_BYTES = 0xFF, 0xFB, 0xFC
_RECEIVE = 1 << 18
_HEADER = 4
#: What the parser of column descriptions raises when they are cut short or not what they should be.
_GARBAGE = (struct.error, IndexError, TypeError, ValueError, AssertionError)


def batches(
    connection: Connection, sql: str, schema: pa.Schema, strict: Collection[str] = ()
) -> Iterator[pa.RecordBatch]:
    """The rows of a SELECT, in batches of at most 65,536 rows and about 32 MB, as the server sends them.

    If it is not read to its end the connection is closed, for the rest of the rows would be in the way.
    Raises the driver's errors, `SchemaError` where a column has another type than the schema says,
    and `DataError` for a value that cannot be represented (null in columns that are not ``strict``).
    """
    statement = _prepare(connection, sql)
    finished = False
    try:
        receiver = _execute(connection, statement)
        columns = receiver.columns(connection.encoding)
        decoder = Decoder(schema, readings(columns, schema), strict=strict, sequence=receiver.sequence)
        yield from _decoded(receiver, decoder)
        finished = True
    finally:
        if not finished and connection.open:
            connection.close()
    connection._execute_command(COMMAND.COM_STMT_CLOSE, statement)  # type: ignore[attr-defined]  # noqa: SLF001


def _decoded(receiver: "Receiver", decoder: Decoder) -> Iterator[pa.RecordBatch]:
    while not decoder.done:
        if not receiver.feed(decoder):
            receiver.receive()
        if decoder.full:
            yield decoder.take()
    if decoder.error is not None:
        raise_mysql_exception(decoder.error)
    last = decoder.take()
    if last is not None:
        yield last


def _prepare(connection: Any, sql: str) -> bytes:
    """Prepare the statement; returns its id as four bytes."""
    connection._execute_command(COMMAND.COM_STMT_PREPARE, sql)  # noqa: SLF001 - the driver has no public way
    answer = connection._read_packet().get_all_data()  # noqa: SLF001 - as above
    columns, parameters = struct.unpack_from("<HH", answer, 5)
    for count in (parameters, columns):
        for _ in range(count + 1 if count else 0):  # their descriptions and an end, which come again later
            connection._read_packet()  # noqa: SLF001 - as above
    return bytes(answer[1:5])


def _execute(connection: Any, statement: bytes) -> "Receiver":
    """Let the statement run, without a cursor on the server: the rows come as fast as they are taken."""
    once = struct.pack("<BI", 0, 1)
    connection._execute_command(COMMAND.COM_STMT_EXECUTE, statement + once)  # noqa: SLF001 - as above
    return Receiver(connection)


class Receiver:
    """The bytes that the server sends, and how far they have been read."""

    def __init__(self, connection: Connection) -> None:
        self._stream = plug(connection)
        self._buffer = bytearray(_RECEIVE)
        self._start = self._end = 0
        self.sequence = 1

    def receive(self) -> None:
        """Wait for more bytes. Raises `pymysql.OperationalError` at their end."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer):
            self._make_room()
        got = self._stream.recv_into(memoryview(self._buffer)[self._end :])
        if not got:
            raise pymysql.OperationalError(2013, "The server closed the connection in the middle of a result")
        self._end += got

    def _make_room(self) -> None:
        """Move what is left to the front, of a larger buffer if it fills this one."""
        left = self._buffer[self._start : self._end]
        if self._start == 0:
            self._buffer = bytearray(2 * len(self._buffer))
        self._buffer[: len(left)] = left
        self._start, self._end = 0, len(left)

    def feed(self, decoder: Decoder) -> bool:
        """Let the decoder take what is there; whether it took anything."""
        before = self._start
        self._start = decoder.feed(self._buffer, self._start, self._end)
        return self._start > before

    def columns(self, encoding: str) -> list[Wire]:
        """What the server says of the columns of the result. Raises `DataError` if it is nonsense."""
        try:
            count = self._count()
            fields = [FieldDescriptorPacket(self._packet(), encoding) for _ in range(count)]
            self._packet()  # the end of the descriptions
        except _GARBAGE as error:
            raise faults.malformed() from error
        return [wire(field) for field in fields]

    def _count(self) -> int:
        first = self._packet()
        if first[0] < _NULL:
            return first[0]
        if first[0] != _TWO_BYTES:
            raise ValueError("not a count of columns")
        return int.from_bytes(first[1:3], "little")

    def _packet(self) -> bytes:
        """One short packet. Raises the server's error if it is one."""
        while self._end - self._start < _HEADER or self._end - self._start < self._length():
            self.receive()
        packet = bytes(self._buffer[self._start + _HEADER : self._start + self._length()])
        self.sequence = self._buffer[self._start + 3] + 1 & 255
        self._start += _HEADER + len(packet)
        if packet[:1] == bytes([_ERROR]):
            raise_mysql_exception(packet)
        return packet

    def _length(self) -> int:
        return _HEADER + int.from_bytes(self._buffer[self._start : self._start + 3], "little")


def wire(field: Any) -> Wire:
    """What a description of the driver's says of a column."""
    unsigned, binary = bool(field.flags & _UNSIGNED), field.charsetnr == _BINARY
    return Wire(field.name, field.type_code, unsigned, binary, field.scale)

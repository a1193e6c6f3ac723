# cython: boundscheck=False, wraparound=False, cdivision=True
"""COPY (FORMAT binary) bytes → Arrow record batches, in one pass and without the GIL.

The stream is not trusted: every length is checked before it is used, and nothing is read outside of the
bytes that were fed. A decoder that has raised stays broken: feeding it again raises the same error.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport INT32_MAX, int16_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove

from towpath.connectors.postgres._columns cimport *

import pyarrow as pa

cdef extern from * nogil:
    int __builtin_popcount(unsigned int)

_KINDS = {
    "bool": BOOL, "int16": WORD2, "int32": WORD4, "uint32": WORD4, "float32": WORD4, "int64": WORD8,
    "float64": WORD8, "decimal": DECIMAL, "text": TEXT, "jsonb": JSONB, "bytes": BYTES, "uuid": UUID,
    "date": DATE, "time": TIME, "timestamp": TIMESTAMP, "interval": INTERVAL,
}
_WIDTHS = {
    WORD2: 2, WORD4: 4, WORD8: 8, DECIMAL: 16, UUID: 16, DATE: 4, TIME: 8, TIMESTAMP: 8, INTERVAL: 16,
}
_REASONS = {
    WIRE_SPECIAL: "a value that has no equal in Arrow",
    WIRE_MEMORY: "not enough memory",
    WIRE_HEADER: "not the beginning of a COPY stream in binary format",
    WIRE_FIELDS: "a row with another number of columns",
    WIRE_LENGTH: "a value of an impossible length",
    WIRE_RANGE: "a value out of its type's range",
    WIRE_NUMERIC: "a malformed numeric",
    WIRE_PRECISION: "a numeric with more digits than its column's type allows",
    WIRE_UTF8: "text that is not UTF-8",
    WIRE_ARRAY: "a malformed array",
    WIRE_VERSION: "jsonb of an unknown version",
    WIRE_AFTER_END: "bytes after the end of the stream",
}

#: Bytes; header extensions are not in use.
cdef enum: MAX_EXTENSION = 65536

cdef const char* SIGNATURE = b"PGCOPY\n\377\r\n\0"


class DecodeError(ValueError):
    """The stream is malformed or cut off, or (``unrepresentable``) a sound one of a value that Arrow cannot hold.

    ``column`` is the index of the column, -1 if it is not about one; ``row`` and ``position`` count from 0.
    """

    def __init__(self, reason, *, unrepresentable, column, row, position):
        super().__init__(f"{reason}, at byte {position} (row {row}, column {column})")
        self.reason = reason
        self.unrepresentable = unrepresentable
        self.column = column
        self.row = row
        self.position = position


cdef class Memory:
    """Owns one block of memory, which Arrow reads as a buffer without a copy."""

    cdef void* block
    cdef Py_ssize_t size

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.block, self.size, 1, flags)

    def __dealloc__(self):
        free(self.block)


cdef object hand_over(void** block, size_t size):
    """The block as an Arrow buffer of ``size`` bytes, which frees it; the pointer is cleared."""
    if block[0] == NULL:
        return pa.py_buffer(b"")
    cdef Memory memory = Memory.__new__(Memory)
    memory.block = block[0]
    memory.size = <Py_ssize_t>size
    block[0] = NULL
    return pa.py_buffer(memory)


cdef int set_up(Column* c, str wire, object type, bint lenient) except -1:
    """``wire`` names what comes over the wire (``text``, ``int32[]`` …), ``type`` what Arrow makes of it."""
    c.lenient = lenient
    if wire.endswith("[]"):
        c.kind = LIST
        c.child = <Column*>calloc(1, sizeof(Column))
        if c.child == NULL:
            raise MemoryError
        return set_up(c.child, wire.removesuffix("[]"), type.value_type, lenient)
    c.kind = _KINDS[wire]
    c.width = _WIDTHS.get(c.kind, 0)
    if c.kind == DECIMAL:
        c.precision, c.scale = type.precision, type.scale
        if not 0 <= c.scale <= c.precision <= 38:
            raise ValueError(type)
    return 0


cdef void release(Column* c) noexcept:
    free(c.valid)
    free(c.offsets)
    free(c.data)
    if c.child != NULL:
        release(c.child)
        free(c.child)


cdef object take_array(Column* c, object type):
    """The values as an Arrow array that owns the memory; the column is left empty."""
    cdef size_t rows = c.rows, valid = 0, i
    cdef list children = []
    for i in range(rows // 8):
        valid += __builtin_popcount(c.valid[i])
    for i in range(rows // 8 * 8, rows):
        valid += c.valid[i >> 3] >> (i & 7) & 1
    stored = type.storage_type if isinstance(type, pa.BaseExtensionType) else type
    buffers = [None if valid == rows else hand_over(<void**>&c.valid, (rows + 7) // 8)]
    if c.width:
        buffers.append(hand_over(<void**>&c.data, rows * c.width))
    elif c.kind == BOOL:
        buffers.append(hand_over(<void**>&c.data, (rows + 7) // 8))
    else:
        buffers.append(hand_over(<void**>&c.offsets, (rows + 1) * sizeof(int32_t)))
        if c.kind == LIST:
            children.append(take_array(c.child, type.value_type))
        else:
            buffers.append(hand_over(<void**>&c.data, c.size))
    free(c.valid)
    c.valid, c.offsets, c.data = NULL, NULL, NULL
    c.rows = c.slots = c.size = c.capacity = 0
    array = pa.Array.from_buffers(stored, rows, buffers, rows - valid, children=children or None)
    return array if stored is type else pa.ExtensionArray.from_storage(type, array)


cdef class Decoder:
    """Turns the bytes of one COPY into batches of at most ``max_rows`` rows and about ``max_bytes`` bytes.

    ``wires`` says for each field of ``schema`` what its values look like on the wire. Feed bytes, in pieces of
    any size; when the batch is `full`, take it; at the end of the stream call `finish`, and take the rest.
    One thread at a time.
    """

    def __cinit__(self, schema, wires, *, size_t max_rows=65_536, size_t max_bytes=32 << 20, bint lenient=False):
        if len(schema) != len(wires) or not wires or max_rows < 1 or max_rows > INT32_MAX:
            raise ValueError("one wire type for each field, and at least one row")
        self.schema, self.max_rows, self.max_bytes = schema, max_rows, max_bytes
        self.column, self.need, self.slots = -1, 19, min(max_rows, 1024)
        self.columns = <Column*>calloc(len(wires), sizeof(Column))
        if self.columns == NULL:
            raise MemoryError
        self.width = len(wires)
        for i, wire in enumerate(wires):
            set_up(&self.columns[i], wire, schema.field(i).type, lenient)

    def __dealloc__(self):
        for i in range(self.width):
            release(&self.columns[i])
        free(self.columns)
        free(self.carry)

    @property
    def full(self):
        """Whether the batch must be taken before more can be fed."""
        return self.is_full()

    def feed(self, const uint8_t[::1] data not None):
        """Decode; returns how many bytes were consumed: all of them, unless the batch is full.

        Raises `DecodeError`.
        """
        cdef size_t used = 0
        if data.shape[0]:
            with nogil:
                used = self.feed_bytes(&data[0], <size_t>data.shape[0])
        if self.status:
            raise self.error()
        return used

    def finish(self):
        """To be called at the end of the stream. Raises `DecodeError` if it was cut off."""
        if self.status:
            raise self.error()
        if not self.done:
            raise DecodeError(
                "the stream was cut off", unrepresentable=False, column=-1, row=self.before + self.rows,
                position=self.position + self.carried,
            )

    def take(self):
        """The rows decoded so far as a record batch, which may have none; the next batch begins."""
        if self.status:
            raise self.error()
        self.before += self.rows
        self.slots = max(self.rows, <size_t>1024) if self.rows < self.slots else self.slots
        self.rows = self.bytes = 0
        self.closed = False
        arrays = [
            take_array(&self.columns[i], self.schema.field(i).type) for i in range(self.width)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    cdef object error(self):
        if self.status == WIRE_MEMORY:
            return MemoryError("a batch of the COPY stream")
        return DecodeError(
            _REASONS[self.status], unrepresentable=self.status in (WIRE_SPECIAL, WIRE_PRECISION, WIRE_UTF8),
            column=self.column, row=self.before + self.rows, position=self.position + self.offset,
        )

    cdef inline bint is_full(self) noexcept nogil:
        return self.rows >= self.max_rows or self.bytes >= self.max_bytes or self.closed

    cdef size_t feed_bytes(self, const uint8_t* at, size_t size) noexcept nogil:
        cdef size_t used = 0, more
        while self.carried and used < size and not self.status and not self.is_full():
            # Only as much as the value at hand still lacks: no row is scanned again from its start in vain.
            more = min(size - used, self.need - self.carried)
            self.keep(at + used, more)
            used += more
            if self.carried >= self.need and not self.status:
                self.drop(self.parse(self.carry, self.carried))
        if self.carried or self.status or self.is_full() or used == size:
            return used
        used += self.parse(at + used, size - used)
        if not self.status and not self.is_full() and used < size:
            self.keep(at + used, size - used)
            used = size
        return used

    cdef void keep(self, const uint8_t* at, size_t size) noexcept nogil:
        cdef size_t wanted = self.carried + size
        if wanted > self.carry_capacity:
            wanted = max(wanted, 2 * self.carry_capacity)
            if resize(<void**>&self.carry, wanted):
                self.status = WIRE_MEMORY
                return
            self.carry_capacity = wanted
        memcpy(self.carry + self.carried, at, size)
        self.carried += size

    cdef void drop(self, size_t used) noexcept nogil:
        self.carried -= used
        memmove(self.carry, self.carry + used, self.carried)

    cdef size_t parse(self, const uint8_t* at, size_t size) noexcept nogil:
        """Decode whole rows; returns the bytes they took. What the next one needs to go on is in ``need``."""
        cdef size_t used = 0, unit
        while used < size and not self.is_full():
            if self.done:
                self.status = WIRE_AFTER_END
            self.offset = 0
            if self.status:
                break
            unit = self.row(at + used, size - used) if self.begun else self.header(at + used, size - used)
            if unit == 0:
                break
            used += unit
            self.position += unit
            self.need = 2
        return used

    cdef size_t header(self, const uint8_t* at, size_t size) noexcept nogil:
        cdef uint32_t extension
        self.need = 19
        if size < self.need:
            if memcmp(at, SIGNATURE, min(size, <size_t>11)):
                self.status = WIRE_HEADER
            return 0
        extension = wire_32(at + 15)
        if memcmp(at, SIGNATURE, 11) or wire_32(at + 11) >> 16 or extension > MAX_EXTENSION:
            self.status = WIRE_HEADER
            return 0
        self.need += extension
        if size < self.need:
            return 0
        self.begun = True
        return self.need

    cdef size_t row(self, const uint8_t* at, size_t size) noexcept nogil:
        """Decode one row; returns its bytes, or 0 if not all of it is there, or the batch has no room."""
        cdef int status
        self.need = 2
        if size < 2:
            return 0
        if <int16_t>wire_16(at) == -1:
            self.done = True
            return 2
        if <int16_t>wire_16(at) != self.width:
            self.status = WIRE_FIELDS
            return 0
        if self.rows >= self.columns[0].slots and self.grow():
            self.status = WIRE_MEMORY
            return 0
        self.offset = 2
        status = self.values(at, size)
        if status == WIRE_OK:
            self.rows += 1
            self.bytes += self.offset
            return self.offset
        for i in range(self.width):
            truncate(&self.columns[i], self.rows)
        if status == WIRE_FULL and self.rows:
            self.closed = True
        elif status != WIRE_INCOMPLETE:
            self.status = WIRE_LENGTH if status == WIRE_FULL else status
        return 0

    cdef int values(self, const uint8_t* at, size_t size) noexcept nogil:
        """The values of a row, from ``offset`` on, which follows."""
        cdef int32_t length
        cdef int status
        for i in range(self.width):
            self.column = i
            self.need = self.offset + 4
            if self.need > size:
                return WIRE_INCOMPLETE
            length = <int32_t>wire_32(at + self.offset)
            if length > MAX_VALUE:
                return WIRE_LENGTH
            if length > 0:
                self.need += length
                if self.need > size:
                    return WIRE_INCOMPLETE
            status = put(&self.columns[i], at + self.offset + 4, length)
            if status:
                return status
            self.offset = self.need
        self.column = -1
        return WIRE_OK

    cdef int grow(self) noexcept nogil:
        cdef size_t slots = max(self.slots, min(2 * self.columns[0].slots, self.max_rows))
        for i in range(self.width):
            if reserve(&self.columns[i], slots):
                return WIRE_MEMORY
        self.slots = slots
        return WIRE_OK

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Packets of a binary result set -> Arrow record batches, in one pass and without the GIL.

The bytes come from a network: every length is checked against the packet it stands in before anything
behind it is read, and a packet must be used up exactly. The rows of a batch are written straight into
the buffers that Arrow then owns.

A packet is a length of 3 bytes, a sequence number, and the payload; a payload of 2**24 - 1 bytes goes on in
the next packet. A row's payload is a zero byte, a bitmap of the nulls that starts at bit 2, and the values.
"""

from libc.stdint cimport INT32_MAX, int32_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from towpath.connectors.mysql._column cimport (
    BITS, BOOL, Column, DATE, DATETIME, DECIMAL, FIXED, GEOMETRY, Kind, TEXT, TIME, UUID, add_null, add_value,
    grow, widen,
)
from towpath.connectors.mysql._values cimport (
    Fault, MALFORMED, NO_MEMORY, NONE, Span, TOO_LARGE, UNREPRESENTABLE, left_of, little,
)

import pyarrow as pa

from towpath.connectors.mysql import faults

cdef enum:
    HEADER = 4
    LARGEST_PACKET = 0xFFFFFF
    # With the bytes a batch may hold before its last row, offsets stay within 32 bits.
    LARGEST_ROW = 0x70000000
    FIRST_ROWS = 1024

_KINDS = {
    "fixed": FIXED, "text": TEXT, "bool": BOOL, "bits": BITS, "decimal": DECIMAL,
    "date": DATE, "datetime": DATETIME, "time": TIME, "uuid": UUID, "geometry": GEOMETRY,
}
_WIDTHS = {"bits": 8, "decimal": 16, "date": 4, "datetime": 8, "time": 8, "uuid": 16}


cdef class _Block:
    """Memory that an Arrow buffer looks at; freed with the last buffer that does."""

    cdef void* start

    def __dealloc__(self):
        free(self.start)


cdef object _buffer(void** start, Py_ssize_t size):
    """An Arrow buffer that owns the memory from now on: nothing is copied."""
    cdef _Block block = _Block.__new__(_Block)
    block.start = start[0]
    start[0] = NULL
    return pa.foreign_buffer(<uintptr_t>block.start, size, block)


cdef class Decoder:
    """Decodes one result set. Feed it bytes, take a batch when it is `full` and once more at the end.

    ``schema`` is that of the batches, ``readings`` a `types.Reading` for each of its fields. ``strict``
    names the columns in which a date that is none is an error; elsewhere it reads as null.
    ``sequence`` is the number that the next packet must have. Not to be used by two threads at once.
    """

    cdef Column* columns
    cdef Py_ssize_t width, rows, rows_room, first_rows, most_rows
    cdef size_t bytes, most_bytes
    cdef uint8_t sequence
    cdef bint over, assembling
    cdef uint8_t* assembly
    cdef size_t assembled, assembly_room
    cdef Fault fault
    cdef Py_ssize_t fault_column
    cdef Span fault_at
    cdef object schema
    cdef readonly object error
    """Payload of the error packet that ended the result; None if none did."""

    def __cinit__(
        self, schema, readings, *, strict, int sequence, Py_ssize_t most_rows=65536, size_t most_bytes=1 << 25
    ):
        if len(schema) != len(readings) or most_rows < 1 or most_bytes > INT32_MAX - LARGEST_ROW:
            raise ValueError("a reading for each field, at least a row, and at most 268 MB")
        self.columns = <Column*>calloc(max(len(schema), 1), sizeof(Column))
        if self.columns == NULL:
            raise MemoryError
        self.width = len(schema)
        self.schema = schema
        self.sequence = sequence & 255
        self.first_rows, self.most_rows, self.most_bytes = FIRST_ROWS, most_rows, most_bytes
        for i, (field, reading) in enumerate(zip(schema, readings, strict=True)):
            self._set_up(&self.columns[i], field, reading, field.name in strict)

    cdef _set_up(self, Column* column, field, reading, bint strict):
        column.kind = _KINDS[reading.kind]
        column.width = reading.width or _WIDTHS.get(reading.kind, 0)
        column.strict = strict
        if column.kind == DECIMAL:
            column.digits, column.scale = field.type.precision, field.type.scale

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.columns != NULL:
            for i in range(self.width):
                free(self.columns[i].valid)
                free(self.columns[i].data)
                free(self.columns[i].offsets)
            free(self.columns)
        free(self.assembly)

    @property
    def full(self):
        """Whether a batch must be taken before more can be fed."""
        return self._is_full()

    @property
    def done(self):
        """Whether the result has ended; look at `error` then."""
        return self.over

    def feed(self, const uint8_t[::1] data, Py_ssize_t start, Py_ssize_t end):
        """Decode the packets that lie whole in ``data[start:end]``; returns where the first one that was not
        used begins. It stops at a full batch and at the end of the result.

        Raises `DataError` for what breaks the protocol or cannot be represented; then it is of no more use.
        """
        cdef Py_ssize_t used
        if not 0 <= start <= end <= data.shape[0]:
            raise ValueError("start and end must lie within the data")
        if self.fault != NONE:
            raise ValueError("the decoder has failed before")
        if start == end:
            return start
        with nogil:
            used = self._packets(&data[start], end - start)
        if self.fault != NONE:
            raise self._error()
        return start + used

    def take(self):
        """The records decoded since the last call, as a record batch; None if there are none."""
        cdef Py_ssize_t i, rows = self.rows
        if rows == 0:
            return None
        arrays = []
        for i in range(self.width):
            arrays.append(self._take_column(&self.columns[i], self.schema.field(i)))
        self.first_rows = self.rows_room if self._is_full() else FIRST_ROWS
        self.rows = self.rows_room = 0
        self.bytes = 0
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    cdef _take_column(self, Column* column, field):
        storage = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
        buffers = [self._take_valid(column)]
        if column.offsets != NULL:
            buffers.append(_buffer(<void**>&column.offsets, (self.rows + 1) * 4))
            empty = column.data == NULL
            buffers.append(pa.py_buffer(b"") if empty else _buffer(<void**>&column.data, column.used))
        else:
            size = self.rows * column.width if column.width else (self.rows + 7) // 8
            buffers.append(_buffer(<void**>&column.data, size))
        array = pa.Array.from_buffers(storage, self.rows, buffers, column.nulls)
        if pa.types.is_string(storage):
            self._check_text(array, field)
        column.nulls, column.room = 0, 0
        column.usual, column.used = column.used + column.used // 8, 0
        return array if storage is field.type else pa.ExtensionArray.from_storage(field.type, array)

    cdef _take_valid(self, Column* column):
        buffer = _buffer(<void**>&column.valid, (self.rows + 7) // 8)
        return buffer if column.nulls else None

    cdef _check_text(self, array, field):
        """Text that is not UTF-8 must not reach those who trust that it is."""
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            raise faults.wrong_text(field.name) from None

    def _error(self):
        name = self.schema.field(self.fault_column).name if 0 <= self.fault_column < self.width else ""
        if self.fault == UNREPRESENTABLE:
            return faults.unrepresentable(name, self._moment_text())
        if self.fault == TOO_LARGE:
            return faults.too_large()
        return faults.no_memory() if self.fault == NO_MEMORY else faults.malformed(name)

    def _moment_text(self):
        """The date at fault, as the server would write it."""
        cdef const uint8_t* p = self.fault_at.at
        if left_of(&self.fault_at) < 5 or p[0] < 4:
            return "0000-00-00"
        return f"{little(p + 1, 2):04d}-{p[3]:02d}-{p[4]:02d}"

    # ── without the GIL ──────────────────────────────────────────────────────────────────────────

    cdef inline bint _is_full(self) noexcept nogil:
        return self.rows >= self.most_rows or self.bytes >= self.most_bytes

    cdef Py_ssize_t _packets(self, const uint8_t* data, Py_ssize_t size) noexcept nogil:
        """Use up the packets that are whole; returns the bytes used."""
        cdef Py_ssize_t at = 0
        cdef size_t length
        cdef const uint8_t* payload
        while not self.over and self.fault == NONE and not self._is_full():
            if size - at < HEADER:
                break
            length = little(data + at, 3)
            if <size_t>(size - at - HEADER) < length:
                break
            payload = data + at + HEADER
            self._in_order(data[at + 3], payload, length)
            at += HEADER + length
            if self.fault == NONE:
                self._part(payload, length)
        return at

    cdef void _in_order(self, uint8_t sequence, const uint8_t* payload, size_t length) noexcept nogil:
        """Packets are counted. Only the last words of a server that shuts down may be out of order."""
        if sequence != self.sequence and not (length and payload[0] == 0xFF):
            self.fault, self.fault_column = MALFORMED, -1
        self.sequence = (sequence + 1) & 255

    cdef void _part(self, const uint8_t* payload, size_t length) noexcept nogil:
        """A packet, or a part of one that was too large for one."""
        if not self.assembling and length < LARGEST_PACKET:
            self._packet(payload, length)
            return
        self.assembling = True
        self.fault = self._assemble(payload, length)
        if self.fault == NONE and length < LARGEST_PACKET:
            self._packet(self.assembly, self.assembled)
            self.assembling, self.assembled = False, 0

    cdef Fault _assemble(self, const uint8_t* payload, size_t length) noexcept nogil:
        if self.assembled + length > LARGEST_ROW:
            return TOO_LARGE
        if self.assembled + length > self.assembly_room:
            if grow(<void**>&self.assembly, self.assembled + 2 * length) != NONE:
                return NO_MEMORY
            self.assembly_room = self.assembled + 2 * length
        memcpy(self.assembly + self.assembled, payload, length)
        self.assembled += length
        return NONE

    cdef void _packet(self, const uint8_t* payload, size_t length) noexcept nogil:
        """A row begins with 0; the end, in its old form and its new one, with 254; an error with 255."""
        self.fault_column = -1
        if length and payload[0] == 0:
            self.fault = self._row(payload, length)
        elif length and payload[0] == 0xFE:
            self.over = True
        elif length and payload[0] == 0xFF:
            self.over = True
            with gil:
                self.error = payload[:length]
        else:
            self.fault = MALFORMED

    cdef Fault _row(self, const uint8_t* payload, size_t length) noexcept nogil:
        cdef const uint8_t* nulls = payload + 1
        cdef size_t bitmap = (self.width + 9) // 8
        cdef Py_ssize_t i
        cdef Span span
        cdef Fault fault
        cdef Column* column
        if length < 1 + bitmap:
            return MALFORMED
        if self.rows == self.rows_room and self._make_room() != NONE:
            return NO_MEMORY
        span.at, span.end = payload + 1 + bitmap, payload + length
        for i in range(self.width):
            column = &self.columns[i]
            if nulls[(i + 2) >> 3] >> ((i + 2) & 7) & 1:
                add_null(column, self.rows)
            else:
                self.fault_at = span
                fault = add_value(column, self.rows, &span)
                if fault == UNREPRESENTABLE and not column.strict:
                    add_null(column, self.rows)
                elif fault != NONE:
                    self.fault_column = i
                    return fault
            if column.offsets != NULL:
                column.offsets[self.rows + 1] = <int32_t>column.used
        if span.at != span.end:
            return MALFORMED
        self.rows += 1
        self.bytes += length
        return NONE

    cdef Fault _make_room(self) noexcept nogil:
        """Room for twice as many rows in every column."""
        cdef Py_ssize_t rows = min(self.rows_room * 2 if self.rows_room else self.first_rows, self.most_rows)
        cdef Py_ssize_t i
        for i in range(self.width):
            if widen(&self.columns[i], self.rows_room, rows) != NONE:
                return NO_MEMORY
        self.rows_room = rows
        return NONE



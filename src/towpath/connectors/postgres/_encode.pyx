# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Arrow arrays -> the rows of PostgreSQL's ``COPY … (FORMAT binary)``, in C and without the GIL.

A `Frame` first looks at every value once (can PostgreSQL store it? do all buffers hold what their offsets
promise?), so that `Frame.encode` can write row after row with no check but the room it computed.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Calloc, PyMem_Free

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
cdef bint suspicious(const Column *column) noexcept nogil:
    """False if no value of the column can have a problem, told without a look at each."""
    cdef int kind = column.kind
    if column.required and (kind == NULL_ or column.valid != NULL):
        return True
    if kind == TEXT or kind == BINARY:
        if offset(column, column.length) - offset(column, 0) > MAX_FIELD:
            return True
        return kind == TEXT and not plain_ascii(
            column.data + offset(column, 0), offset(column, column.length) - offset(column, 0)
        )
    return kind in (TIMESTAMP, DATE, TIME, DURATION, INTERVAL, JSON, JSONB, NUMERIC, LIST)


cdef void examine(const Column *column, uint8_t *found) noexcept nogil:
    """Note the problem of each row in ``found``, unless one is noted there already."""
    cdef int64_t row
    if suspicious(column):
        for row in range(column.length):
            if not found[row]:
                found[row] = problem(column, row)


cdef bint ordered(const Column *column) noexcept nogil:
    """True if every offset lies within the data and none is below the one before."""
    cdef int64_t row, here, last = 0
    for row in range(column.length + 1):
        here = offset(column, row)
        if here < last:
            return False
        last = here
    return last <= (column.items.length if column.kind == LIST else column.size)


# ── writing PostgreSQL ───────────────────────────────────────────────────────────────────────────

cdef uint8_t *put_list(uint8_t *out, const Column *column, int64_t row) noexcept nogil:
    """An array of one dimension; an empty one has none."""
    cdef int64_t first = offset(column, row), last = offset(column, row + 1), item
    cdef bint nulls = False
    for item in range(first, last):
        nulls |= is_null(column.items, item)
    out = put32(out, 1 if last > first else 0)
    out = put32(out, nulls)
    out = put32(out, column.element)
    if last > first:
        out = put32(out, <uint32_t>(last - first))
        out = put32(out, 1)
        for item in range(first, last):
            out = put(out, column.items, item)
    return out


cdef uint8_t *put_body(uint8_t *out, const Column *column, int64_t row) noexcept nogil:
    """The value without its length word. No value that has a problem comes here."""
    cdef int kind = column.kind
    cdef int64_t first, micros, size
    cdef int16_t two
    cdef const uint8_t *data
    cdef Number number
    if kind == INT64:
        return put64(out, <uint64_t>signed64(column, row))
    if kind == INT32:
        return put32(out, <uint32_t>signed32(column, row))
    if kind >= BINARY and kind != LIST:
        first = offset(column, row)
        size = offset(column, row + 1) - first
        data = column.data + first
        if kind == NUMERIC:
            read_number(data, size, &number)
            return put_number(out, &number)
        if kind == JSONB:
            out[0] = 1
            out += 1
        memcpy(out, data, size)
        return out + size
    if kind == DECIMAL:
        return put_decimal128(out, fixed(column, row), <int>column.unit)
    if kind == TIMESTAMP:
        to_micros(signed64(column, row), column.unit, &micros)
        return put64(out, <uint64_t>(micros - EPOCH_MICROS))
    if kind == DATE:
        return put32(out, <uint32_t>(signed32(column, row) - EPOCH_DAYS))
    if kind == BOOL:
        first = column.start + row
        out[0] = (column.data[first >> 3] >> (first & 7)) & 1
        return out + 1
    if kind == FIXED:
        memcpy(out, fixed(column, row), column.width)
        return out + column.width
    if kind == INT16:
        memcpy(&two, fixed(column, row), 2)
        return put16(out, <uint16_t>two)
    if kind == TIME:
        to_micros(signed64(column, row), column.unit, &micros)
        return put64(out, <uint64_t>micros)
    if kind == LIST:
        return put_list(out, column, row)
    return put_rare(out, column, row)


cdef uint8_t *put_rare(uint8_t *out, const Column *column, int64_t row) noexcept nogil:
    cdef int64_t micros = 0
    cdef int32_t months = 0, days = 0
    cdef uint16_t two
    cdef uint32_t four
    cdef const uint8_t *data = fixed(column, row)
    if column.kind == INT8:
        return put16(out, <uint16_t><int16_t>(<const int8_t *>data)[0])
    if column.kind == UINT8:
        return put16(out, data[0])
    if column.kind == UINT16:
        memcpy(&two, data, 2)
        return put32(out, two)
    if column.kind == UINT32:
        memcpy(&four, data, 4)
        return put64(out, four)
    if column.kind == UINT64:
        return put_unsigned(out, <uint64_t>signed64(column, row))
    if column.kind == DURATION:
        to_micros(signed64(column, row), column.unit, &micros)
    else:  # INTERVAL: months, days, nanoseconds
        memcpy(&months, data, 4)
        memcpy(&days, data + 4, 4)
        memcpy(&micros, data + 8, 8)
        micros = micros // 1000
    out = put64(out, <uint64_t>micros)
    out = put32(out, <uint32_t>days)
    return put32(out, <uint32_t>months)


cdef uint8_t *put(uint8_t *out, const Column *column, int64_t row) noexcept nogil:
    """The value with its length word, which is -1 for a null."""
    cdef uint8_t *end
    if is_null(column, row):
        return put32(out, 0xFFFFFFFF)
    end = put_body(out + 4, column, row)
    put32(out, <uint32_t>(end - out - 4))
    return end


# ── for Python ───────────────────────────────────────────────────────────────────────────────────

cdef const uint8_t *address(object buffer) except? NULL:
    return <const uint8_t *><uintptr_t>buffer.address if buffer is not None else NULL


cdef int describe(Column *column, object array, object wire) except -1:
    """Fill ``column`` from a pyarrow array, and refuse one whose buffers are too short."""
    cdef list buffers = array.buffers()
    cdef int64_t end
    column.kind, column.width, column.unit = wire.kind, wire.width, wire.unit
    column.required, column.element, column.wide = wire.required, wire.element, wire.wide
    column.start, column.length = array.offset, len(array)
    end = column.start + column.length
    if column.length == 0:  # Arrow lets an empty array have no buffers at all
        column.kind = NULL_
    if column.kind == NULL_:
        return 0
    if array.null_count:
        within(buffers[0], (end + 7) // 8)
        column.valid = address(buffers[0])
    if column.kind < BINARY:
        within(buffers[1], end * column.width if column.kind != BOOL else (end + 7) // 8)
        column.data = address(buffers[1])
        return 0
    within(buffers[1], (end + 1) * (8 if column.wide else 4))
    column.offsets = address(buffers[1])
    if column.kind == LIST:
        column.items = <Column *>PyMem_Calloc(1, sizeof(Column))
        if column.items == NULL:
            raise MemoryError
        describe(column.items, array.values, wire.item)
    elif buffers[2] is not None:
        column.data, column.size = address(buffers[2]), buffers[2].size
    if not ordered(column):
        raise ValueError("the offsets of an Arrow array lead out of its data")
    return 0


cdef int within(object buffer, int64_t size) except -1:
    if (buffer.size if buffer is not None else 0) < size:
        raise ValueError("a buffer of an Arrow array is shorter than the array")
    return 0


cdef class Frame:
    """Rows of equally long arrays, each with its `Wire`, ready to be encoded.

    ``problems``: what cannot be stored, as (row, column, number of the problem), one for each row at fault:
    the first in column order. Those rows are left out of what `encode` writes.
    """

    cdef Column *columns
    cdef int count
    cdef readonly int64_t rows
    cdef uint8_t *found
    cdef readonly list problems
    cdef object arrays

    def __cinit__(self, list columns not None, int64_t rows):
        cdef int i
        if not 0 <= rows < 1 << 40 or len(columns) > 1600:
            raise ValueError("too many rows or columns")
        self.arrays = [array for array, _ in columns]  # keeps the buffers alive
        self.rows, self.count, self.problems = rows, <int>len(columns), []
        self.columns = <Column *>PyMem_Calloc(max(self.count, 1), sizeof(Column))
        self.found = <uint8_t *>calloc(max(rows, 1), 1)
        if self.columns == NULL or self.found == NULL:
            raise MemoryError
        for i, (array, wire) in enumerate(columns):
            if len(array) != rows:
                raise ValueError("the arrays differ in length")
            describe(&self.columns[i], array, wire)
        for i in range(self.count):
            with nogil:
                examine(&self.columns[i], self.found)
            self._collect(i)

    cdef _collect(self, int column):
        """Add what `examine` found new in the column, and mark it as collected."""
        cdef int64_t row
        for row in range(self.rows):
            if self.found[row] and self.found[row] < 0x80:
                self.problems.append((row, column, self.found[row]))
                self.found[row] |= 0x80

    def __dealloc__(self):
        cdef int i
        cdef Column *items
        cdef Column *next
        if self.columns != NULL:
            for i in range(self.count):
                items = self.columns[i].items
                while items != NULL:
                    next = items.items
                    PyMem_Free(items)
                    items = next
            PyMem_Free(self.columns)
        free(self.found)

    @property
    def size(self):
        """Bytes of all rows, at most."""
        cdef int64_t total = 2 * self.rows
        cdef int i
        for i in range(self.count):
            total += room(&self.columns[i], 0, self.rows)
        return total

    def encode(self, int64_t start, int64_t stop):
        """The rows from ``start`` to ``stop`` as bytes, without the header and trailer of the format."""
        cdef int64_t row, total
        cdef int i
        cdef uint8_t *buffer
        cdef uint8_t *out
        if not 0 <= start <= stop <= self.rows:
            raise IndexError("no such rows")
        total = 2 * (stop - start)
        for i in range(self.count):
            total += room(&self.columns[i], start, stop)
        buffer = <uint8_t *>malloc(max(total, 1))
        if buffer == NULL:
            raise MemoryError
        with nogil:
            out = buffer
            for row in range(start, stop):
                if self.found[row]:
                    continue
                out = put16(out, <uint16_t>self.count)
                for i in range(self.count):
                    out = put(out, &self.columns[i], row)
        try:
            return PyBytes_FromStringAndSize(<char *>buffer, out - buffer)
        finally:
            free(buffer)

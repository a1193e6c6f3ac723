# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""How `_encode` sees the columns of a record batch, and what can be wrong with a value."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from "_encode.h" nogil:
    ctypedef struct Number:
        pass
    int FINE, OUT_OF_RANGE, TOO_FINE, KEY_IS_NULL, TOO_LONG
    int EPOCH_DAYS, FIRST_DAY, END_DAY
    int64_t EPOCH_MICROS, FIRST_MICRO, DAY_MICROS
    uint8_t *put16(uint8_t *, uint16_t)
    uint8_t *put32(uint8_t *, uint32_t)
    uint8_t *put64(uint8_t *, uint64_t)
    uint8_t *put_decimal128(uint8_t *, const uint8_t *, int)
    uint8_t *put_unsigned "put_unsigned64"(uint8_t *, uint64_t)
    uint8_t *put_number(uint8_t *, const Number *)
    int read_number(const uint8_t *, int64_t, Number *)
    int plain_ascii(const uint8_t *, int64_t)
    int text_problem(const uint8_t *, int64_t)
    int json_problem(const uint8_t *, int64_t, int)
    int to_micros(int64_t, int64_t, int64_t *)

# The same names and numbers as `wire.Kind`.
cdef enum:
    NULL_ = 0
    BOOL
    INT8
    UINT8
    INT16
    UINT16
    INT32
    UINT32
    INT64
    UINT64
    DECIMAL
    DATE
    TIME
    TIMESTAMP
    DURATION
    INTERVAL
    FIXED
    BINARY
    TEXT
    JSON
    JSONB
    NUMERIC
    LIST

# A field may not be longer; PostgreSQL's own limit is one byte less than 1 GiB, header included.
cdef enum:
    MAX_FIELD = 0x3FFFFF00

cdef struct Column:
    int kind
    int width               # bytes of a fixed-width value in Arrow; 0 for bits and for what has offsets
    int64_t unit            # scale of a DECIMAL, unit of a TIMESTAMP or DURATION (see `to_micros`)
    uint32_t element        # LIST: OID of the elements' type
    bint required           # a null is a problem
    bint wide               # offsets are of 64 bits
    int64_t start           # the array's own offset into its buffers
    int64_t length
    const uint8_t *valid    # NULL if no value is null
    const uint8_t *data
    int64_t size            # bytes of `data`
    const uint8_t *offsets
    Column *items           # LIST: the elements


# ── reading Arrow ────────────────────────────────────────────────────────────────────────────────

cdef inline bint is_null(const Column *column, int64_t row) noexcept nogil:
    cdef int64_t bit
    if column.kind == NULL_:
        return True
    if column.valid == NULL:
        return False
    bit = column.start + row
    return not (column.valid[bit >> 3] >> (bit & 7)) & 1


cdef inline int64_t offset(const Column *column, int64_t row) noexcept nogil:
    cdef int32_t narrow
    cdef int64_t wide
    if column.wide:
        memcpy(&wide, column.offsets + 8 * (column.start + row), 8)
        return wide
    memcpy(&narrow, column.offsets + 4 * (column.start + row), 4)
    return narrow


cdef inline const uint8_t *fixed(const Column *column, int64_t row) noexcept nogil:
    return column.data + column.width * (column.start + row)


cdef inline int64_t signed64(const Column *column, int64_t row) noexcept nogil:
    cdef int64_t value
    memcpy(&value, fixed(column, row), 8)
    return value


cdef inline int32_t signed32(const Column *column, int64_t row) noexcept nogil:
    cdef int32_t value
    memcpy(&value, fixed(column, row), 4)
    return value


# ── how much room it takes in a COPY ─────────────────────────────────────────────────────────────

cdef inline int64_t most(const Column *column) noexcept nogil:
    """Bytes that one value takes at most, its length word included; without what its offsets span."""
    cdef int kind = column.kind
    if kind == DECIMAL or kind == UINT64:
        return 34
    if kind == FIXED:
        return 4 + column.width
    if kind == LIST:
        return 24
    return 20


cdef inline int64_t room(const Column *column, int64_t start, int64_t stop) noexcept nogil:
    """Bytes that the values from ``start`` to ``stop`` take at most."""
    cdef int64_t total = (stop - start) * most(column), first, last
    if column.kind >= BINARY:
        first, last = offset(column, start), offset(column, stop)
        total += room(column.items, first, last) if column.kind == LIST else last - first
    return total


# ── what is wrong with a value ───────────────────────────────────────────────────────────────────

cdef inline int problem(const Column *column, int64_t row) noexcept nogil:
    """Why the value cannot be stored; 0 if it can."""
    cdef int64_t first, size, micros, item
    cdef int32_t day
    cdef int found
    cdef Number number
    if is_null(column, row):
        return KEY_IS_NULL if column.required else FINE
    if column.kind >= BINARY:
        first = offset(column, row)
        size = offset(column, row + 1) - first
        if size > MAX_FIELD:
            return TOO_LONG
        if column.kind == TEXT:
            return text_problem(column.data + first, size)
        if column.kind == JSON or column.kind == JSONB:
            return json_problem(column.data + first, size, column.kind == JSONB)
        if column.kind == NUMERIC:
            return read_number(column.data + first, size, &number)
        if column.kind == LIST:
            if room(column.items, first, first + size) > MAX_FIELD:
                return TOO_LONG
            for item in range(first, first + size):
                found = problem(column.items, item)
                if found:
                    return found
    elif column.kind == TIMESTAMP:
        found = to_micros(signed64(column, row), column.unit, &micros)
        if found:
            return found
        if micros < FIRST_MICRO + EPOCH_MICROS:  # the last day that 64 bits can count is within the bounds
            return OUT_OF_RANGE
    elif column.kind == DATE:
        day = signed32(column, row)
        if not FIRST_DAY + EPOCH_DAYS <= day < END_DAY + EPOCH_DAYS:
            return OUT_OF_RANGE
    elif column.kind == TIME:
        found = to_micros(signed64(column, row), column.unit, &micros)
        if found:
            return found
        if not 0 <= micros <= DAY_MICROS:
            return OUT_OF_RANGE
    elif column.kind == DURATION:
        return to_micros(signed64(column, row), column.unit, &micros)
    elif column.kind == INTERVAL:
        memcpy(&micros, fixed(column, row) + 8, 8)
        return to_micros(micros, -1000, &micros)
    return FINE

"""A column of the batch that is being filled, and how one value gets into it."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset

from towpath.connectors.mysql._values cimport (
    Fault, MALFORMED, NO_MEMORY, NONE, Span, left_of, little, next_bytes, next_moment, read_bits, read_date,
    read_datetime, read_decimal, read_time, read_uuid,
)

cdef enum:
    LEAST_ROOM = 4096
    EWKB_HAS_SRID = 0x20000000

cdef enum Kind:
    FIXED
    TEXT
    BOOL
    BITS
    DECIMAL
    DATE
    DATETIME
    TIME
    UUID
    GEOMETRY

cdef struct Column:
    Kind kind
    int width            # bytes of each value; 0 where that varies, and for bits in a bitmap
    int digits, scale    # of a decimal
    bint strict          # a date that is none is an error here, not a null
    int64_t nulls
    uint8_t* valid       # bitmap, all ones but for the nulls
    uint8_t* data
    size_t used, room    # bytes, where the width varies
    size_t usual         # bytes that the batch before had, and some more
    int32_t* offsets


cdef inline Fault grow(void** block, size_t size) noexcept nogil:
    cdef void* bigger = realloc(block[0], size)
    if bigger == NULL:
        return NO_MEMORY
    block[0] = bigger
    return NONE


cdef inline Fault append(Column* column, const uint8_t* p, size_t size) noexcept nogil:
    """Add bytes to a column whose width varies; the caller has seen to it that 32 bits count them."""
    cdef size_t room = column.room
    if size == 0:
        return NONE
    if room - column.used < size:
        while room - column.used < size:
            room = room * 2 if room else max(column.usual, LEAST_ROOM)
        if grow(<void**>&column.data, room) != NONE:
            return NO_MEMORY
        column.room = room
    memcpy(column.data + column.used, p, size)
    column.used += size
    return NONE


cdef inline Fault add_geometry(Column* column, const Span* value) noexcept nogil:
    """The server's SRID and WKB as plain WKB, or as EWKB where there is an SRID. # Invariant 6"""
    cdef uint32_t type
    cdef uint8_t head[5]
    if left_of(value) < 9 or value.at[4] != 1:
        return MALFORMED  # the server writes the low byte first, always
    if little(value.at, 4) == 0:
        return append(column, value.at + 4, left_of(value) - 4)
    type = little(value.at + 5, 4) | EWKB_HAS_SRID
    head[0], head[1], head[2], head[3], head[4] = 1, type & 255, type >> 8 & 255, type >> 16 & 255, type >> 24
    if append(column, head, 5) != NONE or append(column, value.at, 4) != NONE:
        return NO_MEMORY
    return append(column, value.at + 9, left_of(value) - 9)


cdef inline void add_null(Column* column, Py_ssize_t row) noexcept nogil:
    column.nulls += 1
    column.valid[row >> 3] &= <uint8_t>~(1 << (row & 7))
    if column.width:
        memset(column.data + row * column.width, 0, column.width)


cdef inline Fault add_value(Column* column, Py_ssize_t row, Span* span) noexcept nogil:
    """Move one value from the packet to the column."""
    cdef Span value
    cdef uint64_t bits = 0
    cdef Fault fault
    cdef uint8_t* out = column.data + row * column.width
    if column.kind == FIXED:
        if left_of(span) < <size_t>column.width:
            return MALFORMED
        memcpy(out, span.at, column.width)
        span.at += column.width
        return NONE
    if column.kind == DATE or column.kind == DATETIME or column.kind == TIME:
        fault = next_moment(span, &value)
        if fault != NONE:
            return fault
        if column.kind == DATE:
            return read_date(&value, <int32_t*>out)
        if column.kind == DATETIME:
            return read_datetime(&value, <int64_t*>out)
        return read_time(&value, <int64_t*>out)
    fault = next_bytes(span, &value)
    if fault != NONE:
        return fault
    if column.kind == TEXT:
        return append(column, value.at, left_of(&value))
    if column.kind == DECIMAL:
        return read_decimal(&value, column.digits, column.scale, out)
    if column.kind == UUID:
        return read_uuid(&value, out)
    if column.kind == GEOMETRY:
        return add_geometry(column, &value)
    fault = read_bits(&value, &bits)
    if fault == NONE and column.kind == BITS:
        memcpy(out, &bits, 8)
    elif fault == NONE:
        if bits > 1:
            return MALFORMED
        column.data[row >> 3] &= <uint8_t>~(1 << (row & 7))
        column.data[row >> 3] |= <uint8_t>(bits << (row & 7))
    return fault


cdef inline Fault widen(Column* column, Py_ssize_t old, Py_ssize_t rows) noexcept nogil:
    """Room in one column; what is new of the bitmap is set to ones."""
    cdef size_t bitmap = (rows + 7) // 8, known = (old + 7) // 8
    if grow(<void**>&column.valid, bitmap) != NONE:
        return NO_MEMORY
    memset(column.valid + known, 255, bitmap - known)
    if column.kind == TEXT or column.kind == GEOMETRY:
        if grow(<void**>&column.offsets, (rows + 1) * 4) != NONE:
            return NO_MEMORY
        column.offsets[0] = 0
        return NONE
    return grow(<void**>&column.data, rows * column.width if column.width else bitmap)

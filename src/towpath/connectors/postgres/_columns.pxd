"""Columns that grow by one PostgreSQL value at a time, in memory that Arrow can take over.

Nothing here needs the GIL. All memory is of `realloc`; every failure to get it is reported.
"""

from libc.stdint cimport INT32_MAX, INT64_MAX, INT64_MIN, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset

cdef extern from "_wire.h" nogil:
    enum:
        WIRE_OK, WIRE_INCOMPLETE, WIRE_FULL, WIRE_SPECIAL, WIRE_MEMORY, WIRE_HEADER, WIRE_FIELDS, WIRE_LENGTH
        WIRE_RANGE, WIRE_NUMERIC, WIRE_PRECISION, WIRE_UTF8, WIRE_ARRAY, WIRE_VERSION, WIRE_AFTER_END
    int16_t wire_16(const uint8_t*)
    uint32_t wire_32(const uint8_t*)
    uint64_t wire_64(const uint8_t*)
    int wire_numeric(const uint8_t*, int32_t, int, int, uint8_t*)
    int wire_is_utf8(const uint8_t*, size_t)

cdef enum Kind:
    BOOL, WORD2, WORD4, WORD8, DECIMAL, TEXT, JSONB, BYTES, UUID, DATE, TIME, TIMESTAMP, INTERVAL, LIST

cdef enum:
    MAX_VALUE = 0x3FFFFFFF  # bytes: what PostgreSQL itself can neither send nor store in one value
    EPOCH_DAYS = 10_957     # PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01

cdef extern from *:
    """
    #define TOWPATH_EPOCH 946684800000000LL
    #define TOWPATH_DAY 86400000000LL
    """
    const int64_t EPOCH "TOWPATH_EPOCH"
    const int64_t DAY "TOWPATH_DAY"

cdef struct Column:
    int kind
    int width         # bytes of a value; 0 if they vary or are bits
    int precision
    int scale
    bint lenient      # special values become nulls
    size_t rows       # values put so far; the valid bits, offsets and data of later slots are undefined
    size_t slots      # values that fit
    uint8_t* valid
    int32_t* offsets
    uint8_t* data
    size_t size       # bytes of data, where they vary
    size_t capacity
    Column* child     # of a list


cdef inline int resize(void** block, size_t size) noexcept nogil:
    cdef void* fresh = realloc(block[0], size if size else 1)
    if fresh == NULL:
        return WIRE_MEMORY
    block[0] = fresh
    return WIRE_OK


cdef inline int reserve(Column* c, size_t slots) noexcept nogil:
    """Room for that many values; on failure the column is as it was."""
    if slots <= c.slots:
        return WIRE_OK
    slots = max(slots, 2 * c.slots)
    if resize(<void**>&c.valid, slots // 8 + 1):
        return WIRE_MEMORY
    if c.width and resize(<void**>&c.data, slots * c.width):
        return WIRE_MEMORY
    if c.kind == BOOL and resize(<void**>&c.data, slots // 8 + 1):
        return WIRE_MEMORY
    if not c.width and c.kind != BOOL:
        if resize(<void**>&c.offsets, (slots + 1) * sizeof(int32_t)):
            return WIRE_MEMORY
        if c.slots == 0:
            c.offsets[0] = 0
    c.slots = slots
    return WIRE_OK


cdef inline int reserve_bytes(Column* c, size_t more) noexcept nogil:
    cdef size_t needed = c.size + more
    if needed > <size_t>INT32_MAX:
        return WIRE_FULL
    if needed > c.capacity:
        needed = max(needed, 2 * c.capacity, <size_t>4096)
        if resize(<void**>&c.data, needed):
            return WIRE_MEMORY
        c.capacity = needed
    return WIRE_OK


cdef inline void set_bit(uint8_t* bits, size_t i, bint on) noexcept nogil:
    cdef uint8_t mask = <uint8_t>(1 << (i & 7))
    bits[i >> 3] = (bits[i >> 3] & ~mask) | (mask if on else 0)


cdef inline void end_value(Column* c, bint valid) noexcept nogil:
    set_bit(c.valid, c.rows, valid)
    c.rows += 1
    if c.offsets != NULL:
        c.offsets[c.rows] = <int32_t>(c.child.rows if c.child != NULL else c.size)


cdef inline void put_null(Column* c) noexcept nogil:
    if c.width:
        memset(c.data + c.rows * c.width, 0, c.width)
    elif c.kind == BOOL:
        set_bit(c.data, c.rows, False)
    end_value(c, False)


cdef inline void truncate(Column* c, size_t rows) noexcept nogil:
    """Forget the values from there on."""
    c.rows = rows
    if c.offsets == NULL:
        return
    if c.child != NULL:
        truncate(c.child, <size_t>c.offsets[rows])
    else:
        c.size = <size_t>c.offsets[rows]


cdef inline int put_bytes(Column* c, const uint8_t* at, int32_t size) noexcept nogil:
    cdef int status = reserve_bytes(c, size)
    if status == WIRE_OK and size:
        memcpy(c.data + c.size, at, size)
        c.size += size
    return status


cdef inline int put_interval(uint8_t* out, const uint8_t* at) noexcept nogil:
    cdef int64_t micros = <int64_t>wire_64(at)
    cdef int64_t nanos
    cdef int32_t days = <int32_t>wire_32(at + 8)
    cdef int32_t months = <int32_t>wire_32(at + 12)
    if micros > INT64_MAX // 1000 or micros < -(INT64_MAX // 1000):
        return WIRE_SPECIAL
    nanos = micros * 1000
    memcpy(out, &months, 4)
    memcpy(out + 4, &days, 4)
    memcpy(out + 8, &nanos, 8)
    return WIRE_OK


cdef inline int put_fixed(Column* c, uint8_t* out, const uint8_t* at, int32_t size) noexcept nogil:
    """A value of a fixed width, written to ``out``."""
    cdef uint64_t word
    cdef int64_t number
    if c.kind == DECIMAL:
        return wire_numeric(at, size, c.precision, c.scale, out)
    if size != c.width:
        return WIRE_LENGTH
    if c.kind == WORD8:
        word = wire_64(at)
        memcpy(out, &word, 8)
    elif c.kind == WORD4:
        number = wire_32(at)
        memcpy(out, &number, 4)
    elif c.kind == WORD2:
        number = wire_16(at)
        memcpy(out, &number, 2)
    elif c.kind == TIMESTAMP:
        number = <int64_t>wire_64(at)
        if number == INT64_MIN or number > INT64_MAX - EPOCH:  # the infinities, and the far end of PostgreSQL's
            return WIRE_SPECIAL
        number += EPOCH
        memcpy(out, &number, 8)
    elif c.kind == DATE:
        number = <int32_t>wire_32(at)
        if number == -<int64_t>INT32_MAX - 1 or number > <int64_t>INT32_MAX - EPOCH_DAYS:
            return WIRE_SPECIAL
        number += EPOCH_DAYS
        memcpy(out, &number, 4)
    elif c.kind == TIME:
        number = <int64_t>wire_64(at)
        if number == DAY:  # 24:00:00, which PostgreSQL knows beside 00:00:00
            return WIRE_SPECIAL
        if number < 0 or number > DAY:
            return WIRE_RANGE
        memcpy(out, &number, 8)
    elif c.kind == INTERVAL:
        return put_interval(out, at)
    else:
        memcpy(out, at, c.width)
    return WIRE_OK


cdef inline int put_text(Column* c, const uint8_t* at, int32_t size) noexcept nogil:
    if c.kind == JSONB:
        if size < 1:
            return WIRE_LENGTH
        if at[0] != 1:
            return WIRE_VERSION
        at += 1
        size -= 1
    if not wire_is_utf8(at, size):
        return WIRE_UTF8
    return put_bytes(c, at, size)


cdef inline int settle(Column* c, int status) noexcept nogil:
    """End a value that was put with this outcome."""
    if status == WIRE_OK:
        end_value(c, True)
    elif status == WIRE_SPECIAL and c.lenient:
        put_null(c)
        return WIRE_OK
    return status


cdef inline int put_scalar(Column* c, const uint8_t* at, int32_t size) noexcept nogil:
    """One value, no list, of ``size`` bytes, which are there; -1 is null. There is a slot for it."""
    if size == -1:
        put_null(c)
        return WIRE_OK
    if size < 0:
        return WIRE_LENGTH
    if c.width:
        return settle(c, put_fixed(c, c.data + c.rows * c.width, at, size))
    if c.kind == BOOL:
        if size != 1:
            return WIRE_LENGTH
        set_bit(c.data, c.rows, at[0] == 1)
        return settle(c, WIRE_OK if at[0] < 2 else WIRE_RANGE)
    if c.kind == BYTES:
        return settle(c, put_bytes(c, at, size))
    return settle(c, put_text(c, at, size))


cdef inline int put_list(Column* c, const uint8_t* at, int32_t size) noexcept nogil:
    """The elements of a one-dimensional array whose subscripts begin at 1; others are special."""
    cdef int32_t dimensions, count, length
    cdef const uint8_t* end = at + size
    cdef int status
    if size < 12:
        return WIRE_LENGTH
    dimensions = <int32_t>wire_32(at)
    if dimensions == 0:
        return WIRE_OK if size == 12 else WIRE_LENGTH
    if dimensions < 0 or dimensions > 6:
        return WIRE_ARRAY
    if size < 12 + 8 * dimensions:
        return WIRE_LENGTH
    if dimensions > 1 or <int32_t>wire_32(at + 16) != 1:
        return WIRE_SPECIAL
    count = <int32_t>wire_32(at + 12)
    at += 20
    if count < 0 or count > (size - 20) // 4:
        return WIRE_ARRAY
    if c.child.rows + count > <size_t>INT32_MAX:
        return WIRE_FULL
    if reserve(c.child, c.child.rows + count):
        return WIRE_MEMORY
    while count:
        if end - at < 4:
            return WIRE_LENGTH
        length = <int32_t>wire_32(at)
        at += 4
        if length > end - at:
            return WIRE_LENGTH
        status = put_scalar(c.child, at, length)
        if status:
            return status
        if length > 0:
            at += length
        count -= 1
    return WIRE_OK if at == end else WIRE_LENGTH


cdef inline int put(Column* c, const uint8_t* at, int32_t size) noexcept nogil:
    """One value of any kind; as `put_scalar`."""
    if c.kind != LIST or size < 0:
        return put_scalar(c, at, size)
    return settle(c, put_list(c, at, size))

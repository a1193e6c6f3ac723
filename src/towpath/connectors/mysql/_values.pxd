"""The values of a binary result row: each read from the bytes of its packet, and no further.

Every function checks what it reads against the end of its span and says what is wrong with it.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    ctypedef long long int128 "__int128_t"

cdef enum Fault:
    NONE
    MALFORMED
    UNREPRESENTABLE
    TOO_LARGE
    NO_MEMORY

cdef struct Span:
    const uint8_t* at
    const uint8_t* end


cdef inline size_t left_of(const Span* span) noexcept nogil:
    return <size_t>(span.end - span.at)


cdef inline uint32_t little(const uint8_t* p, int size) noexcept nogil:
    cdef uint32_t value = 0
    cdef int i
    for i in range(size):
        value |= <uint32_t>p[i] << (8 * i)
    return value


cdef inline Fault next_bytes(Span* span, Span* value) noexcept nogil:
    """The next bytes with their length before them: one byte, or a mark and 2, 3 or 8 bytes."""
    cdef size_t left = left_of(span)
    cdef uint64_t length
    cdef int extra = 0
    if left < 1:
        return MALFORMED
    length = span.at[0]
    if length > 250:
        extra = 2 if length == 252 else 3 if length == 253 else 8 if length == 254 else 0
        if extra == 0 or left < <size_t>(1 + extra):
            return MALFORMED
        length = little(span.at + 1, 4 if extra == 8 else extra)
        if extra == 8 and little(span.at + 5, 4) != 0:
            return MALFORMED  # more than any packet holds
    if length > left - 1 - extra:
        return MALFORMED
    value.at = span.at + 1 + extra
    value.end = value.at + length
    span.at = value.end
    return NONE


cdef inline Fault next_moment(Span* span, Span* value) noexcept nogil:
    """The parts of a date or time: a length of one byte and so many bytes."""
    if left_of(span) < 1 or left_of(span) - 1 < span.at[0]:
        return MALFORMED
    value.at = span.at + 1
    value.end = value.at + span.at[0]
    span.at = value.end
    return NONE


cdef inline bint is_date(int year, int month, int day) noexcept nogil:
    cdef int last = 31
    if month == 4 or month == 6 or month == 9 or month == 11:
        last = 30
    elif month == 2:
        last = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= last


cdef inline int64_t days_from(int year, int month, int day) noexcept nogil:
    """Days from 1970-01-01 in the Gregorian calendar; the year is counted from March."""
    cdef int64_t y = year - (month <= 2)
    cdef int64_t of_year = (153 * (month + (9 if month <= 2 else -3)) + 2) // 5 + day - 1
    return 365 * y + y // 4 - y // 100 + y // 400 + of_year - 719468


cdef inline Fault read_day(const Span* parts, int64_t* days) noexcept nogil:
    cdef int year
    if left_of(parts) == 0:
        return UNREPRESENTABLE  # how the server writes 0000-00-00
    if left_of(parts) < 4:
        return MALFORMED
    year = little(parts.at, 2)
    if not is_date(year, parts.at[2], parts.at[3]):
        return UNREPRESENTABLE
    days[0] = days_from(year, parts.at[2], parts.at[3])
    return NONE


cdef inline Fault read_clock(const uint8_t* p, size_t size, int64_t* micros) noexcept nogil:
    """Hour, minute, second, and four bytes of microseconds where there are any."""
    cdef uint32_t fraction = 0
    if size != 3 and size != 7:
        return MALFORMED
    if size == 7:
        fraction = little(p + 3, 4)
    if p[0] > 23 or p[1] > 59 or p[2] > 59 or fraction > 999999:
        return MALFORMED
    micros[0] = (p[0] * 3600 + p[1] * 60 + p[2]) * <int64_t>1000000 + fraction
    return NONE


cdef inline Fault read_date(const Span* parts, int32_t* out) noexcept nogil:
    cdef int64_t days = 0
    cdef Fault fault = read_day(parts, &days)
    if fault == NONE:
        out[0] = <int32_t>days
    return fault


cdef inline Fault read_datetime(const Span* parts, int64_t* out) noexcept nogil:
    cdef int64_t days = 0, micros = 0
    cdef Fault fault = read_day(parts, &days)
    if fault == NONE and left_of(parts) > 4:
        fault = read_clock(parts.at + 4, left_of(parts) - 4, &micros)
    if fault == NONE:
        out[0] = days * <int64_t>86400000000 + micros
    return fault


cdef inline Fault read_time(const Span* parts, int64_t* out) noexcept nogil:
    """A sign, days, and the clock; nothing at all for zero."""
    cdef int64_t micros = 0, days
    cdef Fault fault
    out[0] = 0
    if left_of(parts) == 0:
        return NONE
    if left_of(parts) < 5 or parts.at[0] > 1:
        return MALFORMED
    days = little(parts.at + 1, 4)
    if days > 1000000:
        return MALFORMED
    fault = read_clock(parts.at + 5, left_of(parts) - 5, &micros)
    if fault == NONE:
        micros += days * <int64_t>86400000000
        out[0] = -micros if parts.at[0] else micros
    return fault


cdef inline Fault read_decimal(const Span* text, int digits, int scale, uint8_t* out) noexcept nogil:
    """Decimal digits with a sign and a point, as an integer of 128 bits in units of the scale."""
    cdef const uint8_t* p = text.at
    cdef int128 value = 0
    cdef int64_t small = 0
    cdef int count = 0, after_point = 0
    cdef bint negative = False, point = False, any = False
    if p < text.end and p[0] == c"-":
        negative = True
        p += 1
    while p < text.end:
        if p[0] == c"." and not point:
            point = True
        elif c"0" <= p[0] <= c"9":
            any = True
            after_point += point
            count += count > 0 or p[0] != c"0"  # zeros in front take no room
            if count > digits or after_point > scale:
                return MALFORMED
            if count <= 18:
                small = small * 10 + (p[0] - c"0")
                value = small
            else:
                value = value * 10 + (p[0] - c"0")
        else:
            return MALFORMED
        p += 1
    if not any:
        return MALFORMED
    while after_point < scale and value != 0:
        after_point += 1
        count += 1
        if count > digits:
            return MALFORMED
        value = value * 10
    if negative:
        value = -value
    memcpy(out, &value, 16)
    return NONE


cdef inline int nibble(uint8_t c) noexcept nogil:
    if c"0" <= c <= c"9":
        return c - c"0"
    c |= 32
    return c - c"a" + 10 if c"a" <= c <= c"f" else -1


cdef inline Fault read_uuid(const Span* text, uint8_t* out) noexcept nogil:
    """36 characters with four hyphens."""
    cdef const uint8_t* p = text.at
    cdef int i, high, low
    if left_of(text) != 36:
        return MALFORMED
    for i in range(16):
        if i == 4 or i == 6 or i == 8 or i == 10:
            if p[0] != c"-":
                return MALFORMED
            p += 1
        high, low = nibble(p[0]), nibble(p[1])
        if high < 0 or low < 0:
            return MALFORMED
        out[i] = <uint8_t>(high << 4 | low)
        p += 2
    return NONE


cdef inline Fault read_bits(const Span* bytes, uint64_t* out) noexcept nogil:
    """One to eight bytes, the highest first."""
    cdef size_t i
    cdef uint64_t value = 0
    if not 1 <= left_of(bytes) <= 8:
        return MALFORMED
    for i in range(left_of(bytes)):
        value = value << 8 | bytes.at[i]
    out[0] = value
    return NONE

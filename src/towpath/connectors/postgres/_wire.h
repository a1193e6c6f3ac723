/* Single values of PostgreSQL's binary format, read without trusting them.
 *
 * Callers have checked that `size` bytes are there; nothing outside of them is touched.
 */
#ifndef TOWPATH_POSTGRES_WIRE_H
#define TOWPATH_POSTGRES_WIRE_H

#include <stdint.h>
#include <string.h>

enum {
    WIRE_OK,
    WIRE_INCOMPLETE, /* not an error: the rest has not arrived */
    WIRE_FULL,       /* not an error: the batch must end before this row */
    WIRE_SPECIAL,    /* a sound value that no Arrow type can hold */
    WIRE_MEMORY,
    WIRE_HEADER,
    WIRE_FIELDS,
    WIRE_LENGTH,
    WIRE_RANGE,
    WIRE_NUMERIC,
    WIRE_PRECISION,
    WIRE_UTF8,
    WIRE_ARRAY,
    WIRE_VERSION,
    WIRE_AFTER_END
};

typedef unsigned __int128 wire_u128;

static inline uint16_t wire_16(const uint8_t *at) {
    uint16_t v;
    memcpy(&v, at, 2);
    return __builtin_bswap16(v);
}

static inline uint32_t wire_32(const uint8_t *at) {
    uint32_t v;
    memcpy(&v, at, 4);
    return __builtin_bswap32(v);
}

static inline uint64_t wire_64(const uint8_t *at) {
    uint64_t v;
    memcpy(&v, at, 8);
    return __builtin_bswap64(v);
}

static const uint64_t WIRE_TEN[20] = {
    1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL, 10000000ULL, 100000000ULL, 1000000000ULL,
    10000000000ULL, 100000000000ULL, 1000000000000ULL, 10000000000000ULL, 100000000000000ULL,
    1000000000000000ULL, 10000000000000000ULL, 100000000000000000ULL, 1000000000000000000ULL,
    10000000000000000000ULL};

/* 10 to the power of 0 <= n <= 38 */
static inline wire_u128 wire_power(int n) {
    return n < 20 ? (wire_u128)WIRE_TEN[n] : (wire_u128)WIRE_TEN[19] * WIRE_TEN[n - 19];
}

/* What the base-10000 digit adds to a number scaled by 10^exponent; WIRE_PRECISION if it does not fit. */
static inline int wire_digit(uint32_t digit, int exponent, wire_u128 *sum) {
    if (digit == 0) return WIRE_OK;
    if (exponent >= 0) {
        if (exponent > 37 || (exponent > 34 && digit >= WIRE_TEN[38 - exponent])) return WIRE_PRECISION;
        *sum += wire_power(exponent) * digit;
    } else {
        if (exponent <= -4 || digit % (uint32_t)WIRE_TEN[-exponent]) return WIRE_PRECISION;
        *sum += digit / (uint32_t)WIRE_TEN[-exponent];
    }
    return *sum < wire_power(38) ? WIRE_OK : WIRE_PRECISION;
}

/* The same while all fits into 18 decimal digits: exponent < 15, so 9999 * 10^14 at most is added, once per
 * exponent: no overflow. */
static inline int wire_small_digit(uint32_t digit, int exponent, uint64_t *sum) {
    if (exponent >= 0) {
        *sum += WIRE_TEN[exponent] * digit;
    } else if (digit != 0) {
        if (exponent <= -4 || digit % (uint32_t)WIRE_TEN[-exponent]) return WIRE_PRECISION;
        *sum += digit / (uint32_t)WIRE_TEN[-exponent];
    }
    return WIRE_OK;
}

/* A numeric as a decimal128(precision, scale), 0 <= scale <= precision <= 38, written to out[16]. Never rounds. */
static inline int wire_numeric(const uint8_t *at, int32_t size, int precision, int scale, uint8_t *out) {
    if (size < 8) return WIRE_LENGTH;
    int32_t digits = wire_16(at), weight = (int16_t)wire_16(at + 2), sign = wire_16(at + 4);
    if (size != 8 + 2 * digits) return WIRE_LENGTH;
    if (sign == 0xC000 || sign == 0xD000 || sign == 0xF000) return WIRE_SPECIAL;
    if (sign != 0 && sign != 0x4000) return WIRE_NUMERIC;
    int exponent = weight * 4 + scale, status = WIRE_OK;
    uint64_t small = 0;
    wire_u128 sum = 0;
    const uint8_t *end = at + size;
    if (exponent < 15) {
        for (at += 8; at < end && status == WIRE_OK; at += 2, exponent -= 4) {
            uint32_t digit = wire_16(at);
            if (digit > 9999) return WIRE_NUMERIC;
            status = wire_small_digit(digit, exponent, &small);
        }
        sum = small;
    } else {
        for (at += 8; at < end && status == WIRE_OK; at += 2, exponent -= 4) {
            uint32_t digit = wire_16(at);
            if (digit > 9999) return WIRE_NUMERIC;
            status = wire_digit(digit, exponent, &sum);
        }
    }
    if (status != WIRE_OK) return status;
    if (sum >= wire_power(precision)) return WIRE_PRECISION;
    if (sign) sum = -sum;
    memcpy(out, &sum, 16);
    return WIRE_OK;
}

static inline int wire_is_ascii(const uint8_t *at, size_t size) {
    uint64_t word, any = 0;
    for (; size >= 8; at += 8, size -= 8) {
        memcpy(&word, at, 8);
        any |= word;
    }
    for (; size; at++, size--) any |= *at;
    return (any & 0x8080808080808080ULL) == 0;
}

/* Bytes of the UTF-8 character that begins at `at`, 0 if it is none: overlong, a surrogate, beyond U+10FFFF, cut off. */
static inline size_t wire_character(const uint8_t *at, size_t size) {
    uint8_t lead = at[0], low = 0x80, high = 0xBF;
    size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length < 2) return length;
    if (length > size) return 0;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    return length;
}

static inline int wire_is_utf8(const uint8_t *at, size_t size) {
    if (wire_is_ascii(at, size)) return 1;
    while (size) {
        size_t length = wire_character(at, size);
        if (length == 0) return 0;
        at += length;
        size -= length;
    }
    return 1;
}

#endif

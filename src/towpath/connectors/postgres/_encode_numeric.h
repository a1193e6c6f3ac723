/* PostgreSQL's numeric on the wire: from 128-bit integers with a scale, and from text.
 *
 * Everything here trusts nothing but the lengths that it is given: no function reads or writes beyond them.
 */
#ifndef TOWPATH_POSTGRES_ENCODE_NUMERIC_H
#define TOWPATH_POSTGRES_ENCODE_NUMERIC_H

#include <stdint.h>
#include <string.h>

/* Why a value cannot be stored; the Python side names them in `wire.PROBLEMS`, in this order. */
enum {
    FINE = 0,
    HAS_NUL,
    NOT_UTF8,
    OUT_OF_RANGE,
    TOO_FINE,
    NOT_JSON,
    NOT_A_NUMBER,
    KEY_IS_NULL,
    TOO_LONG,
};

static inline uint8_t *put16(uint8_t *out, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(out, &value, 2);
    return out + 2;
}

static inline uint8_t *put32(uint8_t *out, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(out, &value, 4);
    return out + 4;
}

static inline uint8_t *put64(uint8_t *out, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(out, &value, 8);
    return out + 8;
}

enum { MAX_DECIMAL = 30, MAX_SCALE = 16383, MAX_WEIGHT = 32767 };

static inline uint8_t *put_numeric_head(uint8_t *out, int digits, int weight, int sign, int scale)
{
    out = put16(out, (uint16_t)digits);
    out = put16(out, (uint16_t)weight);
    out = put16(out, (uint16_t)sign);
    return put16(out, (uint16_t)scale);
}

/* The wire form of magnitude / 10^scale, 0 <= scale <= 38; at most MAX_DECIMAL bytes. */
static inline uint8_t *put_magnitude(uint8_t *out, unsigned __int128 magnitude, int negative, int scale)
{
    static const uint32_t power[4] = {1, 10, 100, 1000};
    uint16_t groups[12]; /* of four digits, the least one first */
    int count = 0, lowest = 0, fraction = (scale + 3) / 4, pad = fraction * 4 - scale;
    uint64_t rest;
    if (pad) { /* The last group of the fraction is filled up with zeros. */
        uint32_t cut = power[4 - pad];
        groups[count++] = (uint16_t)((uint32_t)(magnitude % cut) * power[pad]);
        magnitude /= cut;
    }
    while (magnitude > UINT64_MAX) { /* few and costly 128-bit divisions: four groups at once */
        rest = (uint64_t)(magnitude % 10000000000000000ULL);
        magnitude /= 10000000000000000ULL;
        for (int i = 0; i < 4; i++, rest /= 10000)
            groups[count++] = (uint16_t)(rest % 10000);
    }
    for (rest = (uint64_t)magnitude; rest; rest /= 10000)
        groups[count++] = (uint16_t)(rest % 10000);
    while (count && groups[count - 1] == 0)
        count--;
    while (lowest < count && groups[lowest] == 0)
        lowest++;
    if (lowest == count)
        return put_numeric_head(out, 0, 0, 0, scale);
    out = put_numeric_head(out, count - lowest, count - 1 - fraction, negative ? 0x4000 : 0, scale);
    while (count > lowest)
        out = put16(out, groups[--count]);
    return out;
}

static inline uint8_t *put_decimal128(uint8_t *out, const uint8_t *source, int scale)
{
    unsigned __int128 value;
    memcpy(&value, source, 16);
    int negative = (int)(value >> 127);
    return put_magnitude(out, negative ? -value : value, negative, scale);
}

static inline uint8_t *put_unsigned64(uint8_t *out, uint64_t value)
{
    return put_magnitude(out, value, 0, 0);
}

/* A number written as text: [sign] digits [. digits] [e exponent], or a special value. */
typedef struct {
    const uint8_t *digits; /* first character after the sign */
    int64_t whole;         /* digits before the point */
    int64_t count;         /* digits in all */
    int64_t point;         /* where the point stands after the exponent moved it: 0.D * 10^point */
    int sign;              /* as on the wire */
    int scale;
} Number;

static inline int is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

static inline int same_word(const uint8_t *text, int64_t size, const char *word)
{
    int64_t i = 0;
    for (; i < size && word[i]; i++)
        if ((text[i] | 0x20) != word[i])
            return 0;
    return i == size && !word[i];
}

static inline int special_number(const uint8_t *text, int64_t size, int negative, Number *number)
{
    if (same_word(text, size, "nan"))
        number->sign = 0xC000;
    else if (same_word(text, size, "infinity") || same_word(text, size, "inf"))
        number->sign = negative ? 0xF000 : 0xD000;
    else
        return NOT_A_NUMBER;
    return FINE;
}

/* Reads `text` into `number`; FINE, NOT_A_NUMBER or OUT_OF_RANGE. */
static inline int read_number(const uint8_t *text, int64_t size, Number *number)
{
    const uint8_t *at = text, *end = text + size;
    int negative = 0;
    int64_t exponent = 0, fraction;
    memset(number, 0, sizeof(Number));
    if (at < end && (*at == '-' || *at == '+'))
        negative = *at++ == '-';
    if (at == end || (!is_digit(*at) && *at != '.'))
        return special_number(at, end - at, negative, number);
    number->digits = at;
    number->sign = negative ? 0x4000 : 0;
    while (at < end && is_digit(*at))
        at++;
    number->whole = number->count = at - number->digits;
    if (at < end && *at == '.')
        for (at++; at < end && is_digit(*at); at++)
            number->count++;
    if (number->count == 0)
        return NOT_A_NUMBER;
    if (at < end && (*at | 0x20) == 'e') {
        int down = 0;
        if (++at < end && (*at == '-' || *at == '+'))
            down = *at++ == '-';
        if (at == end)
            return NOT_A_NUMBER;
        for (; at < end && is_digit(*at); at++)
            if (exponent < 1000000)
                exponent = exponent * 10 + (*at - '0');
        exponent = down ? -exponent : exponent;
    }
    if (at != end)
        return NOT_A_NUMBER;
    number->point = number->whole + exponent;
    fraction = number->count - number->point;
    number->scale = fraction > 0 ? (int)(fraction > MAX_SCALE ? MAX_SCALE + 1 : fraction) : 0;
    if (number->scale > MAX_SCALE || number->point > 4 * (MAX_WEIGHT + 1))
        return OUT_OF_RANGE;
    return FINE;
}

static inline int number_digit(const Number *number, int64_t index)
{
    if (index < 0 || index >= number->count)
        return 0;
    return number->digits[index < number->whole ? index : index + 1] - '0';
}

static inline int64_t floor4(int64_t value) { return value >= 0 ? value / 4 : -((3 - value) / 4); }

/* The wire form of a number that `read_number` found fine; at most 12 bytes more than its text. */
static inline uint8_t *put_number(uint8_t *out, const Number *number)
{
    int64_t first = 0, last = number->count - 1, high, low;
    while (first <= last && number_digit(number, first) == 0)
        first++;
    while (last >= first && number_digit(number, last) == 0)
        last--;
    if (first > last)
        return put_numeric_head(out, 0, 0, number->sign & 0x8000 ? number->sign : 0, number->scale);
    high = floor4(number->point - 1 - first);
    low = floor4(number->point - 1 - last);
    out = put_numeric_head(out, (int)(high - low + 1), (int)high, number->sign, number->scale);
    for (int64_t group = high; group >= low; group--) {
        int64_t index = number->point - 1 - (4 * group + 3);
        int value = 0;
        for (int i = 0; i < 4; i++)
            value = value * 10 + number_digit(number, index + i);
        out = put16(out, (uint16_t)value);
    }
    return out;
}

#endif

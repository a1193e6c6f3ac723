/* What makes text, JSON, dates and times impossible to store in PostgreSQL.
 *
 * Everything here trusts nothing but the lengths that it is given: no function reads or writes beyond them.
 */
#ifndef TOWPATH_POSTGRES_ENCODE_H
#define TOWPATH_POSTGRES_ENCODE_H

#include "_encode_numeric.h"

/* ── text ─────────────────────────────────────────────────────────────────────────────────────── */

/* 1 if the bytes are ASCII without NUL: valid text wherever it is cut. */
static inline int plain_ascii(const uint8_t *text, int64_t size)
{
    const uint64_t low = 0x0101010101010101ULL, high = 0x8080808080808080ULL;
    uint64_t seen = 0, word;
    for (; size >= 8; text += 8, size -= 8) {
        memcpy(&word, text, 8);
        /* A high bit of `word` is a byte beyond ASCII; one of the difference is a zero byte. */
        seen |= word | ((word - low) & ~word);
    }
    for (; size > 0; text++, size--)
        if (*text == 0 || *text >= 0x80)
            return 0;
    return (seen & high) == 0;
}

static inline int continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* Bytes of the UTF-8 character that begins at `text` (RFC 3629); 0 if there is none. */
static inline int utf8_length(const uint8_t *text, int64_t size)
{
    uint8_t first = text[0];
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    if (first < 0xE0)
        return size >= 2 && continues(text[1]) ? 2 : 0;
    if (first < 0xF0) {
        if (size < 3 || !continues(text[1]) || !continues(text[2]))
            return 0;
        if ((first == 0xE0 && text[1] < 0xA0) || (first == 0xED && text[1] > 0x9F))
            return 0; /* overlong, or a surrogate */
        return 3;
    }
    if (size < 4 || !continues(text[1]) || !continues(text[2]) || !continues(text[3]))
        return 0;
    if ((first == 0xF0 && text[1] < 0x90) || (first == 0xF4 && text[1] > 0x8F))
        return 0; /* overlong, or beyond U+10FFFF */
    return 4;
}

static inline int text_problem(const uint8_t *text, int64_t size)
{
    const uint8_t *end = text + size;
    if (plain_ascii(text, size))
        return FINE;
    while (text < end) {
        int length = utf8_length(text, end - text);
        if (length == 0)
            return NOT_UTF8;
        if (*text == 0)
            return HAS_NUL;
        text += length;
    }
    return FINE;
}

/* ── JSON ─────────────────────────────────────────────────────────────────────────────────────── */

enum { JSON_DEPTH = 1000 };

/* What is left of a JSON text. `binary`: for jsonb, which stores no \u0000 and no lone surrogate. */
typedef struct {
    const uint8_t *at, *end;
    int binary, depth;
} Json;

static inline void json_space(Json *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r'))
        json->at++;
}

/* The value of four hexadecimal digits; -1 if they are not there. */
static inline int json_hex(Json *json)
{
    int value = 0;
    if (json->end - json->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        uint8_t byte = *json->at++, letter = byte | 0x20;
        if (is_digit(byte))
            value = value * 16 + byte - '0';
        else if (letter >= 'a' && letter <= 'f')
            value = value * 16 + letter - 'a' + 10;
        else
            return -1;
    }
    return value;
}

static inline int json_escape(Json *json)
{
    uint8_t byte = json->at < json->end ? *json->at++ : 0;
    if (byte != 'u')
        return byte && strchr("\"\\/bfnrt", byte) ? FINE : NOT_JSON;
    int value = json_hex(json);
    if (value < 0)
        return NOT_JSON;
    if (!json->binary)
        return FINE;
    if (value == 0)
        return HAS_NUL;
    if (value >= 0xDC00 && value <= 0xDFFF)
        return NOT_JSON;
    if (value < 0xD800 || value > 0xDBFF)
        return FINE;
    if (json->end - json->at < 6 || json->at[0] != '\\' || json->at[1] != 'u')
        return NOT_JSON;
    json->at += 2;
    value = json_hex(json);
    return value >= 0xDC00 && value <= 0xDFFF ? FINE : NOT_JSON;
}

static inline int json_string(Json *json)
{
    if (json->at == json->end || *json->at++ != '"')
        return NOT_JSON;
    while (json->at < json->end) {
        uint8_t byte = *json->at++;
        if (byte == '"')
            return FINE;
        if (byte < 0x20)
            return NOT_JSON;
        if (byte == '\\') {
            int problem = json_escape(json);
            if (problem)
                return problem;
        }
    }
    return NOT_JSON;
}

static inline int json_number(Json *json)
{
    const uint8_t *start = json->at, *digits;
    Number number;
    if (json->at < json->end && *json->at == '-')
        json->at++;
    digits = json->at;
    while (json->at < json->end && is_digit(*json->at))
        json->at++;
    if (json->at == digits || (*digits == '0' && json->at - digits > 1))
        return NOT_JSON;
    if (json->at < json->end && *json->at == '.') {
        digits = ++json->at;
        while (json->at < json->end && is_digit(*json->at))
            json->at++;
        if (json->at == digits)
            return NOT_JSON;
    }
    if (json->at < json->end && (*json->at | 0x20) == 'e') {
        json->at++;
        if (json->at < json->end && (*json->at == '-' || *json->at == '+'))
            json->at++;
        digits = json->at;
        while (json->at < json->end && is_digit(*json->at))
            json->at++;
        if (json->at == digits)
            return NOT_JSON;
    }
    return json->binary ? read_number(start, json->at - start, &number) : FINE;
}

static inline int json_word(Json *json, const char *word, int size)
{
    if (json->end - json->at < size || memcmp(json->at, word, (size_t)size) != 0)
        return NOT_JSON;
    json->at += size;
    return FINE;
}

static int json_value(Json *json);

/* The members of an object or the items of an array, up to `close`; the opening bracket is read. */
static inline int json_members(Json *json, uint8_t close, int named)
{
    int problem;
    if (++json->depth > JSON_DEPTH)
        return TOO_LONG;
    json_space(json);
    if (json->at < json->end && *json->at == close) {
        json->at++, json->depth--;
        return FINE;
    }
    while (1) {
        if (named) {
            json_space(json);
            if ((problem = json_string(json)))
                return problem;
            json_space(json);
            if ((problem = json_word(json, ":", 1)))
                return problem;
        }
        if ((problem = json_value(json)))
            return problem;
        if (json->at == json->end)
            return NOT_JSON;
        uint8_t byte = *json->at++;
        if (byte == close) {
            json->depth--;
            return FINE;
        }
        if (byte != ',')
            return NOT_JSON;
    }
}

static int json_value(Json *json)
{
    int problem;
    json_space(json);
    if (json->at == json->end)
        return NOT_JSON;
    switch (*json->at) {
    case '{': json->at++; problem = json_members(json, '}', 1); break;
    case '[': json->at++; problem = json_members(json, ']', 0); break;
    case '"': problem = json_string(json); break;
    case 't': problem = json_word(json, "true", 4); break;
    case 'f': problem = json_word(json, "false", 5); break;
    case 'n': problem = json_word(json, "null", 4); break;
    default: problem = json_number(json);
    }
    if (!problem)
        json_space(json);
    return problem;
}

static inline int json_problem(const uint8_t *text, int64_t size, int binary)
{
    Json json = {text, text + size, binary, 0};
    int problem = text_problem(text, size);
    if (!problem)
        problem = json_value(&json);
    return problem ? problem : json.at == json.end ? FINE : NOT_JSON;
}

/* ── dates and times ──────────────────────────────────────────────────────────────────────────── */

/* Arrow counts days and microseconds from 1970, PostgreSQL from 2000; these are its bounds. */
#define EPOCH_DAYS 10957
#define EPOCH_MICROS 946684800000000LL
#define FIRST_DAY (-2451545)
#define END_DAY 2145031949
#define FIRST_MICRO (-211813488000000000LL)
#define DAY_MICROS 86400000000LL

/* `value` in microseconds; unit > 0 multiplies, unit < 0 divides by -unit if nothing is lost. */
static inline int to_micros(int64_t value, int64_t unit, int64_t *micros)
{
    if (unit > 0)
        return __builtin_mul_overflow(value, unit, micros) ? OUT_OF_RANGE : FINE;
    *micros = value / -unit;
    return value % -unit ? TOO_FINE : FINE;
}

#endif

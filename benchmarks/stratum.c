#include "stratum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COINBASE = 8192, MOST_DEPTH = 16 };

/* --- JSON ------------------------------------------------------------------------------------------------ */

static const char *blank_skipped(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* From an opening quote to behind the closing one; NULL if there is none. */
static const char *string_skipped(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '"')
            return p + 1;
        if (*p == '\\')
            p++;
    }
    return NULL;
}

static const char *nested_skipped(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = string_skipped(p, end);
            if (p == NULL)
                return NULL;
            continue;
        }
        if (*p == '[' || *p == '{')
            depth++;
        else if (*p == ']' || *p == '}')
            depth--;
        p++;
        if (depth == 0)
            return p;
        if (depth > MOST_DEPTH)
            return NULL;
    }
    return NULL;
}

/* Behind the value that begins at p; NULL if none does. */
static const char *value_skipped(const char *p, const char *end)
{
    if (p == end)
        return NULL;
    if (*p == '"')
        return string_skipped(p, end);
    if (*p == '[' || *p == '{')
        return nested_skipped(p, end);
    const char *start = p;
    while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != ' ' && *p != '\t' && *p != '\r')
        p++;
    return p == start ? NULL : p;
}

/* Cuts the array that begins at p into elements; returns behind its bracket, or NULL. */
static const char *array_cut(const char *p, const char *end, span *elements, int most, int *count)
{
    *count = 0;
    p = blank_skipped(p + 1, end);
    if (p < end && *p == ']')
        return p + 1;
    for (;;) {
        const char *after = value_skipped(p, end);
        if (after == NULL || *count == most)
            return NULL;
        elements[(*count)++] = (span){p, (size_t)(after - p)};
        p = blank_skipped(after, end);
        if (p == end || (*p != ',' && *p != ']'))
            return NULL;
        if (*p++ == ']')
            return p;
        p = blank_skipped(p, end);
    }
}

static const char *member_scanned(const char *p, const char *end, message *m)
{
    const char *key = p + 1;
    if (p == end || *p != '"' || (p = string_skipped(p, end)) == NULL)
        return NULL;
    size_t size = (size_t)(p - 1 - key);
    p = blank_skipped(p, end);
    if (p == end || *p != ':')
        return NULL;
    p = blank_skipped(p + 1, end);
    const char *after = NULL;
    if (size == 6 && memcmp(key, "params", 6) == 0) {
        if (p < end && *p == '[')
            return array_cut(p, end, m->params, MOST_PARAMS, &m->param_count);
    } else if ((after = value_skipped(p, end)) != NULL) {
        span value = {p, (size_t)(after - p)};
        if (size == 2 && memcmp(key, "id", 2) == 0)
            m->id = value;
        else if (size == 6 && memcmp(key, "method", 6) == 0)
            m->method = value;
        else if (size == 6 && memcmp(key, "result", 6) == 0)
            m->result = value;
        else if (size == 5 && memcmp(key, "error", 5) == 0)
            m->error = value;
        return after;
    }
    return value_skipped(p, end);
}

int message_scan(const char *line, size_t size, message *m)
{
    const char *end = line + size, *p = blank_skipped(line, end);
    m->id = m->method = m->result = m->error = (span){NULL, 0};
    m->param_count = -1;
    if (p == end || *p != '{')
        return -1;
    do {
        p = member_scanned(blank_skipped(p + 1, end), end, m);
        if (p == NULL)
            return -1;
        p = blank_skipped(p, end);
    } while (p < end && *p == ',');
    return p < end && *p == '}' && blank_skipped(p + 1, end) == end ? 0 : -1;
}

int array_elements(span array, span *elements, int most)
{
    int count;
    if (array.size == 0 || array.at[0] != '[')
        return -1;
    return array_cut(array.at, array.at + array.size, elements, most, &count) == NULL ? -1 : count;
}

span string_text(span string)
{
    if (string.size < 2 || string.at[0] != '"' || memchr(string.at, '\\', string.size) != NULL)
        return (span){NULL, 0};
    return (span){string.at + 1, string.size - 2};
}

int span_equals(span text, const char *other, size_t size)
{
    return text.at != NULL && text.size == size && memcmp(text.at, other, size) == 0;
}

/* --- hex ------------------------------------------------------------------------------------------------- */

/* 1 + the digit's value, 0 for everything else: a table, because a share has some forty digits. */
static const uint8_t DIGIT[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

int hex_bytes(span text, uint8_t *bytes, size_t size)
{
    if (text.at == NULL || text.size != 2 * size)
        return -1;
    for (size_t i = 0; i < size; i++) {
        unsigned high = DIGIT[(uint8_t)text.at[2 * i]], low = DIGIT[(uint8_t)text.at[2 * i + 1]];
        if (high == 0 || low == 0)
            return -1;
        bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return 0;
}

int hex_word(span text, uint32_t *word)
{
    uint8_t b[4];
    if (hex_bytes(text, b, 4) != 0)
        return -1;
    *word = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return 0;
}

void hex_text(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
}

/* --- jobs ------------------------------------------------------------------------------------------------ */

int work_of_notify(const message *m, size_t extranonce_size, work *w)
{
    uint8_t prevhash[32], swapped[32], coinbase[2][MOST_COINBASE], branches[32 * SHA256D_MAX_BRANCHES];
    span halves[2], each[SHA256D_MAX_BRANCHES];
    uint32_t nbits;
    if (m->param_count < 8 || extranonce_size > SHA256D_MAX_EXTRANONCE)
        return -1;
    span id = string_text(m->params[0]);
    if (id.at == NULL || id.size > MOST_JOB_ID || hex_bytes(string_text(m->params[1]), prevhash, 32) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        halves[i] = string_text(m->params[2 + i]);
        if (halves[i].size > 2 * MOST_COINBASE || hex_bytes(halves[i], coinbase[i], halves[i].size / 2) != 0)
            return -1;
    }
    int count = array_elements(m->params[4], each, SHA256D_MAX_BRANCHES);
    for (int i = 0; i < count; i++)
        if (hex_bytes(string_text(each[i]), branches + 32 * i, 32) != 0)
            return -1;
    if (count < 0 || hex_word(string_text(m->params[5]), &w->version) != 0 ||
        hex_word(string_text(m->params[6]), &nbits) != 0 ||
        hex_word(string_text(m->params[7]), &w->ntime) != 0)
        return -1;
    for (int i = 0; i < 32; i++) /* Stratum turns every four bytes of this one field around */
        swapped[i] = prevhash[i ^ 3];
    memcpy(w->id, id.at, id.size);
    w->id_size = id.size;
    w->branch_count = (size_t)count;
    w->coinbase_size = halves[0].size / 2 + extranonce_size + halves[1].size / 2;
    w->job = sha256d_job_new(coinbase[0], halves[0].size / 2, coinbase[1], halves[1].size / 2,
                             extranonce_size, branches, (size_t)count, w->version, swapped, nbits);
    return w->job == NULL ? -1 : 0;
}

size_t work_compressions(const work *w)
{
    return (w->coinbase_size + 9 + 63) / 64 + 1 + 3 * w->branch_count + 3;
}

void target_of(double difficulty, sha256d_target *target)
{
    uint8_t bytes[32] = {0};
    int exponent;
    /* Difficulty 1 is 0xffff * 2^208. The quotient is 64 bits of `fraction`, shifted. */
    long double fraction = frexpl(65535.0L / (long double)difficulty, &exponent);
    uint64_t digits = (uint64_t)ldexpl(fraction, 64);
    int shift = 208 + exponent - 64;
    if (shift + 64 > 256)
        memset(bytes, 0xff, sizeof bytes);
    for (int bit = 0; bit < 64 && shift + 64 <= 256; bit++) {
        int place = shift + bit;
        if (place >= 0 && (digits >> bit & 1) != 0)
            bytes[place / 8] |= (uint8_t)(1u << place % 8);
    }
    sha256d_target_set(target, bytes);
}

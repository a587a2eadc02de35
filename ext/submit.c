#include "submit.h"

#include <string.h>

typedef struct {
    const uint8_t *at, *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

/* Blanks, then the byte. */
static int take(cursor *c, uint8_t byte)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != byte)
        return 0;
    c->at++;
    return 1;
}

/* A string of printable ASCII without escapes; `text` is what stands between the quotes. */
static int take_string(cursor *c, submit_text *text)
{
    if (!take(c, '"'))
        return 0;
    text->at = c->at;
    while (c->at < c->end && *c->at != '"') {
        if (*c->at < 0x20 || *c->at > 0x7e || *c->at == '\\')
            return 0;
        c->at++;
    }
    if (c->at == c->end)
        return 0;
    text->size = (size_t)(c->at - text->at);
    c->at++;
    return 1;
}

static int is(const submit_text *text, const char *word)
{
    return text->size == strlen(word) && memcmp(text->at, word, text->size) == 0;
}

/* null, a string, or an integer of at most 18 digits without leading zeros: it is echoed as it stands. */
static int take_id(cursor *c, submit_text *id)
{
    skip_blanks(c);
    const uint8_t *start = c->at;
    if (c->at == c->end)
        return 0;
    if (*c->at == '"') {
        submit_text inside;
        if (!take_string(c, &inside))
            return 0;
    } else if (*c->at == 'n') {
        if (c->end - c->at < 4 || memcmp(c->at, "null", 4) != 0)
            return 0;
        c->at += 4;
    } else {
        if (*c->at == '-')
            c->at++;
        const uint8_t *digits = c->at;
        while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
            c->at++;
        size_t count = (size_t)(c->at - digits);
        if (count == 0 || count > 18 || (*digits == '0' && c->at - start > 1))
            return 0;
    }
    id->at = start;
    id->size = (size_t)(c->at - start);
    return id->size <= SUBMIT_MOST_ID;
}

static int nibble(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static int hex_bytes(const submit_text *text, uint8_t *out, size_t most)
{
    if (text->size % 2 != 0 || text->size > 2 * most)
        return 0;
    for (size_t i = 0; i < text->size; i += 2) {
        int high = nibble(text->at[i]), low = nibble(text->at[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return 1;
}

static int take_word(cursor *c, uint32_t *word)
{
    submit_text text;
    uint8_t bytes[4];
    if (!take_string(c, &text) || text.size != 8 || !hex_bytes(&text, bytes, 4))
        return 0;
    *word = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return 1;
}

/* ["worker", "job id", "extranonce2", "ntime", "nonce"] and perhaps "version bits". */
static int take_params(cursor *c, submit_line *out)
{
    submit_text extranonce2;
    if (!take(c, '[') || !take_string(c, &out->worker) || !take(c, ',') || !take_string(c, &out->job_id) ||
        !take(c, ',') || !take_string(c, &extranonce2) || !take(c, ',') || !take_word(c, &out->ntime) ||
        !take(c, ',') || !take_word(c, &out->nonce))
        return 0;
    if (out->worker.size > SUBMIT_MOST_NAME || out->job_id.size > SUBMIT_MOST_JOB_ID ||
        !hex_bytes(&extranonce2, out->extranonce2, SUBMIT_MOST_EXTRANONCE2))
        return 0;
    out->extranonce2_size = extranonce2.size / 2;
    out->has_bits = take(c, ',');
    out->bits = 0;
    if (out->has_bits && !take_word(c, &out->bits))
        return 0;
    return take(c, ']');
}

int submit_scan(const uint8_t *line, size_t size, submit_line *out)
{
    enum { ID = 1, METHOD = 2, PARAMS = 4, VERSION = 8 };
    cursor c = {line, line + size};
    unsigned seen = 0;
    if (!take(&c, '{'))
        return 0;
    do {
        submit_text key, value;
        unsigned member;
        int good;
        if (!take_string(&c, &key) || !take(&c, ':'))
            return 0;
        if (is(&key, "params")) {
            member = PARAMS;
            good = take_params(&c, out);
        } else if (is(&key, "id")) {
            member = ID;
            good = take_id(&c, &out->id);
        } else if (is(&key, "method")) {
            member = METHOD;
            good = take_string(&c, &value) && is(&value, "mining.submit");
        } else if (is(&key, "jsonrpc")) {
            member = VERSION;
            good = take_string(&c, &value);
        } else {
            return 0;
        }
        if (!good || (seen & member) != 0)
            return 0; /* a key that stands twice is for others to refuse */
        seen |= member;
    } while (take(&c, ','));
    if (!take(&c, '}'))
        return 0;
    skip_blanks(&c);
    return c.at == c.end && (seen & (ID | METHOD | PARAMS)) == (ID | METHOD | PARAMS);
}

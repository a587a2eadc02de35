#include "record.h"

#include <string.h>

static uint8_t *big_endian(uint8_t *p, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *p++ = (uint8_t)(value >> 8 * i);
    return p;
}

static uint8_t *number(uint8_t *p, uint64_t value)
{
    if (value < 0x80)
        return big_endian(p, value, 1);
    if (value <= 0xff) {
        *p++ = 0xcc;
        return big_endian(p, value, 1);
    }
    if (value <= 0xffff) {
        *p++ = 0xcd;
        return big_endian(p, value, 2);
    }
    if (value <= 0xffffffff) {
        *p++ = 0xce;
        return big_endian(p, value, 4);
    }
    *p++ = 0xcf;
    return big_endian(p, value, 8);
}

static uint8_t *copied(uint8_t *p, const uint8_t *from, size_t size)
{
    memcpy(p, from, size);
    return p + size;
}

static uint8_t *text(uint8_t *p, const uint8_t *from, size_t size)
{
    if (size < 32) {
        *p++ = (uint8_t)(0xa0 | size);
    } else {
        *p++ = 0xd9;
        *p++ = (uint8_t)size;
    }
    return copied(p, from, size);
}

static uint8_t *binary(uint8_t *p, const uint8_t *from, size_t size)
{
    *p++ = 0xc4;
    *p++ = (uint8_t)size;
    return copied(p, from, size);
}

static uint8_t *real(uint8_t *p, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    *p++ = 0xcb;
    return big_endian(p, bits, 8);
}

size_t record_pack(const record *r, uint8_t out[RECORD_MOST])
{
    uint8_t *p = out;
    *p++ = 0x9b; /* an array of eleven */
    p = number(p, r->number);
    p = number(p, r->session);
    p = text(p, r->worker, r->worker_size);
    p = text(p, r->job_id, r->job_id_size);
    p = binary(p, r->extranonce, r->extranonce_size);
    p = number(p, r->ntime);
    p = number(p, r->nonce);
    p = number(p, r->version);
    p = real(p, r->credit);
    p = real(p, r->achieved);
    p = number(p, r->flags);
    return (size_t)(p - out);
}

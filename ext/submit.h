/* Reads one plain mining.submit line, free of Python.
 *
 * Plain is a strict subset of JSON: what is refused here is not wrong, it only takes the long way. What is
 * taken here must mean the same there.
 */
#ifndef PUMPJACK_SUBMIT_H
#define PUMPJACK_SUBMIT_H

#include <stddef.h>
#include <stdint.h>

enum {
    SUBMIT_MOST_ID = 64,           /* bytes of an id, quotes included: as stratum/jsonrpc.py has it */
    SUBMIT_MOST_NAME = 255,        /* bytes of a worker name: one byte of length in a record */
    SUBMIT_MOST_JOB_ID = 64,       /* ours have less than 32 */
    SUBMIT_MOST_EXTRANONCE2 = 32,  /* bytes */
};

/* A piece of the line. */
typedef struct {
    const uint8_t *at;
    size_t size;
} submit_text;

typedef struct {
    submit_text id; /* as it stands in the line, quotes of a string included */
    submit_text worker, job_id;
    uint8_t extranonce2[SUBMIT_MOST_EXTRANONCE2];
    size_t extranonce2_size;
    uint32_t ntime, nonce, bits;
    int has_bits;
} submit_line;

/* Returns 1 and fills `out` if the `size` bytes at `line`, without newline, are a plain submit; else 0.
 * `out` points into `line`. Reads no byte outside it. */
int submit_scan(const uint8_t *line, size_t size, submit_line *out);

#endif

/* What the fuzzers of the C core have in common: the input, used up piece by piece, and how one says no. */
#ifndef PUMPJACK_FUZZ_H
#define PUMPJACK_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEMAND(condition)                                                                   \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);  \
            abort();                                                                        \
        }                                                                                   \
    } while (0)

typedef struct {
    const uint8_t *at;
    size_t left;
} fuzz_source;

/* Fills `out`; what comes after the end of the input is zero. */
static inline void fuzz_take(fuzz_source *s, void *out, size_t size)
{
    size_t have = size < s->left ? size : s->left;
    memset(out, 0, size);
    if (have > 0)
        memcpy(out, s->at, have);
    s->at += have;
    s->left -= have;
}

static inline uint8_t fuzz_byte(fuzz_source *s)
{
    uint8_t byte;
    fuzz_take(s, &byte, 1);
    return byte;
}

static inline uint32_t fuzz_word(fuzz_source *s)
{
    uint8_t b[4];
    fuzz_take(s, b, 4);
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* A copy that ends where its memory ends, so that a read past it is seen. The caller frees it. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    DEMAND(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

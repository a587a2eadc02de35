/* The hashes of shares that were credited, free of Python: so that each counts once. */
#ifndef PUMPJACK_SHARE_SET_H
#define PUMPJACK_SHARE_SET_H

#include <stddef.h>
#include <stdint.h>

/* Open addressing over the low half of a digest: its zeros are in the high one, and the 128 bits that no miner
 * chose need no further mixing. All zero is a set without memory. */
typedef struct {
    uint64_t (*keys)[2];
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    int has_zero; /* the one key that marks an empty place */
} share_set;

/* `hash` is a digest as words in the sense of sha256d.h. */
int share_set_has(const share_set *set, const uint32_t hash[8]);

/* Returns 0, or -1 and changes nothing if there is no memory. Adding twice is adding once. */
int share_set_add(share_set *set, const uint32_t hash[8]);

/* Gives its memory back; the set is empty then. */
void share_set_clear(share_set *set);

#endif

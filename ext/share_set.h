/* The hashes of shares that were credited, free of Python: so that each counts once. */
#ifndef PUMPJACK_SHARE_SET_H
#define PUMPJACK_SHARE_SET_H

#include <stddef.h>
#include <stdint.h>

/* 63 bits of the low half of a digest, where a share has no zeros and no miner has a choice. That a new share has
 * the bits of one of 500,000 others by chance has a probability of 500,000 / 2^63, or 5.4e-14: it would be refused
 * as a duplicate once in 2e13 shares, which is 60,000 years at 10 shares a second.
 *
 * The keys stand in one ascending sequence with gaps, each at the place that its size suggests or close behind
 * it (ordered linear probing). A search ends at the first greater key, so that the table may be almost full; and
 * to grow is to spread the sequence out where it stands. All zero is a set without memory. */
typedef struct {
    uint64_t *keys;
    size_t capacity; /* places that keys are meant for */
    size_t places; /* there are: a few more, as the last ones yield, too. The last is always empty. */
    size_t count;
} share_set;

/* `hash` is a digest as words in the sense of sha256d.h. */
int share_set_has(const share_set *set, const uint32_t hash[8]);

/* Returns 0, or -1 and changes nothing if there is no memory. Adding twice is adding once. */
int share_set_add(share_set *set, const uint32_t hash[8]);

/* Gives its memory back; the set is empty then. */
void share_set_clear(share_set *set);

#endif

/* What one implementation of bulk hashing supplies to sha256d_bulk.c. Not for callers: they include sha256d.h.
 *
 * To add one: define `lanes`, `half` and their operations as sha256d_lanes.h asks, include that file, return
 * its table, or NULL where the CPU lacks the instructions, and add the function to the list in
 * sha256d_bulk.c. The tests pick it up by its name.
 */
#ifndef PUMPJACK_SHA256D_BULK_H
#define PUMPJACK_SHA256D_BULK_H

#include "sha256d.h"

enum { BULK_MOST_LANES = 32 };

typedef struct {
    const char *name;
    /* Shares that `batch` hashes at once, at most BULK_MOST_LANES. */
    size_t lanes;
    /* From so many shares on a batch with idle lanes is faster than hashing them one by one. */
    size_t worthwhile;
    /* hashes[i] = words of the hash of *shares[i], for each of the lanes. */
    void (*batch)(const sha256d_share *const *shares, uint32_t (*hashes)[8]);
} sha256d_bulk;

/* Each returns NULL if this CPU, or the compiler that built it, cannot run it. */
const sha256d_bulk *sha256d_bulk_portable(void);
const sha256d_bulk *sha256d_bulk_x86(void);
const sha256d_bulk *sha256d_bulk_avx512(void);
const sha256d_bulk *sha256d_bulk_arm(void);

#endif

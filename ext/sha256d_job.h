/* What a job is made of. Not for callers: they include sha256d.h. */
#ifndef PUMPJACK_SHA256D_JOB_H
#define PUMPJACK_SHA256D_JOB_H

#include <string.h>

#include "sha256d_backend.h"

enum { JOB_MOST_PATCHED = 2 };

struct sha256d_job {
    uint32_t midstate[8]; /* after the blocks of coinb1 that the extranonce does not touch */
    uint32_t prevhash[8];
    uint32_t version, nbits;
    size_t extranonce_size;
    size_t hole;           /* where in `tail` the extranonce goes: 0 .. 63 */
    size_t patched_blocks; /* of `tail`, touched by the extranonce: 0 .. 2, as hole + extranonce <= 95 */
    size_t tail_blocks;
    size_t branch_count;
    uint32_t (*branches)[8];
    uint8_t *tail; /* the coinbase behind the midstate, padded, zeros in the hole */
};

/* patched = the first `patched_blocks` of the tail, with the extranonce in them. */
static inline void job_patched(const sha256d_job *job, const uint8_t *extranonce,
                               uint8_t patched[64 * JOB_MOST_PATCHED])
{
    for (size_t i = 0; i < job->patched_blocks; i++)
        memcpy(patched + 64 * i, job->tail + 64 * i, 64);
    memcpy(patched + job->hole, extranonce, job->extranonce_size);
}

/* The 20 words of a share's header, the merkle root left out. */
static inline void job_rolled(const sha256d_job *job, uint32_t ntime, uint32_t nonce, uint32_t version,
                              uint32_t header[20])
{
    header[0] = sha256d_swap(version);
    memcpy(header + 1, job->prevhash, sizeof job->prevhash);
    header[17] = sha256d_swap(ntime);
    header[18] = sha256d_swap(job->nbits);
    header[19] = sha256d_swap(nonce);
}

/* sha256d_job_share with the implementation `b`. */
void job_share_with(const sha256d_backend *b, const sha256d_job *job, const uint8_t *extranonce,
                    uint32_t ntime, uint32_t nonce, uint32_t version, uint32_t hash[8]);

#endif

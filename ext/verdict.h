/* The verdict on a share, free of Python. proxy/hotpath/shares.py says what it computes. */
#ifndef PUMPJACK_VERDICT_H
#define PUMPJACK_VERDICT_H

#include "sha256d.h"
#include "share_set.h"

/* In the order of proxy/hotpath/reasons.py. */
enum {
    REASON_NONE = -1,
    REASON_SHAPE,
    REASON_NTIME,
    REASON_VERSION_BITS,
    REASON_STALE,
    REASON_DUPLICATE,
    REASON_LOW_DIFFICULTY,
    REASON_UNAUTHORIZED,
    REASON_NOT_SUBSCRIBED,
    REASON_COUNT
};

typedef struct {
    const sha256d_job *prepared;
    uint32_t version, ntime, last_ntime, rollable;
    sha256d_target upstream, network;
    share_set *credited;
} verdict_job;

typedef struct {
    const uint8_t *extranonce; /* of the width of the job's hole */
    uint32_t ntime, nonce, bits;
    int has_bits;
} verdict_claim;

typedef struct {
    uint32_t granted; /* with the job */
    uint32_t mask, masks_ever, first_mask;
    int authorized, stale;
} verdict_standing;

typedef struct {
    int reason;
    uint32_t hash[8], version;
    int meets_upstream, is_block;
} verdict;

/* Judges; changes nothing. The caller remembers a share that counts: share_set_add(job->credited, out->hash). */
void verdict_judge(const verdict_job *job, const verdict_claim *claim, const sha256d_target *target,
                   const verdict_standing *standing, verdict *out);

/* The difficulty of a hash, rounded as the reference rounds. */
double verdict_achieved(const uint32_t hash[8]);

#endif

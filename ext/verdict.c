#include "verdict.h"

#include <string.h>

#include "sha256d_backend.h"

enum { MOST_READINGS = 6 };

static uint32_t replaced(uint32_t version, uint32_t mask, uint32_t bits)
{
    return (version & ~mask) | (bits & mask);
}

/* Appends a version that differs from the job's only inside `ever`, once. */
static int append(uint32_t *readings, int count, uint32_t reading, uint32_t version, uint32_t ever)
{
    if (((reading ^ version) & ~ever) != 0)
        return count;
    for (int i = 0; i < count; i++) {
        if (readings[i] == reading)
            return count;
    }
    readings[count] = reading;
    return count + 1;
}

static int readings_of(const verdict_job *job, const verdict_claim *claim, const verdict_standing *standing,
                       uint32_t readings[MOST_READINGS])
{
    uint32_t version = job->version, bits = claim->bits, ever = standing->masks_ever & job->rollable;
    uint32_t masks[2] = {standing->mask & job->rollable, standing->first_mask & job->rollable};
    int count = 1;
    if (!claim->has_bits) {
        readings[0] = version;
        return 1;
    }
    readings[0] = replaced(version, standing->granted & job->rollable, bits);
    for (int i = 0; i < 2; i++) {
        if (masks[i] != 0)
            count = append(readings, count, replaced(version, masks[i], bits), version, ever);
    }
    count = append(readings, count, replaced(version, ever, bits), version, ever);
    count = append(readings, count, version | bits, version, ever);
    return append(readings, count, version ^ bits, version, ever);
}

static int policy(const verdict_job *job, const verdict_claim *claim, const verdict_standing *standing,
                  const uint32_t hash[8], int met, int bits_permitted)
{
    if (!standing->authorized)
        return REASON_UNAUTHORIZED;
    if (standing->stale)
        return REASON_STALE;
    if (claim->ntime < job->ntime || claim->ntime > job->last_ntime)
        return REASON_NTIME;
    if (!bits_permitted)
        return REASON_VERSION_BITS;
    if (share_set_has(job->credited, hash))
        return REASON_DUPLICATE;
    return met ? REASON_NONE : REASON_LOW_DIFFICULTY;
}

void verdict_judge(const verdict_job *job, const verdict_claim *claim, const sha256d_target *target,
                   const verdict_standing *standing, verdict *out)
{
    uint32_t readings[MOST_READINGS];
    int count = readings_of(job, claim, standing, readings);
    uint32_t granted = (standing->granted | standing->mask | standing->masks_ever) & job->rollable;
    int bits_permitted = !claim->has_bits || (claim->bits & ~granted) == 0;
    out->version = readings[0];
    sha256d_job_share(job->prepared, claim->extranonce, claim->ntime, claim->nonce, out->version, out->hash);
    int met = sha256d_meets(out->hash, target);
    for (int i = 1; i < count && !met; i++) {
        uint32_t other[8];
        sha256d_job_share(job->prepared, claim->extranonce, claim->ntime, claim->nonce, readings[i], other);
        if (sha256d_meets(other, target)) {
            memcpy(out->hash, other, sizeof other);
            out->version = readings[i];
            met = bits_permitted = 1;
        }
    }
    out->reason = policy(job, claim, standing, out->hash, met, bits_permitted);
    out->meets_upstream = sha256d_meets(out->hash, &job->upstream);
    out->is_block = sha256d_meets(out->hash, &job->network);
}

double verdict_achieved(const uint32_t hash[8])
{
    const double difficulty_one = 65535.0 * 0x1p208;
    double value = 0.0;
    for (int i = 7; i >= 0; i--)
        value = value * 4294967296.0 + sha256d_swap(hash[i]);
    return difficulty_one / (value < 1.0 ? 1.0 : value);
}

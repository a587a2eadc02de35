/* A verdict is about a header that the claim may mean, and its parts agree with each other; the memory of
 * credited shares and the hashing hold every size they are given. */
#include "fuzz.h"

#include "verdict.h"

static void draw_target(fuzz_source *s, sha256d_target *target)
{
    uint8_t bytes[32];
    memset(bytes, 0xff, sizeof bytes);
    bytes[31] = fuzz_byte(s);
    sha256d_target_set(target, bytes);
}

static void check(const verdict_job *job, const verdict_claim *claim, const sha256d_target *target,
                  const verdict_standing *standing, const verdict *found)
{
    uint32_t hash[8], granted = standing->granted | standing->mask | standing->masks_ever | standing->first_mask;
    int met = sha256d_meets(found->hash, target), knows = share_set_has(job->credited, found->hash);
    sha256d_job_share(job->prepared, claim->extranonce, claim->ntime, claim->nonce, found->version, hash);
    DEMAND(memcmp(hash, found->hash, sizeof hash) == 0);
    DEMAND(((found->version ^ job->version) & ~(granted & job->rollable)) == 0);
    DEMAND(claim->has_bits || found->version == job->version);
    DEMAND(!found->meets_upstream == !sha256d_meets(hash, &job->upstream));
    DEMAND(!found->is_block == !sha256d_meets(hash, &job->network));
    DEMAND(found->reason >= REASON_NONE && found->reason < REASON_COUNT);
    DEMAND((found->reason == REASON_UNAUTHORIZED) == !standing->authorized);
    DEMAND((found->reason == REASON_STALE) == (standing->authorized && standing->stale));
    if (found->reason == REASON_NONE)
        DEMAND(met && !knows && claim->ntime >= job->ntime && claim->ntime <= job->last_ntime);
    if (found->reason == REASON_NTIME)
        DEMAND(claim->ntime < job->ntime || claim->ntime > job->last_ntime);
    if (found->reason == REASON_DUPLICATE)
        DEMAND(knows);
    if (found->reason == REASON_LOW_DIFFICULTY)
        DEMAND(!met && !knows);
    if (found->reason == REASON_VERSION_BITS)
        DEMAND(claim->has_bits);
    double achieved = verdict_achieved(hash);
    DEMAND(achieved > 0 && achieved <= 65535.0 * 0x1p208);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_source s = {data, size};
    uint8_t coinb1[256], coinb2[256], branches[4][32], prevhash[32], extranonce[SHA256D_MAX_EXTRANONCE];
    share_set credited = {0};
    size_t coinb1_size = fuzz_byte(&s), coinb2_size = fuzz_byte(&s);
    size_t width = fuzz_byte(&s) % (SHA256D_MAX_EXTRANONCE + 1), count = fuzz_byte(&s) & 3;
    verdict_job job = {.version = fuzz_word(&s), .ntime = fuzz_word(&s), .rollable = fuzz_word(&s), .credited = &credited};
    uint32_t nbits = fuzz_word(&s);
    job.last_ntime = job.ntime + (nbits & 127);
    if (job.last_ntime < job.ntime)
        job.last_ntime = UINT32_MAX;
    fuzz_take(&s, prevhash, sizeof prevhash);
    memset(branches, 0x5a, sizeof branches);
    memset(coinb1, 1, sizeof coinb1);
    memset(coinb2, 2, sizeof coinb2);
    uint8_t *first = fuzz_copy(coinb1, coinb1_size), *second = fuzz_copy(coinb2, coinb2_size);
    sha256d_job *prepared =
        sha256d_job_new(first, coinb1_size, second, coinb2_size, width, branches[0], count, job.version, prevhash, nbits);
    DEMAND(prepared != NULL);
    free(first);
    free(second);
    job.prepared = prepared;
    draw_target(&s, &job.upstream);
    draw_target(&s, &job.network);
    for (int i = 0; i < 32 && s.left > 0; i++) {
        uint8_t style = fuzz_byte(&s);
        sha256d_target target;
        verdict found;
        memset(extranonce, style & 1, sizeof extranonce);
        uint8_t *hole = fuzz_copy(extranonce, width);
        verdict_claim claim = {hole, job.ntime + fuzz_byte(&s), fuzz_byte(&s), 0, style >> 1 & 1};
        if (style & 4)
            claim.ntime = fuzz_word(&s);
        if (claim.has_bits)
            claim.bits = fuzz_word(&s);
        verdict_standing standing = {job.rollable, job.rollable, job.rollable, job.rollable, !(style & 8), (style >> 4 & 7) == 7};
        if ((style & 0x81) == 0x81) {
            standing.granted = fuzz_word(&s);
            standing.mask = fuzz_word(&s);
            standing.first_mask = fuzz_word(&s);
            standing.masks_ever = standing.granted | standing.mask | standing.first_mask;
        }
        draw_target(&s, &target);
        verdict_judge(&job, &claim, &target, &standing, &found);
        check(&job, &claim, &target, &standing, &found);
        if (found.reason == REASON_NONE)
            DEMAND(share_set_add(&credited, found.hash) == 0);
        free(hole);
    }
    share_set_clear(&credited);
    sha256d_job_free(prepared);
    return 0;
}

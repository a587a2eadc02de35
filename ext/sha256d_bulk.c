/* Shares hashed many at a time: the choice of implementation, and which shares meet in a batch. */
#include "sha256d_bulk.h"

#include "sha256d_job.h"

/* --- which implementation ------------------------------------------------------------------------------- */

#define CHOICE sha256d_bulk
#define CHOICE_PROBES sha256d_bulk_portable, sha256d_bulk_x86, sha256d_bulk_arm, sha256d_bulk_avx512
#include "sha256d_choice.h"

int sha256d_bulk_select(const char *name)
{
    return choose(name);
}

const char *sha256d_bulk_selected(void)
{
    return chosen()->name;
}

const char *sha256d_bulk_available(size_t i)
{
    return name_of_available(i);
}

/* --- which shares meet in a batch ----------------------------------------------------------------------- */

enum {
    WINDOW = 1024, /* shares that are ordered among themselves; a multiple of every number of lanes */
    LONGEST_TAIL = 15, /* blocks; longer coinbases, which no pool sends, are ordered as if they had so many */
    SHAPES = (SHA256D_MAX_BRANCHES + 1) * (LONGEST_TAIL + 1)
};

/* Shares of one shape take the same number of compressions, so no lane of their batch idles. */
static size_t shape_of(const sha256d_share *share)
{
    size_t tail = share->job->tail_blocks;
    return share->job->branch_count * (LONGEST_TAIL + 1) + (tail < LONGEST_TAIL ? tail : LONGEST_TAIL);
}

/* ordered = pointers to the `count` (at most WINDOW) shares, equal shapes together. */
static void order(const sha256d_share *shares, size_t count, const sha256d_share **ordered)
{
    uint16_t first[SHAPES + 1] = {0};
    for (size_t i = 0; i < count; i++)
        first[shape_of(shares + i) + 1]++;
    for (size_t shape = 1; shape < SHAPES; shape++)
        first[shape] = (uint16_t)(first[shape] + first[shape - 1]);
    for (size_t i = 0; i < count; i++)
        ordered[first[shape_of(shares + i)]++] = shares + i;
}

static void hash_window(const sha256d_bulk *b, const sha256d_share *shares, size_t count, uint8_t *digests)
{
    const sha256d_share *ordered[WINDOW];
    uint32_t hashes[BULK_MOST_LANES][8];
    order(shares, count, ordered);
    for (size_t i = 0; i < count;) {
        size_t taken = count - i < b->lanes ? count - i : b->lanes;
        const sha256d_share *const *batch = ordered + i;
        const sha256d_share *filled[BULK_MOST_LANES];
        if (taken < b->worthwhile) {
            const sha256d_share *one = *batch;
            taken = 1;
            sha256d_job_share(one->job, one->extranonce, one->ntime, one->nonce, one->version, hashes[0]);
        } else if (taken < b->lanes) {
            for (size_t lane = 0; lane < b->lanes; lane++)
                filled[lane] = batch[lane < taken ? lane : 0];
            b->batch(filled, hashes);
        } else {
            b->batch(batch, hashes);
        }
        for (size_t lane = 0; lane < taken; lane++)
            sha256d_bytes_of(hashes[lane], digests + 32 * (batch[lane] - shares));
        i += taken;
    }
}

void sha256d_bulk_shares(const sha256d_share *shares, size_t count, uint8_t *digests)
{
    const sha256d_bulk *b = chosen();
    while (count > 0) {
        size_t taken = count < WINDOW ? count : WINDOW;
        hash_window(b, shares, taken, digests);
        shares += taken;
        digests += 32 * taken;
        count -= taken;
    }
}

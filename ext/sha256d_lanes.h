/* Shares hashed side by side, one in each lane, compiled once inside each implementation of bulk hashing.
 *
 * Lanes are of one job or of as many; a lane whose coinbase or merkle branch is shorter than its neighbours'
 * computes on with them and keeps what it had. The including file defines LANES_TARGET (function attributes),
 * LANES_NAME, LANES_WORTHWHILE, the constant LANES, the types `lanes` (a chaining value in each lane) and
 * `half` (eight words of a message in each lane), and
 *
 *   void half_words(half *, const uint32_t *const from[LANES])
 *   void half_bytes(half *, const uint8_t *const from[LANES])      32 bytes for each lane
 *   void half_same(half *, const uint32_t words[8])                the same words in every lane
 *   void half_store(const half *, uint32_t *const to[LANES])
 *   void lanes_of(lanes *, const half *)
 *   const half *half_of(const lanes *, half *room)             in `room`, if it is not there already
 *   void lanes_choose(lanes *s, uint32_t active, const lanes *other)   in lane i `other` unless bit i is set
 *   void lanes_first(lanes *, const half *, const half *)          compression of a message's first block
 *   void lanes_first_same(lanes *, const half *, const uint32_t high[8])
 *   void lanes_block(lanes *, const half *, const half *)          compression of a further block
 *   void lanes_pad64(lanes *)                                      compression of the padding behind 64 bytes
 *   void lanes_outer(lanes *)                                      SHA-256 of the digest
 */
#include "sha256d_bulk.h"
#include "sha256d_job.h"

static int lanes_have_one_job(const sha256d_share *const *shares)
{
    int one = 1;
    for (int i = 1; i < LANES; i++)
        one &= shares[i]->job == shares[0]->job;
    return one;
}

/* first, second = each lane's next block of the coinbase; returns the lanes that have one. */
LANES_TARGET static uint32_t lanes_tail(half *first, half *second, const sha256d_share *const *shares,
                                        uint8_t (*patched)[64 * JOB_MOST_PATCHED], size_t block)
{
    const uint8_t *low[LANES], *high[LANES];
    uint32_t active = 0;
    for (int i = 0; i < LANES; i++) {
        const sha256d_job *job = shares[i]->job;
        active |= (uint32_t)(block < job->tail_blocks) << i;
        if (block < job->patched_blocks)
            low[i] = patched[i] + 64 * block;
        else
            low[i] = job->tail + 64 * (block < job->tail_blocks ? block : 0);
        high[i] = low[i] + 32;
    }
    half_bytes(first, low);
    half_bytes(second, high);
    return active;
}

/* As lanes_tail, of a block that is the same in all lanes. */
LANES_TARGET static void lanes_same_tail(half *first, half *second, const uint8_t block[64])
{
    uint32_t words[16];
    sha256d_words_of(block, words);
    sha256d_words_of(block + 32, words + 8);
    half_same(first, words);
    half_same(second, words + 8);
}

/* s = the coinbases' SHA-256. */
LANES_TARGET static void lanes_coinbase(lanes *s, const sha256d_share *const *shares, int one_job)
{
    uint8_t patched[LANES][64 * JOB_MOST_PATCHED];
    const uint32_t *midstates[LANES];
    size_t longest = 0;
    half first, second;
    for (int i = 0; i < LANES; i++) {
        const sha256d_job *job = shares[i]->job;
        job_patched(job, shares[i]->extranonce, patched[i]);
        midstates[i] = job->midstate;
        if (job->tail_blocks > longest)
            longest = job->tail_blocks;
    }
    half_words(&first, midstates);
    lanes_of(s, &first);
    for (size_t block = 0; block < longest; block++) {
        const sha256d_job *job = shares[0]->job;
        if (one_job && block >= job->patched_blocks) {
            lanes_same_tail(&first, &second, job->tail + 64 * block);
            lanes_block(s, &first, &second);
        } else {
            const lanes before = *s;
            uint32_t active = lanes_tail(&first, &second, shares, patched, block);
            lanes_block(s, &first, &second);
            lanes_choose(s, active, &before);
        }
    }
}

/* right = what each lane's root is hashed with; returns the lanes that go so far up. */
LANES_TARGET static uint32_t lanes_siblings(half *right, const sha256d_share *const *shares, size_t level)
{
    const uint32_t *siblings[LANES];
    uint32_t active = 0;
    for (int i = 0; i < LANES; i++) {
        const sha256d_job *job = shares[i]->job;
        int reached = level < job->branch_count;
        active |= (uint32_t)reached << i;
        siblings[i] = reached ? job->branches[level] : SHA256D_START;
    }
    half_words(right, siblings);
    return active;
}

/* root = the merkle roots. */
LANES_TARGET static void lanes_root(lanes *root, const sha256d_share *const *shares)
{
    const int one_job = lanes_have_one_job(shares);
    size_t longest = 0;
    half left, right;
    for (int i = 0; i < LANES; i++)
        if (shares[i]->job->branch_count > longest)
            longest = shares[i]->job->branch_count;
    lanes_coinbase(root, shares, one_job);
    lanes_outer(root);
    for (size_t level = 0; level < longest; level++) {
        if (one_job) {
            lanes_first_same(root, half_of(root, &left), shares[0]->job->branches[level]);
            lanes_pad64(root);
            lanes_outer(root);
        } else {
            const lanes before = *root;
            uint32_t active = lanes_siblings(&right, shares, level);
            lanes_first(root, half_of(root, &left), &right);
            lanes_pad64(root);
            lanes_outer(root);
            lanes_choose(root, active, &before);
        }
    }
}

LANES_TARGET static void lanes_batch(const sha256d_share *const *shares, uint32_t (*hashes)[8])
{
    static const uint32_t end[8] = {[7] = 640};
    uint32_t headers[LANES][24];
    uint32_t *roots[LANES], *ends[LANES];
    const uint32_t *parts[3][LANES];
    lanes s;
    half first, second;
    for (int i = 0; i < LANES; i++) {
        const sha256d_share *share = shares[i];
        job_rolled(share->job, share->ntime, share->nonce, share->version, headers[i]);
        headers[i][20] = 0x80000000;
        headers[i][21] = headers[i][22] = headers[i][23] = 0;
        roots[i] = headers[i] + 9;
        for (int part = 0; part < 3; part++)
            parts[part][i] = headers[i] + 8 * part;
        ends[i] = hashes[i];
    }
    lanes_root(&s, shares);
    half_store(half_of(&s, &first), roots);
    half_words(&first, parts[0]);
    half_words(&second, parts[1]);
    lanes_first(&s, &first, &second);
    half_words(&first, parts[2]);
    half_same(&second, end);
    lanes_block(&s, &first, &second);
    lanes_outer(&s);
    half_store(half_of(&s, &first), ends);
}

static const sha256d_bulk LANES_TABLE = {LANES_NAME, LANES, LANES_WORTHWHILE, lanes_batch};

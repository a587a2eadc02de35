/* Jobs, and the choice of implementation. */
#include "sha256d.h"

#include <stdlib.h>
#include <string.h>

#include "sha256d_backend.h"
#include "sha256d_job.h"

/* --- which implementation ------------------------------------------------------------------------------- */

#define CHOICE sha256d_backend
#define CHOICE_PROBES sha256d_portable, sha256d_x86, sha256d_arm
#include "sha256d_choice.h"

int sha256d_select(const char *name)
{
    return choose(name);
}

const char *sha256d_selected(void)
{
    return chosen()->name;
}

const char *sha256d_available(size_t i)
{
    return name_of_available(i);
}

/* --- digests and targets -------------------------------------------------------------------------------- */

/* Blocks that a message of `size` bytes fills with its padding: the byte 0x80 and eight bytes of length. */
static size_t padded_blocks(size_t size)
{
    return (size + 9 + 63) / 64;
}

/* Writes the padding of a message of `total` bytes whose last `size` bytes stand at `blocks`. */
static void pad(uint8_t *blocks, size_t size, uint64_t total)
{
    uint8_t *end = blocks + 64 * padded_blocks(size);
    memset(blocks + size, 0, (size_t)(end - (blocks + size)));
    blocks[size] = 0x80;
    sha256d_store_be(end - 8, (uint32_t)(total >> 29));
    sha256d_store_be(end - 4, (uint32_t)(total << 3));
}

void sha256d(const uint8_t *data, size_t size, uint8_t digest[32])
{
    const sha256d_backend *b = chosen();
    uint32_t state[8];
    uint8_t last[128];
    size_t whole = size / 64, rest = size % 64;
    memcpy(state, SHA256D_START, sizeof state);
    b->absorb(state, data, whole);
    memcpy(last, data + 64 * whole, rest);
    pad(last, rest, size);
    b->absorb(state, last, padded_blocks(rest));
    b->rehash(state);
    sha256d_bytes_of(state, digest);
}

void sha256d_bytes_of(const uint32_t hash[8], uint8_t digest[32])
{
    for (int i = 0; i < 8; i++)
        sha256d_store_be(digest + 4 * i, hash[i]);
}

void sha256d_words_of(const uint8_t digest[32], uint32_t hash[8])
{
    for (int i = 0; i < 8; i++)
        hash[i] = sha256d_load_be(digest + 4 * i);
}

void sha256d_target_set(sha256d_target *target, const uint8_t little_endian[32])
{
    for (int i = 0; i < 8; i++)
        target->limb[i] = sha256d_swap(sha256d_load_be(little_endian + 4 * i));
}

int sha256d_meets(const uint32_t hash[8], const sha256d_target *target)
{
    return sha256d_meets_inline(hash, target);
}

/* --- jobs ----------------------------------------------------------------------------------------------- */

sha256d_job *sha256d_job_new(const uint8_t *coinb1, size_t coinb1_size, const uint8_t *coinb2,
                             size_t coinb2_size, size_t extranonce_size, const uint8_t *branches,
                             size_t branch_count, uint32_t version, const uint8_t prevhash[32],
                             uint32_t nbits)
{
    size_t hole = coinb1_size % 64;
    size_t before = coinb1_size - hole;
    size_t tail_size = hole + extranonce_size + coinb2_size;
    size_t tail_blocks = padded_blocks(tail_size);
    /* One allocation, the branches first because they need alignment. No sum overflows: both parts of the
     * coinbase lie in memory already. */
    sha256d_job *job = malloc(sizeof *job + 32 * branch_count + 64 * tail_blocks);
    if (job == NULL)
        return NULL;

    memcpy(job->midstate, SHA256D_START, sizeof job->midstate);
    chosen()->absorb(job->midstate, coinb1, before / 64);
    sha256d_words_of(prevhash, job->prevhash);
    job->version = version;
    job->nbits = nbits;
    job->extranonce_size = extranonce_size;
    job->hole = hole;
    job->patched_blocks = (hole + extranonce_size + 63) / 64;
    job->tail_blocks = tail_blocks;
    job->branch_count = branch_count;
    job->branches = (uint32_t (*)[8])(job + 1);
    for (size_t i = 0; i < branch_count; i++)
        sha256d_words_of(branches + 32 * i, job->branches[i]);
    job->tail = (uint8_t *)(job->branches + branch_count);
    memcpy(job->tail, coinb1 + before, hole);
    memset(job->tail + hole, 0, extranonce_size);
    memcpy(job->tail + hole + extranonce_size, coinb2, coinb2_size);
    pad(job->tail, tail_size, (uint64_t)before + tail_size);
    return job;
}

void sha256d_job_free(sha256d_job *job)
{
    free(job);
}

void sha256d_job_root(const sha256d_job *job, const uint8_t *extranonce, uint32_t root[8])
{
    chosen()->root(job, extranonce, root);
}

static void header_words(const sha256d_job *job, const uint8_t *extranonce, uint32_t ntime, uint32_t nonce,
                         uint32_t version, uint32_t header[20])
{
    job_rolled(job, ntime, nonce, version, header);
    sha256d_job_root(job, extranonce, header + 9);
}

void sha256d_job_header(const sha256d_job *job, const uint8_t *extranonce, uint32_t ntime, uint32_t nonce,
                        uint32_t version, uint8_t header[80])
{
    uint32_t words[20];
    header_words(job, extranonce, ntime, nonce, version, words);
    for (int i = 0; i < 20; i++)
        sha256d_store_be(header + 4 * i, words[i]);
}

void job_share_with(const sha256d_backend *b, const sha256d_job *job, const uint8_t *extranonce,
                    uint32_t ntime, uint32_t nonce, uint32_t version, uint32_t hash[8])
{
    uint32_t words[20];
    job_rolled(job, ntime, nonce, version, words);
    b->root(job, extranonce, words + 9);
    b->header(words, hash);
}

void sha256d_job_share(const sha256d_job *job, const uint8_t *extranonce, uint32_t ntime, uint32_t nonce,
                       uint32_t version, uint32_t hash[8])
{
    job_share_with(chosen(), job, extranonce, ntime, nonce, version, hash);
}

void sha256d_search_start(sha256d_search *search, const sha256d_job *job, const uint8_t *extranonce,
                          uint32_t ntime, uint32_t version)
{
    header_words(job, extranonce, ntime, 0, version, search->words);
}

int64_t sha256d_search_run(const sha256d_search *search, uint32_t first, uint64_t count,
                           const sha256d_target *target)
{
    return chosen()->search(search->words, first, first + count, target);
}

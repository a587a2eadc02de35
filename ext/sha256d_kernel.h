/* The loops around the compression function, compiled once inside each implementation so that it inlines
 * there: the chaining value stays in the registers' own shape between the two blocks of a message.
 *
 * The including file defines KERNEL_TARGET (function attributes, may be empty), KERNEL_NAME, the type `lane`
 * (a chaining value) and
 *
 *   lane lane_of(const uint32_t state[8])
 *   void lane_store(lane, uint32_t state[8])
 *   lane lane_bytes(lane, const uint8_t block[64])    compression of a block of bytes
 *   lane lane_words(lane, const uint32_t block[16])   compression of a block of words
 *   lane lane_pair(lane, lane left, const uint32_t right[8])
 *                                                     compression of a block of two digests, the left one as a
 *                                                     chaining value: its way through memory would be waited for
 *   lane lane_pad64(lane)                             compression of the padding behind a message of 64 bytes
 */
#include "sha256d_job.h"

KERNEL_TARGET static inline lane kernel_blocks(lane s, const uint8_t *blocks, size_t count)
{
    for (; count > 0; count--, blocks += 64)
        s = lane_bytes(s, blocks);
    return s;
}

KERNEL_TARGET static void kernel_absorb(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    lane_store(kernel_blocks(lane_of(state), blocks, count), state);
}

/* The second SHA-256 of sha256d: its message is one digest, always one block. */
KERNEL_TARGET static inline lane kernel_outer(lane inner)
{
    static const uint32_t padding[8] = {0x80000000, [7] = 256};
    return lane_pair(lane_of(SHA256D_START), inner, padding);
}

KERNEL_TARGET static void kernel_rehash(uint32_t hash[8])
{
    lane_store(kernel_outer(lane_of(hash)), hash);
}

/* All of it here, because a chaining value's way through memory is waited for. */
KERNEL_TARGET static void kernel_root(const sha256d_job *job, const uint8_t *extranonce, uint32_t root[8])
{
    uint8_t patched[64 * JOB_MOST_PATCHED];
    job_patched(job, extranonce, patched);
    lane running = kernel_blocks(lane_of(job->midstate), patched, job->patched_blocks);
    running = kernel_blocks(running, job->tail + 64 * job->patched_blocks,
                            job->tail_blocks - job->patched_blocks);
    running = kernel_outer(running);
    for (size_t i = 0; i < job->branch_count; i++)
        running = kernel_outer(lane_pad64(lane_pair(lane_of(SHA256D_START), running, job->branches[i])));
    lane_store(running, root);
}

KERNEL_TARGET static void kernel_header(const uint32_t header[20], uint32_t hash[8])
{
    uint32_t rest[16] = {header[16], header[17], header[18], header[19], 0x80000000, [15] = 640};
    lane s = lane_words(lane_of(SHA256D_START), header);
    lane_store(kernel_outer(lane_words(s, rest)), hash);
}

KERNEL_TARGET static int64_t kernel_search(const uint32_t header[20], uint64_t first, uint64_t end,
                                           const sha256d_target *target)
{
    uint32_t rest[16] = {header[16], header[17], header[18], 0, 0x80000000, [15] = 640};
    lane midstate = lane_words(lane_of(SHA256D_START), header);
    for (uint64_t nonce = first; nonce < end; nonce++) {
        uint32_t hash[8];
        rest[3] = sha256d_swap((uint32_t)nonce);
        lane_store(kernel_outer(lane_words(midstate, rest)), hash);
        if (sha256d_meets_inline(hash, target))
            return (int64_t)nonce;
    }
    return -1;
}

static const sha256d_backend KERNEL_TABLE = {
    KERNEL_NAME, kernel_absorb, kernel_rehash, kernel_root, kernel_header, kernel_search,
};

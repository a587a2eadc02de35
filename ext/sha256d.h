/* Double SHA-256 of shares, free of Python.
 *
 * Callers see this header only. Byte order, everywhere: "words" are 32-bit numbers in host order whose value
 * is the big-endian reading of the four bytes that SHA-256 hashes, so the state, the merkle root and a digest
 * never need a swap on their way from one compression into the next. Version, ntime, nbits and nonce are
 * plain numbers.
 *
 * Nothing here locks: a job is read-only once made, so threads may hash with one job at the same time.
 */
#ifndef PUMPJACK_SHA256D_H
#define PUMPJACK_SHA256D_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256D_MAX_EXTRANONCE = 32, SHA256D_MAX_BRANCHES = 64 };

/* --- which implementation ------------------------------------------------------------------------------- */

/* Selects an implementation by name ("portable-c", "sha-ni", "armv8-sha2"), or the fastest one that this CPU runs if `name`
 * is NULL. Returns 0, or -1 and changes nothing if the name is unknown or the CPU cannot run it. Until it is
 * called the portable one serves. Not to be called while another thread hashes. */
int sha256d_select(const char *name);

/* The name of the implementation in use. */
const char *sha256d_selected(void);

/* The name of the i-th implementation that this CPU can run, slowest first; NULL past the last. */
const char *sha256d_available(size_t i);

/* --- digests and targets -------------------------------------------------------------------------------- */

/* digest = SHA-256(SHA-256(data)). */
void sha256d(const uint8_t *data, size_t size, uint8_t digest[32]);

/* The 32 bytes of a digest held as words. */
void sha256d_bytes_of(const uint32_t hash[8], uint8_t digest[32]);

/* The words of a digest, a merkle branch or a header's previous block hash, as its 32 bytes stand. */
void sha256d_words_of(const uint8_t digest[32], uint32_t hash[8]);

/* A number of 256 bits as `limb[0] + limb[1] * 2**32 + ...`. */
typedef struct {
    uint32_t limb[8];
} sha256d_target;

void sha256d_target_set(sha256d_target *target, const uint8_t little_endian[32]);

/* 1 if the digest, read as a little-endian number, is at most the target; otherwise 0. */
int sha256d_meets(const uint32_t hash[8], const sha256d_target *target);

/* --- jobs ----------------------------------------------------------------------------------------------- */

/* All of a header that a miner does not roll, made ready once per mining.notify. */
typedef struct sha256d_job sha256d_job;

/* Returns a job to be freed by sha256d_job_free, or NULL if memory is short. Copies all that it is given.
 *
 * The coinbase is coinb1, then `extranonce_size` (at most SHA256D_MAX_EXTRANONCE) bytes, then coinb2, without
 * witness data. `branches` are `branch_count` (at most SHA256D_MAX_BRANCHES) times 32 bytes, from the leaf to
 * the root. `prevhash` stands as in the header: the word swap of Stratum is already undone. */
sha256d_job *sha256d_job_new(const uint8_t *coinb1, size_t coinb1_size, const uint8_t *coinb2,
                             size_t coinb2_size, size_t extranonce_size, const uint8_t *branches,
                             size_t branch_count, uint32_t version, const uint8_t prevhash[32],
                             uint32_t nbits);
void sha256d_job_free(sha256d_job *job);

/* In all of these `extranonce` has the job's extranonce_size bytes, and `version` is the whole rolled one. */

void sha256d_job_root(const sha256d_job *job, const uint8_t *extranonce, uint32_t root[8]);
void sha256d_job_header(const sha256d_job *job, const uint8_t *extranonce, uint32_t ntime, uint32_t nonce,
                        uint32_t version, uint8_t header[80]);
void sha256d_job_share(const sha256d_job *job, const uint8_t *extranonce, uint32_t ntime, uint32_t nonce,
                       uint32_t version, uint32_t hash[8]);

/* --- many shares ---------------------------------------------------------------------------------------- */

typedef struct {
    const sha256d_job *job;
    const uint8_t *extranonce;
    uint32_t ntime, nonce, version;
} sha256d_share;

/* digests = the hash of each of the `count` shares, 32 bytes each, in their order. They may be of one job or of
 * many; most is gained where neighbours have equally long coinbases and equally many branches. */
void sha256d_bulk_shares(const sha256d_share *shares, size_t count, uint8_t *digests);

/* As sha256d_select, sha256d_selected and sha256d_available, for sha256d_bulk_shares alone: "portable-c",
 * "sha-ni-x4", "armv8-sha2-x4", "avx512-x32". */
int sha256d_bulk_select(const char *name);
const char *sha256d_bulk_selected(void);
const char *sha256d_bulk_available(size_t i);

/* --- the search ----------------------------------------------------------------------------------------- */

/* A header whose nonce alone is still to be tried. */
typedef struct {
    uint32_t words[20];
} sha256d_search;

void sha256d_search_start(sha256d_search *search, const sha256d_job *job, const uint8_t *extranonce,
                          uint32_t ntime, uint32_t version);

/* The first nonce of `first` .. `first + count - 1` whose hash meets the target, or -1. `first + count` is at
 * most 2**32: nonces do not wrap. */
int64_t sha256d_search_run(const sha256d_search *search, uint32_t first, uint64_t count,
                           const sha256d_target *target);

#endif

/* Checks every implementation of the core that this CPU runs; `./dev arm` runs it under an emulated one.
 *
 *   check IMPLEMENTATION... <VECTORS
 *
 * Each named implementation must be there, single or bulk. Then, with every implementation that is there: known
 * answers of FIPS 180-4 and of the main chain; the vectors, which vectors.py makes with the Python reference;
 * pseudo-random jobs, compared with portable C. Says what it did and exits with 0, or with the first difference
 * and 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sha256d.h"
#include "sha256d_backend.h"

/* MANY_SHARES are more than the core orders among themselves. */
enum { MOST_BYTES = 4096, MOST_SHARES = 100, MANY_SHARES = 1100, JOBS = 3000 };

static const char *using_single, *using_bulk;
static long comparisons;

static void demand(int holds, const char *what)
{
    comparisons++;
    if (holds)
        return;
    printf("WRONG with %s and %s: %s\n", using_single, using_bulk, what);
    exit(1);
}

static void fail(const char *what, const char *detail)
{
    printf("cannot check: %s %s\n", what, detail);
    exit(1);
}

/* --- which implementations ------------------------------------------------------------------------------ */

typedef void (*check)(void);

static void use(const char *single, const char *bulk)
{
    if (sha256d_select(single) != 0 || sha256d_bulk_select(bulk) != 0)
        fail("no implementation", single);
    using_single = sha256d_selected();
    using_bulk = sha256d_bulk_selected();
}

static void with_every_implementation(check run)
{
    const char *single, *bulk;
    for (size_t i = 0; (single = sha256d_available(i)) != NULL; i++)
        for (size_t j = 0; (bulk = sha256d_bulk_available(j)) != NULL; j++) {
            use(single, bulk);
            run();
        }
}

static void demand_implementation(const char *name)
{
    const char *found;
    for (size_t i = 0; (found = sha256d_available(i)) != NULL; i++)
        if (strcmp(found, name) == 0)
            return;
    for (size_t i = 0; (found = sha256d_bulk_available(i)) != NULL; i++)
        if (strcmp(found, name) == 0)
            return;
    fail("this processor has no implementation", name);
}

/* --- hexadecimal ---------------------------------------------------------------------------------------- */

/* Returns the number of bytes; "-" stands for none. */
static size_t unhex(const char *text, uint8_t *bytes, size_t most)
{
    size_t size = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    if (size > most)
        fail("too many bytes in", text);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            fail("no hexadecimal", text);
        bytes[i] = (uint8_t)byte;
    }
    return size;
}

static int equals_hex(const uint8_t *bytes, size_t size, const char *text)
{
    uint8_t wanted[MOST_BYTES];
    return unhex(text, wanted, sizeof wanted) == size && memcmp(bytes, wanted, size) == 0;
}

/* --- known answers -------------------------------------------------------------------------------------- */

/* The examples of FIPS 180-4, one block and two, padded by hand. */
static void check_fips(void)
{
    static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    uint8_t blocks[128], digest[32];
    uint32_t state[8];
    const sha256d_backend *backends[] = {sha256d_portable(), sha256d_x86(), sha256d_arm()};
    for (size_t i = 0; i < 3; i++) {
        if (backends[i] == NULL)
            continue;
        using_single = backends[i]->name;
        memset(blocks, 0, sizeof blocks);
        memcpy(blocks, "abc\x80", 4);
        blocks[63] = 24;
        memcpy(state, SHA256D_START, sizeof state);
        backends[i]->absorb(state, blocks, 1);
        sha256d_bytes_of(state, digest);
        demand(equals_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
               "FIPS 180-4, one block");
        memset(blocks, 0, sizeof blocks);
        memcpy(blocks, two, 56);
        blocks[56] = 0x80;
        blocks[126] = 448 >> 8;
        blocks[127] = 448 & 0xff;
        memcpy(state, SHA256D_START, sizeof state);
        backends[i]->absorb(state, blocks, 2);
        sha256d_bytes_of(state, digest);
        demand(equals_hex(digest, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
               "FIPS 180-4, two blocks");
    }
}

/* The genesis block: its header, and its coinbase cut at every place. */
static void check_genesis(void)
{
    static const char coinbase_hex[] =
        "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468"
        "652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261"
        "696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e0"
        "3909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000";
    static const char header_hex[] =
        "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f61"
        "7fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";
    static const char hash_hex[] = "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000";
    uint8_t coinbase[256], header[80], digest[32], nothing[32] = {0};
    size_t size = unhex(coinbase_hex, coinbase, sizeof coinbase);
    unhex(header_hex, header, sizeof header);
    sha256d(header, sizeof header, digest);
    demand(equals_hex(digest, 32, hash_hex), "header of the genesis block");
    for (size_t at = 0; at + 12 <= size; at++) {
        uint8_t made[80];
        sha256d_job *job =
            sha256d_job_new(coinbase, at, coinbase + at + 12, size - at - 12, 12, NULL, 0, 1, nothing, 0x1d00ffff);
        sha256d_share share = {job, coinbase + at, 1231006505, 2083236893, 1};
        sha256d_job_header(job, share.extranonce, share.ntime, share.nonce, share.version, made);
        demand(memcmp(made, header, 80) == 0, "header made of the genesis coinbase");
        sha256d_bulk_shares(&share, 1, digest);
        demand(equals_hex(digest, 32, hash_hex), "share of the genesis block");
        sha256d_job_free(job);
    }
}

/* --- vectors -------------------------------------------------------------------------------------------- */

typedef struct {
    sha256d_job *job;
    uint8_t extranonce[SHA256D_MAX_EXTRANONCE];
    uint32_t ntime, nonce, version;
    uint8_t root[32], header[80], hash[32];
} vector;

static vector vectors[MOST_SHARES];
static size_t vector_count;

static const char *word(void)
{
    static char text[2 * MOST_BYTES + 2];
    if (scanf("%8193s", text) != 1)
        fail("the vectors end early", "");
    return text;
}

static uint32_t number(void)
{
    return (uint32_t)strtoul(word(), NULL, 10);
}

/* A job, a share of it and its results, in the order in which vectors.py writes them. */
static void read_vector(vector *v)
{
    static uint8_t coinb1[MOST_BYTES], coinb2[MOST_BYTES], branches[32 * SHA256D_MAX_BRANCHES];
    uint8_t prevhash[32];
    size_t size1 = unhex(word(), coinb1, sizeof coinb1);
    size_t size2 = unhex(word(), coinb2, sizeof coinb2);
    size_t extranonce = unhex(word(), v->extranonce, sizeof v->extranonce);
    size_t count = unhex(word(), branches, sizeof branches) / 32;
    uint32_t version = number();
    unhex(word(), prevhash, 32);
    uint32_t nbits = number();
    v->job = sha256d_job_new(coinb1, size1, coinb2, size2, extranonce, branches, count, version, prevhash, nbits);
    v->ntime = number();
    v->nonce = number();
    v->version = number();
    unhex(word(), v->root, 32);
    unhex(word(), v->header, 80);
    unhex(word(), v->hash, 32);
}

static void check_vectors(void)
{
    static sha256d_share shares[MANY_SHARES];
    static uint8_t digests[MANY_SHARES][32];
    for (size_t i = 0; i < vector_count; i++) {
        const vector *v = vectors + i;
        uint32_t words[8];
        uint8_t digest[32], header[80];
        shares[i] = (sha256d_share){v->job, v->extranonce, v->ntime, v->nonce, v->version};
        sha256d_job_root(v->job, v->extranonce, words);
        sha256d_bytes_of(words, digest);
        demand(memcmp(digest, v->root, 32) == 0, "merkle root of a vector");
        sha256d_job_header(v->job, v->extranonce, v->ntime, v->nonce, v->version, header);
        demand(memcmp(header, v->header, 80) == 0, "header of a vector");
        sha256d_job_share(v->job, v->extranonce, v->ntime, v->nonce, v->version, words);
        sha256d_bytes_of(words, digest);
        demand(memcmp(digest, v->hash, 32) == 0, "hash of a vector");
    }
    for (size_t i = vector_count; i < MANY_SHARES; i++)
        shares[i] = shares[i - vector_count];
    memset(digests, 0, sizeof digests);
    sha256d_bulk_shares(shares, MANY_SHARES, digests[0]);
    for (size_t i = 0; i < MANY_SHARES; i++)
        demand(memcmp(digests[i], vectors[i % vector_count].hash, 32) == 0, "bulk hash of a vector");
}

/* --- pseudo-random jobs --------------------------------------------------------------------------------- */

static uint64_t chance = 1;

static uint32_t below(uint32_t limit)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((chance >> 33) % limit);
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)below(256);
}

/* Sizes up to `most`, half of them near the border of a block. */
static size_t size_below(uint32_t most)
{
    uint32_t size = below(2) ? below(most) : 64 * below(most / 64) + below(12);
    return size < 10 ? size : size - below(2) * 10;
}

static sha256d_job *random_job(size_t *extranonce_size)
{
    static uint8_t coinb1[MOST_BYTES], coinb2[MOST_BYTES], branches[32 * 12], prevhash[32];
    size_t size1 = size_below(400), size2 = size_below(400), branch_count = below(13);
    *extranonce_size = below(SHA256D_MAX_EXTRANONCE + 1);
    fill(coinb1, size1);
    fill(coinb2, size2);
    fill(branches, 32 * branch_count);
    fill(prevhash, 32);
    return sha256d_job_new(coinb1, size1, coinb2, size2, *extranonce_size, branches, branch_count, below(1u << 31),
                           prevhash, below(1u << 31));
}

/* The first nonce whose hash has its last byte below 16, found one by one and by the search. */
static void compare_search(const sha256d_share *share, const char *single)
{
    uint8_t little_endian[32];
    sha256d_target target;
    sha256d_search search;
    uint32_t hash[8];
    int64_t found = -1;
    memset(little_endian, 0xff, sizeof little_endian);
    little_endian[31] = 0x0f;
    sha256d_target_set(&target, little_endian);
    sha256d_select("portable-c");
    for (uint32_t nonce = share->nonce; found < 0 && nonce < share->nonce + 40; nonce++) {
        sha256d_job_share(share->job, share->extranonce, share->ntime, nonce, share->version, hash);
        if (sha256d_meets(hash, &target))
            found = nonce;
    }
    sha256d_select(single);
    sha256d_search_start(&search, share->job, share->extranonce, share->ntime, share->version);
    demand(sha256d_search_run(&search, share->nonce, 40, &target) == found, "search");
}

/* Jobs with one to three shares each, hashed one by one, and all together in any order. */
static void check_random_jobs(void)
{
    const char *single = using_single;
    sha256d_share shares[MOST_SHARES];
    sha256d_job *jobs[MOST_SHARES];
    static uint8_t extranonces[MOST_SHARES][SHA256D_MAX_EXTRANONCE];
    uint8_t wanted[MOST_SHARES][32], digests[MOST_SHARES][32];
    size_t count = 1 + below(MOST_SHARES), job_count = 0, extranonce_size = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t hash[8];
        if (i == 0 || below(3) == 0) {
            sha256d_select("portable-c");
            jobs[job_count++] = random_job(&extranonce_size);
        }
        fill(extranonces[i], extranonce_size);
        sha256d_share share = {jobs[job_count - 1], extranonces[i], below(1u << 31), below(1u << 31), below(1u << 31)};
        shares[i] = share;
        sha256d_select("portable-c");
        sha256d_job_share(share.job, share.extranonce, share.ntime, share.nonce, share.version, hash);
        sha256d_bytes_of(hash, wanted[i]);
        sha256d_select(single);
        sha256d_job_share(share.job, share.extranonce, share.ntime, share.nonce, share.version, hash);
        sha256d_bytes_of(hash, digests[i]);
        demand(memcmp(digests[i], wanted[i], 32) == 0, "hash of a pseudo-random share");
    }
    compare_search(shares, single);
    memset(digests, 0, sizeof digests);
    sha256d_bulk_shares(shares, count, digests[0]);
    for (size_t i = 0; i < count; i++)
        demand(memcmp(digests[i], wanted[i], 32) == 0, "bulk hash of a pseudo-random share");
    for (size_t i = 0; i < job_count; i++)
        sha256d_job_free(jobs[i]);
}

int main(int count, char **names)
{
    use("portable-c", "portable-c");
    for (int i = 1; i < count; i++)
        demand_implementation(names[i]);
    vector_count = number();
    if (vector_count == 0 || vector_count > MOST_SHARES)
        fail("no vectors, or too many", "");
    for (size_t i = 0; i < vector_count; i++)
        read_vector(vectors + i);
    check_fips();
    with_every_implementation(check_genesis);
    with_every_implementation(check_vectors);
    for (int i = 0; i < JOBS; i += MOST_SHARES / 3)
        with_every_implementation(check_random_jobs);
    printf("%ld comparisons, %zu vectors of the reference: all equal, with", comparisons, vector_count);
    const char *name;
    for (size_t i = 0; (name = sha256d_available(i)) != NULL; i++)
        printf(" %s", name);
    for (size_t i = 0; (name = sha256d_bulk_available(i)) != NULL; i++)
        printf(" %s", name);
    printf("\n");
    return 0;
}

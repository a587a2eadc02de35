/* What one implementation of SHA-256 supplies to sha256d.c. Not for callers: they include sha256d.h.
 *
 * To add one: write a file that defines KERNEL_TARGET and the `lane` operations named in
 * sha256d_kernel.h, includes that file, and returns its table, or NULL where the CPU lacks the instructions; then
 * add its function to the list in sha256d.c. The tests pick it up by its name.
 */
#ifndef PUMPJACK_SHA256D_BACKEND_H
#define PUMPJACK_SHA256D_BACKEND_H

#include "sha256d.h"

/* Messages and digests are words in the sense of sha256d.h. */
typedef struct {
    const char *name;
    /* state = compression of `count` blocks of 64 bytes. */
    void (*absorb)(uint32_t state[8], const uint8_t *blocks, size_t count);
    /* hash = SHA-256 of the 32 bytes of hash. */
    void (*rehash)(uint32_t hash[8]);
    /* root = the merkle root of the job with that extranonce. */
    void (*root)(const sha256d_job *job, const uint8_t *extranonce, uint32_t root[8]);
    /* hash = sha256d of a header of 20 words. */
    void (*header)(const uint32_t header[20], uint32_t hash[8]);
    /* As sha256d_search_run, over nonces first .. end - 1. */
    int64_t (*search)(const uint32_t header[20], uint64_t first, uint64_t end, const sha256d_target *target);
} sha256d_backend;

/* Each returns NULL if this CPU, or the compiler that built it, cannot run it. */
const sha256d_backend *sha256d_portable(void);
const sha256d_backend *sha256d_x86(void);
const sha256d_backend *sha256d_arm(void);

static const uint32_t SHA256D_START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* The words behind a digest that is hashed again. */
static const uint32_t SHA256D_PAD32[8] = {0x80000000, [7] = 256};

/* Aligned for the vector loads of those who take four at a time. */
static const _Alignas(16) uint32_t SHA256D_K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* Round constant plus word of the schedule for the block 0x80, 0 ..., 512. */
static const uint32_t SHA256D_PAD64[64] = {
    0xc28a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf374,
    0x649b69c1, 0xf0fe4786, 0x0fe1edc6, 0x240cf254, 0x4fe9346f, 0x6cc984be, 0x61b9411e, 0x16f988fa,
    0xf2c65152, 0xa88e5a6d, 0xb019fc65, 0xb9d99ec7, 0x9a1231c3, 0xe70eeaa0, 0xfdb1232b, 0xc7353eb0,
    0x3069bad5, 0xcb976d5f, 0x5a0f118f, 0xdc1eeefd, 0x0a35b689, 0xde0b7a04, 0x58f4ca9d, 0xe15d5b16,
    0x007f3e86, 0x37088980, 0xa507ea32, 0x6fab9537, 0x17406110, 0x0d8cd6f1, 0xcdaa3b6d, 0xc0bbbe37,
    0x83613bda, 0xdb48a363, 0x0b02e931, 0x6fd15ca7, 0x521afaca, 0x31338431, 0x6ed41a95, 0x6d437890,
    0xc39c91f2, 0x9eccabbd, 0xb5c9a0e6, 0x532fb63c, 0xd2c741c6, 0x07237ea3, 0xa4954b68, 0x4c191d76,
};

static inline uint32_t sha256d_swap(uint32_t x)
{
    return (x >> 24) | ((x >> 8) & 0xff00) | ((x << 8) & 0xff0000) | (x << 24);
}

static inline uint32_t sha256d_rotated(uint32_t x, int by)
{
    return (x >> by) | (x << (32 - by));
}

/* The two mixings of the schedule. */
static inline uint32_t sha256d_sigma0(uint32_t x)
{
    return sha256d_rotated(x, 7) ^ sha256d_rotated(x, 18) ^ (x >> 3);
}

static inline uint32_t sha256d_sigma1(uint32_t x)
{
    return sha256d_rotated(x, 17) ^ sha256d_rotated(x, 19) ^ (x >> 10);
}

static inline uint32_t sha256d_load_be(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | (uint32_t)p[3];
}

static inline void sha256d_store_be(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

/* Inline because a search asks it for every nonce. */
static inline int sha256d_meets_inline(const uint32_t hash[8], const sha256d_target *target)
{
    for (int i = 7; i >= 0; i--) {
        /* The last bytes of a digest are the most significant of the number. */
        uint32_t limb = sha256d_swap(hash[i]);
        if (limb != target->limb[i])
            return limb < target->limb[i];
    }
    return 1;
}

#endif

/* What one implementation of SHA-256 supplies to sha256d.c. Not for callers: they include sha256d.h.
 *
 * To add one (ARMv8 is expected): write sha256d_arm.c that defines KERNEL_TARGET and the five `lane`
 * operations named in sha256d_kernel.h, includes that file, and returns its table, or NULL where the CPU
 * lacks the instructions; then add its function to the list in sha256d.c. The tests pick it up by its name.
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
    /* root = sha256d(root, branch) for each branch in turn. */
    void (*fold)(uint32_t root[8], const uint32_t (*branches)[8], size_t count);
    /* hash = sha256d of a header of 20 words. */
    void (*header)(const uint32_t header[20], uint32_t hash[8]);
    /* As sha256d_search_run, over nonces first .. end - 1. */
    int64_t (*search)(const uint32_t header[20], uint64_t first, uint64_t end, const sha256d_target *target);
} sha256d_backend;

/* Each returns NULL if this CPU, or the compiler that built it, cannot run it. */
const sha256d_backend *sha256d_portable(void);
const sha256d_backend *sha256d_x86(void);

static const uint32_t SHA256D_START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

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

static inline uint32_t sha256d_swap(uint32_t x)
{
    return (x >> 24) | ((x >> 8) & 0xff00) | ((x << 8) & 0xff0000) | (x << 24);
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

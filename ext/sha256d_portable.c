/* SHA-256 in plain C, FIPS 180-4: for every CPU, and the twin that the others are compared with. */
#include "sha256d_backend.h"
#include "sha256d_bulk.h"
#include "sha256d_job.h"

#define KERNEL_NAME "portable-c"
#define KERNEL_TARGET

typedef struct {
    uint32_t h[8];
} lane;

/* One round; `k` is round constant plus word of the schedule. The caller renames a..h, nothing is moved. */
#define ROUND(a, b, c, d, e, f, g, h, k)                                                                   \
    do {                                                                                                   \
        uint32_t t =                                                                                       \
            (h) + (sha256d_rotated(e, 6) ^ sha256d_rotated(e, 11) ^ sha256d_rotated(e, 25)) + ((g) ^ ((e) & ((f) ^ (g)))) + (k);   \
        (d) += t;                                                                                          \
        (h) = t + (sha256d_rotated(a, 2) ^ sha256d_rotated(a, 13) ^ sha256d_rotated(a, 22)) + (((a) & (b)) | ((c) & ((a) | (b)))); \
    } while (0)

#define EIGHT_ROUNDS(k)                      \
    do {                                     \
        ROUND(a, b, c, d, e, f, g, h, k(0)); \
        ROUND(h, a, b, c, d, e, f, g, k(1)); \
        ROUND(g, h, a, b, c, d, e, f, k(2)); \
        ROUND(f, g, h, a, b, c, d, e, k(3)); \
        ROUND(e, f, g, h, a, b, c, d, k(4)); \
        ROUND(d, e, f, g, h, a, b, c, k(5)); \
        ROUND(c, d, e, f, g, h, a, b, k(6)); \
        ROUND(b, c, d, e, f, g, h, a, k(7)); \
    } while (0)

#define LOAD_STATE \
    uint32_t a = s.h[0], b = s.h[1], c = s.h[2], d = s.h[3], e = s.h[4], f = s.h[5], g = s.h[6], h = s.h[7]

#define ADD_STATE                                           \
    do {                                                    \
        s.h[0] += a, s.h[1] += b, s.h[2] += c, s.h[3] += d; \
        s.h[4] += e, s.h[5] += f, s.h[6] += g, s.h[7] += h; \
    } while (0)

static inline lane lane_of(const uint32_t state[8])
{
    lane s;
    for (int i = 0; i < 8; i++)
        s.h[i] = state[i];
    return s;
}

static inline void lane_store(lane s, uint32_t state[8])
{
    for (int i = 0; i < 8; i++)
        state[i] = s.h[i];
}

static inline uint32_t scheduled(const uint32_t w[16], int i)
{
    return w[i & 15] + sha256d_sigma0(w[(i + 1) & 15]) + w[(i + 9) & 15] + sha256d_sigma1(w[(i + 14) & 15]);
}

static lane lane_words(lane s, const uint32_t block[16])
{
    uint32_t w[16];
    LOAD_STATE;
    for (int i = 0; i < 16; i++)
        w[i] = block[i];
#define GIVEN(j) (SHA256D_K[i + (j)] + w[i + (j)])
    for (int i = 0; i < 16; i += 8)
        EIGHT_ROUNDS(GIVEN);
#define EXPANDED(j) (SHA256D_K[i + (j)] + (w[(i + (j)) & 15] = scheduled(w, i + (j))))
    for (int i = 16; i < 64; i += 8)
        EIGHT_ROUNDS(EXPANDED);
    ADD_STATE;
    return s;
}

static lane lane_pair(lane s, lane left, const uint32_t right[8])
{
    uint32_t w[16];
    lane_store(left, w);
    for (int i = 0; i < 8; i++)
        w[8 + i] = right[i];
    return lane_words(s, w);
}

static lane lane_bytes(lane s, const uint8_t block[64])
{
    uint32_t w[16];
    for (int i = 0; i < 16; i++)
        w[i] = sha256d_load_be(block + 4 * i);
    return lane_words(s, w);
}

/* A third of all the work behind a merkle branch, at two thirds of its price: no schedule to expand. */
static lane lane_pad64(lane s)
{
    LOAD_STATE;
#define CONSTANT(j) (SHA256D_PAD64[i + (j)])
    for (int i = 0; i < 64; i += 8)
        EIGHT_ROUNDS(CONSTANT);
    ADD_STATE;
    return s;
}

#include "sha256d_kernel.h"

const sha256d_backend *sha256d_portable(void)
{
    return &KERNEL_TABLE;
}

static void portable_batch(const sha256d_share *const *shares, uint32_t (*hashes)[8])
{
    const sha256d_share *share = shares[0];
    job_share_with(&KERNEL_TABLE, share->job, share->extranonce, share->ntime, share->nonce, share->version,
                   hashes[0]);
}

const sha256d_bulk *sha256d_bulk_portable(void)
{
    static const sha256d_bulk one_by_one = {KERNEL_NAME, 1, 1, portable_batch};
    return &one_by_one;
}

/* SHA-256 in plain C, FIPS 180-4: for every CPU, and the twin that the others are compared with. */
#include "sha256d_backend.h"

#define KERNEL_NAME "portable-c"
#define KERNEL_TARGET

typedef struct {
    uint32_t h[8];
} lane;

static inline uint32_t rotated(uint32_t x, int by)
{
    return (x >> by) | (x << (32 - by));
}

/* One round; `k` is round constant plus word of the schedule. The caller renames a..h, nothing is moved. */
#define ROUND(a, b, c, d, e, f, g, h, k)                                                                   \
    do {                                                                                                   \
        uint32_t t =                                                                                       \
            (h) + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((g) ^ ((e) & ((f) ^ (g)))) + (k);   \
        (d) += t;                                                                                          \
        (h) = t + (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + (((a) & (b)) | ((c) & ((a) | (b)))); \
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
    uint32_t early = w[(i + 1) & 15], late = w[(i + 14) & 15];
    return w[i & 15] + (rotated(early, 7) ^ rotated(early, 18) ^ (early >> 3)) + w[(i + 9) & 15]
           + (rotated(late, 17) ^ rotated(late, 19) ^ (late >> 10));
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

static lane lane_bytes(lane s, const uint8_t block[64])
{
    uint32_t w[16];
    for (int i = 0; i < 16; i++)
        w[i] = sha256d_load_be(block + 4 * i);
    return lane_words(s, w);
}

/* Round constant plus word of the schedule for the block 0x80, 0 ..., 512. */
static const uint32_t PAD64[64] = {
    0xc28a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf374,
    0x649b69c1, 0xf0fe4786, 0x0fe1edc6, 0x240cf254, 0x4fe9346f, 0x6cc984be, 0x61b9411e, 0x16f988fa,
    0xf2c65152, 0xa88e5a6d, 0xb019fc65, 0xb9d99ec7, 0x9a1231c3, 0xe70eeaa0, 0xfdb1232b, 0xc7353eb0,
    0x3069bad5, 0xcb976d5f, 0x5a0f118f, 0xdc1eeefd, 0x0a35b689, 0xde0b7a04, 0x58f4ca9d, 0xe15d5b16,
    0x007f3e86, 0x37088980, 0xa507ea32, 0x6fab9537, 0x17406110, 0x0d8cd6f1, 0xcdaa3b6d, 0xc0bbbe37,
    0x83613bda, 0xdb48a363, 0x0b02e931, 0x6fd15ca7, 0x521afaca, 0x31338431, 0x6ed41a95, 0x6d437890,
    0xc39c91f2, 0x9eccabbd, 0xb5c9a0e6, 0x532fb63c, 0xd2c741c6, 0x07237ea3, 0xa4954b68, 0x4c191d76,
};

/* A third of all the work behind a merkle branch, at two thirds of its price: no schedule to expand. */
static lane lane_pad64(lane s)
{
    LOAD_STATE;
#define CONSTANT(j) (PAD64[i + (j)])
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

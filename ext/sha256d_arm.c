/* SHA-256 with the SHA2 extension of ARMv8 (Cortex-A53 and later, where the maker licensed it). */
#include "sha256d_backend.h"
#include "sha256d_bulk.h"

#if defined(__aarch64__) && defined(__AARCH64EL__) && defined(__linux__) \
    && (defined(__GNUC__) || defined(__clang__))

#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#define KERNEL_NAME "armv8-sha2"
/* By function, not by file: the rest of the extension must run on CPUs without these instructions. Not "+sha2":
 * gcc 12 takes the intrinsics for part of the whole crypto extension; AES is not used all the same. */
#define KERNEL_TARGET __attribute__((target("+crypto")))
#define INLINE KERNEL_TARGET static inline __attribute__((always_inline))

typedef uint32x4_t quad;

/* The instructions keep a..h as two vectors in their own order. */
typedef struct {
    uint32x4_t abcd, efgh;
} lane;

INLINE quad quad_of(const uint32_t words[4])
{
    return vld1q_u32(words);
}

INLINE quad quad_of_bytes(const uint8_t bytes[16])
{
    return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(bytes)));
}

INLINE void quad_store(quad q, uint32_t words[4])
{
    vst1q_u32(words, q);
}

INLINE quad quad_sum(quad x, quad y)
{
    return vaddq_u32(x, y);
}

INLINE quad quad_constants(int i)
{
    return vld1q_u32(SHA256D_K + i);
}

INLINE lane lane_of_quads(quad abcd, quad efgh)
{
    lane s = {abcd, efgh};
    return s;
}

INLINE void quads_of_lane(lane s, quad *abcd, quad *efgh)
{
    *abcd = s.abcd;
    *efgh = s.efgh;
}

INLINE lane lane_sum(lane x, lane y)
{
    lane s = {vaddq_u32(x.abcd, y.abcd), vaddq_u32(x.efgh, y.efgh)};
    return s;
}

INLINE lane four_rounds(lane s, quad wk)
{
    lane r = {vsha256hq_u32(s.abcd, s.efgh, wk), vsha256h2q_u32(s.efgh, s.abcd, wk)};
    return r;
}

INLINE void lane_kept_here(lane *s)
{
    __asm__ volatile("" : "+w"(s->abcd), "+w"(s->efgh));
}

INLINE quad expanded(quad w0, quad w4, quad w8, quad w12)
{
    return vsha256su1q_u32(vsha256su0q_u32(w0, w4), w8, w12);
}

#include "sha256d_quads.h"

#include "sha256d_kernel.h"

#define LANES_NAME "armv8-sha2-x4"
#include "sha256d_streams.h"

static int cpu_has_sha2(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
}

const sha256d_backend *sha256d_arm(void)
{
    return cpu_has_sha2() ? &KERNEL_TABLE : NULL;
}

const sha256d_bulk *sha256d_bulk_arm(void)
{
    return cpu_has_sha2() ? &LANES_TABLE : NULL;
}

#else

const sha256d_backend *sha256d_arm(void)
{
    return NULL;
}

const sha256d_bulk *sha256d_bulk_arm(void)
{
    return NULL;
}

#endif

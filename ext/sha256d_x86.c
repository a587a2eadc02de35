/* SHA-256 with the SHA extensions of x86-64 (Goldmont, Zen, Ice Lake and later). */
#include "sha256d_backend.h"
#include "sha256d_bulk.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <cpuid.h>
#include <immintrin.h>

#define KERNEL_NAME "sha-ni"
/* By function, not by file: the rest of the extension must run on CPUs without these instructions. */
#define KERNEL_TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE KERNEL_TARGET static inline __attribute__((always_inline))

/* The instructions keep a..h as two vectors in this order, most significant word first. */
typedef struct {
    __m128i abef, cdgh;
} lane;

typedef __m128i quad;

INLINE quad quad_of(const uint32_t words[4])
{
    return _mm_loadu_si128((const __m128i *)words);
}

INLINE quad quad_of_bytes(const uint8_t bytes[16])
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)bytes), swap);
}

INLINE void quad_store(quad q, uint32_t words[4])
{
    _mm_storeu_si128((__m128i *)words, q);
}

INLINE quad quad_sum(quad x, quad y)
{
    return _mm_add_epi32(x, y);
}

INLINE quad quad_constants(int i)
{
    return _mm_load_si128((const __m128i *)(SHA256D_K + i));
}

INLINE lane lane_of_quads(quad dcba, quad hgfe)
{
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    lane s = {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
    return s;
}

INLINE void quads_of_lane(lane s, quad *dcba, quad *hgfe)
{
    __m128i feba = _mm_shuffle_epi32(s.abef, 0x1b), dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);
    *dcba = _mm_blend_epi16(feba, dchg, 0xf0);
    *hgfe = _mm_alignr_epi8(dchg, feba, 8);
}

INLINE lane lane_sum(lane x, lane y)
{
    lane s = {_mm_add_epi32(x.abef, y.abef), _mm_add_epi32(x.cdgh, y.cdgh)};
    return s;
}

INLINE lane four_rounds(lane s, quad wk)
{
    s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, wk);
    s.abef = _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(wk, 0x0e));
    return s;
}

INLINE void lane_kept_here(lane *s)
{
    __asm__ volatile("" : "+x"(s->abef), "+x"(s->cdgh));
}

INLINE quad expanded(quad w0, quad w4, quad w8, quad w12)
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));
    return _mm_sha256msg2_epu32(sum, w12);
}

#include "sha256d_quads.h"
#include "sha256d_kernel.h"

#define LANES_NAME "sha-ni-x4"
#include "sha256d_streams.h"

static int cpu_has_sha(void)
{
    enum { SSSE3 = 1 << 9, SSE41 = 1 << 19, SHA = 1 << 29 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & SSSE3) == 0 || (c & SSE41) == 0)
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & SHA) != 0;
}

const sha256d_backend *sha256d_x86(void)
{
    return cpu_has_sha() ? &KERNEL_TABLE : NULL;
}

const sha256d_bulk *sha256d_bulk_x86(void)
{
    return cpu_has_sha() ? &LANES_TABLE : NULL;
}

#else

const sha256d_backend *sha256d_x86(void)
{
    return NULL;
}

const sha256d_bulk *sha256d_bulk_x86(void)
{
    return NULL;
}

#endif

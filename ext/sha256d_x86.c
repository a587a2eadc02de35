/* SHA-256 with the SHA extensions of x86-64 (Goldmont, Zen, Ice Lake and later). */
#include "sha256d_backend.h"

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

INLINE __m128i loaded(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

INLINE lane lane_of(const uint32_t state[8])
{
    __m128i dcba = loaded(state), hgfe = loaded(state + 4);
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    lane s = {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
    return s;
}

INLINE void lane_store(lane s, uint32_t state[8])
{
    __m128i feba = _mm_shuffle_epi32(s.abef, 0x1b), dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

INLINE lane four_rounds(lane s, __m128i w, int i)
{
    __m128i wk = _mm_add_epi32(w, _mm_load_si128((const __m128i *)(SHA256D_K + i)));
    s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, wk);
    s.abef = _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(wk, 0x0e));
    return s;
}

/* Words i+16 .. i+19 of the schedule from words i .. i+15. */
INLINE __m128i expanded(__m128i w0, __m128i w4, __m128i w8, __m128i w12)
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));
    return _mm_sha256msg2_epu32(sum, w12);
}

INLINE lane compressed(lane start, __m128i w0, __m128i w4, __m128i w8, __m128i w12)
{
    lane s = start;
    for (int i = 0; i < 48; i += 16) {
        s = four_rounds(s, w0, i);
        w0 = expanded(w0, w4, w8, w12);
        s = four_rounds(s, w4, i + 4);
        w4 = expanded(w4, w8, w12, w0);
        s = four_rounds(s, w8, i + 8);
        w8 = expanded(w8, w12, w0, w4);
        s = four_rounds(s, w12, i + 12);
        w12 = expanded(w12, w0, w4, w8);
    }
    s = four_rounds(s, w0, 48);
    s = four_rounds(s, w4, 52);
    s = four_rounds(s, w8, 56);
    s = four_rounds(s, w12, 60);
    s.abef = _mm_add_epi32(s.abef, start.abef);
    s.cdgh = _mm_add_epi32(s.cdgh, start.cdgh);
    return s;
}

INLINE lane lane_words(lane s, const uint32_t block[16])
{
    return compressed(s, loaded(block), loaded(block + 4), loaded(block + 8), loaded(block + 12));
}

INLINE lane lane_bytes(lane s, const uint8_t block[64])
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    return compressed(s, _mm_shuffle_epi8(loaded(block), swap), _mm_shuffle_epi8(loaded(block + 16), swap),
                      _mm_shuffle_epi8(loaded(block + 32), swap), _mm_shuffle_epi8(loaded(block + 48), swap));
}

/* Its schedule is constant, but reading it from a table gains nothing: the rounds' latency is the wall, and
 * the message instructions run beside them. */
INLINE lane lane_pad64(lane s)
{
    const __m128i zero = _mm_setzero_si128();
    return compressed(s, _mm_set_epi32(0, 0, 0, (int)0x80000000), zero, zero, _mm_set_epi32(512, 0, 0, 0));
}

#include "sha256d_kernel.h"

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

#else

const sha256d_backend *sha256d_x86(void)
{
    return NULL;
}

#endif

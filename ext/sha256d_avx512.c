/* Bulk hashing with AVX-512 (Skylake-X, Ice Lake, Zen 4 and later): sixteen lanes a vector, and two vectors side
 * by side, as the rounds of one wait for each other. It is 2.5 times as fast as one stream with SHA-NI (Zen 4).
 */
#include "sha256d_backend.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <cpuid.h>
#include <immintrin.h>

#define LANES_NAME "avx512-x32"
#define LANES_WORTHWHILE 13 /* beside SHA-NI, share by share */
enum { VECTORS = 2, LANES = 16 * VECTORS };
/* By function, not by file: the rest of the extension must run on CPUs without these instructions. */
#define LANES_TARGET __attribute__((target("avx512f,avx512bw")))
#define INLINE LANES_TARGET static inline __attribute__((always_inline))
/* 12 KiB of instructions a copy. */
#define ONCE LANES_TARGET static __attribute__((noinline))

#define BOTH for (int v = 0; v < VECTORS; v++)

/* Word i of every lane in w[i]: of the first sixteen lanes in its first vector, and so on. */
typedef struct {
    __m512i of[VECTORS];
} word;
typedef struct {
    word w[8];
} half;
/* `room` is where the rounds keep the upper half of their schedule, right behind the lower one. */
typedef struct {
    half state, room;
} lanes;

/* --- into lanes and out of them ------------------------------------------------------------------------- */

/* Transposes eight rows and eight columns in each half of the registers. */
INLINE void transpose(__m512i rows[8])
{
    __m512i pair[8], four[8];
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        pair[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int high = 0; high < 2; high++) {
            four[i + 2 * high] = _mm512_unpacklo_epi64(pair[i + high], pair[i + high + 2]);
            four[i + 2 * high + 1] = _mm512_unpackhi_epi64(pair[i + high], pair[i + high + 2]);
        }
    const __m512i even = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
    const __m512i odd = _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2);
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm512_permutex2var_epi64(four[i], even, four[i + 4]);
        rows[i + 4] = _mm512_permutex2var_epi64(four[i], odd, four[i + 4]);
    }
}

#define SAME(x) _mm512_set1_epi32((int)(x))

/* Eight words for a lane in the lower, eight for another in the upper half of a register. */
INLINE __m512i two_rows(const void *lower, const void *upper)
{
    __m512i row = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)lower));
    return _mm512_inserti64x4(row, _mm256_loadu_si256((const __m256i *)upper), 1);
}

ONCE void half_words(half *h, const uint32_t *const from[LANES])
{
    for (int v = 0; v < VECTORS; v++, from += 16) {
        __m512i rows[8];
        for (int i = 0; i < 8; i++)
            rows[i] = two_rows(from[i], from[i + 8]);
        transpose(rows);
        for (int i = 0; i < 8; i++)
            h->w[i].of[v] = rows[i];
    }
}

ONCE void half_bytes(half *h, const uint8_t *const from[LANES])
{
    const __m512i swap = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
    for (int v = 0; v < VECTORS; v++, from += 16) {
        __m512i rows[8];
        for (int i = 0; i < 8; i++)
            rows[i] = _mm512_shuffle_epi8(two_rows(from[i], from[i + 8]), swap);
        transpose(rows);
        for (int i = 0; i < 8; i++)
            h->w[i].of[v] = rows[i];
    }
}

INLINE void half_same(half *h, const uint32_t words[8])
{
    for (int i = 0; i < 8; i++)
        BOTH h->w[i].of[v] = SAME(words[i]);
}

ONCE void half_store(const half *h, uint32_t *const to[LANES])
{
    for (int v = 0; v < VECTORS; v++, to += 16) {
        __m512i rows[8];
        for (int i = 0; i < 8; i++)
            rows[i] = h->w[i].of[v];
        transpose(rows);
        for (int i = 0; i < 8; i++) {
            _mm256_storeu_si256((__m256i *)to[i], _mm512_castsi512_si256(rows[i]));
            _mm256_storeu_si256((__m256i *)to[i + 8], _mm512_extracti64x4_epi64(rows[i], 1));
        }
    }
}

INLINE void lanes_of(lanes *s, const half *h)
{
    s->state = *h;
}

INLINE const half *half_of(const lanes *s, half *room)
{
    (void)room;
    return &s->state;
}

INLINE void lanes_choose(lanes *s, uint32_t active, const lanes *other)
{
    BOTH for (int i = 0; i < 8; i++)
        s->state.w[i].of[v] = _mm512_mask_mov_epi32(
            other->state.w[i].of[v], (__mmask16)(active >> 16 * v), s->state.w[i].of[v]);
}

/* --- compression ---------------------------------------------------------------------------------------- */

enum { XOR3 = 0x96, CHOICE = 0xca, MAJORITY = 0xe8 }; /* truth tables of three inputs */

#define ADD(x, y) _mm512_add_epi32(x, y)
#define LOGIC(x, y, z, table) _mm512_ternarylogic_epi32(x, y, z, table)
#define ROTATED(x, by) _mm512_ror_epi32(x, by)
#define SUM0(x) LOGIC(ROTATED(x, 2), ROTATED(x, 13), ROTATED(x, 22), XOR3)
#define SUM1(x) LOGIC(ROTATED(x, 6), ROTATED(x, 11), ROTATED(x, 25), XOR3)
#define SIGMA0(x) LOGIC(ROTATED(x, 7), ROTATED(x, 18), _mm512_srli_epi32(x, 3), XOR3)
#define SIGMA1(x) LOGIC(ROTATED(x, 17), ROTATED(x, 19), _mm512_srli_epi32(x, 10), XOR3)

/* Both emit nothing. PIN has x computed by here, FENCE keeps the words of the schedule in memory: the compiler's
 * own order, and its shuffling of them through spare registers, cost 6 % (gcc 12 on Zen 4). */
#define PIN(x) BOTH __asm__ volatile("" : "+v"(x.of[v]))
#define FENCE __asm__ volatile("" : : : "memory")

/* One round; `wk` is round constant plus word of the schedule, `next` makes room for a later word. The caller
 * renames a..h, nothing is moved. Step by step in both vectors: the steps of one wait for each other. */
#define ROUND(a, b, c, d, e, f, g, h, wk, next, j)                               \
    do {                                                                         \
        word t, u;                                                               \
        BOTH t.of[v] = ADD(h.of[v], wk(j));                                      \
        BOTH u.of[v] = SUM1(e.of[v]);                                            \
        PIN(u);                                                                  \
        BOTH t.of[v] = ADD(t.of[v], LOGIC(e.of[v], f.of[v], g.of[v], CHOICE));   \
        PIN(t);                                                                  \
        BOTH t.of[v] = ADD(t.of[v], u.of[v]);                                    \
        PIN(t);                                                                  \
        BOTH d.of[v] = ADD(d.of[v], t.of[v]);                                    \
        FENCE;                                                                   \
        BOTH next(j);                                                            \
        FENCE;                                                                   \
        BOTH u.of[v] = SUM0(a.of[v]);                                            \
        BOTH u.of[v] = ADD(u.of[v], LOGIC(a.of[v], b.of[v], c.of[v], MAJORITY)); \
        PIN(u);                                                                  \
        BOTH h.of[v] = ADD(t.of[v], u.of[v]);                                    \
    } while (0)

#define EIGHT_ROUNDS(wk, next, j)                         \
    do {                                                  \
        ROUND(a, b, c, d, e, f, g, h, wk, next, (j));     \
        ROUND(h, a, b, c, d, e, f, g, wk, next, (j) + 1); \
        ROUND(g, h, a, b, c, d, e, f, wk, next, (j) + 2); \
        ROUND(f, g, h, a, b, c, d, e, wk, next, (j) + 3); \
        ROUND(e, f, g, h, a, b, c, d, wk, next, (j) + 4); \
        ROUND(d, e, f, g, h, a, b, c, wk, next, (j) + 5); \
        ROUND(c, d, e, f, g, h, a, b, wk, next, (j) + 6); \
        ROUND(b, c, d, e, f, g, h, a, wk, next, (j) + 7); \
    } while (0)

/* Sixteen, so that a word of the schedule has one place in all of them. */
#define SIXTEEN_ROUNDS(wk, next)   \
    do {                           \
        EIGHT_ROUNDS(wk, next, 0); \
        EIGHT_ROUNDS(wk, next, 8); \
    } while (0)

#define STATE a, b, c, d, e, f, g, h

/* s = the state that the rounds end with + the one that they began with. */
#define STORE_SUM(s, began)                                                      \
    do {                                                                         \
        const word ended[8] = {STATE};                                           \
        for (int k = 0; k < 8; k++)                                              \
            BOTH s->state.w[k].of[v] = ADD(began(k), ended[k].of[v]);             \
    } while (0)

#define LOAD_WORD(name, k, began) \
    word name;                    \
    BOTH name.of[v] = began(k)
#define LOAD_STATE(began)   \
    LOAD_WORD(a, 0, began); \
    LOAD_WORD(b, 1, began); \
    LOAD_WORD(c, 2, began); \
    LOAD_WORD(d, 3, began); \
    LOAD_WORD(e, 4, began); \
    LOAD_WORD(f, 5, began); \
    LOAD_WORD(g, 6, began); \
    LOAD_WORD(h, 7, began)
#define BEFORE(k) s->state.w[k].of[v]
#define START(k) SAME(SHA256D_START[k])

#define W(j) w[(j) & 15].of[v]
#define SCHEDULED(j) ADD(W(j), SAME(SHA256D_K[i + (j)]))
/* Word j + 16 of the schedule in place of word j, when its round is over: long before its own begins. */
#define SCHEDULE(j) W(j) = ADD(ADD(W(j), SIGMA0(W((j) + 1))), ADD(W((j) + 9), SIGMA1(W((j) + 14))))
#define NOTHING(j) (void)v

/* s = compression of the block in `w`, which the rounds use up. */
ONCE void compress(lanes *s, word *w)
{
    LOAD_STATE(BEFORE);
    int i = 0;
    for (; i < 48; i += 16)
        SIXTEEN_ROUNDS(SCHEDULED, SCHEDULE);
    SIXTEEN_ROUNDS(SCHEDULED, NOTHING);
    STORE_SUM(s, BEFORE);
}

/* What eight words that are the same in all lanes bring into the first sixteen rounds. */
typedef struct {
    uint32_t wk[16];
    uint32_t later[16];
} half_round;

INLINE half_round half_round_of(const uint32_t high[8])
{
    half_round known;
#pragma GCC unroll 16
    for (int j = 0; j < 16; j++) {
        uint32_t w = j < 8 ? 0 : high[j - 8], sigma = j < 7 || j == 15 ? 0 : sha256d_sigma0(high[j - 7]);
        known.wk[j] = SHA256D_K[j] + w;
        known.later[j] = w + sigma + (j < 7 ? high[j + 1] : 0);
        if (j < 2)
            known.later[j] += sha256d_sigma1(high[j + 6]);
    }
    return known;
}

INLINE __m512i later(const word *w, const half_round *known, int j, int v)
{
    __m512i sum = SAME(known->later[j]);
    if (j < 8)
        sum = ADD(sum, W(j));
    if (j < 7 || j == 15)
        sum = ADD(sum, SIGMA0(W(j + 1)));
    if (j >= 7)
        sum = ADD(sum, W(j + 9));
    if (j >= 2)
        sum = ADD(sum, SIGMA1(W(j + 14)));
    return sum;
}

/* s = compression of a first block: its lower half is in s->state, its upper half, `known`, is the same in all
 * lanes and neither filled in nor scheduled, which saves 4 %. */
ONCE void compress_half(lanes *s, const half_round *known)
{
    word *w = s->state.w;
    /* The compiler forgets where w points: it leads on into s->room. */
    __asm__ volatile("" : "+r"(w) : : "memory");
    LOAD_STATE(START);
    int i = 16;
#define KNOWN(j) (j) < 8 ? ADD(W(j), SAME(known->wk[j])) : SAME(known->wk[j])
#define LATER(j) W(j) = later(w, known, j, v)
    SIXTEEN_ROUNDS(KNOWN, LATER);
    for (; i < 48; i += 16)
        SIXTEEN_ROUNDS(SCHEDULED, SCHEDULE);
    SIXTEEN_ROUNDS(SCHEDULED, NOTHING);
    STORE_SUM(s, START);
}

INLINE void lanes_block(lanes *s, const half *low, const half *high)
{
    word w[16];
    for (int i = 0; i < 8; i++) {
        w[i] = low->w[i];
        w[i + 8] = high->w[i];
    }
    compress(s, w);
}

INLINE void lanes_first(lanes *s, const half *low, const half *high)
{
    const half lower = *low; /* it may be the state */
    half_same(&s->state, SHA256D_START);
    lanes_block(s, &lower, high);
}

INLINE void lanes_first_same(lanes *s, const half *low, const uint32_t high[8])
{
    half_round known = half_round_of(high);
    if (low != &s->state)
        s->state = *low;
    compress_half(s, &known);
}

INLINE void lanes_outer(lanes *s)
{
    lanes_first_same(s, &s->state, SHA256D_PAD32);
}

/* A third of all the work behind a merkle branch, without a schedule to expand. */
ONCE void lanes_pad64(lanes *s)
{
    LOAD_STATE(BEFORE);
#define PADDING(j) SAME(SHA256D_PAD64[i + (j)])
    for (int i = 0; i < 64; i += 16)
        SIXTEEN_ROUNDS(PADDING, NOTHING);
    STORE_SUM(s, BEFORE);
}

#include "sha256d_lanes.h"

/* The operating system, too, must keep the registers: masks and both parts of the vectors. */
static int cpu_has_avx512(void)
{
    enum { OSXSAVE = 1 << 27, AVX512F = 1 << 16, AVX512BW = 1 << 30, KEPT = 0xe6 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & OSXSAVE) == 0)
        return 0;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    if ((a & KEPT) != KEPT || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    return (b & AVX512F) != 0 && (b & AVX512BW) != 0;
}

const sha256d_bulk *sha256d_bulk_avx512(void)
{
    return cpu_has_avx512() ? &LANES_TABLE : NULL;
}

#else

#include "sha256d_bulk.h"

const sha256d_bulk *sha256d_bulk_avx512(void)
{
    return NULL;
}

#endif

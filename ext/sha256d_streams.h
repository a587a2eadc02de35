/* The four lanes of bulk hashing for processors of sha256d_quads.h, which is included before: four streams
 * interleaved. The rounds of one wait for each other, so others run beside them. On Zen 4 four hash 2.2 times as
 * much as one, three 2.0, two 1.8; more do not fit into the registers. Intel's gain at most 1.3. The including
 * file defines, too,
 *
 *   void lane_kept_here(lane *)    emits nothing; the compiler would undo the interleaving without it
 */
#define LANES_TARGET KERNEL_TARGET
#define LANES_WORTHWHILE 2
enum { LANES = 4 };

typedef struct {
    lane of[LANES];
} lanes;
typedef struct {
    quad low[LANES], high[LANES];
} half;

INLINE void half_words(half *h, const uint32_t *const from[LANES])
{
    for (int i = 0; i < LANES; i++) {
        h->low[i] = quad_of(from[i]);
        h->high[i] = quad_of(from[i] + 4);
    }
}

INLINE void half_bytes(half *h, const uint8_t *const from[LANES])
{
    for (int i = 0; i < LANES; i++) {
        h->low[i] = quad_of_bytes(from[i]);
        h->high[i] = quad_of_bytes(from[i] + 16);
    }
}

INLINE void half_store(const half *h, uint32_t *const to[LANES])
{
    for (int i = 0; i < LANES; i++) {
        quad_store(h->low[i], to[i]);
        quad_store(h->high[i], to[i] + 4);
    }
}

INLINE void lanes_of(lanes *s, const half *h)
{
    for (int i = 0; i < LANES; i++)
        s->of[i] = lane_of_quads(h->low[i], h->high[i]);
}

INLINE const half *half_of(const lanes *s, half *room)
{
    for (int i = 0; i < LANES; i++)
        quads_of_lane(s->of[i], &room->low[i], &room->high[i]);
    return room;
}

INLINE void lanes_choose(lanes *s, uint32_t active, const lanes *other)
{
    for (int i = 0; i < LANES; i++)
        if ((active >> i & 1) == 0)
            s->of[i] = other->of[i];
}

/* The same in each lane. */
INLINE void half_same(half *h, const uint32_t words[8])
{
    const uint32_t *from[LANES];
    for (int i = 0; i < LANES; i++)
        from[i] = words;
    half_words(h, from);
}

/* Four rounds of each lane. */
INLINE lanes lanes_rounds(lanes s, const quad wk[LANES])
{
    for (int j = 0; j < LANES; j++) {
        s.of[j] = four_rounds(s.of[j], wk[j]);
        lane_kept_here(&s.of[j]);
    }
    return s;
}

INLINE void lanes_block(lanes *state, const half *low, const half *high)
{
    quad w[4][LANES], wk[LANES];
    lanes s = *state;
    for (int j = 0; j < LANES; j++) {
        w[0][j] = low->low[j];
        w[1][j] = low->high[j];
        w[2][j] = high->low[j];
        w[3][j] = high->high[j];
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < LANES; j++)
            wk[j] = quad_sum(w[i & 3][j], quad_constants(4 * i));
        s = lanes_rounds(s, wk);
        for (int j = 0; j < LANES && i < 12; j++)
            w[i & 3][j] = expanded(w[i & 3][j], w[(i + 1) & 3][j], w[(i + 2) & 3][j], w[(i + 3) & 3][j]);
    }
    for (int j = 0; j < LANES; j++)
        state->of[j] = lane_sum(s.of[j], state->of[j]);
}

INLINE void lanes_first(lanes *s, const half *low, const half *high)
{
    half start;
    half_same(&start, SHA256D_START);
    lanes_of(s, &start);
    lanes_block(s, low, high);
}

INLINE void lanes_first_same(lanes *s, const half *low, const uint32_t high[8])
{
    half same;
    half_same(&same, high);
    lanes_first(s, low, &same);
}

INLINE void lanes_outer(lanes *s)
{
    half digest;
    lanes_first_same(s, half_of(s, &digest), SHA256D_PAD32);
}

/* The message instructions compete for the same unit: a schedule from a table is a gain. */
INLINE void lanes_pad64(lanes *state)
{
    lanes s = *state;
#pragma GCC unroll 16
    for (int i = 0; i < 64; i += 4) {
        quad wk[LANES];
        for (int j = 0; j < LANES; j++)
            wk[j] = quad_of(SHA256D_PAD64 + i);
        s = lanes_rounds(s, wk);
    }
    for (int j = 0; j < LANES; j++)
        state->of[j] = lane_sum(s.of[j], state->of[j]);
}

#include "sha256d_lanes.h"

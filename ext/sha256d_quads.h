/* Compression with instructions that take four words of a message at a time.
 *
 * The including file defines INLINE, the types `quad` (four words) and `lane` (a chaining value), and
 *
 *   quad quad_of(const uint32_t words[4])
 *   quad quad_of_bytes(const uint8_t bytes[16])
 *   void quad_store(quad, uint32_t words[4])
 *   quad quad_sum(quad, quad)
 *   quad quad_constants(int i)                   SHA256D_K[i] .. SHA256D_K[i + 3]
 *   lane lane_of_quads(quad, quad)
 *   void quads_of_lane(lane, quad *, quad *)
 *   lane lane_sum(lane, lane)
 *   lane four_rounds(lane, quad wk)              of words of the schedule plus their constants
 *   quad expanded(quad w0, quad w4, quad w8, quad w12)   words 16 .. 19 of the schedule from words 0 .. 15
 */

INLINE lane compressed(lane start, quad w0, quad w4, quad w8, quad w12)
{
    lane s = start;
    for (int i = 0; i < 48; i += 16) {
        s = four_rounds(s, quad_sum(w0, quad_constants(i)));
        w0 = expanded(w0, w4, w8, w12);
        s = four_rounds(s, quad_sum(w4, quad_constants(i + 4)));
        w4 = expanded(w4, w8, w12, w0);
        s = four_rounds(s, quad_sum(w8, quad_constants(i + 8)));
        w8 = expanded(w8, w12, w0, w4);
        s = four_rounds(s, quad_sum(w12, quad_constants(i + 12)));
        w12 = expanded(w12, w0, w4, w8);
    }
    s = four_rounds(s, quad_sum(w0, quad_constants(48)));
    s = four_rounds(s, quad_sum(w4, quad_constants(52)));
    s = four_rounds(s, quad_sum(w8, quad_constants(56)));
    s = four_rounds(s, quad_sum(w12, quad_constants(60)));
    return lane_sum(s, start);
}

INLINE lane lane_of(const uint32_t state[8])
{
    return lane_of_quads(quad_of(state), quad_of(state + 4));
}

INLINE void lane_store(lane s, uint32_t state[8])
{
    quad low, high;
    quads_of_lane(s, &low, &high);
    quad_store(low, state);
    quad_store(high, state + 4);
}

INLINE lane lane_words(lane s, const uint32_t block[16])
{
    return compressed(s, quad_of(block), quad_of(block + 4), quad_of(block + 8), quad_of(block + 12));
}

INLINE lane lane_pair(lane s, lane left, const uint32_t right[8])
{
    quad low, high;
    quads_of_lane(left, &low, &high);
    return compressed(s, low, high, quad_of(right), quad_of(right + 4));
}

INLINE lane lane_bytes(lane s, const uint8_t block[64])
{
    return compressed(s, quad_of_bytes(block), quad_of_bytes(block + 16), quad_of_bytes(block + 32),
                      quad_of_bytes(block + 48));
}

/* Its schedule is constant: without the message instructions beside them, the rounds are late less often (1 % of
 * a share on Zen 3, nothing on Zen 4). */
INLINE lane lane_pad64(lane start)
{
    lane s = start;
    for (int i = 0; i < 64; i += 4)
        s = four_rounds(s, quad_of(SHA256D_PAD64 + i));
    return lane_sum(s, start);
}

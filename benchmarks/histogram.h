/* Latencies in nanoseconds, kept to 1.6 % whatever their size. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <string.h>

/* Values below 64 have a slot each; above, each power of two has 64 slots of equal width. */
enum { STEPS = 64, STEP_BITS = 6, SLOTS = STEPS * (64 - STEP_BITS + 1) };

typedef struct {
    uint64_t count, most;
    uint64_t slots[SLOTS];
} histogram;

static inline void histogram_add(histogram *h, uint64_t ns)
{
    unsigned power = ns < STEPS ? 0 : 63 - STEP_BITS - (unsigned)__builtin_clzll(ns);
    h->slots[STEPS * power + (ns >> power)]++;
    h->count++;
    if (ns > h->most)
        h->most = ns;
}

/* The least value that `part` of all values (0 to 1) do not exceed, rounded up to its slot's end. */
static inline uint64_t histogram_at(const histogram *h, double part)
{
    uint64_t wanted = (uint64_t)(part * (double)h->count), seen = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        seen += h->slots[i];
        if (seen > wanted) {
            unsigned power = i / STEPS == 0 ? 0 : i / STEPS - 1;
            uint64_t end = ((uint64_t)(i - STEPS * power + 1) << power) - 1;
            return end < h->most ? end : h->most;
        }
    }
    return h->most;
}

#endif

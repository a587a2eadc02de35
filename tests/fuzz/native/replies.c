/* Replies that wait come out whole, in their order, and not before their window: as from a plain queue. */
#include "fuzz.h"

#include "replies.h"

enum { MOST_STEPS = 256, LONGEST = 255 };

/* What waits, reply by reply: every byte of it is the low half of its number. */
static struct {
    uint64_t window;
    size_t size;
    uint8_t byte;
} queue[MOST_STEPS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t reply[LONGEST], out[MOST_STEPS * LONGEST];
    replies *waiting = NULL;
    uint64_t window = 1, begun = 0;
    size_t first = 0, end = 0;
    fuzz_source s = {data, size};
    for (int step = 0; s.left > 0 && step < MOST_STEPS; step++) {
        uint8_t kind = fuzz_byte(&s);
        if (kind & 1) {
            window += kind >> 1 & 3;
            size_t length = fuzz_byte(&s);
            /* What earns nothing waits behind what waits already, whatever the window. */
            if (first == end || kind & 8) {
                DEMAND(replies_begin(&waiting, window) == (first == end || begun != window));
                begun = window;
            }
            memset(reply, step & 0xff, length);
            DEMAND(replies_append(&waiting, reply, length) == 0);
            queue[end].window = begun;
            queue[end].size = length;
            queue[end++].byte = step & 0xff;
            continue;
        }
        uint64_t up_to = window - (kind >> 1 & 3);
        size_t total = 0, at = 0, last = first;
        while (last < end && queue[last].window <= up_to)
            total += queue[last++].size;
        DEMAND(replies_size(waiting, up_to) == total);
        if (kind & 16)
            continue;
        replies_release(&waiting, up_to, out);
        for (; first < last; first++) {
            for (size_t i = 0; i < queue[first].size; i++)
                DEMAND(out[at++] == queue[first].byte);
        }
        DEMAND((waiting == NULL) == (first == end));
    }
    replies_clear(&waiting);
    DEMAND(waiting == NULL && replies_size(waiting, UINT64_MAX) == 0);
    return 0;
}

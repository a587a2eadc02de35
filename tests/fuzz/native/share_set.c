/* share_set equals a list that is searched from end to end. */
#include "fuzz.h"

#include "share_set.h"

enum { MOST = 512 };

/* A digest whose key, 63 bits of its first two words, has one of few places, so that keys meet at the
 * beginning, in the middle and at the end; or any. */
static void draw(fuzz_source *s, uint32_t hash[8])
{
    uint8_t style = fuzz_byte(s);
    memset(hash, 0, 8 * sizeof *hash);
    hash[0] = (style & 15) * 0x11111111u;
    hash[1] = (uint32_t)(style >> 4) << 8;
    if (style == 0xff)
        fuzz_take(s, hash, 8 * sizeof *hash);
    hash[2 + (style & 3)] = 0xdeadbeef; /* no part of the key */
}

static int listed(uint32_t list[][2], size_t count, const uint32_t hash[8])
{
    for (size_t i = 0; i < count; i++) {
        if (list[i][0] == hash[0] && (list[i][1] | 1) == (hash[1] | 1))
            return 1;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint32_t list[MOST][2];
    size_t count = 0;
    share_set set = {0};
    fuzz_source s = {data, size};
    while (s.left > 0 && count < MOST) {
        uint32_t hash[8];
        uint8_t kind = fuzz_byte(&s);
        if (kind == 0xff) {
            share_set_clear(&set);
            count = 0;
        }
        draw(&s, hash);
        /* A run of neighbours, or across the table: what must yield, and what growing must carry along. */
        for (int i = 0; i <= (kind >> 2 & 31) && count < MOST; i++, hash[kind & 128 ? 0 : 1] += kind & 128 ? 1u << 26 : 2) {
            DEMAND(!share_set_has(&set, hash) == !listed(list, count, hash));
            if (kind & 1)
                continue;
            DEMAND(share_set_add(&set, hash) == 0);
            if (!listed(list, count, hash))
                memcpy(list[count++], hash, sizeof *list);
            DEMAND(share_set_has(&set, hash) && set.count == count);
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t hash[8] = {list[i][0], list[i][1], 1, 2, 3, 4, 5, 6};
        DEMAND(share_set_has(&set, hash));
    }
    share_set_clear(&set);
    DEMAND(set.count == 0 && set.keys == NULL);
    return 0;
}

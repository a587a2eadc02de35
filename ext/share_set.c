#include "share_set.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 16,
    SPARE_PLACES = 16,
};

/* Never 0, which is an empty place. */
static uint64_t key_of(const uint32_t hash[8]) { return (uint64_t)hash[0] << 32 | hash[1] | 1; }

/* Where a key is meant to stand: the greater, the later. */
static size_t home_of(uint64_t key, size_t capacity) { return (size_t)((key >> 32) * capacity >> 32); }

/* The place of the key, or the one where it would go: that of the next greater key, or an empty one. */
static size_t place_of(const share_set *set, uint64_t key)
{
    size_t at = home_of(key, set->capacity);
    while (set->keys[at] != 0 && set->keys[at] < key)
        at++;
    return at;
}

int share_set_has(const share_set *set, const uint32_t hash[8])
{
    uint64_t key = key_of(hash);
    return set->capacity != 0 && set->keys[place_of(set, key)] == key;
}

/* By an eighth: room that is not used yet is most of what a set costs beyond its keys. */
static int grow(share_set *set)
{
    size_t capacity = set->capacity == 0 ? FIRST_CAPACITY : set->capacity + set->capacity / 8;
    size_t end = 0; /* behind the last key, once spread out */
    for (size_t i = 0; i < set->places; i++) {
        if (set->keys[i] != 0) {
            size_t home = home_of(set->keys[i], capacity);
            end = (home > end ? home : end) + 1;
        }
    }
    size_t places = (capacity > end ? capacity : end) + SPARE_PLACES;
    uint64_t *keys = realloc(set->keys, places * sizeof *keys);
    if (keys == NULL)
        return -1;
    /* To the end without gaps, then from there to their places, which are never behind where they are. */
    size_t from = places;
    for (size_t i = set->places; i-- > 0;) {
        if (keys[i] != 0)
            keys[--from] = keys[i];
    }
    size_t at = 0;
    for (; from < places; from++) {
        uint64_t key = keys[from];
        for (size_t home = home_of(key, capacity); at < home; at++)
            keys[at] = 0;
        keys[at++] = key;
    }
    memset(keys + at, 0, (places - at) * sizeof *keys);
    set->keys = keys;
    set->capacity = capacity;
    set->places = places;
    return 0;
}

int share_set_add(share_set *set, const uint32_t hash[8])
{
    uint64_t key = key_of(hash);
    int is_full = 16 * (set->count + 1) > 15 * set->capacity;
    for (;;) {
        if (is_full && grow(set) != 0)
            return -1;
        size_t at = place_of(set, key), empty = at;
        if (set->keys[at] == key)
            return 0;
        while (set->keys[empty] != 0)
            empty++;
        is_full = empty == set->places - 1;
        if (!is_full) {
            memmove(set->keys + at + 1, set->keys + at, (empty - at) * sizeof *set->keys);
            set->keys[at] = key;
            set->count++;
            return 0;
        }
    }
}

void share_set_clear(share_set *set)
{
    free(set->keys);
    memset(set, 0, sizeof *set);
}

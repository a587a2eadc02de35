#include "share_set.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

static void key_of(const uint32_t hash[8], uint64_t key[2])
{
    key[0] = (uint64_t)hash[0] << 32 | hash[1];
    key[1] = (uint64_t)hash[2] << 32 | hash[3];
}

/* The place of the key, or the empty one where it would go. There always is an empty one. */
static size_t place_of(uint64_t (*keys)[2], size_t capacity, const uint64_t key[2])
{
    size_t at = (size_t)key[0] & (capacity - 1);
    while ((keys[at][0] | keys[at][1]) != 0 && (keys[at][0] != key[0] || keys[at][1] != key[1]))
        at = (at + 1) & (capacity - 1);
    return at;
}

int share_set_has(const share_set *set, const uint32_t hash[8])
{
    uint64_t key[2];
    key_of(hash, key);
    if ((key[0] | key[1]) == 0)
        return set->has_zero;
    if (set->capacity == 0)
        return 0;
    size_t at = place_of(set->keys, set->capacity, key);
    return (set->keys[at][0] | set->keys[at][1]) != 0;
}

static int grow(share_set *set)
{
    size_t capacity = set->capacity == 0 ? FIRST_CAPACITY : 2 * set->capacity;
    uint64_t(*keys)[2] = calloc(capacity, sizeof *keys);
    if (keys == NULL)
        return -1;
    for (size_t i = 0; i < set->capacity; i++) {
        if ((set->keys[i][0] | set->keys[i][1]) != 0)
            memcpy(keys[place_of(keys, capacity, set->keys[i])], set->keys[i], sizeof *keys);
    }
    free(set->keys);
    set->keys = keys;
    set->capacity = capacity;
    return 0;
}

int share_set_add(share_set *set, const uint32_t hash[8])
{
    uint64_t key[2];
    key_of(hash, key);
    if ((key[0] | key[1]) == 0) {
        set->count += !set->has_zero;
        set->has_zero = 1;
        return 0;
    }
    /* Room first: a place that was found does not stand when the table grows. */
    if (4 * (set->count + 1) > 3 * set->capacity && grow(set) != 0)
        return -1;
    size_t at = place_of(set->keys, set->capacity, key);
    if ((set->keys[at][0] | set->keys[at][1]) == 0) {
        memcpy(set->keys[at], key, sizeof *set->keys);
        set->count++;
    }
    return 0;
}

void share_set_clear(share_set *set)
{
    free(set->keys);
    memset(set, 0, sizeof *set);
}

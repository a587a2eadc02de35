#include "replies.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that the first reply of a window needs whose id has 17 digits. */
enum { FIRST_ROOM = 72 };

/* `bytes` has for each window a mark and, behind it, the bytes that wait for it. */
struct replies {
    size_t size, room;
    size_t last; /* where the last mark is */
    uint8_t bytes[];
};

typedef struct {
    uint64_t window;
    size_t size;
} mark;

static mark mark_at(const replies *all, size_t at)
{
    mark found;
    memcpy(&found, all->bytes + at, sizeof found);
    return found;
}

static void set_mark(replies *all, size_t at, mark to) { memcpy(all->bytes + at, &to, sizeof to); }

static int make_room(replies **waiting, size_t size)
{
    replies *all = *waiting;
    size_t used = all == NULL ? 0 : all->size;
    if (all != NULL && used + size <= all->room)
        return 0;
    size_t room = used + size > FIRST_ROOM ? 2 * (used + size) : FIRST_ROOM;
    all = realloc(all, sizeof *all + room);
    if (all == NULL)
        return -1;
    if (*waiting == NULL)
        all->size = all->last = 0;
    all->room = room;
    *waiting = all;
    return 0;
}

int replies_begin(replies **waiting, uint64_t window)
{
    if (*waiting != NULL && mark_at(*waiting, (*waiting)->last).window == window)
        return 0;
    if (make_room(waiting, sizeof(mark)) != 0)
        return -1;
    replies *all = *waiting;
    all->last = all->size;
    all->size += sizeof(mark);
    set_mark(all, all->last, (mark){window, 0});
    return 1;
}

int replies_append(replies **waiting, const void *data, size_t size)
{
    if (make_room(waiting, size) != 0)
        return -1;
    replies *all = *waiting;
    mark last = mark_at(all, all->last);
    last.size += size;
    set_mark(all, all->last, last);
    memcpy(all->bytes + all->size, data, size);
    all->size += size;
    return 0;
}

size_t replies_size(const replies *waiting, uint64_t window)
{
    size_t total = 0;
    for (size_t at = 0; waiting != NULL && at < waiting->size;) {
        mark each = mark_at(waiting, at);
        if (each.window > window)
            break;
        total += each.size;
        at += sizeof each + each.size;
    }
    return total;
}

void replies_release(replies **waiting, uint64_t window, uint8_t *out)
{
    replies *all = *waiting;
    size_t at = 0;
    while (all != NULL && at < all->size) {
        mark each = mark_at(all, at);
        if (each.window > window)
            break;
        memcpy(out, all->bytes + at + sizeof each, each.size);
        out += each.size;
        at += sizeof each + each.size;
    }
    if (all == NULL || at == all->size) {
        replies_clear(waiting);
        return;
    }
    all->size -= at;
    all->last -= at;
    memmove(all->bytes, all->bytes + at, all->size);
}

void replies_clear(replies **waiting)
{
    free(*waiting);
    *waiting = NULL;
}

/* Replies that wait until what they confirm is durable, window by window, free of Python. */
#ifndef PUMPJACK_REPLIES_H
#define PUMPJACK_REPLIES_H

#include <stddef.h>
#include <stdint.h>

/* NULL while none waits: a session that mines holds replies for some milliseconds each second. */
typedef struct replies replies;

/* What is appended from now on waits for `window`. Returns 1 if nothing did yet, else 0; -1 if there is no memory. */
int replies_begin(replies **waiting, uint64_t window);

/* Appends behind everything that waits, for the window begun last. Returns 0, or -1 if there is no memory. */
int replies_append(replies **waiting, const void *data, size_t size);

/* Returns how many bytes wait for windows up to `window`. */
size_t replies_size(const replies *waiting, uint64_t window);

/* Writes those bytes to `out` and lets go of them. */
void replies_release(replies **waiting, uint64_t window, uint8_t *out);

/* Lets go of everything. */
void replies_clear(replies **waiting);

#endif

/* The yardstick of a broadcast: the same bytes to every connection, by write(2) one after the other.
 *
 * Greets miners as the floor does. On the line "go" it writes NOTIFY_FILE to everyone and prints when it began
 * and how many it wrote to.
 *
 * usage: fanout NOTIFY_FILE EXTRANONCE1_SIZE EXTRANONCE2_SIZE DIFFICULTY
 */
#include <stdio.h>

#include "hello.h"

static offer made;

static void answered(connection *from, const char *line, size_t size, output *out)
{
    message m;
    if (message_scan(line, size, &m) != 0 || !greeted(&made, from, &m, out))
        from->closing = 1;
}

static void told(const char *line)
{
    connection **all;
    size_t count = everyone(&all);
    uint64_t began = monotonic_ns();
    (void)line; /* there is only one command */
    for (size_t i = 0; i < count; i++)
        tell(all[i], made.notify, made.notify_size);
    printf("{\"began_ns\": %llu, \"connections\": %zu}\n", (unsigned long long)began, count);
    fflush(stdout);
}

int main(int count, char **words)
{
    offer_of(count, words, &made);
    serve(&(server){answered, told});
    return 0;
}

/* The floor: what any server pays for a submit before it has looked at it.
 *
 * Finds the line, finds its id from behind (as the load generator writes it) and answers true. Whatever does
 * not look like that is a greeting. Nothing is parsed, hashed or counted: no honest server can be cheaper with
 * one read and one write for each line.
 *
 * usage: floor NOTIFY_FILE EXTRANONCE1_SIZE EXTRANONCE2_SIZE DIFFICULTY
 */
#include <string.h>

#include "hello.h"

static offer made;

static void answered(connection *from, const char *line, size_t size, output *out)
{
    static const char tail[] = ", \"method\": \"mining.submit\"}";
    enum { TAIL = sizeof tail - 1 };
    message m;
    if (size > TAIL + 8 && memcmp(line + size - TAIL, tail, TAIL) == 0) {
        const char *end = line + size - TAIL, *id = end;
        while (id > line && id[-1] >= '0' && id[-1] <= '9')
            id--;
        PUT(out, "{\"id\":");
        put(out, id, (size_t)(end - id));
        PUT(out, ",\"result\":true,\"error\":null}\n");
    } else if (message_scan(line, size, &m) != 0 || !greeted(&made, from, &m, out)) {
        from->closing = 1;
    }
}

int main(int count, char **words)
{
    offer_of(count, words, &made);
    serve(&(server){answered, NULL});
    return 0;
}

#include "hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void refuse(const char *why)
{
    fprintf(stderr, "%s\nusage: PROGRAM NOTIFY_FILE EXTRANONCE1_SIZE EXTRANONCE2_SIZE DIFFICULTY\n", why);
    exit(2);
}

void offer_of(int count, char **words, offer *made)
{
    message m;
    if (count != 5)
        refuse("four words are needed");
    made->extranonce1_size = (size_t)atoi(words[2]);
    made->extranonce2_size = (size_t)atoi(words[3]);
    made->difficulty = atof(words[4]);
    if (made->extranonce1_size < 1 || made->extranonce1_size > 8 || made->extranonce2_size < 1 ||
        made->extranonce2_size > 16 || !(made->difficulty > 0))
        refuse("a size or the difficulty is out of range");
    FILE *file = fopen(words[1], "rb");
    if (file == NULL)
        fail(words[1]);
    made->notify_size = fread(made->notify, 1, sizeof made->notify, file);
    fclose(file);
    if (made->notify_size == 0 || made->notify[made->notify_size - 1] != '\n' ||
        message_scan(made->notify, made->notify_size - 1, &m) != 0 ||
        work_of_notify(&m, made->extranonce1_size + made->extranonce2_size, &made->job) != 0)
        refuse("the file holds no line with a mining.notify");
}

void extranonce1_of(const offer *made, const connection *miner, uint8_t *extranonce1)
{
    for (size_t i = 0; i < made->extranonce1_size; i++) {
        size_t shift = 8 * (made->extranonce1_size - 1 - i);
        extranonce1[i] = (uint8_t)(shift < 32 ? miner->number >> shift : 0);
    }
}

static void subscribed(const offer *made, connection *miner, const message *m, output *out)
{
    uint8_t extranonce1[8];
    char hex[16], text[160];
    extranonce1_of(made, miner, extranonce1);
    hex_text(extranonce1, made->extranonce1_size, hex);
    PUT(out, "{\"id\":");
    put(out, m->id.at, m->id.size);
    int size = snprintf(text, sizeof text, ",\"result\":[[[\"mining.notify\",\"1\"]],\"%.*s\",%zu],\"error\":null}\n",
                        (int)(2 * made->extranonce1_size), hex, made->extranonce2_size);
    put(out, text, (size_t)size);
}

static void authorized(const offer *made, connection *miner, const message *m, output *out)
{
    char text[96];
    span worker = m->param_count > 0 ? string_text(m->params[0]) : (span){NULL, 0};
    if (worker.size > MOST_WORKER) {
        miner->closing = 1;
        return;
    }
    memcpy(miner->worker, worker.at, worker.size);
    miner->worker_size = worker.size;
    PUT(out, "{\"id\":");
    put(out, m->id.at, m->id.size);
    PUT(out, ",\"result\":true,\"error\":null}\n");
    int size = snprintf(text, sizeof text, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[%.17g]}\n",
                        made->difficulty);
    put(out, text, (size_t)size);
    put(out, made->notify, made->notify_size);
}

int greeted(const offer *made, connection *miner, const message *m, output *out)
{
    span method = string_text(m->method);
    if (m->id.at == NULL)
        return 0;
    if (span_equals(method, "mining.subscribe", 16))
        subscribed(made, miner, m, out);
    else if (span_equals(method, "mining.authorize", 16))
        authorized(made, miner, m, out);
    else
        return 0;
    return 1;
}

/* The epoll loop of the C servers: one read and one write for each time that a connection is ready.
 *
 * Single-threaded and level-triggered. Lines of one read are handed on one by one, their answers are collected
 * and written together. Where a client does not read, its connection is not read either until it does.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "sockets.h"

enum { MOST_TAIL = 512, MOST_WORKER = 64 };

typedef struct {
    int fd;
    int closing;
    backlog waiting;
    size_t tail_size;
    char tail[MOST_TAIL]; /* the beginning of a line whose end has not come */
    /* The miner behind it. */
    uint32_t number; /* counts connections from 1: its extranonce1 */
    size_t worker_size;
    char worker[MOST_WORKER]; /* authorised; empty until then */
} connection;

/* Answers are appended here; the loop writes them. */
typedef struct {
    size_t size;
    char data[1 << 18];
} output;

void put(output *out, const char *text, size_t size);
#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)

typedef struct {
    /* One line without its newline. Sets `closing` where the connection must end. */
    void (*line)(connection *from, const char *line, size_t size, output *out);
    /* A line of standard input, without its newline; may be NULL. */
    void (*command)(const char *line);
} server;

/* Prints {"port": N} and serves until standard input ends. */
void serve(const server *with);

/* Every open connection, for whoever writes to all; returns their number. */
size_t everyone(connection ***all);

/* Writes to one connection outside of its turn; the loop goes on with what does not fit. */
void tell(connection *to, const char *data, size_t size);

#endif

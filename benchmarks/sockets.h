/* Sockets of the benchmarks' programs: never blocking, one write a time, what does not fit waits. */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that the system did not take at once. */
typedef struct {
    char *data;
    size_t at, size;
} backlog;

/* Sends `data` behind what waits. Returns 0 if all went out, 1 if some waits, -1 if the connection is gone. */
int sent(int fd, backlog *waiting, const char *data, size_t size);

/* Prints the message with errno's text and ends the program with 1. */
_Noreturn void fail(const char *what);

/* Raises the soft limit of open files to the hard one. */
void allow_files(void);

/* Returns a listening socket on a free port of 127.0.0.1, and that port. */
int listening(int *port);

uint64_t monotonic_ns(void);

/* CPU time of this process. */
uint64_t cpu_ns(void);

#endif

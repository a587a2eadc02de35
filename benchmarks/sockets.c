#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { LISTEN_QUEUE = 4096 };

_Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *demanded(void *memory)
{
    if (memory == NULL)
        fail("memory");
    return memory;
}

static void keep(backlog *waiting, const char *data, size_t size)
{
    size_t left = waiting->size - waiting->at;
    char *all = demanded(malloc(left + size));
    if (left > 0)
        memcpy(all, waiting->data + waiting->at, left);
    memcpy(all + left, data, size);
    free(waiting->data);
    *waiting = (backlog){all, 0, left + size};
}

/* Returns how many bytes the system took, or -1 if the connection is gone. */
static ssize_t pushed(int fd, const char *data, size_t size)
{
    ssize_t taken = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken >= 0)
        return taken;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

int sent(int fd, backlog *waiting, const char *data, size_t size)
{
    if (waiting->data != NULL) {
        ssize_t taken = pushed(fd, waiting->data + waiting->at, waiting->size - waiting->at);
        if (taken < 0)
            return -1;
        waiting->at += (size_t)taken;
        if (waiting->at < waiting->size) {
            if (size > 0)
                keep(waiting, data, size);
            return 1;
        }
        free(waiting->data);
        *waiting = (backlog){NULL, 0, 0};
    }
    if (size == 0)
        return 0;
    ssize_t taken = pushed(fd, data, size);
    if (taken < 0)
        return -1;
    if ((size_t)taken == size)
        return 0;
    keep(waiting, data + taken, size - (size_t)taken);
    return 1;
}

void allow_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        fail("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        fail("setrlimit");
}

int listening(int *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, LISTEN_QUEUE) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        fail("listen");
    *port = ntohs(address.sin_port);
    return fd;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

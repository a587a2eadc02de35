#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, MOST_READ = 1 << 16, MOST_OPEN = 1 << 16 };

static int loop;
static int door;
static connection *open_by_place[MOST_OPEN];
static size_t places_used;
static uint32_t came;
static int door_tag, command_tag; /* their addresses tell these two from connections */

void put(output *out, const char *text, size_t size)
{
    if (out->size + size > sizeof out->data) {
        fprintf(stderr, "the answers to one read do not fit\n");
        exit(1);
    }
    memcpy(out->data + out->size, text, size);
    out->size += size;
}

static void watch(int fd, void *tag, uint32_t what, int how)
{
    struct epoll_event event = {.events = what, .data.ptr = tag};
    if (epoll_ctl(loop, how, fd, &event) != 0)
        fail("epoll_ctl");
}

static void welcome(void)
{
    int fd, on = 1;
    while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        connection *new = calloc(1, sizeof *new);
        if (new == NULL || fd >= MOST_OPEN)
            fail("a connection");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        new->fd = fd;
        new->number = ++came;
        open_by_place[places_used++] = new;
        watch(fd, new, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void farewell(connection *gone)
{
    for (size_t i = 0; i < places_used; i++)
        if (open_by_place[i] == gone)
            open_by_place[i] = open_by_place[--places_used];
    close(gone->fd);
    free(gone->waiting.data);
    free(gone);
}

/* Returns 0 if the connection lives. */
static int written(connection *to, const char *data, size_t size)
{
    int waited = to->waiting.data != NULL;
    int state = sent(to->fd, &to->waiting, data, size);
    if (state < 0)
        return -1;
    if (state != waited)
        watch(to->fd, to, state ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    return 0;
}

void tell(connection *to, const char *data, size_t size)
{
    /* One that is gone is found by its next read. */
    if (written(to, data, size) != 0)
        to->closing = 1;
}

size_t everyone(connection ***all)
{
    *all = open_by_place;
    return places_used;
}

static void readable(const server *with, connection *from)
{
    static char buffer[MOST_TAIL + MOST_READ];
    static output out;
    memcpy(buffer, from->tail, from->tail_size);
    ssize_t got = read(from->fd, buffer + from->tail_size, MOST_READ);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        farewell(from);
        return;
    }
    char *p = buffer, *end = buffer + from->tail_size + got, *newline;
    out.size = 0;
    while (p < end && (newline = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        with->line(from, p, (size_t)(newline - p), &out);
        p = newline + 1;
    }
    from->tail_size = (size_t)(end - p);
    if (from->tail_size > MOST_TAIL)
        from->closing = 1;
    else
        memcpy(from->tail, p, from->tail_size);
    if ((out.size > 0 && written(from, out.data, out.size) != 0) || from->closing)
        farewell(from);
}

/* Returns 0 once standard input has ended. */
static int commanded(const server *with)
{
    static char text[256];
    static size_t size;
    ssize_t got = read(STDIN_FILENO, text + size, sizeof text - 1 - size);
    if (got <= 0)
        return 0;
    size += (size_t)got;
    text[size] = '\0';
    char *newline = strchr(text, '\n');
    if (newline != NULL) {
        *newline = '\0';
        if (with->command != NULL)
            with->command(text);
        size = 0;
    }
    return 1;
}

void serve(const server *with)
{
    struct epoll_event events[EVENTS];
    int port, serving = 1;
    allow_files();
    loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0)
        fail("epoll_create1");
    door = listening(&port);
    watch(door, &door_tag, EPOLLIN, EPOLL_CTL_ADD);
    watch(STDIN_FILENO, &command_tag, EPOLLIN, EPOLL_CTL_ADD);
    printf("{\"port\": %d}\n", port);
    fflush(stdout);
    while (serving) {
        int count = epoll_wait(loop, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            void *tag = events[i].data.ptr;
            if (tag == &door_tag)
                welcome();
            else if (tag == &command_tag)
                serving = commanded(with);
            else if ((events[i].events & EPOLLOUT) == 0)
                readable(with, tag);
            else if (written(tag, NULL, 0) != 0)
                farewell(tag);
        }
    }
}

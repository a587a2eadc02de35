/* The load generator: thousands of miners in one thread, about as cheap as the floor with a line a read.
 *
 * usage: load --port P [--connections N] [--per-address N] [--window MOST] [--worker PREFIX] [--verify N]
 *             [--patience SECONDS]
 *
 * Logs in on N connections (mining.subscribe, mining.authorize), at most `per-address` from each of 127.0.0.2,
 * 127.0.0.3, ..., and prints {"ready": ...} with what the server offered once each of them has a job. Then it
 * obeys standard input, a command a line, and prints one JSON object for each; at the end of input it ends:
 *
 *   run SECONDS EACH LINES WINDOW RATE
 *                      submits for so long, or until each connection has sent EACH of them (0: no bound), then
 *                      waits for what is still owed an answer
 *   watch SECONDS      waits until each connection has had a further mining.notify
 *
 * RATE 0 is a closed loop: LINES in one write, as soon as the WINDOW of a connection's submits in flight has
 * room for them. Otherwise it is an open one: RATE lines a second over all connections in turn, one in each
 * write, whatever the answers do; a latency then counts from when its line was due.
 *
 * Each submit differs from all others; each answer is matched with its question. A refusal with code 23 is
 * hashed here to see if it was right, and so is every N-th accepted share with --verify.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "miner.h"

enum { EVENTS = 256, MOST_READ = 1 << 18, AT_ONCE = 256, MOST_LINES = 256 };
static const uint64_t SECOND = 1000000000u;

static int port, connections = 1, per_address = 250;
static double patience = 30; /* seconds for the login, and for the last answers of a run */

static miner *miners;
static int begun, ready; /* connections */
static int loop, in_run, commanded;
static int alarm_fd;
static miner clock_tick; /* stands for the alarm among the events */

/* The run that was asked for. */
static unsigned lines, window;
static uint64_t each; /* submits of a connection; 0: no bound */
static double rate;   /* 0: closed loop */
static int done;      /* connections that have sent all, or are gone */

/* --- connections ----------------------------------------------------------------------------------------- */

static void watch(miner *m, uint32_t what, int operation)
{
    struct epoll_event event = {.events = what, .data.ptr = m};
    if (epoll_ctl(loop, operation, m->fd, &event) != 0)
        fail("epoll_ctl");
}

static _Noreturn void give_up(const char *why)
{
    fprintf(stderr, "load: %s (%d of %d connections are ready)\n", why, ready, connections);
    exit(1);
}

static void begin(void)
{
    miner *m = &miners[begun];
    uint32_t address = (127u << 24) + 2u + (uint32_t)(begun / per_address);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port)};
    int on = 1;
    miner_begin(m, (uint32_t)begun++);
    m->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (m->fd < 0)
        fail("socket");
    /* The port is chosen at connect: it need only be free towards this server. */
    setsockopt(m->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(m->fd, (struct sockaddr *)&from, sizeof from) != 0)
        fail("bind");
    if (connect(m->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        fail("connect");
    watch(m, EPOLLOUT, EPOLL_CTL_ADD);
}

static void end(miner *m)
{
    if (m->phase != READY)
        give_up("the server closed a connection, or said what no server says, during login");
    m->phase = GONE;
    done += each == 0 || m->sent + lines <= each;
    now.disconnected++;
    miner_forsaken(m);
    close(m->fd);
}

/* Looks at what `sent` returned, and waits for room where some is left. */
static void followed(miner *m, int state, int waited)
{
    if (state < 0)
        end(m);
    else if (state != waited)
        watch(m, EPOLLIN | (state ? EPOLLOUT : 0), EPOLL_CTL_MOD);
}

static void submit(miner *m, unsigned count, uint64_t at)
{
    static char text[MOST_LINES * MOST_SUBMIT];
    int waited = m->waiting.data != NULL;
    size_t size = miner_submits(m, count, at, text);
    done += each > 0 && m->sent + lines > each;
    followed(m, sent(m->fd, &m->waiting, text, size), waited);
}

/* Closed loop: as many whole writes as the window has room for. */
static void refill(miner *m, uint64_t at)
{
    while (in_run && rate == 0 && m->phase == READY && window >= miner_in_flight(m) + lines &&
           (each == 0 || m->sent + lines <= each))
        submit(m, lines, at);
}

static void readable(miner *m)
{
    static char buffer[MOST_READ];
    ssize_t got = read(m->fd, buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    uint64_t at = monotonic_ns();
    if (got <= 0 || miner_heard(m, buffer, (size_t)got, at) != 0) {
        end(m);
        return;
    }
    if (m->phase == GREETING && m->subscribed && m->authorized && m->job >= 0) {
        m->phase = READY;
        ready++;
    }
    refill(m, at);
}

static void writable(miner *m)
{
    int trouble = 0;
    socklen_t size = sizeof trouble;
    if (m->phase == CONNECTING) {
        if (getsockopt(m->fd, SOL_SOCKET, SO_ERROR, &trouble, &size) != 0 || trouble != 0)
            give_up(strerror(trouble));
        followed(m, miner_greet(m), 1);
    } else {
        followed(m, sent(m->fd, &m->waiting, NULL, 0), 1);
    }
}

/* Serves whatever is ready, waiting for it up to so many milliseconds (-1: for ever), or until the alarm. */
static void turn(int most_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(loop, events, EVENTS, most_ms);
    for (int i = 0; i < count; i++) {
        miner *m = events[i].data.ptr;
        if (m == NULL) {
            commanded = 1;
            continue;
        }
        if (m == &clock_tick) {
            uint64_t times;
            if (read(alarm_fd, &times, sizeof times) < 0 && errno != EAGAIN)
                fail("the alarm");
            continue;
        }
        if (m->phase != GONE && (events[i].events & EPOLLOUT) != 0)
            writable(m);
        if (m->phase != GONE && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
            readable(m);
    }
}

static uint64_t later(double seconds)
{
    return monotonic_ns() + (uint64_t)(seconds * (double)SECOND);
}

static void log_in(void)
{
    uint64_t deadline = later(patience + connections / 100.0);
    while (ready < connections) {
        while (begun < connections && begun - ready < AT_ONCE)
            begin();
        turn(100);
        if (monotonic_ns() > deadline)
            give_up("login takes too long");
    }
}

/* --- commands -------------------------------------------------------------------------------------------- */

static void say_ready(void)
{
    const work *job = miner_job(&miners[0]);
    size_t size;
    const char *notify = miner_notify(&miners[0], &size);
    char *hex = malloc(2 * size);
    if (hex == NULL)
        fail("a job");
    hex_text((const uint8_t *)notify, size, hex);
    printf("{\"ready\": %d, \"extranonce1_size\": %zu, \"extranonce2_size\": %zu, \"difficulty\": %.17g, "
           "\"compressions\": %zu, \"notify\": \"%.*s\"}\n",
           ready, miners[0].extranonce1_size, miners[0].extranonce2_size, miners[0].difficulty,
           work_compressions(job), (int)(2 * size), hex);
    free(hex);
}

/* Open loop: sends what has become due, each line alone; those due while all windows are full are late. Then
 * sets the alarm for the next: milliseconds of epoll would make each of them late by half of one. */
static void send_due(uint64_t began)
{
    static int next;
    double gap = (double)SECOND / rate;
    for (int passed = 0; passed < connections && began + (uint64_t)((double)now.sent * gap) <= monotonic_ns();) {
        miner *m = &miners[next];
        next = (next + 1) % connections;
        if (m->phase == READY && miner_in_flight(m) < window && (each == 0 || m->sent < each)) {
            submit(m, 1, began + (uint64_t)((double)now.sent * gap));
            passed = 0;
        } else {
            passed++;
        }
    }
    uint64_t due = began + (uint64_t)((double)now.sent * gap), present = monotonic_ns();
    if (due <= present)
        due = present + SECOND / 1000; /* all windows are full: it is late in any case */
    struct itimerspec at = {.it_value = {(time_t)(due / SECOND), (long)(due % SECOND)}};
    if (timerfd_settime(alarm_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        fail("the alarm");
}

static void say_counts(double seconds, uint64_t cpu)
{
    const histogram *h = &now.latency;
    const char *comma = "";
    printf("{\"seconds\": %.6f, \"sent\": %llu, \"accepted\": %llu, \"refused\": {", seconds,
           (unsigned long long)now.sent, (unsigned long long)now.accepted);
    for (int code = 0; code < MOST_CODE; code++)
        if (now.refused[code] > 0) {
            printf("%s\"%d\": %llu", comma, code, (unsigned long long)now.refused[code]);
            comma = ", ";
        }
    printf("}, \"low_right\": %llu, \"accepted_checked\": %llu, \"wrong\": %llu, \"lost\": %llu, "
           "\"out_of_order\": %llu, \"unasked\": %llu, \"garbage\": %llu, \"disconnected\": %llu, ",
           (unsigned long long)now.low_right, (unsigned long long)now.accepted_checked,
           (unsigned long long)now.wrong, (unsigned long long)now.lost, (unsigned long long)now.out_of_order,
           (unsigned long long)now.unasked, (unsigned long long)now.garbage,
           (unsigned long long)now.disconnected);
    printf("\"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"most\": %.1f}, \"load_cpu_ns\": %llu}\n",
           (double)histogram_at(h, 0.5) / 1e3, (double)histogram_at(h, 0.99) / 1e3,
           (double)histogram_at(h, 0.999) / 1e3, (double)h->most / 1e3, (unsigned long long)cpu);
}

static void run(double seconds)
{
    uint64_t cpu = cpu_ns(), began = monotonic_ns(), deadline = later(seconds);
    memset(&now, 0, sizeof now);
    done = 0;
    for (int i = 0; i < connections; i++)
        miners[i].sent = 0;
    in_run = 1;
    for (int i = 0; i < connections; i++) {
        refill(&miners[i], monotonic_ns());
        if (i % EVENTS == EVENTS - 1)
            turn(0); /* the server's answers to the first must not wait for the last to be asked */
    }
    while (monotonic_ns() < deadline && done < connections) {
        if (rate > 0)
            send_due(began);
        turn(10);
    }
    in_run = 0;
    for (deadline = later(patience); owed > 0 && monotonic_ns() < deadline;)
        turn(10);
    double took = (double)(monotonic_ns() - began) / (double)SECOND;
    for (int i = 0; i < connections; i++)
        miner_forsaken(&miners[i]);
    say_counts(took, cpu_ns() - cpu);
}

static void watch_notifies(double seconds)
{
    uint64_t deadline = later(seconds), bytes = 0, first = UINT64_MAX, last = 0;
    notified = 0;
    for (int i = 0; i < connections; i++)
        miners[i].notifies = miners[i].bytes = 0;
    printf("{\"watching\": %d}\n", connections);
    fflush(stdout);
    while (notified < (uint64_t)connections && monotonic_ns() < deadline)
        turn(10);
    for (int i = 0; i < connections; i++) {
        bytes += miners[i].bytes;
        if (miners[i].notifies > 0 && miners[i].notified_at < first)
            first = miners[i].notified_at;
        if (miners[i].notified_at > last)
            last = miners[i].notified_at;
    }
    printf("{\"heard\": %llu, \"first_ns\": %llu, \"last_ns\": %llu, \"bytes\": %llu}\n",
           (unsigned long long)notified, (unsigned long long)first, (unsigned long long)last, (unsigned long long)bytes);
}

/* Returns 0 at the end of input. */
static int obeyed(void)
{
    char line[128];
    double seconds;
    unsigned long long most;
    if (fgets(line, sizeof line, stdin) == NULL)
        return 0;
    if (sscanf(line, "run %lf %llu %u %u %lf", &seconds, &most, &lines, &window, &rate) == 5) {
        if (lines < 1 || lines > MOST_LINES || window < lines || window > how.window || rate < 0 ||
            (most > 0 && most < lines))
            give_up("a number of the run is out of range");
        each = most;
        run(seconds);
    } else if (sscanf(line, "watch %lf", &seconds) == 1)
        watch_notifies(seconds);
    else
        give_up("no such command");
    fflush(stdout);
    return 1;
}

/* --- the program ----------------------------------------------------------------------------------------- */

static void options(int count, char **words)
{
    static const struct option known[] = {
        {"port", 1, NULL, 'p'},   {"connections", 1, NULL, 'c'}, {"per-address", 1, NULL, 'a'},
        {"window", 1, NULL, 'w'}, {"worker", 1, NULL, 'n'},      {"verify", 1, NULL, 'v'},
        {"patience", 1, NULL, 't'}, {NULL, 0, NULL, 0},
    };
    int option;
    how = (manner){"bench.", 16, 0};
    while ((option = getopt_long(count, words, "", known, NULL)) != -1) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'c': connections = atoi(optarg); break;
        case 'a': per_address = atoi(optarg); break;
        case 'w': how.window = (unsigned)atoi(optarg); break;
        case 'n': how.worker = optarg; break;
        case 't': patience = atof(optarg); break;
        case 'v': how.verify = (unsigned)atoi(optarg); break;
        default: exit(2);
        }
    }
    if (optind != count || port < 1 || port > 65535 || connections < 1 || per_address < 1 ||
        how.window < 1 || how.window > 4096) {
        fprintf(stderr, "load: a number is missing or out of range\n");
        exit(2);
    }
}

int main(int count, char **words)
{
    struct epoll_event input = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = NULL};
    options(count, words);
    sha256d_select(NULL);
    allow_files();
    loop = epoll_create1(EPOLL_CLOEXEC);
    miners = calloc((size_t)connections, sizeof *miners);
    if (loop < 0 || miners == NULL || setvbuf(stdin, NULL, _IONBF, 0) != 0)
        fail("load");
    log_in();
    say_ready();
    fflush(stdout);
    alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct epoll_event tick = {.events = EPOLLIN, .data.ptr = &clock_tick};
    if (alarm_fd < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, alarm_fd, &tick) != 0)
        fail("the alarm");
    if (epoll_ctl(loop, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0)
        fail("epoll_ctl");
    for (;;) {
        turn(-1);
        if (!commanded)
            continue;
        commanded = 0;
        if (!obeyed())
            return 0;
        if (epoll_ctl(loop, EPOLL_CTL_MOD, STDIN_FILENO, &input) != 0)
            fail("epoll_ctl");
    }
}

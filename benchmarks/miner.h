/* One connection of the load generator: logs in, sends submits no two of which are equal, checks each reply. */
#ifndef BENCH_MINER_H
#define BENCH_MINER_H

#include "histogram.h"
#include "sockets.h"
#include "stratum.h"

enum { MOST_PREFIX = 320, MOST_CODE = 32 };

typedef enum { CONNECTING, GREETING, READY, GONE } phase;

/* A submit without an answer. */
typedef struct {
    uint64_t at; /* when it was sent, or was due; 0 once it is answered */
    float difficulty;
    uint32_t job; /* place in the jobs heard of */
} flight;

typedef struct {
    int fd;
    phase phase;
    int subscribed, authorized;
    backlog waiting;
    char *tail; /* the beginning of a line whose end has not come */
    size_t tail_size;
    uint8_t extranonce[SHA256D_MAX_EXTRANONCE]; /* both, one behind the other */
    size_t extranonce1_size, extranonce2_size;
    double difficulty;
    int job; /* -1: none yet */
    char prefix[MOST_PREFIX]; /* of a submit, up to the nonce's digits */
    size_t prefix_size;
    uint64_t next_id, oldest_id; /* of submits; between them lie those in flight */
    uint64_t sent;               /* in this run */
    flight *flights;             /* a ring by id, `window` long */
    uint64_t notifies, notified_at, bytes;
    uint32_t number;
} miner;

/* What came of the submits of a run. */
typedef struct {
    uint64_t sent, accepted;
    uint64_t refused[MOST_CODE];  /* by code; place 0: no code that is known */
    uint64_t low_right;           /* refused with 23, and the hash says the same */
    uint64_t accepted_checked;    /* accepted, and hashed here */
    uint64_t wrong;               /* the hash says otherwise: accepted although low, or refused although not */
    uint64_t lost;                /* never answered */
    uint64_t out_of_order;        /* answered before an older one of the same connection */
    uint64_t unasked;             /* a second answer, or one to no question */
    uint64_t garbage;             /* a line that is no message */
    uint64_t disconnected;
    histogram latency;
} counts;

typedef struct {
    const char *worker;   /* each miner's name is this and its number */
    unsigned window;      /* most submits in flight of a connection */
    unsigned verify;      /* hash every so many accepted shares; 0: none */
} manner;

extern manner how;
extern counts now;
extern uint64_t owed;     /* submits of all miners that have no answer */
extern uint64_t notified; /* miners that have had a mining.notify since their `notifies` was zero */

void miner_begin(miner *m, uint32_t number);

/* Sends the handshake. Returns what `sent` does. */
int miner_greet(miner *m);

/* Appends `lines` submits to `text`, which has room for MOST_SUBMIT bytes each; returns the bytes. */
enum { MOST_SUBMIT = MOST_PREFIX + 64 };
size_t miner_submits(miner *m, unsigned lines, uint64_t at, char *text);

unsigned miner_in_flight(const miner *m);

/* Takes what was read. Returns -1 where the miner cannot go on. */
int miner_heard(miner *m, const char *data, size_t size, uint64_t at);

/* Counts what is in flight as lost. */
void miner_forsaken(miner *m);

/* The job of a miner, and the line it came in. */
const work *miner_job(const miner *m);
const char *miner_notify(const miner *m, size_t *size);

#endif

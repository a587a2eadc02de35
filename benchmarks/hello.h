/* The handshake of the C servers: every miner gets the same job at the least difficulty. */
#ifndef BENCH_HELLO_H
#define BENCH_HELLO_H

#include "server.h"
#include "stratum.h"

enum { MOST_NOTIFY = 1 << 15 };

typedef struct {
    size_t extranonce1_size, extranonce2_size;
    double difficulty;
    char notify[MOST_NOTIFY]; /* with its newline */
    size_t notify_size;
    work job;
} offer;

/* Reads the words "NOTIFY_FILE EXTRANONCE1_SIZE EXTRANONCE2_SIZE DIFFICULTY"; ends the program if they are wrong. */
void offer_of(int count, char **words, offer *made);

/* The extranonce1 of a connection: its number, big-endian, in `extranonce1_size` bytes. */
void extranonce1_of(const offer *made, const connection *miner, uint8_t *extranonce1);

/* Answers mining.subscribe and mining.authorize, after which the job follows. Returns 0 if it was neither. */
int greeted(const offer *made, connection *miner, const message *m, output *out);

#endif

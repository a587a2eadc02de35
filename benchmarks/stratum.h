/* What the programs of the benchmarks know of Stratum: lines, hex, and the job of a mining.notify. */
#ifndef BENCH_STRATUM_H
#define BENCH_STRATUM_H

#include <stddef.h>
#include <stdint.h>

#include "../ext/sha256d.h"

/* A piece of a line, as it stands there: a string with its quotes, an array with its brackets. */
typedef struct {
    const char *at; /* NULL: it was not in the line */
    size_t size;
} span;

enum { MOST_PARAMS = 12, MOST_JOB_ID = 64 };

/* One JSON object of a line, its keys in any order. What is not named here is skipped. */
typedef struct {
    span id, method, result, error;
    span params[MOST_PARAMS];
    int param_count; /* -1: there were no params, or no array of them */
} message;

/* Fills `m` from one line without its newline. Returns 0, or -1 if it is no object of JSON's shape. Spans point
 * into the line. */
int message_scan(const char *line, size_t size, message *m);

/* Cuts an array into its elements. Returns how many there are, or -1 if it is none or has more than `most`. */
int array_elements(span array, span *elements, int most);

/* What stands between the quotes of a string, or {NULL, 0} if it is none or holds a backslash: nobody writes
 * hex, a job id or a worker's name with escapes, so these programs refuse them. */
span string_text(span string);

int span_equals(span text, const char *other, size_t size);

/* Each returns 0, or -1 unless every digit is a hex digit and their number is exact. */
int hex_bytes(span text, uint8_t *bytes, size_t size);
int hex_word(span text, uint32_t *word);

void hex_text(const uint8_t *bytes, size_t size, char *text); /* writes 2 * size digits and no NUL */

/* A job as miners get it, ready to hash. */
typedef struct {
    char id[MOST_JOB_ID];
    size_t id_size;
    uint32_t version, ntime;
    size_t coinbase_size, branch_count;
    sha256d_job *job;
} work;

/* Makes `w` from the params of a mining.notify; `extranonce_size` counts both extranonces. Returns 0, or -1 if
 * it is no job. */
int work_of_notify(const message *m, size_t extranonce_size, work *w);

/* SHA-256 compressions that one share of this job takes when nothing is remembered between shares. */
size_t work_compressions(const work *w);

/* The target of a difficulty above zero, exact for powers of two and to 2^-60 otherwise. */
void target_of(double difficulty, sha256d_target *target);

#endif
